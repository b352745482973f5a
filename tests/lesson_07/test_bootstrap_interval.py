"""bootstrap_interval: how far the accuracy might have been off."""

import bisect
import math
import random
from contextlib import suppress

import numpy as np
import pytest
import torch


def answers(right, total):
    """So many right answers among so many, in random order."""
    return (torch.arange(total) < right)[torch.randperm(total)]


def sides(interval, accuracy, total):
    """How far the ends lie from the accuracy in standard errors, in classes wide enough for any way to draw."""
    low, high = interval
    error = math.sqrt(accuracy * (1 - accuracy) / total)
    cuts = [0.001, 0.1, 0.4, 0.7, 1.0, 1.6, 2.3]
    return [bisect.bisect(cuts, (accuracy - low) / error), bisect.bisect(cuts, (high - accuracy) / error)]


def test_holds_the_middle_of_the_accuracies_of_all_resamples(student):
    correct = answers(300, 400)
    student.returns(
        lambda lesson: sides(lesson.bootstrap_interval(correct, level=0.8, resamples=2000), 0.75, 400),
        lambda: [5, 5],  # 1.28 standard errors on either side
    )


def test_ends_at_1_where_nearly_all_answers_are_right(student):
    correct = torch.arange(40) != 7

    def probe(lesson):
        low, high = lesson.bootstrap_interval(correct, level=0.6, resamples=2000)
        lower, higher = lesson.bootstrap_interval(correct, level=0.9, resamples=2000)
        return {"low is lower": low < 0.97, "high": high, "low of 0.9 is lower": lower < 0.94, "high of 0.9": higher}

    student.returns(probe, lambda: {"low is lower": True, "high": 1.0, "low of 0.9 is lower": True, "high of 0.9": 1.0})


def test_draws_each_of_the_answers(student):
    correct = torch.tensor([True, False])
    student.returns(lambda lesson: lesson.bootstrap_interval(correct, resamples=300), lambda: (0.0, 1.0))


def test_draws_as_many_resamples_as_it_is_told(student):
    mixed, right = answers(200, 400), answers(40, 40)

    def probe(lesson):
        low, high = lesson.bootstrap_interval(mixed, resamples=1)
        return {"width of one": round(high - low, 1), "one of right answers": lesson.bootstrap_interval(right, 0.9, 1)}

    student.returns(probe, lambda: {"width of one": 0.0, "one of right answers": (1.0, 1.0)})


def test_gives_the_same_for_the_same_seed_and_something_else_for_others(student):
    correct = answers(150, 301)

    def probe(lesson):
        def intervals(*seeds):
            return {lesson.bootstrap_interval(correct, resamples=50, seed=seed) for seed in seeds}

        once, zero = intervals(1, 1, 1), intervals(0, 0, 0)
        return {
            "the same again": len(once) == 1,
            "the same again for seed 0": len(zero) == 1,
            "others differ": len(intervals(2, 3, 4, 5, 6) - once) > 0,
            "has a width": all(low < high for low, high in once | zero),
        }

    student.returns(
        probe,
        lambda: {
            "the same again": True,
            "the same again for seed 0": True,
            "others differ": True,
            "has a width": True,
        },
    )


@pytest.mark.hollow
def test_leaves_the_global_random_state_alone(student):
    correct = answers(30, 40)

    def draws(between):
        """What the three global generators give, seeded before and asked after something."""
        np.random.seed(1)  # noqa: NPY002
        random.seed(1)
        between()
        return torch.rand(4), np.random.random(), random.random()  # noqa: NPY002

    student.returns(
        lambda lesson: draws(lambda: lesson.bootstrap_interval(correct, resamples=3, seed=5)),
        lambda: draws(lambda: None),
    )


def test_refuses_a_level_in_per_cent(student):
    correct = answers(30, 40)
    student.raises(lambda lesson: lesson.bootstrap_interval(correct, level=95, resamples=3), ValueError, naming=[95])


def test_refuses_a_level_of_0_or_1_and_a_negative_one(student):
    correct = answers(30, 40)

    def probe(lesson):
        for level in (95, 1.0, 0.0):
            with suppress(ValueError):
                return f"{level} is not refused", lesson.bootstrap_interval(correct, level=level, resamples=3)
        return "-0.5 is not refused", lesson.bootstrap_interval(correct, level=-0.5, resamples=3)

    student.raises(probe, ValueError, naming=["-0.5"])
