"""learning_rate: a triangle over the steps of a run."""


def triangle(total, peak, warmup, descent):
    """Two straight lines with so many steps to the peak and from it, and the peak above both."""
    return [peak * min((step + 1) / warmup, (total - step) / descent, 1.0) for step in range(total)]


def test_climbs_to_the_peak_and_falls_from_it_on_straight_lines(student):
    student.returns(
        lambda lesson: [float(lesson.learning_rate(step, 14, 0.4, 0.25)) for step in range(14)],
        lambda: triangle(14, 0.4, 3.5, 10.5),
    )


def test_makes_no_step_with_a_rate_of_zero_however_short_the_run_or_its_sides(student):
    runs = [(1, 0.2), (2, 0.2), (4, 0.0), (4, 1.0)]
    student.returns(
        lambda lesson: [[float(lesson.learning_rate(s, n, 2.0, share)) for s in range(n)] for n, share in runs],
        lambda: [triangle(1, 2.0, 1, 1), triangle(2, 2.0, 1, 1), triangle(4, 2.0, 1, 3), triangle(4, 2.0, 4, 1)],
    )


def test_refuses_a_step_after_the_last(student):
    student.raises(lambda lesson: lesson.learning_rate(20, 20, 0.4), ValueError, naming=[20])


def test_refuses_a_step_before_the_first(student):
    student.raises(lambda lesson: lesson.learning_rate(-1, 20, 0.4), ValueError, naming=["-1"])
