"""orthogonalize: what becomes of singular values and directions, to the precision of bfloat16."""

import pytest
import torch

from course.student import randn


def polynomial(matrix, steps):
    """The iteration in float64, by the singular values alone."""
    u, s, vt = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / s.square().sum().sqrt()
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u * s @ vt).bfloat16()


@pytest.mark.parametrize("shape", [(6, 6), (5, 12), (12, 5)], ids=["square", "wide", "tall"])
def test_applies_the_polynomial_once(student, shape):
    matrix = randn(*shape)
    student.returns(
        lambda lesson: lesson.orthogonalize(matrix, steps=1).bfloat16(),  # compared to two hundredths
        lambda: polynomial(matrix, 1),
    )


def test_applies_it_as_often_as_it_is_told(student):
    matrix = randn(6, 9)
    calls = (matrix, 0), (matrix, 2), (torch.eye(9), 4)  # a third goes to 1.1 in three steps, to 0.7 in four
    student.returns(  # a quarter, as two steps in bfloat16 may miss by more than two hundredths
        lambda lesson: [lesson.orthogonalize(x, steps).bfloat16() / 4 for x, steps in calls],
        lambda: [polynomial(x, steps) / 4 for x, steps in calls],
    )


def test_brings_singular_values_near_one_and_keeps_directions(student):
    matrix = randn(5, 12)
    u, _, vt = torch.linalg.svd(matrix, full_matrices=False)
    values = torch.linspace(0.2, 1.0, len(vt))  # none so small that three steps don't lift it
    matrix = u * values @ vt

    def probe(lesson):
        inside = u.T @ lesson.orthogonalize(matrix) @ vt.T  # diagonal if the directions are those of the matrix
        return {
            "singular values between 0.6 and 1.3": bool(((inside.diag() > 0.6) & (inside.diag() < 1.3)).all()),
            "directions kept": bool((inside - inside.diag().diag()).abs().max() < 0.1),
        }

    student.returns(probe, lambda: {"singular values between 0.6 and 1.3": True, "directions kept": True})


def test_does_not_mind_how_large_or_small_the_numbers_are(student):
    matrix, least = randn(5, 7), 2.0**-17 * torch.eye(2)  # of norm 1.1e-5

    def probe(lesson):
        scaled = [lesson.orthogonalize(scale * matrix, 1).bfloat16() for scale in (2.0**-16, 2.0**17)]
        return [*scaled, lesson.orthogonalize(least, 0).bfloat16()]

    student.returns(probe, lambda: [*[polynomial(matrix, 1)] * 2, polynomial(least, 0)])


@pytest.mark.hollow
def test_gives_zeros_of_zeros(student):
    zeros = torch.zeros(3, 4)
    student.returns(lambda lesson: lesson.orthogonalize(zeros), lambda: zeros)


def test_gives_float32_and_leaves_the_matrix_unchanged(student):
    matrices = [randn(4, 6).bfloat16(), randn(4, 6)]
    student.returns(
        lambda lesson: ([lesson.orthogonalize(matrix).dtype for matrix in matrices], matrices),
        lambda: (["torch.float32"] * 2, matrices),
    )
