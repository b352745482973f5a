"""PlainBlock: two convolutions, norms and ReLUs without a shortcut."""

import copy

import torch
from torch import nn
from torch.autograd import gradcheck

from course.student import fill_, randn, refuses


def parts(in_channels, out_channels, stride=1):
    """What a plain block holds, with the weights that `fill_` gives it."""
    return fill_(
        nn.ModuleDict(
            {
                "conv1": nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
                "bn1": nn.BatchNorm2d(out_channels),
                "conv2": nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
                "bn2": nn.BatchNorm2d(out_channels),
            }
        )
    )


def forward(block, x):
    for conv, bn in (("conv1", "bn1"), ("conv2", "bn2")):
        x = block[bn](block[conv](x)).relu()
    return x


def shapes(block):
    return {name: tensor.shape for name, tensor in block.state_dict().items()}


def test_holds_two_convolutions_without_bias_and_two_norms(student):
    student.returns(lambda lesson: shapes(lesson.PlainBlock(3, 5, stride=2)), lambda: shapes(parts(3, 5, stride=2)))


def test_shrinks_a_non_square_input_by_its_stride(student):
    x = randn(3, 3, 9, 7)
    student.returns(
        lambda lesson: [fill_(lesson.PlainBlock(3, 5, stride=stride))(x) for stride in (2, 3)],
        lambda: [forward(parts(3, 5, stride=stride), x) for stride in (2, 3)],
    )


def test_adds_no_shortcut_where_input_and_output_agree(student):
    x = randn(2, 4, 5, 6)

    def probe(lesson):
        return {"output": fill_(lesson.PlainBlock(4, 4))(x), "input afterwards": x}

    student.returns(probe, lambda: {"output": forward(parts(4, 4), x), "input afterwards": x})


def test_keeps_running_statistics_from_training_for_evaluation_and_nothing_that_resists_a_copy(student):
    first, second, x = randn(2, 3, 8, 5), randn(2, 3, 8, 5) + 2, randn(2, 3, 5, 6)

    def probe(lesson):
        block = fill_(lesson.PlainBlock(3, 5))
        block(first), block(second)
        return copy.deepcopy(block).eval()(x)

    def expected():
        block = parts(3, 5)
        forward(block, first), forward(block, second)
        return forward(block.eval(), x)

    student.returns(probe, expected)


def test_passes_gradients_to_the_input_and_to_every_parameter(student):
    x, grad_output = randn(2, 2, 4, 3, dtype=torch.float64), randn(2, 3, 2, 2, dtype=torch.float64)

    def gradients(block, run):
        block.double()
        image = x.clone().requires_grad_()
        run(image).backward(grad_output)
        grads = {name: parameter.grad for name, parameter in block.named_parameters()}
        return grads | {"x": image.grad, "gradcheck": gradcheck(run, image, fast_mode=True, raise_exception=False)}

    def probe(lesson):
        block = fill_(lesson.PlainBlock(2, 3, stride=2))
        return gradients(block, block)

    def expected():
        block = parts(2, 3, stride=2)
        return gradients(block, lambda image: forward(block, image))

    student.returns(probe, expected)


def test_names_both_shapes_where_the_input_does_not_fit(student):
    too_wide, no_batch = randn(2, 4, 9, 7), randn(3, 3, 7)
    student.raises(lambda lesson: lesson.PlainBlock(3, 5)(too_wide), ValueError, naming=[(2, 4, 9, 7), (5, 3, 3, 3)])
    student.raises(lambda lesson: lesson.PlainBlock(3, 5)(no_batch), ValueError, naming=[(3, 3, 7), (5, 3, 3, 3)])


def test_refuses_five_dimensions_as_it_refuses_a_wrong_number_of_channels(student):
    given = {"four channels": randn(2, 4, 9, 7), "five dimensions": randn(2, 3, 4, 9, 7)}

    def probe(lesson):
        block = lesson.PlainBlock(3, 5)
        return {name: refuses(block, x) for name, x in given.items()}

    student.returns(probe, lambda: dict.fromkeys(given, True))


def test_starts_from_random_weights_of_its_own(student):
    def probe(lesson):
        states = []
        for _ in range(2):
            block = lesson.PlainBlock(2, 3)
            states.append(torch.get_rng_state())
        return {"the second block draws what the first drew": states[0].equal(states[1]), **shapes(block)}

    student.returns(probe, lambda: {"the second block draws what the first drew": False, **shapes(parts(2, 3))})
