"""train_epoch: an update for every batch, in training mode, each with its own learning rate, made when asked for."""

import torch
from torch import nn

from course.student import randn


class Settings:
    """All of an optimizer that an epoch touches: the groups with their learning rates."""

    def __init__(self, *rates):
        self.param_groups = [{"params": [], "lr": rate} for rate in rates]

    @property
    def rates(self):
        return [group["lr"] for group in self.param_groups]


def noted(seen):
    """An update that notes how it found model, optimizer, and batch, and gives a loss and a count of its own."""

    def update(model, optimizer, images, labels):
        modes = {"model": model.training, "norm": model[1].training}
        seen.append({"training": modes, "rates": optimizer.rates, "images": images, "labels": labels})
        return images.sum(), labels.sum()

    return update


def network():
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(2)).double()


def batches_of(*sizes):
    return [(randn(size, 2, dtype=torch.float64), torch.arange(size) + k) for k, size in enumerate(sizes)]


def test_updates_on_every_batch_in_training_mode_at_its_own_learning_rate(student):
    batches, rates = batches_of(3, 3, 2, 1), [0.3, 0.1, 0.2, 0.05]

    def probe(lesson):
        runs = []
        for mode, norm in ((False, False), (True, True), (True, False)):
            seen, model, optimizer = [], network().train(mode), Settings(0.7, 0.8)
            model[1].train(norm)
            given = list(lesson.train_epoch(model, iter(batches), optimizer, rates, noted(seen)))
            runs.append({"seen": seen, "given": given, "rates afterwards": optimizer.rates})
        return runs, list(vars(optimizer))

    def expected():
        seen = [
            {"training": {"model": True, "norm": True}, "rates": [rate, rate], "images": images, "labels": labels}
            for (images, labels), rate in zip(batches, rates, strict=True)
        ]
        given = [(images.sum(), labels.sum()) for images, labels in batches]
        return [{"seen": seen, "given": given, "rates afterwards": [0.05, 0.05]}] * 3, ["param_groups"]

    student.returns(probe, expected)


def test_makes_a_step_only_when_asked_for_it(student):
    batches = batches_of(*[1] * 9)

    def probe(lesson):
        seen, drawn = [], []
        source = (drawn.append(1) or batch for batch in batches)
        epoch = lesson.train_epoch(network(), source, Settings(0.1), [0.1] * 9, noted(seen))
        made = [len(seen)]
        for _ in range(3):
            next(epoch)
            made.append(len(seen))
        return {"steps": made, "all batches drawn by then": len(drawn) == 9}

    student.returns(probe, lambda: {"steps": [0, 1, 2, 3], "all batches drawn by then": False})


def test_ends_with_the_batches_or_the_rates_whichever_end_first(student):
    batches = batches_of(3, 3, 3)

    def probe(lesson):
        lengths = []
        for rates in ([0.1] * 2, [0.1] * 3, [0.1] * 9):
            seen = []
            given = list(lesson.train_epoch(network(), batches, Settings(0.1), iter(rates), noted(seen)))
            lengths.append((len(given), len(seen)))
        return lengths

    student.returns(probe, lambda: [(2, 2), (3, 3), (3, 3)])
