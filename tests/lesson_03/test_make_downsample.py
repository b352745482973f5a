"""make_downsample: the projection that brings a block's input to the shape of its output."""

import torch
from torch import nn

from course.student import fill_, randn


def projection(in_channels, out_channels, stride):
    return fill_(
        nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))
    )


def shapes(module):
    return module and {name: tensor.shape for name, tensor in module.state_dict().items()}


def test_is_none_where_the_shapes_agree_and_a_projection_everywhere_else(student):
    cases = [(4, 4, 1), (4, 6, 1), (6, 4, 1), (4, 4, 2), (4, 6, 2)]

    def expected():
        return {case: None if case == (4, 4, 1) else shapes(projection(*case)) for case in cases}

    student.returns(lambda lesson: {case: shapes(lesson.make_downsample(*case)) for case in cases}, expected)


def test_is_a_sequence_of_two_that_gives_every_second_or_third_pixel_and_new_channels(student):
    x = randn(3, 3, 9, 7)

    def look(module):
        return {
            "length of the nn.Sequential": len(module) if isinstance(module, nn.Sequential) else None,
            "output": module(x),
        }

    student.returns(
        lambda lesson: [look(fill_(lesson.make_downsample(3, 5, stride))) for stride in (2, 3)],
        lambda: [look(projection(3, 5, stride)) for stride in (2, 3)],
    )


def test_learns_running_statistics_in_training_and_uses_them_in_evaluation(student):
    first, second, x = randn(2, 3, 8, 5), randn(2, 3, 8, 5) + 2, randn(2, 3, 5, 6)

    def evaluated(module):
        module(first), module(second)
        return module.eval()(x)

    student.returns(
        lambda lesson: evaluated(fill_(lesson.make_downsample(3, 5, 1))), lambda: evaluated(projection(3, 5, 1))
    )


def test_passes_gradients_to_the_input_and_to_every_parameter(student):
    x, grad_output = randn(2, 2, 4, 3, dtype=torch.float64), randn(2, 3, 2, 2, dtype=torch.float64)

    def gradients(module):
        image = x.clone().requires_grad_()
        module.double()(image).backward(grad_output)
        return {name: parameter.grad for name, parameter in module.named_parameters()} | {"x": image.grad}

    student.returns(
        lambda lesson: gradients(fill_(lesson.make_downsample(2, 3, 2))), lambda: gradients(projection(2, 3, 2))
    )


def test_names_all_three_numbers_where_one_is_less_than_one(student):
    student.raises(lambda lesson: lesson.make_downsample(4, 8, 0), ValueError, naming=[4, 8, 0])
    student.raises(lambda lesson: lesson.make_downsample(4, 0, 2), ValueError, naming=[4, 0, 2])
    student.raises(lambda lesson: lesson.make_downsample(0, 8, 2), ValueError, naming=[0, 8, 2])
    student.raises(lambda lesson: lesson.make_downsample(4, 8, -2), ValueError, naming=[4, 8, -2])
    student.raises(lambda lesson: lesson.make_downsample(0, 0, 1), ValueError, naming=[0, 1])
