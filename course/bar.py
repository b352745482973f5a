"""What is seen of a training run while it runs: a progress bar, and a line for every epoch that is done."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """The progress bar: epoch, loss, accuracy, images a second, time left. It advances by pixels, as the work does."""

    def __init__(self, console: Console):
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[now]}"), TimeRemainingColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self.task = self.progress.add_task("", total=None, now="")
        self.shown: int | None = None  # epochs that have their line

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def watch(self, state: dict[str, Any], config: Any) -> None:
        """Called whenever `fit` of lesson 6 looks: after every step, on a GPU after every 20th."""
        if self.shown is None:
            self.shown = len(state["history"])
        step, steps = state["step"], len(state["losses"]) // config.epochs  # steps of an epoch
        done, within = divmod(step - 1, steps)  # whole epochs before this one; steps of it before this step
        pixels = [side**2 for side in config.sizes]
        last = slice(max(0, step - 20), step)
        loss = state["losses"][last].mean().item()
        accuracy = state["right"][last].mean().item() / config.batch_size
        speed = (within + 1) * config.batch_size / max(state["seconds"], 1e-9)
        epochs = state["total"] // steps  # a run that must keep to a time may have been shortened
        self.progress.update(
            self.task, description=f"epoch {done + 1}/{epochs}", total=steps * sum(pixels[:epochs]),
            completed=steps * sum(pixels[:done]) + (within + 1) * pixels[done],
            now=f"loss {loss:.3f}  accuracy {accuracy:.1%}  {speed:.0f} images/s",
        )  # fmt: skip
        self.epochs_done(state["history"])

    def epochs_done(self, history: list[dict[str, Any]]) -> None:
        """Print the epochs that haven't been printed yet."""
        for row in history[self.shown or 0 :]:
            validation = row["validation_accuracy"]
            self.progress.console.print(
                f"epoch {row['epoch']:3}  loss {row['train_loss']:.3f}  accuracy {row['train_accuracy']:.1%}  "
                + ("" if validation is None else f"validation {validation:.1%}  ")
                + f"{row['images_per_second']:.0f} images/s"
            )
        self.shown = len(history)
