"""batch_statistics: one mean and one biased variance per channel."""

import torch

from course.student import randn


def statistics(x):
    return x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), unbiased=False)


def gradient(function, x):
    """What the squares of both statistics send back to x; zeros where they send nothing."""
    x.requires_grad_()
    sum(((x * 0).sum(), *(value.square().sum() for value in function(x * 1)))).backward()
    return x.grad


def test_gives_one_mean_and_one_biased_variance_per_channel(student):
    x = 2 * randn(2, 3, 4, 5, dtype=torch.float64) + 1
    student.returns(lambda lesson: lesson.batch_statistics(x), lambda: statistics(x), without=["batch_norm"])


def test_stays_accurate_in_float32_where_the_mean_is_far_from_zero(student):
    x = randn(4, 3, 5, 6) + 1000
    student.returns(
        lambda lesson: lesson.batch_statistics(x), lambda: tuple(value.float() for value in statistics(x.double()))
    )


def test_leaves_the_input_unchanged(student):
    x = randn(2, 3, 4, 5) + 1

    def probe(lesson):
        mean, var = lesson.batch_statistics(x)
        return {"mean": mean, "var": var, "x": x}

    student.returns(probe, lambda: {"mean": statistics(x)[0], "var": statistics(x)[1], "x": x})


def test_lets_the_gradient_through_to_the_input(student):
    x = randn(2, 3, 4, 5, dtype=torch.float64) + 1
    student.returns(lambda lesson: gradient(lesson.batch_statistics, x), lambda: gradient(statistics, x.clone()))


def test_refuses_an_input_that_is_no_batch_of_images(student):
    x = randn(6, 3)
    student.raises(lambda lesson: lesson.batch_statistics(x), ValueError, naming=[x.shape])
    deep = randn(2, 3, 4, 5, 6)
    student.raises(lambda lesson: lesson.batch_statistics(deep), ValueError, naming=[deep.shape])
