"""DeviceBatches: what a batch holds is told from the pictures, whatever generator its chance comes from."""

from itertools import pairwise

import torch
import torch.nn.functional as F

from course.student import randn

CPU = torch.device("cpu")
BYTES = (torch.zeros(3), torch.full((3,), 1 / 255))  # statistics that leave a byte the number it is
SIDE = 6


def pictures(count):
    """Random bytes (count, 3, 6, 6), none of them 0, and labels that number the images."""
    return (randn(count, 3, SIDE, SIDE) * 60 + 128).clamp(1, 255).to(torch.uint8), torch.arange(count)


def batches(lesson, images, labels, **settings):
    """Batches of 5 images in their own size, of bytes, unless told otherwise."""
    settings = {"batch_size": 5, "device": CPU, "stats": BYTES, "sizes": (SIDE,)} | settings
    return lesson.DeviceBatches(images, labels, **settings)


def together(shards):
    """The batch that these shards were taken from, one image of each in turn."""
    batch = torch.zeros(sum(map(len, shards)), 3, SIDE, SIDE)
    for rank, shard in enumerate(shards):
        batch[rank :: len(shards)] = shard
    return batch


def looks(epoch, images, padding=0, side=SIDE):
    """Each image's label and how it looks, one after the other: (mirrored, down, right), or None if otherwise."""

    def shrunk(window):
        return F.interpolate(window[None], size=(side, side), mode="bilinear", antialias=True)[0]

    found = []
    for x, labels in epoch:
        for picture, label in zip(x, labels.tolist(), strict=True):
            look = None
            for mirrored in (False, True):
                wide = F.pad(images[label].flip(-1) if mirrored else images[label], [padding] * 4).float()
                for down in range(2 * padding + 1):
                    for right in range(2 * padding + 1):
                        window = wide[:, down : down + SIDE, right : right + SIDE]
                        if (picture - shrunk(window)).abs().max() < 0.01:
                            look = (mirrored, down, right)
            found.append((label, look))
    return found


def test_normalises_then_scales_to_the_side_of_the_epoch(student):
    images, labels = pictures(7)
    stats = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.1, 0.2, 0.3])

    def probe(lesson):
        data = batches(lesson, images, labels, stats=stats, sizes=(4, SIDE, 8, 5))
        return [[x for x, _ in data.epoch(epoch)] for epoch in range(5)]

    def expected():
        mean, std = (values[:, None, None] for values in stats)
        x = (images / 255 - mean) / std
        sides = 4, SIDE, 8, 5, 5
        scaled = [F.interpolate(x, size=(side, side), mode="bilinear", antialias=True) for side in sides]
        return [list(images.split(5)) for images in scaled]

    student.returns(probe, expected)


def test_shares_out_images_and_labels(student):
    images, labels = pictures(11)  # the last batch holds one image, and process 1 gets none of it

    def probe(lesson):
        shards = [batches(lesson, images, labels, shard=(rank, 2)) for rank in range(2)]
        return [pair for shard in shards for pair in shard.epoch(0)]

    def expected():
        pairs = list(zip(images.float().split(5), labels.split(5), strict=True))
        return [(x[rank::2], y[rank::2]) for rank in range(2) for x, y in pairs]

    student.returns(probe, expected)


def test_keeps_channels_next_to_each_other_in_memory(student):
    images, labels = pictures(6)

    def probe(lesson):
        def lie_so(shard):
            data = batches(lesson, images, labels, augment=True, padding=1, sizes=(SIDE, 4), shard=shard)
            kept = [x for epoch in (0, 1) for x, _ in data.epoch(epoch)]
            return [x.is_contiguous(memory_format=torch.channels_last) for x in kept]

        return {"whole batches": lie_so((0, 1)), "shares of two processes": lie_so((0, 2))}

    student.returns(probe, lambda: {"whole batches": [True] * 4, "shares of two processes": [True] * 4})


def test_mirrors_and_shifts_after_normalising_before_sharing_out(student):
    images, labels = pictures(40)
    grey = torch.full((3,), 0.5), torch.full((3,), 1 / 255)  # the mean colour is 127.5, not black

    def probe(lesson):
        def epoch(shard):  # its first batch holds the last five images of a pack and the first five of the next
            settings = {"stats": grey, "augment": True, "padding": 1, "batch_size": 10, "epoch_size": 35}
            return list(batches(lesson, images, labels, shard=shard, **settings).epoch(1))

        alone, shards = epoch((0, 1)), [epoch((rank, 3)) for rank in range(3)]
        known = [look for _, look in looks(alone, images.float() - 127.5, 1) if look]
        batches_of_shards = [[x for x, _ in parts] for parts in zip(*shards, strict=True)]
        pairs = list(zip([x for x, _ in alone], batches_of_shards, strict=True))
        return {
            "images that are mirrored and shifted, else left as they are": len(known),
            "mirrored or not": sorted({mirrored for mirrored, _, _ in known}),
            "down": sorted({down for _, down, _ in known}),
            "right": sorted({right for _, _, right in known}),
            "shards are together what one process sees": all(x.equal(together(parts)) for x, parts in pairs),
            "or the same images in another order": all(
                (x.sum() - sum(map(torch.sum, parts))).abs() < 1 for x, parts in pairs
            ),
        }

    student.returns(
        probe,
        lambda: {
            "images that are mirrored and shifted, else left as they are": 35,
            "mirrored or not": [False, True],
            "down": [0, 1, 2],
            "right": [0, 1, 2],
            "shards are together what one process sees": True,
            "or the same images in another order": True,
        },
    )


def test_shows_the_other_side_at_every_second_look(student):
    images, labels = pictures(40)

    def probe(lesson):
        data = batches(lesson, images, labels, batch_size=10, augment=True, epoch_size=25)
        sides = {label: [] for label in range(40)}
        at_first = [look for _, look in looks(data.epoch(0), data.batches.images)]
        for epoch in range(5):
            for label, look in looks(data.epoch(epoch), images):
                sides[label].append(look and look[0])
        return {
            "looks that begin as __init__ left them": at_first.count((False, 0, 0)),
            "sides at first": sorted({str(first) for first, *_ in sides.values()}),
            "images that turn round from look to look": sum(
                all(before != after for before, after in pairwise(seen)) for seen in sides.values()
            ),
        }

    student.returns(
        probe,
        lambda: {
            "looks that begin as __init__ left them": 25,
            "sides at first": ["False", "True"],
            "images that turn round from look to look": 40,
        },
    )


def test_draws_anew_for_every_epoch_and_batch_and_seed(student):
    images, labels = pictures(1)[0].repeat(40, 1, 1, 1), torch.arange(40)

    def probe(lesson):
        def shifts(seed, epoch):
            data = batches(lesson, images, labels, batch_size=20, augment=True, padding=1, seed=seed)
            return [[look and look[1:] for _, look in looks([batch], images, 1)] for batch in data.epoch(epoch)]

        shuffled = batches(lesson, images, labels, augment=True)
        orders = [[y.tolist() for _, y in shuffled.epoch(epoch)] for epoch in (0, 1)]
        first, second = shifts(3, 0)
        next_epoch, next_seed = shifts(3, 1)[0], shifts(4, 0)[0]
        return {
            "another batch": first != second,
            "another epoch": next_epoch != first,
            "the next epoch isn't the next batch": next_epoch != second,
            "the next seed isn't the next batch": next_seed != second,
            "another seed": next_seed != first,
            "the next seed isn't the next epoch": next_seed != next_epoch,
            "epoch 2 of seed 31 isn't epoch 12 of seed 3": shifts(31, 2)[0] != shifts(3, 12)[0],
            "another order": orders[0] != orders[1],
            "the same again": shifts(3, 0) == [first, second],
        }

    student.returns(
        probe,
        lambda: {
            "another batch": True,
            "another epoch": True,
            "the next epoch isn't the next batch": True,
            "the next seed isn't the next batch": True,
            "another seed": True,
            "the next seed isn't the next epoch": True,
            "epoch 2 of seed 31 isn't epoch 12 of seed 3": True,
            "another order": True,
            "the same again": True,
        },
    )


def test_shrinks_after_shifting(student):
    images, labels = pictures(20)

    def probe(lesson):
        data = batches(lesson, images, labels, augment=True, padding=2, sizes=(3,))
        known = [look for _, look in looks(data.epoch(0), images, 2, side=3) if look]
        return {
            "images that are shifted by pixels of the large one": len(known),
            "by how many at most": max((max(abs(down - 2), abs(right - 2)) for _, down, right in known), default=None),
        }

    student.returns(
        probe,
        lambda: {"images that are shifted by pixels of the large one": 20, "by how many at most": 2},
    )


def test_goes_on_in_the_middle_of_an_epoch_as_if_it_had_never_stopped(student):
    images, labels = pictures(40)

    def probe(lesson):
        def data():
            return batches(lesson, images, labels, batch_size=10, augment=True, padding=1, epoch_size=35)

        whole, late = list(data().epoch(1)), list(data().epoch(1, start=2))
        return {
            "batches left": len(late),
            "their images": [x.equal(y) for (x, _), (y, _) in zip(whole[2:], late, strict=False)],
        }

    student.returns(probe, lambda: {"batches left": 2, "their images": [True, True]})


def test_changes_nothing_of_images_to_be_tested_on(student):
    images, labels = pictures(7)

    def probe(lesson):
        data = batches(lesson, images, labels, padding=1)
        return list(data.epoch(0)), list(data)

    def expected():
        split = list(zip(images.float().split(5), labels.split(5), strict=True))
        return split, split

    student.returns(probe, expected)
