"""random_flip: about half the images come back mirrored, each by a coin of its own."""

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


def kinds(images, out):
    """What became of each image, in words."""
    changes = {
        "as it was": images,
        "mirrored": images.flip(3),
        "upside down": images.flip(2),
        "turned half round": images.flip(2, 3),
        "channels reversed": images.flip(1),
    }
    found = [[name for name, image in changes.items() if o.equal(image[i])] for i, o in enumerate(out)]
    return [names[0] if names else "something else" for names in found]


def test_mirrors_some_images_of_a_batch_left_to_right_and_leaves_the_others(student):
    images = randn(320, 2, 3, 4)

    def probe(lesson):
        generator = torch.Generator().manual_seed(5)
        seen = [kinds(batch, lesson.random_flip(batch.clone(), generator)) for batch in images.split(8)]
        return {
            "seen": sorted(set().union(*seen)),
            "both within a batch": max(len(set(batch)) for batch in seen) > 1,
        }

    student.returns(probe, lambda: {"seen": ["as it was", "mirrored"], "both within a batch": True})


def test_mirrors_half_of_them(student):
    images = randn(900, 1, 1, 2)

    def probe(lesson):
        out = lesson.random_flip(images.clone(), torch.Generator().manual_seed(5))
        mirrored = kinds(images, out).count("mirrored")
        if mirrored in (0, 900):
            return "none" if mirrored == 0 else "all"
        return "about half" if abs(mirrored - 450) < 90 else "more" if mirrored > 450 else "fewer"  # 6 sigma

    student.returns(probe, lambda: "about half")


def test_draws_from_the_generator_alone(student):
    images = randn(60, 1, 2, 3)
    student.returns(
        lambda lesson: chance(lambda generator: lesson.random_flip(images.clone(), generator)),
        lambda: AS_IT_SHOULD,
    )


def test_tosses_a_coin_for_each_image(student):
    images = randn(320, 2, 3, 4)

    def probe(lesson):
        generator = torch.Generator().manual_seed(5)
        seen = [tuple(kinds(batch, lesson.random_flip(batch.clone(), generator))) for batch in images.split(8)]
        return {
            "as many in every batch": len({batch.count("as it was") for batch in seen}) == 1,
            "the same ones in every batch": len(set(seen)) == 1,
        }

    student.returns(probe, lambda: {"as many in every batch": False, "the same ones in every batch": False})


def test_keeps_bytes_as_bytes_and_every_digit_of_float64(student):
    data = torch.randint(256, (40, 1, 2, 9), dtype=torch.uint8), randn(40, 1, 2, 9, dtype=torch.float64)

    def probe(lesson):
        answers = []
        for images in data:
            out = lesson.random_flip(images.clone(), torch.Generator().manual_seed(5))
            answers.append({"dtype": out.dtype, "seen": sorted(set(kinds(images, out.to(images.dtype))))})
        return answers

    def expected():
        return [{"dtype": str(kind), "seen": ["as it was", "mirrored"]} for kind in (torch.uint8, torch.float64)]

    student.returns(probe, expected)


@pytest.mark.hollow
def test_leaves_the_input_unchanged(student):
    images = randn(60, 1, 2, 3)

    def probe(lesson):
        before = images.clone()
        lesson.random_flip(images, torch.Generator().manual_seed(5))
        return images.equal(before)

    student.returns(probe, lambda: True)
