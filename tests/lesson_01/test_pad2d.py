"""pad2d: zeros around every channel of every image."""

import pytest
import torch
import torch.nn.functional as F

from course.student import randn

LIBRARY = ["pad"]


def test_surrounds_every_image_with_zeros(student):
    x = randn(2, 3, 4, 6)
    student.returns(lambda lesson: lesson.pad2d(x, 2), lambda: F.pad(x, (2, 2, 2, 2)), without=LIBRARY)


@pytest.mark.hollow
def test_adds_nothing_when_the_padding_is_zero(student):
    x = randn(2, 3, 4, 5)
    student.returns(lambda lesson: lesson.pad2d(x, 0), lambda: x, without=LIBRARY)


def test_keeps_the_dtype_of_its_input(student):
    x = randn(1, 2, 3, 4, dtype=torch.float64)
    student.returns(lambda lesson: lesson.pad2d(x, 1), lambda: F.pad(x, (1, 1, 1, 1)), without=LIBRARY)


@pytest.mark.hollow
def test_stays_on_the_device_of_its_input(student):
    student.returns(
        lambda lesson: lesson.pad2d(torch.zeros(1, 2, 3, 4, device="meta"), 1).device, lambda: torch.device("meta")
    )


def test_takes_a_tensor_whose_memory_is_not_contiguous(student):
    x = randn(6, 4, 3, 2)
    student.returns(
        lambda lesson: lesson.pad2d(x.permute(3, 2, 1, 0), 1),
        lambda: F.pad(x.permute(3, 2, 1, 0), (1, 1, 1, 1)),
        without=LIBRARY,
    )


def test_passes_the_gradient_on_to_its_input(student):
    x = randn(1, 2, 3, 4)

    def probe(lesson):
        leaf = x.clone().requires_grad_()
        padded = lesson.pad2d(leaf, 1)
        return {"shape": padded.shape, "grad_x": torch.autograd.grad(padded.square().sum(), leaf)[0]}

    student.returns(probe, lambda: {"shape": (1, 2, 5, 6), "grad_x": 2 * x}, without=LIBRARY)


def test_refuses_a_negative_padding(student):
    x = randn(1, 2, 3, 4)
    student.raises(lambda lesson: lesson.pad2d(x, -1), ValueError, naming=[-1])
