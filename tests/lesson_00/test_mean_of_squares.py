"""The warm-up: a mean over all elements, of their squares."""

import pytest
import torch

from course.student import randn


def test_squares_before_it_takes_the_mean(student):
    x = torch.tensor([[1.0, -2.0, 3.0], [0.5, 0.25, -4.0]])
    student.returns(
        lambda lesson: lesson.mean_of_squares(x), lambda: torch.tensor((1 + 4 + 9 + 0.25 + 0.0625 + 16) / 6)
    )


def test_takes_one_mean_over_a_tensor_of_any_shape(student):
    alone, deep = randn(1).squeeze(), randn(2, 3, 1, 4)
    student.returns(
        lambda lesson: [lesson.mean_of_squares(alone), lesson.mean_of_squares(deep)],
        lambda: [alone.pow(2), deep.pow(2).sum() / 24],
    )


def test_computes_in_the_dtype_of_its_input(student):
    x = randn(5, 3, dtype=torch.float64)
    student.returns(lambda lesson: lesson.mean_of_squares(x), lambda: x.pow(2).sum() / 15)


@pytest.mark.hollow
def test_leaves_its_input_as_it_was(student):
    x = randn(4, 3)

    def probe(lesson):
        lesson.mean_of_squares(x)
        return x

    student.returns(probe, lambda: x)


def test_passes_a_gradient_to_its_input(student):
    x = randn(3, 2, dtype=torch.float64).requires_grad_()

    def probe(lesson):
        value = lesson.mean_of_squares(x)
        follows = getattr(value, "requires_grad", None)
        return {"needs a gradient": follows, "gradient": torch.autograd.grad(value.sum(), x)[0] if follows else None}

    student.returns(probe, lambda: {"needs a gradient": True, "gradient": x.detach() / 3})


def test_refuses_a_tensor_without_elements(student):
    empty = torch.empty(2, 0, 5)
    student.raises(lambda lesson: lesson.mean_of_squares(empty), ValueError, naming=[(2, 0, 5)])
