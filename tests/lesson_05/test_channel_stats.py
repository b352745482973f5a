"""channel_stats: one mean and one deviation per channel, over all images and pixels."""

import torch


def few_images():
    """Two images of different brightness, uint8 (2, 6, 4, 5): few enough for n - 1 to differ from n."""
    return (torch.rand(2, 6, 4, 5) * torch.tensor([90, 256])[:, None, None, None]).byte()


def test_gives_the_mean_of_each_channel_where_255_counts_as_1(student):
    images = few_images()
    student.returns(
        lambda lesson: lesson.channel_stats(images)[0],
        lambda: (images.double() / 255).mean(dim=(0, 2, 3)).float(),
    )


def test_gives_the_deviation_of_all_values_of_a_channel_from_their_mean(student):
    images = few_images()
    student.returns(
        lambda lesson: lesson.channel_stats(images)[1],
        lambda: (images.double() / 255).std(dim=(0, 2, 3), correction=0).float(),
    )


def test_takes_all_images_together_however_many_there_are(student):
    brighter = torch.linspace(10, 256, 2501)[:, None, None, None]  # from image to image
    images = (torch.rand(2501, 3, 1, 2) * brighter).byte()

    def expected():
        pixels = images.double() / 255
        return pixels.mean(dim=(0, 2, 3)).float(), pixels.std(dim=(0, 2, 3), correction=0).float()

    student.returns(lambda lesson: lesson.channel_stats(images), expected)


def test_stays_exact_however_little_the_values_of_a_channel_differ(student):
    equal = torch.arange(1, 256, dtype=torch.uint8).view(1, -1, 1, 1).expand(300, -1, 1, 1)  # each channel its own byte
    bright = torch.randint(250, 253, (300, 3, 3, 3), dtype=torch.uint8)

    def probe(lesson):
        return {"all equal": lesson.channel_stats(equal)[1], "250 to 252": lesson.channel_stats(bright)[1]}

    def expected():
        deviation = (bright.double() / 255).std(dim=(0, 2, 3), correction=0)
        return {"all equal": torch.zeros(255), "250 to 252": deviation.float()}

    student.returns(probe, expected)
