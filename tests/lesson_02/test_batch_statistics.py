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
    student.returns(  # as float16, as sums that are accurate to a thousandth are good enough
        lambda lesson: [value.half() for value in lesson.batch_statistics(x)],
        lambda: [value.half() for value in statistics(x.double())],
    )


def test_gives_vectors_for_a_single_channel_too(student):
    x = randn(2, 2, 4, 5)
    student.returns(
        lambda lesson: {channels: lesson.batch_statistics(x[:, :channels]) for channels in (1, 2)},
        lambda: {"1": statistics(x[:, :1]), "2": statistics(x)},
    )


def test_takes_a_tensor_whose_memory_is_not_contiguous(student):
    x = randn(5, 4, 3, 2)
    student.returns(
        lambda lesson: lesson.batch_statistics(x.permute(3, 2, 1, 0)), lambda: statistics(x.permute(3, 2, 1, 0))
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
    image = randn(3, 4, 5)
    student.raises(lambda lesson: lesson.batch_statistics(image), ValueError, naming=[image.shape])
