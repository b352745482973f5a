"""Batches: every image once, in an order that depends on seed and epoch alone."""

from contextlib import suppress

import torch

from course.student import randn


def numbered(count):
    """Images that hold their own number, and labels that are ten times as large."""
    number = torch.arange(count)
    return number.float().view(-1, 1, 1, 1), 10 * number


def dealt(batches):
    """The numbers of the images that some batches hold, in order."""
    return [int(number) for images, _ in batches for number in images.flatten()]


def whole(numbers, count):
    """Whether these are the numbers from 0 on, each once, in any order."""
    return sorted(numbers) == list(range(count))


def test_gives_every_image_once_in_batches_of_the_size_asked_for(student):
    data = numbered(49)

    def probe(lesson):
        batches = list(lesson.Batches(*data, 16, shuffle=True, seed=1).epoch(0))
        return {
            "images": [tuple(images.shape) for images, _ in batches],
            "labels": [tuple(labels.shape) for _, labels in batches],
            "each once": whole(dealt(batches), 49),
        }

    def expected():
        sizes = 16, 16, 16, 1
        return {"images": [(n, 1, 1, 1) for n in sizes], "labels": [(n,) for n in sizes], "each once": True}

    student.returns(probe, expected)


def test_gives_every_image_its_own_label(student):
    data = numbered(50)

    def probe(lesson):
        pairs = list(lesson.Batches(*data, 16, shuffle=True, seed=1).epoch(0))
        if all((10 * images.flatten()).tolist() == labels.tolist() for images, labels in pairs):
            return "its own"
        given = [int(label) for _, labels in pairs for label in labels]
        return "another's, in order" if given == sorted(given) else "another's"

    student.returns(probe, lambda: "its own")


def test_keeps_the_order_unless_it_is_told_to_shuffle(student):
    images, labels = randn(8, 2, 3, 3), torch.arange(8)

    def probe(lesson):
        batches = lesson.Batches(images, labels, 4)
        epoch, loop = ([(x, y) for x, y in pairs] for pairs in (batches.epoch(1), batches))
        return {"order": batches.order(1), "epoch": epoch, "a for loop": loop}

    def expected():
        epoch = [(images[:4], labels[:4]), (images[4:], labels[4:])]
        return {"order": torch.arange(8), "epoch": epoch, "a for loop": epoch}

    student.returns(probe, expected)


def test_shuffles_anew_for_every_epoch_and_every_seed(student):
    data = numbered(50)

    def probe(lesson):
        one, two = (lesson.Batches(*data, 16, shuffle=True, seed=seed) for seed in (1, 2))
        first, second, other = (order.tolist() for order in (one.order(0), one.order(1), two.order(0)))
        runs = [lesson.Batches(*data, 16, shuffle=True, seed=seed) for seed in range(4)]
        orders = {tuple(run.order(epoch).tolist()) for run in runs for epoch in range(12)}
        return {
            "shuffled": first != list(range(50)),
            "another order in the next epoch": second != first,
            "another order with another seed": other != first,
            "orders of four seeds in twelve epochs": len(orders),
            "the next seed's order a hundred epochs later": one.order(100).tolist() == other,
        }

    student.returns(
        probe,
        lambda: {
            "shuffled": True,
            "another order in the next epoch": True,
            "another order with another seed": True,
            "orders of four seeds in twelve epochs": 48,
            "the next seed's order a hundred epochs later": False,
        },
    )


def test_repeats_an_epoch_whatever_was_asked_before(student):
    data = numbered(50)

    def probe(lesson):
        def repeated(seed):
            world = torch.get_rng_state()
            batches = lesson.Batches(*data, 16, shuffle=True, seed=seed)
            first = dealt(batches.epoch(2))
            return {
                "asked again": dealt(batches.epoch(2)) == first,
                "asked of another object": dealt(lesson.Batches(*data, 16, shuffle=True, seed=seed).epoch(2)) == first,
                "the global generator is left alone": torch.get_rng_state().equal(world),
            }

        return {f"seed {seed}": repeated(seed) for seed in (0, 1)}

    def expected():
        right = {
            "asked again": True,
            "asked of another object": True,
            "the global generator is left alone": True,
        }
        return {"seed 0": right, "seed 1": right}

    student.returns(probe, expected)


def test_enters_an_epoch_at_any_batch(student):
    data = numbered(48)

    def probe(lesson):
        batches = lesson.Batches(*data, 16, shuffle=True, seed=1)
        late = list(batches.epoch(2, start=1))
        return {
            "sizes": [len(images) for images, _ in late],
            "the images of the whole epoch": dealt(late) == dealt(batches.epoch(2))[16:],
            "the same when asked again": dealt(late) == dealt(batches.epoch(2, start=1)),
            "after the last batch": dealt(batches.epoch(2, start=3)),
        }

    student.returns(
        probe,
        lambda: {
            "sizes": [16, 16],
            "the images of the whole epoch": True,
            "the same when asked again": True,
            "after the last batch": [],
        },
    )


def test_goes_on_with_the_pack_where_a_short_epoch_ended(student):
    data = numbered(30)

    def probe(lesson):
        batches = lesson.Batches(*data, 4, shuffle=True, seed=1, epoch_size=12)
        epochs = [dealt(batches.epoch(epoch)) for epoch in range(5)]
        numbers = [number for epoch in epochs for number in epoch]
        in_order = lesson.Batches(*data, 4, epoch_size=12)
        return {
            "images an epoch": len(numbers) / 5,
            "the first pack is whole": whole(numbers[:30], 30),
            "the second pack is whole": whole(numbers[30:], 30),
            "the second is shuffled anew": numbers[:30] != numbers[30:],
            "more than one epoch's images": len(set(numbers)) > 12,
            "twice in one epoch": any(len(set(epoch)) < len(epoch) for epoch in epochs[:2]),
            "the same when asked again": dealt(batches.epoch(0)) == epochs[0],
            "in order": [in_order.order(epoch).tolist() for epoch in range(3)],
            "batches in order": [dealt(in_order.epoch(epoch)) for epoch in range(3)],
            "order() is that of the epoch": all(batches.order(k).tolist() == epochs[k] for k in range(5)),
        }

    student.returns(
        probe,
        lambda: {
            "images an epoch": 12.0,
            "the first pack is whole": True,
            "the second pack is whole": True,
            "the second is shuffled anew": True,
            "more than one epoch's images": True,
            "twice in one epoch": False,
            "the same when asked again": True,
            "in order": [[*range(12)], [*range(12, 24)], [*range(24, 30), *range(6)]],
            "batches in order": [[*range(12)], [*range(12, 24)], [*range(24, 30), *range(6)]],
            "order() is that of the epoch": True,
        },
    )


def test_opens_new_packs_in_a_long_epoch(student):
    data = numbered(20)

    def probe(lesson):
        batches = lesson.Batches(*data, 5, shuffle=True, seed=1, epoch_size=50)
        numbers, later = dealt(batches.epoch(0)), dealt(batches.epoch(1))
        return {
            "images": len(numbers),
            "the first pack is whole": whole(numbers[:20], 20),
            "the second pack is whole": whole(numbers[20:40], 20),
            "the second is shuffled anew": numbers[:20] != numbers[20:40],
            "the next epoch is shuffled anew": numbers[:20] != later[10:30],
            "the next epoch deals the rest of the third": whole(numbers[40:] + later[:10], 20),
            "the next epoch deals the second again": numbers[20:40] == later[:20],
            "the next epoch, not shuffled": lesson.Batches(*data, 5, epoch_size=50).order(1).tolist(),
        }

    student.returns(
        probe,
        lambda: {
            "images": 50,
            "the first pack is whole": True,
            "the second pack is whole": True,
            "the second is shuffled anew": True,
            "the next epoch is shuffled anew": True,
            "the next epoch deals the rest of the third": True,
            "the next epoch deals the second again": False,
            "the next epoch, not shuffled": [*range(10, 20), *range(20), *range(20)],
        },
    )


def test_counts_its_batches(student):
    data = numbered(50)

    def probe(lesson):
        return [
            len(lesson.Batches(*data, 16)),
            len(lesson.Batches(*data, 25)),
            len(lesson.Batches(*data, 16, epoch_size=20)),
        ]

    student.returns(probe, lambda: [4, 2, 2])


def test_says_what_it_was_given(student):
    data = numbered(50)

    def probe(lesson):
        plain, other = lesson.Batches(*data, 16), lesson.Batches(*data, 7, shuffle=True, seed=3, epoch_size=20)
        large = lesson.Batches(*data, 64, epoch_size=100)
        return [(b.batch_size, b.shuffle, b.seed, b.epoch_size) for b in (plain, other, large)]

    student.returns(probe, lambda: [(16, False, 0, 50), (7, True, 3, 20), (64, False, 0, 100)])


def test_refuses_images_without_labels_and_labels_without_images(student):
    images, labels = numbered(51)

    def probe(lesson):
        with suppress(ValueError):
            return "a label too few is not refused", lesson.Batches(images[:50], labels[:49], 16)
        return "a label too many is not refused", lesson.Batches(images[:50], labels, 16)

    student.raises(probe, ValueError, naming=[50, 51])


def test_refuses_sizes_smaller_than_1(student):
    data = numbered(50)

    def probe(lesson):
        with suppress(ValueError):
            return "0 is not refused", lesson.Batches(*data, 0)
        with suppress(ValueError):
            return "-4 is not refused", lesson.Batches(*data, -4)
        with suppress(ValueError):
            return "an epoch_size of -3 is not refused", lesson.Batches(*data, 16, epoch_size=-3)
        return lesson.Batches(*data, -4)  # once more, for its message

    student.raises(probe, ValueError, naming=["-4"])


def test_refuses_empty_epochs(student):
    data, nothing = numbered(50), numbered(0)

    def probe(lesson):
        with suppress(ValueError):
            return "an epoch_size of 0 is not refused", lesson.Batches(*data, 16, epoch_size=0).epoch_size
        with suppress(ValueError):
            return "no images at all are not refused", lesson.Batches(*nothing, 16).epoch_size
        return lesson.Batches(*data, 16, epoch_size=0).epoch_size  # once more, for its message

    student.raises(probe, ValueError, naming=[0])
