"""learning_rate: a triangle over the steps of a run."""

import numpy as np

TOTAL, PEAK = 20, 0.4


def triangle(total, peak, warmup):
    """The corners of the triangle joined by straight lines, at every step; `warmup` steps climb."""
    return [float(rate) for rate in np.interp(np.arange(total), [-1, warmup - 1, warmup, total], [0, peak, peak, 0])]


def test_climbs_to_the_peak_and_falls_from_it_on_straight_lines(student):
    student.returns(
        lambda lesson: [float(lesson.learning_rate(step, TOTAL, PEAK, 0.3)) for step in range(TOTAL)],
        lambda: triangle(TOTAL, PEAK, 6),
    )


def test_climbs_for_a_fifth_of_the_run_unless_told_otherwise(student):
    student.returns(
        lambda lesson: [float(lesson.learning_rate(step, 50, 1.0)) for step in range(50)], lambda: triangle(50, 1.0, 10)
    )


def test_makes_no_step_with_a_rate_of_zero_however_short_the_run(student):
    student.returns(
        lambda lesson: [[float(lesson.learning_rate(s, n, 1.0)) for s in range(n)] for n in (1, 2, 3, 5)],
        lambda: [[1.0], [1.0, 1.0], [1.0, 2 / 2, 1 / 2], [1.0, 1.0, 0.75, 0.5, 0.25]],
    )


def test_never_exceeds_the_peak_where_the_climb_ends_between_two_steps(student):
    def right(step):  # 3.5 of 14 steps climb
        return 0.4 * min((step + 1) / 3.5, (14 - step) / 10.5, 1.0)

    student.returns(
        lambda lesson: [float(lesson.learning_rate(step, 14, 0.4, 0.25)) for step in range(14)],
        lambda: [right(step) for step in range(14)],
    )


def test_can_only_fall_or_only_climb(student):
    student.returns(
        lambda lesson: [[float(lesson.learning_rate(s, 4, 2.0, share)) for s in range(4)] for share in (0.0, 1.0)],
        lambda: [[2.0, 2.0, 4 / 3, 2 / 3], [0.5, 1.0, 1.5, 2.0]],
    )


def test_refuses_a_step_after_the_last(student):
    student.raises(lambda lesson: lesson.learning_rate(20, TOTAL, PEAK), ValueError, naming=[20])


def test_refuses_a_step_before_the_first(student):
    student.raises(lambda lesson: lesson.learning_rate(-1, TOTAL, PEAK), ValueError, naming=["-1"])
