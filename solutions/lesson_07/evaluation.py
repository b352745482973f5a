# %% [markdown]
# # Lesson 7: evaluation
#
# One number says how good a network is; it doesn't say at what. Here you find out which classes it confuses, whether it
# knows when it doesn't know, and what its worst mistakes look like.

# %%
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BLUE, ORANGE = "#0072B2", "#D55E00"  # told apart by colour-blind eyes too (Okabe and Ito 2008)

# %% [markdown]
# ## Accuracy and confusion


# %%
def topk_accuracy(logits: torch.Tensor, targets: torch.Tensor, k: int = 1) -> float:
    """Share of images (0 … 1) whose class is among the k with the highest logits.

    Args:
        logits: (N, C).
        targets: int64 (N,).
        k: 1 … C.

    Raises:
        ValueError: k lies outside 1 … C.
    """
    ### BEGIN SOLUTION
    if not 1 <= k <= logits.shape[1]:
        raise ValueError(f"k must lie in 1 … {logits.shape[1]}, got {k}")
    best = logits.topk(k, dim=1).indices  # (N, k)
    return (best == targets[:, None]).any(1).double().mean().item()
    ### END SOLUTION


# %%
def confusion_matrix(predictions: torch.Tensor, targets: torch.Tensor, num_classes: int) -> torch.Tensor:
    """How often each class was taken for each.

    Args:
        predictions, targets: int64 (N,), classes 0 … num_classes - 1.

    Returns:
        int64 (num_classes, num_classes); row i, column j counts images of class i that were called j.
    """
    ### BEGIN SOLUTION
    cells = targets * num_classes + predictions  # each pair as one number
    return torch.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    ### END SOLUTION


# %%
def per_class_report(matrix: torch.Tensor) -> dict[str, torch.Tensor]:
    """Precision, recall, F1 and number of images of each class.

    Args:
        matrix: (C, C), as `confusion_matrix` gives it.

    Returns:
        `precision`, `recall`, `f1`: float64 (C,), 0 where nothing was predicted or there; `support`: int64 (C,).
    """
    ### BEGIN SOLUTION
    right = matrix.diagonal().double()
    predicted, support = matrix.sum(0), matrix.sum(1)
    return {
        "precision": right / predicted.clamp(min=1),
        "recall": right / support.clamp(min=1),
        "f1": 2 * right / (predicted + support).clamp(min=1),  # harmonic mean of the two
        "support": support,
    }
    ### END SOLUTION


# %% [markdown]
# ## Does it know what it knows?


# %%
def expected_calibration_error(probabilities: torch.Tensor, targets: torch.Tensor, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy, over bins of equal width (Guo et al. 2017, section 2, equation 3).

    Args:
        probabilities: (N, C), rows that sum to 1.
        targets: int64 (N,).
        bins: of confidence, (0, 1/bins], …, (1 - 1/bins, 1].

    Returns:
        0 … 1; of 100 answers given with confidence 0.8 a calibrated network has 80 right, and its error is 0.
    """
    ### BEGIN SOLUTION
    confidence, predictions = probabilities.double().max(1)  # (N,)
    right = (predictions == targets).double()
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gap = torch.zeros(bins, dtype=torch.float64).index_add_(0, place, right - confidence)  # per bin, summed
    return (gap.abs().sum() / len(targets)).item()
    ### END SOLUTION


# %%
def most_confident_mistakes(logits: torch.Tensor, targets: torch.Tensor, n: int) -> torch.Tensor:
    """Indices of the wrong answers given with the highest probability, worst first: int64, n of them or fewer."""
    ### BEGIN SOLUTION
    confidence, predictions = logits.softmax(1).max(1)  # (N,)
    wrong = (predictions != targets).nonzero().flatten()
    return wrong[confidence[wrong].argsort(descending=True, stable=True)][:n]
    ### END SOLUTION


# %% [markdown]
# ## Pictures


# %%
def show_predictions(
    images: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor, names: Sequence[str], columns: int = 8
) -> Figure:
    """Two rows of right answers and two of the most confident mistakes, with names and confidence.

    Args:
        images: uint8 (N, 3, H, W).
        logits: (N, C).
        targets: int64 (N,).
        names: of the C classes.
    """
    ### BEGIN SOLUTION
    confidence, predictions = logits.softmax(1).max(1)  # (N,)
    right = (predictions == targets).nonzero().flatten()[: 2 * columns]
    wrong = most_confident_mistakes(logits, targets, 2 * columns)
    figure = Figure(figsize=(1.45 * columns, 7.6), layout="constrained")
    parts = figure.subfigures(2, 1)
    for part, chosen, title in zip(parts, (right, wrong), ("Right", "Wrong, and most sure of it"), strict=True):
        part.suptitle(title, fontweight="bold", x=0.01, ha="left")
        axes = part.subplots(2, columns).flatten()
        for ax in axes:
            ax.axis("off")
        for ax, i in zip(axes, chosen.tolist(), strict=False):
            said, true = names[predictions[i]], names[targets[i]]
            ax.imshow(images[i].permute(1, 2, 0).numpy())  # (H, W, 3)
            text = f"{said} {confidence[i]:.0%}" + ("" if said == true else f"\nis {true}")
            ax.set_title(text, fontsize=8, color=BLUE if said == true else ORANGE)
    return figure
    ### END SOLUTION


# %%
def plot_confusion(matrix: torch.Tensor, names: Sequence[str], title: str) -> Figure:
    """The confusion matrix in per cent of each true class, mistakes in colour."""
    share = 100 * matrix.double() / matrix.sum(1, keepdim=True).clamp(min=1)  # (C, C)
    figure = Figure(figsize=(8, 7), layout="constrained")
    ax = figure.subplots()
    mistakes = share.clone().fill_diagonal_(0)
    ax.imshow(mistakes.numpy(), cmap="Oranges", vmin=0, vmax=max(1.0, 1.3 * mistakes.max().item()))
    for i in range(len(names)):
        for j in range(len(names)):
            weight = "bold" if i == j else "normal"
            ax.text(j, i, f"{share[i, j]:.0f}", ha="center", va="center", fontsize=9, fontweight=weight)
    ax.set_xticks(range(len(names)), names, rotation=40, ha="right")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="called", ylabel="is", title=f"{title}: confusion, % of each true class")
    return figure


def plot_curves(history: Sequence[dict[str, Any]], losses: Sequence[float], title: str) -> Figure:
    """Loss of every step and of every epoch, accuracy, and the learning rate at the end of each epoch.

    Args:
        history: rows of lesson 6's `fit`.
        losses: one a step.
    """
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    figure.suptitle(title)
    left, middle, right = figure.subplots(1, 3)
    epochs = [row["epoch"] for row in history]
    steps = torch.arange(1, len(losses) + 1) / (len(losses) / len(history))  # in epochs
    left.plot(steps.numpy(), losses, color=BLUE, alpha=0.25, lw=0.8, label="training, each step")
    left.plot(epochs, [row["train_loss"] for row in history], color=BLUE, marker="o", ms=3, label="training")
    for ax, name in ((left, "loss"), (middle, "accuracy")):
        values = [row[f"validation_{name}"] for row in history]
        ax.plot(epochs, values, color=ORANGE, marker="s", ms=3, ls="--", label="validation")
        ax.set(ylabel=name)
    middle.plot(epochs, [row["train_accuracy"] for row in history], color=BLUE, marker="o", ms=3, label="training")
    middle.set_ylim(0, 1)
    left.set_ylim(0, 1.1 * max(losses))  # the first validation losses may be a hundred times as high
    right.plot(epochs, [row["learning_rate"] for row in history], color="black", marker="o", ms=3)
    right.set(ylabel="learning rate", ylim=(0, None))
    for ax in (left, middle, right):
        ax.set_xlabel("epoch")
        ax.set_xlim(0, 1.04 * epochs[-1])
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend(fontsize=8)
    middle.legend(fontsize=8)
    return figure


# %% [markdown]
# ## The report of a run


# %%
def write_report(
    folder: Path,
    metrics: dict[str, Any],
    losses: Sequence[float],
    images: torch.Tensor,
    logits: torch.Tensor,
    targets: torch.Tensor,
    names: Sequence[str],
) -> None:
    """Write `metrics.json`, three figures and `report.md`, and add the numbers of the test images to `metrics`.

    Args:
        folder: where they go.
        metrics: what the run knows of itself: `data`, `config`, `machine`, `epochs`, `seconds` …
        losses: one a step.
        images, logits, targets, names: of the test, as for `show_predictions`.
    """
    predictions, probabilities = logits.argmax(1), logits.softmax(1)
    matrix = confusion_matrix(predictions, targets, len(names))
    classes = {key: values.tolist() for key, values in per_class_report(matrix).items()}
    metrics["test"] = test = {
        "images": len(targets),
        "accuracy": topk_accuracy(logits, targets),
        "top5_accuracy": topk_accuracy(logits, targets, min(5, len(names))),
        "calibration_error": expected_calibration_error(probabilities, targets),
        "classes": dict(
            zip(names, ({key: classes[key][i] for key in classes} for i in range(len(names))), strict=True)
        ),
    }
    title = f"ResNet18 on {metrics['data']}"
    plot_curves(metrics["epochs"], losses, title).savefig(folder / "curves.png", dpi=110)
    plot_confusion(matrix, names, title).savefig(folder / "confusion.png", dpi=110)
    show_predictions(images, logits, targets, names).savefig(folder / "predictions.png", dpi=110)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")

    config, machine, epochs = metrics["config"], metrics["machine"], metrics["epochs"]
    seen = len(epochs) * config["epoch_size"]
    short = f", shortened from the {config['epochs']} epochs planned" if len(epochs) < config["epochs"] else ""
    lines = [
        f"# {title}",
        "",
        f"**Test accuracy: {test['accuracy']:.2%}** of {test['images']:,} test images of {metrics['data']} "
        f"(top 5: {test['top5_accuracy']:.2%}, calibration error: {test['calibration_error']:.3f}).",
        "",
        f"{metrics['parameters']:,} parameters, {seen:,} training images seen "
        f"({seen / metrics['training_images']:.1f} times each), {config['size']}x{config['size']} pixels, "
        f"{config['precision']}, {metrics['seconds']['training']:.0f} s of training on {machine['name']} "
        f"({machine['device']}, {machine['threads']} threads), torch {machine['torch']}.",
        "",
        "![loss, accuracy and learning rate by epoch](curves.png)",
        "",
        f"{len(epochs)} epochs of {config['epoch_size']:,} images{short}.",
        "",
        "| epoch | training loss | accuracy | validation loss | accuracy | images/s | s |",
        "|--:|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {row['epoch']} | {row['train_loss']:.3f} | {row['train_accuracy']:.1%} | {row['validation_loss']:.3f} "
            f"| {row['validation_accuracy']:.1%} | {row['images_per_second']:.0f} | {row['seconds']:.0f} |"
            for row in epochs
        ),
        "",
        "| class | precision | recall | F1 | images |",
        "|---|--:|--:|--:|--:|",
        *(
            f"| {name} | {row['precision']:.1%} | {row['recall']:.1%} | {row['f1']:.1%} | {row['support']} |"
            for name, row in test["classes"].items()
        ),
        "",
        "![share of each true class that was given each name](confusion.png)",
        "",
        "![test images with the network's answers and confidence](predictions.png)",
        "",
        "All settings and numbers: `metrics.json`. The weights: `checkpoint.pt`, entry `model`.",
    ]
    (folder / "report.md").write_text("\n".join(lines) + "\n")
