"""conv2d_backward: the gradients of a convolution, by formula."""

from contextlib import suppress

import torch
import torch.nn.functional as F

from course.student import randn

LIBRARY = ["conv"]


def reference(grad_output, x, weight, stride=1, padding=0):
    leaves = x.clone().requires_grad_(), weight.clone().requires_grad_(), x.new_zeros(len(weight), requires_grad=True)
    return torch.autograd.grad(F.conv2d(*leaves, stride, padding), leaves, grad_output)


def test_sends_the_gradient_back_to_the_input(student):
    grad_output, x, weight = randn(2, 3, 4, 3), randn(2, 2, 6, 4), randn(3, 2, 3, 2)
    student.returns(
        lambda lesson: lesson.conv2d_backward(grad_output, x, weight)[0],
        lambda: reference(grad_output, x, weight)[0],
        without=LIBRARY,
    )


def test_sends_the_gradient_back_to_the_weight(student):
    grad_output, x, weight = randn(2, 3, 4, 3), randn(2, 2, 6, 4), randn(3, 2, 3, 2)
    student.returns(
        lambda lesson: lesson.conv2d_backward(grad_output, x, weight)[1],
        lambda: reference(grad_output, x, weight)[1],
        without=LIBRARY,
    )


def test_sends_the_gradient_back_to_the_bias(student):
    grad_output, x, weight = randn(2, 3, 4, 3), randn(2, 2, 6, 4), randn(3, 2, 3, 2)
    student.returns(
        lambda lesson: lesson.conv2d_backward(grad_output, x, weight)[2],
        lambda: reference(grad_output, x, weight)[2],
        without=LIBRARY,
    )


def test_undoes_a_stride_that_leaves_pixels_over(student):
    grad_output, x, weight = randn(2, 3, 3, 3), randn(2, 2, 10, 8), randn(3, 2, 3, 2)  # a row over, but no column
    student.returns(
        lambda lesson: lesson.conv2d_backward(grad_output, x, weight, stride=3),
        lambda: reference(grad_output, x, weight, stride=3),
        without=LIBRARY,
    )


def test_undoes_a_stride_that_leaves_only_padding_over(student):
    grad_output, x, weight = randn(2, 3, 3, 3), randn(2, 2, 8, 6), randn(3, 2, 3, 2)
    student.returns(
        lambda lesson: lesson.conv2d_backward(grad_output, x, weight, stride=3, padding=1),
        lambda: reference(grad_output, x, weight, stride=3, padding=1),
        without=LIBRARY,
    )


def test_undoes_the_padding_in_the_dtype_of_its_input(student):
    grad_output, x, weight = (
        randn(*shape, dtype=torch.float64) for shape in ((2, 3, 7, 4), (2, 2, 4, 3), (3, 2, 2, 4))
    )
    student.returns(
        lambda lesson: lesson.conv2d_backward(grad_output, x, weight, padding=2),
        lambda: reference(grad_output, x, weight, padding=2),
        without=LIBRARY,
    )


def test_needs_no_autograd(student):
    grad_output, x, weight = randn(2, 3, 4, 5), randn(2, 3, 4, 5), randn(3, 3, 1, 1)

    def probe(lesson):
        recorded = []
        note = torch.autograd.graph.saved_tensors_hooks(lambda x: recorded.append("a tensor") or x, lambda x: x)
        with torch.inference_mode(), note:
            return {"gradients": lesson.conv2d_backward(grad_output, x, weight), "autograd recorded": recorded[:1]}

    def expected():
        return {"gradients": reference(grad_output, x, weight), "autograd recorded": []}

    student.returns(probe, expected, without=LIBRARY)


def test_gives_gradients_that_autograd_can_go_on_with(student):
    grad_output, x, weight = randn(2, 3, 4, 5), randn(2, 3, 4, 5), randn(3, 3, 1, 1)

    def probe(lesson):
        gradients = lesson.conv2d_backward(grad_output, x, weight)
        return {"gradients": gradients, "inference tensors": [gradient.is_inference() for gradient in gradients]}

    def expected():
        return {"gradients": reference(grad_output, x, weight), "inference tensors": [False, False, False]}

    student.returns(probe, expected, without=LIBRARY)


def test_takes_tensors_whose_memory_is_not_contiguous(student):
    grad_output, x, weight = randn(3, 4, 3, 2), randn(4, 6, 3, 2), randn(2, 3, 3, 3)
    student.returns(
        lambda lesson: lesson.conv2d_backward(*(tensor.permute(3, 2, 1, 0) for tensor in (grad_output, x, weight))),
        lambda: reference(*(tensor.permute(3, 2, 1, 0) for tensor in (grad_output, x, weight))),
        without=LIBRARY,
    )


def test_leaves_its_inputs_as_they_were(student):
    inputs = [randn(2, 3, 3, 4), randn(2, 2, 3, 4), randn(3, 2, 1, 1)]

    def probe(lesson):
        return {"gradients": lesson.conv2d_backward(*inputs), "inputs": inputs}

    student.returns(probe, lambda: {"gradients": reference(*inputs), "inputs": inputs}, without=LIBRARY)


def test_is_the_gradient_of_conv2d_for_gradcheck(student):
    x, weight = randn(2, 1, 5, 4, dtype=torch.float64), randn(2, 1, 3, 2, dtype=torch.float64)
    bias = randn(2, dtype=torch.float64)

    def probe(lesson):
        class Convolution(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, weight, bias):
                ctx.save_for_backward(x, weight)
                columns = F.unfold(x, weight.shape[2:], stride=2, padding=1)  # (N, C * KH * KW, 3 * 3)
                return (weight.flatten(1) @ columns + bias[:, None]).unflatten(2, (3, 3))

            @staticmethod
            def backward(ctx, grad_output):
                inputs = (tensor.detach() for tensor in ctx.saved_tensors)
                return lesson.conv2d_backward(grad_output, *inputs, stride=2, padding=1)

        leaves = [tensor.requires_grad_() for tensor in (x, weight, bias)]
        return torch.autograd.gradcheck(Convolution.apply, leaves, fast_mode=True, raise_exception=False)

    student.returns(probe, lambda: True, without=LIBRARY)


def test_refuses_a_gradient_that_is_no_output_of_the_layer(student):
    grad_output, x, weight = randn(2, 3, 5, 4), randn(2, 2, 6, 4), randn(3, 2, 3, 2)
    student.raises(
        lambda lesson: lesson.conv2d_backward(grad_output, x, weight),
        ValueError,
        naming=[grad_output.shape, (2, 3, 4, 3)],
    )
    single = randn(1, 3, 4, 3)
    student.raises(
        lambda lesson: lesson.conv2d_backward(single, x, weight), ValueError, naming=[single.shape, (2, 3, 4, 3)]
    )

    def one_channel(lesson):
        with suppress(ValueError):
            lesson.conv2d_backward(grad_output, x, weight)
        return lesson.conv2d_backward(grad_output[:, :1, 1:, 1:], x, weight)

    student.raises(one_channel, ValueError, naming=[(2, 1, 4, 3), (2, 3, 4, 3)])
