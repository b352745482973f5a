"""Conv2d: the layer, interchangeable with torch.nn.Conv2d."""

import copy

import torch
from torch import nn

from course.student import fill_, randn

LIBRARY = ["conv"]


def held(layer):
    """What a layer trains, saves and gives for an image, as shapes, and whether it has a bias."""
    return {
        "has a bias": layer.bias is not None,
        "output": layer(torch.zeros(1, 2, 4, 5)).shape,
        "parameters": {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()},
        "state_dict": {name: tuple(tensor.shape) for name, tensor in layer.state_dict().items()},
    }


def copied(layer, x):
    """What a copy gives, made after the layer has run inside a graph."""
    layer(x.clone().requires_grad_() * 1)
    return copy.deepcopy(layer)(x)


def spread(values, fan_in):
    """Mean, deviation, lowest and highest value, in units of 1 / sqrt(fan_in), to one decimal."""
    scaled = values.detach() * fan_in**0.5
    measured = scaled.mean().abs(), scaled.std(), scaled.min(), scaled.max()
    return [round(value.item(), 1) for value in measured]


def test_holds_a_weight_and_a_bias_to_train_and_to_save(student):
    student.returns(
        lambda lesson: held(lesson.Conv2d(2, 5, 3, 1, 1)), lambda: held(nn.Conv2d(2, 5, 3, 1, 1)), without=LIBRARY
    )


def test_holds_no_bias_when_told_so(student):
    student.returns(
        lambda lesson: held(lesson.Conv2d(2, 5, 3, 1, 1, bias=False)),
        lambda: held(nn.Conv2d(2, 5, 3, 1, 1, bias=False)),
        without=LIBRARY,
    )


def test_uses_its_stride_and_its_padding(student):
    x = randn(2, 3, 8, 6)
    student.returns(
        lambda lesson: fill_(lesson.Conv2d(3, 4, 3, 2, 1))(x),
        lambda: fill_(nn.Conv2d(3, 4, 3, 2, 1))(x),
        without=LIBRARY,
    )


def test_steps_by_one_and_pads_nothing_unless_told_so(student):
    x = randn(2, 3, 5, 6)
    student.returns(
        lambda lesson: fill_(lesson.Conv2d(3, 4, 3))(x), lambda: fill_(nn.Conv2d(3, 4, 3))(x), without=LIBRARY
    )


def test_computes_without_a_bias(student):
    x = randn(2, 3, 5, 6)
    student.returns(
        lambda lesson: fill_(lesson.Conv2d(3, 4, 1, bias=False))(x),
        lambda: fill_(nn.Conv2d(3, 4, 1, bias=False))(x),
        without=LIBRARY,
    )


def test_draws_its_weight_within_one_over_the_root_of_its_fan_in(student):
    student.returns(lambda lesson: spread(lesson.Conv2d(16, 256, 3).weight, 16 * 9), lambda: [0.0, 0.6, -1.0, 1.0])


def test_draws_its_bias_within_one_over_the_root_of_its_fan_in(student):
    student.returns(lambda lesson: spread(lesson.Conv2d(16, 4096, 2).bias, 64), lambda: [0.0, 0.6, -1.0, 1.0])


def test_draws_new_values_for_every_layer(student):
    def probe(lesson):
        one, other = lesson.Conv2d(2, 3, 3), lesson.Conv2d(2, 3, 3)
        return {"same weight": one.weight.equal(other.weight), "same bias": one.bias.equal(other.bias)}

    student.returns(probe, lambda: {"same weight": False, "same bias": False})


def test_gives_its_parameters_their_gradients_in_float64(student):
    x = randn(2, 3, 5, 4, dtype=torch.float64)

    def gradients(layer):
        parameters = {name: layer.get_parameter(name) for name in ("weight", "bias")}
        fill_(layer).double()(x).square().sum().backward()
        return {name: parameter.grad for name, parameter in parameters.items()}

    student.returns(
        lambda lesson: gradients(lesson.Conv2d(3, 4, 3)), lambda: gradients(nn.Conv2d(3, 4, 3)), without=LIBRARY
    )


def test_can_be_copied_after_it_has_run(student):
    x = randn(2, 3, 5, 4)
    student.returns(
        lambda lesson: copied(fill_(lesson.Conv2d(3, 4, 3)), x),
        lambda: copied(fill_(nn.Conv2d(3, 4, 3)), x),
        without=LIBRARY,
    )
