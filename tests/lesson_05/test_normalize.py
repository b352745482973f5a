"""normalize: bytes to numbers around 0, channel by channel."""

from contextlib import suppress

import torch

from course.student import randn


def test_brings_every_channel_to_its_own_scale_batch_after_batch(student):
    images = torch.randint(256, (4, 4, 4, 4), dtype=torch.uint8)  # all of a size: a wrong axis raises no error
    mean, std = torch.tensor([0.3, 0.5, 0.6, 0.4]), torch.tensor([0.2, 0.25, 0.4, 0.3])

    def probe(lesson):
        for channels in (3, 4):
            try:
                lesson.normalize(images[:, :channels], mean[:channels].clone(), std[:channels].clone())
            except ValueError:
                return "right statistics are refused, of as many channels as", channels
        first, second = (lesson.normalize(images, mean, std) for _ in range(2))
        return {"first": first, "second": second, "mean": mean, "std": std}

    def expected():
        right = ((images.double() / 255 - mean.view(4, 1, 1)) / std.view(4, 1, 1)).float()
        return {"first": right, "second": right, "mean": mean, "std": std}

    student.returns(probe, expected)


def test_refuses_statistics_of_another_number_of_channels(student):
    images = torch.randint(256, (2, 3, 4, 5), dtype=torch.uint8)
    mean, std = randn(1), randn(1)
    student.raises(lambda lesson: lesson.normalize(images, mean, std), ValueError, naming=[images.shape, mean.shape])


def test_refuses_a_deviation_of_another_shape_as_well(student):
    images = torch.randint(256, (2, 3, 4, 5), dtype=torch.uint8)
    three, one = randn(3), randn(1)

    def probe(lesson):
        with suppress(ValueError):
            return "a mean is not refused", lesson.normalize(images, one, three)
        return "a deviation is not refused", lesson.normalize(images, three, one)

    student.raises(probe, ValueError, naming=[images.shape, one.shape])


def test_refuses_statistics_of_more_dimensions(student):
    images = torch.randint(256, (2, 3, 4, 5), dtype=torch.uint8)
    one, three = randn(1), randn(3, 1, 1)

    def probe(lesson):
        with suppress(ValueError):
            return "one number is not refused", lesson.normalize(images, one, one)
        return "another shape is not refused", lesson.normalize(images, three, three)

    student.raises(probe, ValueError, naming=[images.shape, three.shape])
