"""batch_norm: normalise with the statistics given, scale, shift."""

import torch
import torch.nn.functional as F

from course.student import randn


def inputs():
    """Every argument by name; the first channel is constant.

    There are as many columns as channels, so that a vector that lines up with the wrong axis goes unnoticed.
    """
    given = {name: randn(3, dtype=torch.float64) for name in ("mean", "var", "weight", "bias")}
    given |= {"x": 2 * randn(2, 3, 5, 3, dtype=torch.float64) + 1, "var": given["var"].square() + 0.5}
    given["x"][:, 0], given["var"][0] = given["mean"][0], 0
    return given


def library(x, mean, var, weight, bias):
    return F.batch_norm(x, mean, var, weight, bias, eps=0.5)


def formula(x, mean, var, weight, bias, eps):
    """The same with gradients for mean and var, which the library's kernel doesn't give."""
    x_hat = (x - mean[:, None, None]) / (var + eps)[:, None, None] ** 0.5
    return weight[:, None, None] * x_hat + bias[:, None, None]


def gradients(function, given):
    """What the sum of the squares sends back to every tensor, by name."""
    for tensor in given.values():
        tensor.requires_grad_()
    function(**{name: tensor * 1 for name, tensor in given.items()}, eps=0.5).square().sum().backward()
    return {name: tensor.grad for name, tensor in given.items()}


def test_normalises_scales_and_shifts_with_the_statistics_given(student):
    given = inputs()
    student.returns(
        lambda lesson: lesson.batch_norm(**given, eps=0.5), lambda: library(**given), without=["batch_norm"]
    )


def test_leaves_its_inputs_unchanged(student):
    given = inputs()
    student.returns(
        lambda lesson: {"out": lesson.batch_norm(**given, eps=0.5), **given},
        lambda: {"out": library(**given), **given},
        without=["batch_norm"],
    )


def test_gives_every_tensor_its_gradient(student):
    given = inputs()
    student.returns(
        lambda lesson: gradients(lesson.batch_norm, given),
        lambda: gradients(formula, {name: tensor.clone() for name, tensor in given.items()}),
    )


def test_refuses_vectors_of_another_length(student):
    def refuses(name):
        given = inputs() | {name: torch.ones(1)}
        student.raises(lambda lesson: lesson.batch_norm(**given), ValueError, naming=[(1,), given["x"].shape])

    for name in ("mean", "var", "weight", "bias"):
        refuses(name)
