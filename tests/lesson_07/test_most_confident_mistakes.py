"""most_confident_mistakes: the wrong answers given with the highest probability."""

import torch

from course.student import randn


def mistakes(logits, targets, n):
    rows = [
        (max(row), i) for i, row in enumerate(logits.double().softmax(1).tolist()) if row.index(max(row)) != targets[i]
    ]
    return torch.tensor([i for _, i in sorted(rows, reverse=True)][:n], dtype=torch.int64)


def guesses(wrong, total):
    """Logits whose level has nothing to do with their confidence, and targets so many of which they miss."""
    logits = 2 * randn(total, 5) + 5 * randn(total, 1)
    order = logits.argsort(1, descending=True)  # (N, C)
    missed = torch.arange(total) < wrong
    shuffled = torch.randperm(total)
    return logits[shuffled], torch.where(missed, order[:, 2], order[:, 0])[shuffled]


def test_gives_the_surest_of_the_wrong_answers_first(student):
    logits, targets = guesses(40, 60)
    student.returns(
        lambda lesson: lesson.most_confident_mistakes(logits, targets, 25), lambda: mistakes(logits, targets, 25)
    )


def test_gives_fewer_where_there_are_fewer(student):
    few = [guesses(wrong, 60) for wrong in (4, 1, 0)]
    student.returns(
        lambda lesson: [lesson.most_confident_mistakes(logits, targets, 9) for logits, targets in few],
        lambda: [mistakes(logits, targets, 9) for logits, targets in few],
    )


def test_tells_confidences_apart_that_float32_rounds_to_1(student):
    logits, targets = torch.tensor([[25.0, 0.0, 0.0], [30.0, 0.0, 0.0], [20.0, 0.0, 0.0]]), torch.tensor([1, 2, 1])
    student.returns(lambda lesson: lesson.most_confident_mistakes(logits, targets, 3), lambda: torch.tensor([1, 0, 2]))
