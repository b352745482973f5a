"""stratified_split: the same share of every class is held out."""

import torch


def shuffled_labels():
    """Three classes, 0, 7 and 12, of 9, 11 and 20 images in random order."""
    labels = torch.tensor([0] * 9 + [7] * 11 + [12] * 20)
    return labels[torch.randperm(len(labels))]


def test_holds_out_the_same_share_of_each_class(student):
    labels = shuffled_labels()

    def probe(lesson):
        counts = {
            tuple(labels[lesson.stratified_split(labels, 0.3, seed)[1]].bincount(minlength=13)[[0, 7, 12]].tolist())
            for seed in range(12)
        }
        return "other numbers for other seeds" if len(counts) > 1 else counts.pop()

    student.returns(probe, lambda: (3, 3, 6))  # of 2.7, 3.3 and 6


def test_gives_every_index_to_exactly_one_side(student):
    labels, three = shuffled_labels(), torch.zeros(3, dtype=torch.int64)

    def probe(lesson):
        kept, held_out = (part.tolist() for part in lesson.stratified_split(labels, 0.3, seed=1))
        return {
            "indices": type(kept[0]).__name__,
            "on both sides": len(set(kept) & set(held_out)),
            "on neither side": len(set(range(40)) - set(kept) - set(held_out)),
            "shapes for one of three": [tuple(part.shape) for part in lesson.stratified_split(three, 0.3, seed=1)],
        }

    student.returns(
        probe,
        lambda: {
            "indices": "int",
            "on both sides": 0,
            "on neither side": 0,
            "shapes for one of three": [(2,), (1,)],
        },
    )


def test_sorts_both_sides(student):
    labels = shuffled_labels()

    def probe(lesson):
        kept, held_out = lesson.stratified_split(labels, 0.3, seed=1)
        return {
            "dtypes": {str(kept.dtype), str(held_out.dtype)} == {"torch.int64"},
            "kept": kept.tolist() == sorted(kept.tolist()),
            "held out": held_out.tolist() == sorted(held_out.tolist()),
        }

    student.returns(probe, lambda: {"dtypes": True, "kept": True, "held out": True})


def test_holds_out_nothing_or_everything_where_that_is_the_share(student):
    labels = shuffled_labels()

    def probe(lesson):
        sides = {share: lesson.stratified_split(labels, share, seed=1) for share in (0.0, 0.053, 1.0)}
        return {share: [(len(side), side.dtype) for side in both] for share, both in sides.items()}

    def expected():
        counts = {0.0: (40, 0), 0.053: (38, 2), 1.0: (0, 40)}  # in between: of 0.48, 0.58 and 1.06
        return {share: [(count, str(torch.int64)) for count in both] for share, both in counts.items()}

    student.returns(probe, expected)


def test_draws_at_random_from_its_seed_alone(student):
    labels = torch.arange(200) % 4

    def probe(lesson):
        def held_out(seed):
            return lesson.stratified_split(labels, 0.2, seed)[1].tolist()

        first, world = held_out(1), torch.get_rng_state()
        places = {index // 4 for index in first if index % 4 == 0}  # among the 50 images of class 0
        return {
            "the same seed gives the same split": {f"seed {seed}": held_out(seed) == held_out(seed) for seed in (0, 1)},
            "more than the first of each class": max(first) > 50,
            "more than one run of images": sum((place + 1) % 50 not in places for place in places) > 1,
            "another seed gives another split": held_out(2) != first,
            "the global generator is left alone": torch.get_rng_state().equal(world),
        }

    student.returns(
        probe,
        lambda: {
            "the same seed gives the same split": {"seed 0": True, "seed 1": True},
            "more than the first of each class": True,
            "more than one run of images": True,
            "another seed gives another split": True,
            "the global generator is left alone": True,
        },
    )


def test_refuses_a_share_of_more_than_everything(student):
    labels = shuffled_labels()
    student.raises(lambda lesson: lesson.stratified_split(labels, 1.5, seed=1), ValueError, naming=["1.5"])


def test_refuses_a_negative_share(student):
    labels = shuffled_labels()
    student.raises(lambda lesson: lesson.stratified_split(labels, -0.5, seed=1), ValueError, naming=["-0.5"])
