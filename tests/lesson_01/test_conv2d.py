"""conv2d: channels, bias, stride and padding, as one matrix product."""

import torch
import torch.nn.functional as F

from course.student import randn

LIBRARY = ["conv"]


def gradients(conv2d, inputs, **options):
    """What x, weight and bias get when the loss is half the sum of the squared outputs."""
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    loss = conv2d(*(leaf.clone() for leaf in leaves), **options).square().sum() / 2
    return torch.autograd.grad(loss, leaves, allow_unused=True)


def test_correlates_all_channels_with_a_non_square_kernel(student):
    x, weight = randn(2, 2, 5, 6), randn(3, 2, 3, 2)
    student.returns(lambda lesson: lesson.conv2d(x, weight), lambda: F.conv2d(x, weight), without=LIBRARY)


def test_adds_one_bias_to_every_output_channel(student):
    x, weight, bias = randn(2, 2, 5, 4), randn(3, 2, 3, 2), randn(3)  # 3 columns come out: bias must not lie along them
    student.returns(lambda lesson: lesson.conv2d(x, weight, bias), lambda: F.conv2d(x, weight, bias), without=LIBRARY)


def test_steps_by_the_stride_along_both_axes(student):
    x, weight = randn(2, 2, 9, 10), randn(3, 2, 3, 2)
    student.returns(
        lambda lesson: lesson.conv2d(x, weight, stride=2), lambda: F.conv2d(x, weight, stride=2), without=LIBRARY
    )


def test_pads_the_input_on_all_sides(student):
    x, weight = randn(2, 2, 4, 7), randn(3, 2, 3, 4)
    student.returns(
        lambda lesson: lesson.conv2d(x, weight, padding=2), lambda: F.conv2d(x, weight, padding=2), without=LIBRARY
    )


def test_steps_and_pads_with_a_kernel_of_one_pixel(student):
    x, weight = randn(2, 2, 5, 6), randn(3, 2, 1, 1)
    student.returns(
        lambda lesson: lesson.conv2d(x, weight, stride=2, padding=1),
        lambda: F.conv2d(x, weight, stride=2, padding=1),
        without=LIBRARY,
    )


def test_computes_in_the_dtype_of_its_input(student):
    x, weight, bias = (randn(*shape, dtype=torch.float64) for shape in ((1, 2, 5, 4), (3, 2, 2, 3), (3,)))
    student.returns(
        lambda lesson: lesson.conv2d(x, weight, bias, 2, 1), lambda: F.conv2d(x, weight, bias, 2, 1), without=LIBRARY
    )


def test_leaves_its_inputs_as_they_were(student):
    inputs = [randn(2, 2, 4, 5), randn(3, 2, 2, 3), randn(3)]

    def probe(lesson):
        return {"out": lesson.conv2d(*inputs), "inputs": inputs}

    student.returns(probe, lambda: {"out": F.conv2d(*inputs), "inputs": inputs}, without=LIBRARY)


def test_passes_gradients_to_input_weight_and_bias(student):
    inputs = [randn(*shape, dtype=torch.float64) for shape in ((2, 2, 6, 5), (3, 2, 3, 2), (3,))]
    student.returns(
        lambda lesson: gradients(lesson.conv2d, inputs, stride=2, padding=1),
        lambda: gradients(F.conv2d, inputs, stride=2, padding=1),
        without=LIBRARY,
    )


def test_passes_gradcheck_when_the_memory_of_its_input_is_not_contiguous(student):
    x, weight = randn(1, 4, 3, 2, dtype=torch.float64), randn(2, 2, 2, 2, dtype=torch.float64)

    def probe(lesson):
        leaves = x.transpose(1, 3).requires_grad_(), weight.transpose(0, 1).requires_grad_()
        checked = torch.autograd.gradcheck(lesson.conv2d, leaves, raise_exception=False)
        return {"out": lesson.conv2d(*leaves), "gradcheck": checked}

    def expected():
        return {"out": F.conv2d(x.transpose(1, 3), weight.transpose(0, 1)), "gradcheck": True}

    student.returns(probe, expected, without=LIBRARY)


def test_takes_slices_of_a_batch_and_of_a_weight(student):
    x, weight = randn(3, 2, 4, 5), randn(4, 2, 2, 3)
    student.returns(
        lambda lesson: lesson.conv2d(x[1:], weight[1:]), lambda: F.conv2d(x[1:], weight[1:]), without=LIBRARY
    )


def test_refuses_a_weight_for_another_number_of_channels(student):
    x, weight = randn(2, 3, 5, 4), randn(4, 1, 3, 2)
    student.raises(lambda lesson: lesson.conv2d(x, weight), ValueError, naming=[x.shape, weight.shape])


def test_refuses_a_bias_of_the_wrong_length(student):
    x, weight, bias = randn(2, 2, 5, 4), randn(3, 2, 3, 2), randn(1)
    student.raises(lambda lesson: lesson.conv2d(x, weight, bias), ValueError, naming=[bias.shape, weight.shape])
