"""batch_norm_backward: the gradients by hand, where the statistics depend on the input."""

import torch
import torch.nn.functional as F

from course.student import randn

LIBRARY = ["batch_norm", "layer_norm", "group_norm"]


def inputs():
    """grad_output, x and weight."""
    x = 2 * randn(2, 3, 4, 5, dtype=torch.float64) + 1
    return randn(2, 3, 4, 5, dtype=torch.float64), x, 1 + 0.5 * randn(3, dtype=torch.float64)


def gradients(grad_output, x, weight, eps=0.3):
    """What autograd finds for grad_x, grad_weight and grad_bias."""
    leaves = x.clone().requires_grad_(), weight.clone().requires_grad_(), torch.zeros_like(weight).requires_grad_()
    out = F.batch_norm(leaves[0], None, None, *leaves[1:], training=True, eps=eps)
    return torch.autograd.grad((out * grad_output).sum(), leaves)


def test_grad_x_counts_the_paths_through_mean_and_variance(student):
    grad_output, x, weight = inputs()

    def probe(lesson):
        with torch.inference_mode():
            grad_x, _, _ = lesson.batch_norm_backward(grad_output, x, weight, eps=0.3)
        return grad_x

    student.returns(probe, lambda: gradients(grad_output, x, weight)[0], without=LIBRARY)


def test_grad_weight_is_the_sum_over_batch_and_pixels(student):
    grad_output, x, weight = inputs()

    def probe(lesson):
        with torch.inference_mode():
            _, grad_weight, _ = lesson.batch_norm_backward(grad_output, x, weight, eps=0.3)
        return grad_weight

    student.returns(probe, lambda: gradients(grad_output, x, weight)[1], without=LIBRARY)


def test_grad_bias_is_the_sum_over_batch_and_pixels(student):
    grad_output, x, weight = inputs()

    def probe(lesson):
        with torch.inference_mode():
            _, _, grad_bias = lesson.batch_norm_backward(grad_output, x, weight, eps=0.3)
        return grad_bias

    student.returns(probe, lambda: gradients(grad_output, x, weight)[2], without=LIBRARY)


def test_computes_in_float32_where_the_input_is_float32(student):
    grad_output, x, weight = (tensor.float() for tensor in inputs())
    student.returns(
        lambda lesson: lesson.batch_norm_backward(grad_output, x, weight, eps=0.3),
        lambda: gradients(grad_output, x, weight),
        without=LIBRARY,
    )


def test_leaves_its_inputs_unchanged(student):
    grad_output, x, weight = inputs()

    def probe(lesson):
        grad_x, _, _ = lesson.batch_norm_backward(grad_output, x, weight, eps=0.3)
        return {"grad_x": grad_x, "grad_output": grad_output, "x": x, "weight": weight}

    def expected():
        grad_x = gradients(grad_output, x, weight)[0]
        return {"grad_x": grad_x, "grad_output": grad_output, "x": x, "weight": weight}

    student.returns(probe, expected)


def test_asks_autograd_for_nothing(student):
    grad_output, x, weight = inputs()

    def probe(lesson):
        recorded = []
        note = torch.autograd.graph.saved_tensors_hooks(lambda x: recorded.append("a tensor") or x, lambda x: x)
        with torch.inference_mode(), note:
            found = lesson.batch_norm_backward(grad_output, x, weight, eps=0.3)
        return {"gradients": found, "autograd recorded": recorded[:1]}

    def expected():
        return {"gradients": gradients(grad_output, x, weight), "autograd recorded": []}

    student.returns(probe, expected, without=LIBRARY)


def test_gives_gradients_that_autograd_can_go_on_with(student):
    grad_output, x, weight = inputs()

    def probe(lesson):
        found = lesson.batch_norm_backward(grad_output, x, weight, eps=0.3)
        return {"gradients": found, "inference tensors": [gradient.is_inference() for gradient in found]}

    def expected():
        return {"gradients": gradients(grad_output, x, weight), "inference tensors": [False, False, False]}

    student.returns(probe, expected, without=LIBRARY)


def test_stays_accurate_in_float32_where_the_mean_is_far_from_zero(student):
    grad_output, x, weight = randn(4, 3, 5, 6), randn(4, 3, 5, 6) + 1000, 1 + 0.5 * randn(3)
    student.returns(  # as float16, as statistics that are accurate to a thousandth are good enough
        lambda lesson: lesson.batch_norm_backward(grad_output, x, weight, eps=0.3)[0].half(),
        lambda: gradients(grad_output.double(), x.double(), weight.double())[0].half(),
        without=LIBRARY,
    )


def test_takes_an_eps_of_a_hundred_thousandth_unless_told_otherwise(student):
    grad_output, x, weight = inputs()
    student.returns(
        lambda lesson: lesson.batch_norm_backward(grad_output, x, weight),
        lambda: gradients(grad_output, x, weight, eps=1e-5),
        without=LIBRARY,
    )


def test_gives_vectors_for_a_single_channel_too(student):
    grad_output, x, weight = randn(2, 1, 4, 5), randn(2, 1, 4, 5), randn(1)
    student.returns(
        lambda lesson: lesson.batch_norm_backward(grad_output, x, weight, eps=0.3),
        lambda: gradients(grad_output, x, weight),
        without=LIBRARY,
    )


def test_takes_tensors_whose_memory_is_not_contiguous(student):
    grad_output, x, weight = randn(5, 4, 3, 2), randn(5, 4, 3, 2), randn(3)
    student.returns(
        lambda lesson: lesson.batch_norm_backward(
            grad_output.permute(3, 2, 1, 0), x.permute(3, 2, 1, 0), weight, eps=0.3
        ),
        lambda: gradients(grad_output.permute(3, 2, 1, 0), x.permute(3, 2, 1, 0), weight),
        without=LIBRARY,
    )


def test_refuses_a_grad_output_of_another_shape(student):
    grad_output, x, weight = randn(2, 3, 1, 1), randn(2, 3, 4, 5), randn(3)
    student.raises(
        lambda lesson: lesson.batch_norm_backward(grad_output, x, weight),
        ValueError,
        naming=[grad_output.shape, x.shape],
    )


def test_refuses_a_weight_of_another_length(student):
    grad_output, x, weight = randn(2, 3, 4, 5), randn(2, 3, 4, 5), randn(1)
    student.raises(
        lambda lesson: lesson.batch_norm_backward(grad_output, x, weight), ValueError, naming=[weight.shape, x.shape]
    )
