"""random_crop: each image comes back as a window of its padded self, at a place of its own."""

import pytest
import torch
import torch.nn.functional as F

from course.student import randn

AS_IT_SHOULD = {
    "equal generators give equal images": True,
    "later batches draw anew": True,
    "other seeds draw otherwise": True,
    "the generator has moved on": True,
    "the global generator is left alone": True,
}

WINDOWS = {"rows": [0, 1, 2, 3, 4], "columns": [0, 1, 2, 3, 4], "windows": 25}


def chance(draw):
    """How the images of `draw(generator)` depend on the generator, and what becomes of it."""
    one, same, *others = (torch.Generator().manual_seed(seed) for seed in (3, 3, *range(20)))
    before, world = one.get_state(), torch.get_rng_state()
    first = draw(one)
    return {
        "equal generators give equal images": draw(same).equal(first),
        "later batches draw anew": not all(draw(one).equal(first) for _ in range(20)),
        "other seeds draw otherwise": not all(draw(other).equal(first) for other in others),
        "the generator has moved on": not one.get_state().equal(before),
        "the global generator is left alone": torch.get_rng_state().equal(world),
    }


def places(images, out, pads, mode="constant"):
    """Which windows of its padded self each channel of an image may be: bool (N, C, 2p + 1, 2p + 1)."""
    height, width = images.shape[2:]
    padded = F.pad(images, pads, mode=mode)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (N, C, 2p + 1, 2p + 1, H, W)
    return (windows == out[:, :, None, None]).all(dim=5).all(dim=4)


def described(images, out, padding):
    """What sort of crops these are, and how far they go."""
    if out.shape != images.shape:
        return f"{'smaller' if out.numel() < images.numel() else 'other'} images"
    for mode in ("reflect", "replicate", "circular"):
        if places(images, out, [padding] * 4, mode).all(dim=1).flatten(1).any(dim=1).all():
            return f"{mode} padding"
    places_of_channels = places(images, out, [padding] * 4)
    if not places_of_channels.flatten(2).any(dim=2).all():
        corners = [places(images, out, pads) for pads in ([2 * padding, 0] * 2, [0, 2 * padding] * 2)]
        cornered = any(place.flatten(2).any(dim=2).all() for place in corners)
        return "all padding on two sides" if cornered else "no windows of the padded images"
    here = places_of_channels.all(dim=1)
    if not here.flatten(1).any(dim=1).all():
        return "another window for each channel"
    _, down, right = here.nonzero().T
    shifts = set(zip(down.tolist(), right.tolist(), strict=True))
    if len(shifts) == 1:
        return "the same window in every image"
    return {"rows": sorted(set(down.tolist())), "columns": sorted(set(right.tolist())), "windows": len(shifts)}


def test_shifts_each_image_by_its_own_number_of_rows_and_columns(student):
    images = randn(600, 2, 4, 5)

    def probe(lesson):
        generator = torch.Generator().manual_seed(5)
        found = described(images, lesson.random_crop(images.clone(), 2, generator), 2)
        if found != WINDOWS:
            return found
        last = images.clone(memory_format=torch.channels_last)  # the same images, in memory pixel by pixel
        return {
            **found,
            "as they are without padding": lesson.random_crop(images.clone(), 0, generator).equal(images),
            "channels last in memory": described(images, lesson.random_crop(last, 2, generator), 2),
        }

    student.returns(probe, lambda: {**WINDOWS, "as they are without padding": True, "channels last in memory": WINDOWS})


def test_gives_every_shift_the_same_chance(student):
    images = randn(4000, 1, 3, 3)

    def probe(lesson):
        out = lesson.random_crop(images.clone(), 2, torch.Generator().manual_seed(5))
        if out.shape != images.shape:
            return "other images"
        here = places(images, out, [2] * 4)[:, 0].float()
        rows, columns = here.amax(dim=2).mean(dim=0), here.amax(dim=1).mean(dim=0)
        return {  # a fifth each, within 6 sigma
            "rows": bool(((rows - 0.2).abs() < 0.038).all()),
            "columns": bool(((columns - 0.2).abs() < 0.038).all()),
            "the ends are rare": bool(max(rows[0], rows[4]) < 0.16 < min(rows[1], rows[3])),
        }

    student.returns(probe, lambda: {"rows": True, "columns": True, "the ends are rare": False})


def test_draws_from_the_generator_alone(student):
    images = randn(60, 1, 3, 3)
    student.returns(
        lambda lesson: chance(lambda generator: lesson.random_crop(images.clone(), 1, generator)),
        lambda: AS_IT_SHOULD,
    )


def test_gives_every_shift_to_an_image_on_its_own_as_well(student):
    image = randn(1, 1, 3, 3)

    def probe(lesson):
        generator = torch.Generator().manual_seed(5)
        seen = set()
        for _ in range(200):
            here = places(image, lesson.random_crop(image.clone(), 1, generator), [1] * 4)[0, 0]
            seen |= {tuple(place) for place in here.nonzero().tolist()}
        return sorted(seen)

    student.returns(probe, lambda: [(down, right) for down in range(3) for right in range(3)])


@pytest.mark.hollow
def test_keeps_bytes_as_bytes_and_every_digit_of_float64(student):
    data = torch.randint(1, 256, (50, 1, 3, 4), dtype=torch.uint8), randn(50, 1, 3, 4, dtype=torch.float64)

    def probe(lesson):
        answers = []
        for images in data:
            out = lesson.random_crop(images.clone(), 1, torch.Generator().manual_seed(5))
            windows = places(images, out.to(images.dtype), [1] * 4)[:, 0].flatten(1).any(dim=1)
            answers.append({"dtype": out.dtype, "windows of the images padded with zeros": bool(windows.all())})
        return answers

    def expected():
        kinds = torch.uint8, torch.float64
        return [{"dtype": str(kind), "windows of the images padded with zeros": True} for kind in kinds]

    student.returns(probe, expected)


@pytest.mark.hollow
def test_leaves_the_input_unchanged(student):
    images = randn(60, 1, 3, 3)

    def probe(lesson):
        before = images.clone()
        lesson.random_crop(images, 1, torch.Generator().manual_seed(5))
        return images.equal(before)

    student.returns(probe, lambda: True)
