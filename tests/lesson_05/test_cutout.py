"""cutout: a square of zeros in each image, with its centre anywhere in the image."""

import pytest
import torch

from course.student import randn

AS_IT_SHOULD = {
    "equal generators give equal images": True,
    "later batches draw anew": True,
    "other seeds draw otherwise": True,
    "the generator has moved on": True,
    "the global generator is left alone": True,
}


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


def holes(images, out):
    """Which pixels of which channels have changed, and what they hold now."""
    changed = out != images  # (N, C, H, W)
    if not (out[changed] == 0).all():
        return "filled with something else than 0"
    if not changed.equal(changed[:, :1].expand_as(changed)):
        return "another hole for each channel"
    changed = changed[:, 0]
    rows, columns = changed.any(dim=2), changed.any(dim=1)  # (N, H), (N, W)
    if not changed.equal(rows[:, :, None] & columns[:, None, :]):
        return f"no rectangles; at most {int((~changed).sum(dim=(1, 2)).max())} pixels of an image are left"
    seen = {(first_and_last(r), first_and_last(c)) for r, c in zip(rows.tolist(), columns.tolist(), strict=True)}
    if len(seen) == 1:
        return "the same square in every image"
    return {
        "first and last rows": sorted({r for r, _ in seen}),
        "first and last columns": sorted({c for _, c in seen}),
        "squares": len(seen),
    }


def first_and_last(inside):
    """Where a run of True begins and ends; (-1, -1) if there is none."""
    where = [i for i, value in enumerate(inside) if value]
    return (where[0], where[-1]) if where else (-1, -1)


def intervals(length, size):
    """The rows that a square may cover, its centre on any of them."""
    starts = [centre - size // 2 for centre in range(length)]
    return [(max(start, 0), min(start + size, length) - 1) for start in starts]


def test_cuts_a_square_with_its_centre_anywhere_in_the_image(student):
    images = randn(900, 2, 5, 7)

    def probe(lesson):
        return holes(images, lesson.cutout(images.clone(), 3, torch.Generator().manual_seed(5)))

    def expected():
        rows, columns = intervals(5, 3), intervals(7, 3)
        return {"first and last rows": rows, "first and last columns": columns, "squares": 35}

    student.returns(probe, expected)


def test_puts_the_centre_of_an_even_square_right_of_and_below_its_middle(student):
    images = randn(900, 2, 7, 5)

    def probe(lesson):
        return holes(images, lesson.cutout(images.clone(), 4, torch.Generator().manual_seed(5)))

    def expected():
        rows, columns = intervals(7, 4), intervals(5, 4)
        return {"first and last rows": sorted(rows), "first and last columns": sorted(columns), "squares": 35}

    student.returns(probe, expected)


def test_takes_every_size_from_0_to_more_than_the_image(student):
    images = randn(900, 2, 5, 7)

    def probe(lesson):
        generator = torch.Generator().manual_seed(5)
        return {
            "a size of 0 cuts nothing": lesson.cutout(images.clone(), 0, generator).equal(images),
            "a size of 8": holes(images, lesson.cutout(images.clone(), 8, generator)),
        }

    def expected():
        rows, columns = sorted({*intervals(5, 8)}), sorted({*intervals(7, 8)})
        large = {"first and last rows": rows, "first and last columns": columns, "squares": len(rows) * len(columns)}
        return {"a size of 0 cuts nothing": True, "a size of 8": large}

    student.returns(probe, expected)


def test_gives_every_pixel_the_same_chance_to_be_the_centre(student):
    images = randn(4000, 1, 5, 5)

    def probe(lesson):
        cut = (lesson.cutout(images.clone(), 1, torch.Generator().manual_seed(5)) != images)[:, 0].float()  # (N, 5, 5)
        rows, columns = cut.amax(dim=2).mean(dim=0), cut.amax(dim=1).mean(dim=0)
        return {  # a fifth each, within 6 sigma
            "rows": bool(((rows - 0.2).abs() < 0.038).all()),
            "columns": bool(((columns - 0.2).abs() < 0.038).all()),
            "the ends are rare": bool(max(rows[0], rows[4]) < 0.16 < min(rows[1], rows[3])),
        }

    student.returns(probe, lambda: {"rows": True, "columns": True, "the ends are rare": False})


def test_draws_from_the_generator_alone(student):
    images = randn(60, 1, 4, 5)
    student.returns(
        lambda lesson: chance(lambda generator: lesson.cutout(images.clone(), 2, generator)),
        lambda: AS_IT_SHOULD,
    )


@pytest.mark.hollow
def test_keeps_bytes_as_bytes_and_every_digit_of_float64(student):
    data = torch.randint(1, 256, (30, 1, 4, 5), dtype=torch.uint8), randn(30, 1, 4, 5, dtype=torch.float64)

    def probe(lesson):
        answers = []
        for images in data:
            out = lesson.cutout(images.clone(), 2, torch.Generator().manual_seed(5))
            answers.append({"dtype": out.dtype, "as it was or 0": bool(((out == images) | (out == 0)).all())})
        return answers

    student.returns(
        probe, lambda: [{"dtype": str(kind), "as it was or 0": True} for kind in (torch.uint8, torch.float64)]
    )


@pytest.mark.hollow
def test_leaves_the_input_unchanged(student):
    images = randn(60, 1, 4, 5)

    def probe(lesson):
        before = images.clone()
        lesson.cutout(images, 2, torch.Generator().manual_seed(5))
        return images.equal(before)

    student.returns(probe, lambda: True)
