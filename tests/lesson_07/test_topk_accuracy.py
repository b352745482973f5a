"""topk_accuracy: the share of images whose class is among the best."""

from contextlib import suppress

import torch

from course.student import randn

RANKS = [0] * 5 + [1] * 3 + [2] * 4 + [3] * 2 + [4] + [5] * 2 + [6] * 6  # of the right class, 0 is the best


def ranked():
    """Logits (23, 7) and targets that come out at these ranks."""
    logits = randn(len(RANKS), 7)
    return logits, logits.argsort(1, descending=True)[torch.arange(len(RANKS)), torch.tensor(RANKS)]


def test_gives_the_share_of_images_whose_class_is_among_the_k_best(student):
    logits, targets = ranked()
    short = logits.argsort(1).argsort(1).half()  # in the same order
    student.returns(
        lambda lesson: [
            lesson.topk_accuracy(logits, targets),
            *(lesson.topk_accuracy(logits, targets, k) for k in (2, 3)),
            lesson.topk_accuracy(short, targets),
            f"{lesson.topk_accuracy(logits.double(), targets):.12f}",
        ],
        lambda: [sum(rank < k for rank in RANKS) / len(RANKS) for k in (1, 2, 3, 1)] + [f"{5 / 23:.12f}"],
    )


def test_is_1_where_as_many_guesses_are_allowed_as_there_are_classes(student):
    logits, targets = ranked()
    student.returns(lambda lesson: lesson.topk_accuracy(logits, targets, k=7), lambda: 1.0)


def test_refuses_a_k_that_is_larger_than_the_number_of_classes_or_zero(student):
    logits, targets = ranked()
    student.raises(lambda lesson: lesson.topk_accuracy(logits, targets, k=0), ValueError, naming=[0, 7])
    student.raises(lambda lesson: lesson.topk_accuracy(logits, targets, k=8), ValueError, naming=[8, 7])


def test_refuses_targets_that_do_not_fit_the_logits(student):
    logits, column, single = randn(6, 4), torch.tensor([[0], [1], [2], [3], [0], [1]]), torch.tensor([2])

    def probe(lesson):
        with suppress(ValueError):
            return "a column is not refused", lesson.topk_accuracy(logits, column)
        return "one for all is not refused", lesson.topk_accuracy(logits, single)

    student.raises(lambda lesson: lesson.topk_accuracy(logits, column), ValueError, naming=[logits.shape, column.shape])
    student.raises(probe, ValueError, naming=[logits.shape, single.shape])


def test_allows_k_guesses_where_all_classes_share_a_logit(student):
    logits, targets = torch.ones(5, 5), torch.arange(5)  # whichever k it takes are right k times
    student.returns(
        lambda lesson: [lesson.topk_accuracy(logits, targets, k) for k in (1, 2, 5)], lambda: [1 / 5, 2 / 5, 1.0]
    )
