"""What each ingredient of the recipe is worth: short runs that change one thing each, at about the same cost.

The last four are longer. They compare two plans for half an hour, and whether shifts pay where each image is looked at
six times, as in such a run: on half of the training images, in half the time, measured on the other half.

    python benchmarks/ablation.py
    python benchmarks/ablation.py "the recipe" "random first kernels"

Every run trains on CIFAR-10's training images but those held out, and is measured on these: the test images are never
looked at. Another seed holds out other images, too. A row that has been measured is kept in `runs/ablation/`, to be
deleted when the recipe changes, and one that was stopped by Ctrl-C goes on. Two commands with OMP_NUM_THREADS=1 and
rows of their own keep two cores busy.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.console import Console
from torch.optim.swa_utils import update_bn

from course.bar import Bar
from course.diagnosis import misconceptions
from course.lesson import Lesson

recipe = Lesson.from_solution("lesson_08")
learning_rate = Lesson.from_solution("lesson_06").learning_rate
believed = {belief.id: belief for belief in misconceptions("lesson_08")}


def plan(epochs, sizes, epoch_size, held_out):
    """The settings of a run of so many epochs that grow as these sizes do, in bfloat16 wherever it runs."""
    sizes = recipe.sizes_for(epochs, sizes)
    return dict(epochs=epochs, sizes=sizes, epoch_size=epoch_size, held_out=held_out, precision="bfloat16")


PLAN = plan(len(recipe.SHORT), recipe.SHORT, epoch_size=10_240, held_out=0.2)  # 10,000 images


def decay_of_norms(model, weight_decay):
    """Muon's groups, with weight decay for norms and biases too."""
    *others, norms = recipe.muon_groups(model, weight_decay)
    return [*others, norms | {"weight_decay": weight_decay}]


class AveragingMuon(recipe.Muon):
    """Muon that keeps an average of each parameter, too, over about the last twenty steps."""

    @torch.no_grad()
    def step(self):
        super().step()
        for p in (p for group in self.param_groups for p in group["params"]):
            self.state[p].setdefault("average", p.clone()).lerp_(p, 0.05)


def take_averages(session):
    """Put averages, where the optimizer keeps them, in the place of the weights, and have the norms look again."""
    averages = {p: kept["average"] for p, kept in session.optimizer.state.items() if "average" in kept}
    with torch.no_grad(), session.autocast():
        for p, average in averages.items():
            p.copy_(average)
        if averages:
            update_bn(session.train.epoch(session.config.epochs - 1), session.model)


@dataclass
class Row:
    """A run that differs from the recipe: in settings of the `Config`, definitions of lesson 8, or learning rate."""

    settings: dict = field(default_factory=dict)
    replaced: dict = field(default_factory=dict)
    rate: Callable = learning_rate


ROWS = {
    "the recipe": Row(),
    "another seed": Row({"seed": 1}),
    "SGD": Row({"optimizer": "sgd", "peak": 0.2}),
    "SGD, batches of 128": Row({"optimizer": "sgd", "peak": 0.1, "batch_size": 128}),
    "momentum 0.9": Row({"momentum": 0.9}),
    "no looking ahead": Row(replaced={"Muon": believed["muon-without-looking-ahead"].lesson.Muon}),
    "averaged weights": Row(replaced={"Muon": AveragingMuon}),
    "five steps of the polynomial": Row(replaced={"orthogonalize": partial(recipe.orthogonalize, steps=5)}),
    "batches of 512": Row({"batch_size": 512, "peak": 0.2}),
    "constant rate": Row(rate=lambda step, steps, peak: peak),
    "short warm-up": Row(rate=partial(learning_rate, warmup_fraction=0.05)),
    "no decay": Row({"weight_decay": 0.0}),
    "decay of norms and biases": Row(replaced={"muon_groups": decay_of_norms}),
    "no label smoothing": Row({"label_smoothing": 0.0}),
    "random first kernels": Row(replaced={"start_with_principal_patches": lambda weight, images: None}),
    "shifts": Row({"padding": 2}),
    "a coin at every look": Row(replaced={"DeviceBatches": believed["coin-at-every-look"].lesson.DeviceBatches}),
    "16 pixels throughout": Row({"epochs": 12, "sizes": (16,) * 12}),
    "32 pixels throughout": Row({"epochs": 3, "sizes": (32,) * 3}),
    "half an hour, short plan": Row(plan(24, recipe.SHORT, 16_128, held_out=0.1) | {"padding": 2}),
    "half an hour, medium plan": Row(plan(22, recipe.MEDIUM, 13_312, held_out=0.1) | {"padding": 2}),
    "six looks": Row(plan(22, recipe.MEDIUM, 6_656, held_out=0.5) | {"padding": 2}),
    "six looks, no shifts": Row(plan(22, recipe.MEDIUM, 6_656, held_out=0.5) | {"padding": 0}),
}


def measure(name):
    """The cells of a row, from its checkpoint if there is one."""
    row, say = ROWS[name], partial(print, file=sys.stderr)
    lesson = Lesson.from_solution("lesson_08")
    prepare, fit = lesson.prepare, lesson.fit  # whose definitions are there now, to be replaced
    lesson.namespace.update(row.replaced)
    fit.__globals__["learning_rate"] = row.rate
    folder = f"runs/ablation/{name.replace(' ', '-')}"
    begun = (Path(folder) / "checkpoint.pt").exists()
    config = lesson.Config(**PLAN | row.settings)
    session = prepare(config, None if begun else folder, folder if begun else None, say)
    with lesson.stop_on_signal(say) as asked, Bar(Console(stderr=True)) as bar:
        state = fit(
            session.model, session.optimizer, session.train, None, session.config.epochs,
            session.config.peak, session.update, session.evaluate, state=session.saved.get("state"),
            save=session.save, watch=lambda state: bar.watch(state, session.config) or asked(),
        )  # fmt: skip
    if state["stopped"]:
        sys.exit(130)
    take_averages(session)
    held_out, config = session.validation.batches, session.config
    labels = held_out.labels.cpu()
    one, both = session.logits(held_out.images, labels, config.sizes[-1])
    right = (f"{(logits.argmax(1) == labels).double().mean().item():.1%}" for logits in (both, one))
    cost = lesson.epoch_equivalents(config.sizes, config.epoch_size)
    seconds = sum(epoch["seconds"] for epoch in state["history"])
    return name, *right, f"{F.cross_entropy(both, labels):.3f}", f"{cost:.2f}", f"{seconds:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "rows", nargs="*", help=f"which to measure (default: all); there are: {', '.join(map(repr, ROWS))}"
    )
    rows = parser.parse_args().rows or list(ROWS)
    for name in rows:
        if name not in ROWS:
            parser.error(f"There is no row {name!r}; there are: {', '.join(map(repr, ROWS))}.")
    columns = "run", "both sides", "one side", "cross-entropy", "epoch equivalents", "s"
    print(f"| {' | '.join(columns)} |\n|---|--:|--:|--:|--:|--:|")
    for name in rows:
        print(f"| {' | '.join(measure(name))} |", flush=True)


if __name__ == "__main__":
    main()
