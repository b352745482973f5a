"""batch_norm: normalise with the statistics given, scale, shift."""

import torch
import torch.nn.functional as F

from course.student import randn

LIBRARY = ["batch_norm", "layer_norm", "group_norm"]
NAMES = ("x", "mean", "var", "weight", "bias")


def inputs():
    """x, mean, var, weight and bias; the first channel is constant.

    There are as many columns as channels, so that a vector that lines up with the wrong axis goes unnoticed.
    """
    x, (mean, var, weight, bias) = 2 * randn(2, 3, 5, 3, dtype=torch.float64) + 1, randn(4, 3, dtype=torch.float64)
    var = var.square() + 0.5
    x[:, 0], var[0] = mean[0], 0
    return x, mean, var, weight, bias


def formula(x, mean, var, weight, bias, eps):
    """The library's result with gradients for mean and var, too, which its kernel doesn't give."""
    x_hat = (x - mean[:, None, None]) / (var + eps)[:, None, None] ** 0.5
    return weight[:, None, None] * x_hat + bias[:, None, None]


def gradients(function, *given):
    """What the sum of the squares sends back to every tensor, by name."""
    leaves = [tensor.detach().requires_grad_() for tensor in given]
    function(*(leaf * 1 for leaf in leaves), eps=0.5).square().sum().backward()
    return {name: leaf.grad for name, leaf in zip(NAMES, leaves, strict=True)}


def test_normalises_scales_and_shifts_with_the_statistics_given(student):
    x, mean, var, weight, bias = inputs()
    student.returns(
        lambda lesson: lesson.batch_norm(x, mean, var, weight, bias, eps=0.5),
        lambda: F.batch_norm(x, mean, var, weight, bias, eps=0.5),
        without=LIBRARY,
    )


def test_computes_in_float32_where_the_input_is_float32(student):
    x, mean, var, weight, bias = (tensor.float() for tensor in inputs())
    student.returns(
        lambda lesson: lesson.batch_norm(x, mean, var, weight, bias, eps=0.5),
        lambda: F.batch_norm(x, mean, var, weight, bias, eps=0.5),
        without=LIBRARY,
    )


def test_leaves_its_inputs_unchanged(student):
    x, mean, var, weight, bias = inputs()
    student.returns(
        lambda lesson: (lesson.batch_norm(x, mean, var, weight, bias, eps=0.5), x, mean, var, weight, bias),
        lambda: (F.batch_norm(x, mean, var, weight, bias, eps=0.5), x, mean, var, weight, bias),
        without=LIBRARY,
    )


def test_gives_every_tensor_its_gradient(student):
    x, mean, var, weight, bias = inputs()
    student.returns(
        lambda lesson: gradients(lesson.batch_norm, x, mean, var, weight, bias),
        lambda: gradients(formula, x, mean, var, weight, bias),
    )


def test_takes_an_eps_of_a_hundred_thousandth_unless_told_otherwise(student):
    x, mean, var, weight, bias = inputs()
    student.returns(
        lambda lesson: lesson.batch_norm(x, mean, var, weight, bias),
        lambda: F.batch_norm(x, mean, var, weight, bias),
        without=LIBRARY,
    )


def test_takes_a_tensor_whose_memory_is_not_contiguous(student):
    (x, mean, var, weight, bias), reverse = inputs(), (3, 2, 1, 0)
    scattered = x.permute(reverse).contiguous().permute(reverse)
    student.returns(
        lambda lesson: lesson.batch_norm(scattered, mean, var, weight, bias, eps=0.5),
        lambda: F.batch_norm(x, mean, var, weight, bias, eps=0.5),
        without=LIBRARY,
    )


def test_refuses_vectors_of_another_shape(student):
    def refuses(name, shape):
        given = (torch.ones(shape) if name == n else v for n, v in zip(NAMES, inputs(), strict=True))
        x, mean, var, weight, bias = given
        student.raises(
            lambda lesson: lesson.batch_norm(x, mean, var, weight, bias), ValueError, naming=[shape, x.shape]
        )

    for name in ("mean", "var", "weight", "bias"):
        refuses(name, (1,))
        refuses(name, (3, 1, 1))
