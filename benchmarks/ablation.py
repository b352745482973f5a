"""What each ingredient of the recipe is worth: short runs that leave out one each, at about the same cost.

    python benchmarks/ablation.py
    python benchmarks/ablation.py sgd shifts

Every run trains on CIFAR-10's training images but those held out, and is measured on these: the test images are never
looked at. A row that has been measured is kept in `runs/ablation/`, and one that was stopped by Ctrl-C goes on.
"""

import argparse
import dataclasses
from pathlib import Path

from course.lesson import Lesson

SHARE = 0.1  # of the training images, held out: 5,000
EQUIVALENT = 50_000 * 32**2  # pixels of one look at each training image

lesson = Lesson.from_solution("lesson_08")
BASE = lesson.Config(epochs=3, sizes=(16, 16, 24), held_out=SHARE)
ROWS = {
    "the recipe": {},
    "another seed": {"seed": 1},
    "sgd": {"optimizer": "sgd", "peak": 0.2},
    "sgd, batches of 128": {"optimizer": "sgd", "peak": 0.1, "batch_size": 128},
    "momentum 0.9": {"momentum": 0.9},
    "batches of 512": {"batch_size": 512, "peak": 0.2},
    "random first kernels": {"principal": False},
    "no label smoothing": {"label_smoothing": 0.0},
    "shifts": {"padding": 2},
    "16 pixels throughout": {"epochs": 4, "sizes": (16,) * 4},
    "32 pixels throughout": {"epochs": 1, "sizes": (32,)},
}


def measure(name):
    """Validation accuracy of a run, from its checkpoint if there is one, and its cost in epoch equivalents."""
    folder = f"runs/ablation/{name.replace(' ', '-')}"
    config = dataclasses.replace(BASE, **ROWS[name])
    begun = (Path(folder) / "checkpoint.pt").exists()
    session = lesson.prepare(config, None if begun else folder, folder if begun else None, print)
    with lesson.stop_on_signal(print) as asked:
        state = lesson.fit(
            session.model, session.optimizer, session.train, session.validation, session.config.epochs,
            session.config.peak, session.update, session.evaluate, state=session.saved.get("state"),
            save=session.save, watch=lambda state: asked(),
        )  # fmt: skip
    if state["stopped"]:
        raise KeyboardInterrupt
    cost = sum(session.config.epoch_size * side**2 for side in session.config.sizes) / EQUIVALENT
    return state["history"][-1]["validation_accuracy"], cost, sum(row["seconds"] for row in state["history"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help="which to measure (default: all)")
    rows = parser.parse_args().rows or list(ROWS)
    print("| run | epoch equivalents | s | accuracy on 5,000 held-out images |\n|---|--:|--:|--:|")
    for name in rows:
        accuracy, cost, seconds = measure(name)
        print(f"| {name} | {cost:.2f} | {seconds:.0f} | {accuracy:.1%} |", flush=True)


if __name__ == "__main__":
    main()
