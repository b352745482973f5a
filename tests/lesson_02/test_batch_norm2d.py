"""BatchNorm2d: the layer with its running statistics, interchangeable with torch.nn.BatchNorm2d."""

import copy
from contextlib import suppress

import torch
from torch import nn

from course.student import fill_, randn

LIBRARY = ["batch_norm", "layer_norm", "group_norm"]
LAYER = {"eps": 0.4, "momentum": 0.3}


def gradients(layer, x):
    """What the output's product with fixed values sends back to the input and to the parameters, by name."""
    layer = fill_(layer).double()
    x.requires_grad_()
    out = layer(x * 1)
    (out * torch.arange(out.numel(), dtype=out.dtype).cos().reshape(out.shape)).sum().backward()
    return {"x": x.grad} | {name: parameter.grad for name, parameter in layer.named_parameters()}


def two_training_steps(layer, x, y):
    layer(x)
    layer(y)
    return {"running_mean": layer.running_mean, "running_var": layer.running_var}


def trained(layer, x):
    """What the layer holds after a training step."""
    layer(x)
    return layer.state_dict()


def copied(layer, x):
    """What a copy gives in eval mode, made after the layer has run."""
    layer(x)
    return copy.deepcopy(layer).eval()(x)


def evaluated(layer, x):
    """The output in eval mode, and what the layer holds after it."""
    with torch.no_grad():
        return {"out": layer.eval()(x), **layer.state_dict()}


def evaluated_with_and_trained_without_gradients(layer, x):
    leaf = x.clone().requires_grad_()
    out = layer.eval()(leaf * 1)
    found = {"eval": out, "grad_x": torch.autograd.grad(out.square().sum(), leaf)[0]}
    with torch.no_grad():
        return {**found, "training": layer.train()(x), **layer.state_dict()}


def test_starts_with_the_state_dict_of_torch(student):
    student.returns(lambda lesson: lesson.BatchNorm2d(3).state_dict(), lambda: nn.BatchNorm2d(3).state_dict())


def test_keeps_its_settings_as_given_and_has_the_defaults_of_torch(student):
    def probe(lesson):
        layers = lesson.BatchNorm2d(3, 0.4, 0.3), lesson.BatchNorm2d(3), lesson.BatchNorm2d(3, 0.0, 0.0)
        return [[getattr(layer, name, None) for name in ("num_features", "eps", "momentum")] for layer in layers]

    student.returns(probe, lambda: [[3, 0.4, 0.3], [3, 1e-5, 0.1], [3, 0.0, 0.0]])


def test_normalises_with_the_statistics_of_the_batch_in_training(student):
    x = 2 * randn(2, 3, 4, 5) + 1
    student.returns(
        lambda lesson: fill_(lesson.BatchNorm2d(3, **LAYER))(x),
        lambda: fill_(nn.BatchNorm2d(3, **LAYER))(x),
        without=LIBRARY,
    )


def test_stays_accurate_in_float32_where_the_mean_is_far_from_zero(student):
    x = randn(4, 3, 5, 6) + 1000
    student.returns(  # as float16, as statistics that are accurate to a thousandth are good enough
        lambda lesson: fill_(lesson.BatchNorm2d(3, **LAYER))(x).half(),
        lambda: fill_(nn.BatchNorm2d(3, **LAYER)).double()(x.double()).half(),
        without=LIBRARY,
    )


def test_trains_on_a_single_image(student):
    x = 2 * randn(1, 3, 4, 5) + 1
    student.returns(
        lambda lesson: fill_(lesson.BatchNorm2d(3, **LAYER))(x),
        lambda: fill_(nn.BatchNorm2d(3, **LAYER))(x),
        without=LIBRARY,
    )


def test_trains_on_maps_of_one_pixel(student):
    x = 2 * randn(4, 3, 1, 1) + 1
    student.returns(
        lambda lesson: fill_(lesson.BatchNorm2d(3, **LAYER))(x),
        lambda: fill_(nn.BatchNorm2d(3, **LAYER))(x),
        without=LIBRARY,
    )


def test_moves_the_running_statistics_with_every_training_batch(student):
    x, y = 2 * randn(2, 3, 2, 3) + 1, randn(2, 3, 2, 3) - 1
    student.returns(
        lambda lesson: two_training_steps(lesson.BatchNorm2d(3, **LAYER), x, y),
        lambda: two_training_steps(nn.BatchNorm2d(3, **LAYER), x, y),
        without=LIBRARY,
    )


def test_counts_the_batches_of_training(student):
    x = randn(2, 3, 4, 5)

    def probe(lesson):
        layer = lesson.BatchNorm2d(3)
        layer(x), layer(x)
        return layer.num_batches_tracked

    student.returns(probe, lambda: torch.tensor(2), without=LIBRARY)


def test_uses_the_running_statistics_in_eval_and_changes_nothing(student):
    x = 2 * randn(2, 3, 4, 5) + 1
    student.returns(
        lambda lesson: evaluated(fill_(lesson.BatchNorm2d(3, **LAYER)), x),
        lambda: evaluated(fill_(nn.BatchNorm2d(3, **LAYER)), x),
        without=LIBRARY,
    )


def test_goes_by_its_mode_whether_gradients_are_on_or_off(student):
    x = 2 * randn(2, 3, 4, 5) + 1
    student.returns(
        lambda lesson: evaluated_with_and_trained_without_gradients(fill_(lesson.BatchNorm2d(3, **LAYER)), x),
        lambda: evaluated_with_and_trained_without_gradients(fill_(nn.BatchNorm2d(3, **LAYER)), x),
        without=LIBRARY,
    )


def test_leaves_the_input_unchanged(student):
    x = 2 * randn(2, 3, 4, 5) + 1
    student.returns(
        lambda lesson: (fill_(lesson.BatchNorm2d(3))(x), x), lambda: (fill_(nn.BatchNorm2d(3))(x), x), without=LIBRARY
    )


def test_sends_the_gradient_through_the_statistics_of_the_batch(student):
    x = 2 * randn(2, 3, 4, 5, dtype=torch.float64) + 1
    student.returns(
        lambda lesson: gradients(lesson.BatchNorm2d(3, **LAYER), x),
        lambda: gradients(nn.BatchNorm2d(3, **LAYER), x.clone()),
        without=LIBRARY,
    )


def test_keeps_no_graph_in_the_running_statistics(student):
    x = randn(2, 3, 4, 5).requires_grad_()

    def probe(lesson):
        layer = lesson.BatchNorm2d(3)
        layer(x)
        return {"running_mean": layer.running_mean.requires_grad, "running_var": layer.running_var.requires_grad}

    student.returns(probe, lambda: {"running_mean": False, "running_var": False}, without=LIBRARY)


def test_keeps_the_dtype_that_it_was_given(student):
    x = 2 * randn(2, 3, 4, 5, dtype=torch.float64) + 1
    student.returns(
        lambda lesson: trained(lesson.BatchNorm2d(3, **LAYER).double(), x),
        lambda: trained(nn.BatchNorm2d(3, **LAYER).double(), x),
        without=LIBRARY,
    )


def test_can_be_copied_after_it_has_run(student):
    x = 2 * randn(2, 3, 4, 5) + 1
    student.returns(
        lambda lesson: copied(fill_(lesson.BatchNorm2d(3)).eval(), x),
        lambda: copied(fill_(nn.BatchNorm2d(3)).eval(), x),
    )
    leaf = x.clone().requires_grad_()
    student.returns(
        lambda lesson: copied(fill_(lesson.BatchNorm2d(3)), leaf * 1),
        lambda: copied(fill_(nn.BatchNorm2d(3)), leaf * 1),
    )


def test_refuses_another_number_of_channels(student):
    x = randn(2, 4, 5, 6)
    student.raises(lambda lesson: lesson.BatchNorm2d(7)(x), ValueError, naming=[7, x.shape])


def test_refuses_an_input_that_is_no_batch_of_images(student):
    x, volumes = randn(2, 3, 5), randn(2, 3, 3, 5, 6)  # three layers, too: the statistics would line up
    student.raises(lambda lesson: lesson.BatchNorm2d(3).eval()(x), ValueError, naming=[x.shape])

    def five_dimensions(lesson):
        layer = lesson.BatchNorm2d(3).eval()
        with suppress(ValueError):
            layer(x)
        return layer(volumes)

    student.raises(five_dimensions, ValueError, naming=[volumes.shape])


def test_refuses_one_value_per_channel_in_training(student):
    x = randn(1, 3, 1, 1)
    student.raises(lambda lesson: lesson.BatchNorm2d(3)(x), ValueError, naming=[x.shape])


def test_changes_nothing_when_it_refuses_a_batch(student):
    x = randn(1, 3, 1, 1)

    def probe(lesson):
        layer = fill_(lesson.BatchNorm2d(3))
        with suppress(ValueError):
            layer(x)
        return layer.state_dict()

    student.returns(probe, lambda: fill_(nn.BatchNorm2d(3)).state_dict())


def test_takes_one_value_per_channel_in_eval(student):
    x = randn(1, 3, 1, 1)
    student.returns(
        lambda lesson: evaluated(fill_(lesson.BatchNorm2d(3, **LAYER)), x),
        lambda: evaluated(fill_(nn.BatchNorm2d(3, **LAYER)), x),
        without=LIBRARY,
    )
