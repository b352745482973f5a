"""make_stage: BasicBlocks in a row, of which the first changes the shape."""

from functools import cache

import torch
from torch import nn

from course.lesson import Lesson
from course.student import fill_, randn


@cache
def basic_block():
    return Lesson.from_solution("lesson_03").BasicBlock


def oracle(in_channels, out_channels, num_blocks, stride):
    block = basic_block()
    rest = [block(out_channels, out_channels) for _ in range(num_blocks - 1)]
    return nn.Sequential(block(in_channels, out_channels, stride), *rest)


def anatomy(stage):
    """Everything but the strides: the kind of container, its parameters' number, its state's names and shapes."""
    numbers = sum(parameter.numel() for parameter in stage.parameters())
    shapes = {name: tuple(tensor.shape) for name, tensor in stage.state_dict().items()}
    return {"is an nn.Sequential": isinstance(stage, nn.Sequential), "parameters": numbers, **shapes}


def learn(stage, x):
    """The gradients of one backward pass in training mode."""
    x = x.clone().requires_grad_()
    fill_(stage.double())(x).square().sum().backward()
    return {"x": x.grad, **{name: parameter.grad for name, parameter in stage.named_parameters()}}


def test_gives_the_first_block_the_stride_and_the_new_channels(student):
    x = randn(2, 3, 13, 10)

    def look(stage):
        return {**anatomy(stage), "output": fill_(stage).eval()(x)}

    student.returns(lambda lesson: look(lesson.make_stage(3, 5, 3, stride=2)), lambda: look(oracle(3, 5, 3, 2)))


def test_can_change_the_channels_without_a_stride(student):
    x = randn(2, 3, 5, 4)
    student.returns(
        lambda lesson: fill_(lesson.make_stage(3, 5, 1, stride=1)).eval()(x),
        lambda: fill_(oracle(3, 5, 1, 1)).eval()(x),
    )


def test_can_stride_without_changing_the_channels(student):
    x = randn(2, 4, 7, 5)
    student.returns(
        lambda lesson: [fill_(lesson.make_stage(4, *shape)).eval()(x) for shape in ((4, 1, 3), (5, 1, 2))],
        lambda: [fill_(oracle(4, *shape)).eval()(x) for shape in ((4, 1, 3), (5, 1, 2))],
    )


def test_passes_gradients_through_every_block_in_float64(student):
    x = randn(2, 4, 3, 5, dtype=torch.float64)
    student.returns(lambda lesson: learn(lesson.make_stage(4, 4, 2, 1), x), lambda: learn(oracle(4, 4, 2, 1), x))


def test_gives_every_block_first_weights_of_its_own(student):
    def look(stage):
        return {**anatomy(stage), "two blocks start alike": stage[1].conv1.weight.equal(stage[2].conv1.weight)}

    student.returns(lambda lesson: look(lesson.make_stage(4, 4, 3, 1)), lambda: look(oracle(4, 4, 3, 1)))


def test_refuses_a_stage_without_blocks(student):
    student.raises(lambda lesson: lesson.make_stage(3, 5, num_blocks=0, stride=1), ValueError, naming=[0])
    student.raises(lambda lesson: lesson.make_stage(3, 5, num_blocks=-2, stride=1), ValueError, naming=[-2])
