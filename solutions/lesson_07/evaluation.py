# %% [markdown]
# # Lesson 7: evaluation

# %%
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import nn

from course import check

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"  # Okabe & Ito: safe for the colour-blind


# %%
def topk_accuracy(logits: torch.Tensor, targets: torch.Tensor, k: int = 1) -> float:
    """Share of images whose class is among the k with the highest logits, between 0 and 1.

    Args:
        logits: (N, C).
        targets: int64 (N,), the right class of each.
        k: 1 … C.

    Returns:
        a Python float.

    Raises:
        ValueError: k lies outside 1 … C, and the message names k and C; or there isn't one target
            for each row of logits, and it names both shapes.
    """
    ### BEGIN SOLUTION
    if targets.shape != logits.shape[:1]:
        raise ValueError(f"targets {tuple(targets.shape)} don't fit logits {tuple(logits.shape)}")
    if not 1 <= k <= logits.shape[1]:
        raise ValueError(f"k must lie in 1 … {logits.shape[1]}, got {k}")
    best = logits.topk(k, dim=1).indices  # (N, k)
    return (best == targets[:, None]).any(1).double().mean().item()
    ### END SOLUTION


# %%
check("topk_accuracy", points=1)


# %%
def bootstrap_interval(
    correct: torch.Tensor, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The bootstrap's percentile interval of an accuracy (Efron & Tibshirani 1993, chapter 13).

    As many answers as there are get drawn, with replacement, `resamples` times over. Between the
    two numbers lies the share `level` of these accuracies; as many lie below them as above.

    Args:
        correct: bool (N,), whether each answer was right.
        level: between 0 and 1.
        resamples: how often N answers are drawn.
        seed: the same seed gives the same interval; the global random state is left alone.

    Returns:
        (low, high), two Python floats between 0 and 1.

    Raises:
        ValueError: level doesn't lie between 0 and 1; the message names it.
    """
    ### BEGIN SOLUTION
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    generator = torch.Generator().manual_seed(seed)
    n, values = len(correct), correct.double()
    accuracies = torch.zeros(resamples, dtype=torch.float64)
    for i in range(resamples):
        drawn = torch.randint(n, (n,), generator=generator)  # (N,), some indices more than once
        accuracies[i] = values[drawn].mean()
    tail = (1 - level) / 2
    return accuracies.quantile(tail).item(), accuracies.quantile(1 - tail).item()
    ### END SOLUTION


# %%
check("bootstrap_interval", points=2)


# %%
def confusion_matrix(predictions: torch.Tensor, targets: torch.Tensor, num_classes: int) -> torch.Tensor:
    """How often each class was called each name.

    Args:
        predictions, targets: int64 (N,), classes 0 … num_classes - 1.
        num_classes: C, also if some classes don't occur.

    Returns:
        int64 (C, C); row i, column j counts the images of class i that were called j.

    Raises:
        ValueError: the two differ in shape, and the message names both; or one of them holds a
            class outside 0 … C - 1, and the message names that class.
    """
    ### BEGIN SOLUTION
    if predictions.shape != targets.shape:
        raise ValueError(f"predictions {tuple(predictions.shape)} don't fit targets {tuple(targets.shape)}")
    for classes in (predictions, targets):
        outside = classes[(classes < 0) | (classes >= num_classes)]
        if len(outside):
            raise ValueError(f"class {outside[0]} is outside 0 … {num_classes - 1}")
    cells = targets * num_classes + predictions  # each pair as one number, row by row
    return torch.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    ### END SOLUTION


# %%
check("confusion_matrix", points=2)


# %%
def per_class_report(matrix: torch.Tensor) -> dict[str, torch.Tensor]:
    """Precision, recall, F1 and the number of images of each class.

    Args:
        matrix: int64 (C, C), rows are true classes, as `confusion_matrix` gives it.

    Returns:
        `precision`, `recall`, `f1`: float64 (C,), 0 wherever the formula would divide 0 by 0;
        `support`: int64 (C,), the number of images of each class.

    Raises:
        ValueError: the matrix isn't square; the message names its shape.
    """
    ### BEGIN SOLUTION
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"expected a matrix of shape (C, C), got {tuple(matrix.shape)}")
    right = matrix.diagonal().double()  # (C,)
    predicted, support = matrix.sum(0), matrix.sum(1)  # (C,) each
    precision = right / predicted.clamp(min=1)
    recall = right / support.clamp(min=1)
    f1 = 2 * right / (predicted + support).clamp(min=1)
    return {"precision": precision, "recall": recall, "f1": f1, "support": support}
    ### END SOLUTION


# %%
check("per_class_report", points=2)


# %%
def expected_calibration_error(probabilities: torch.Tensor, targets: torch.Tensor, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy (Guo et al. 2017, section 2, equation 3).

    Args:
        probabilities: (N, C), each row sums to 1.
        targets: int64 (N,).
        bins: of equal width on the confidence: (0, 1/bins], (1/bins, 2/bins], …, up to 1.

    Returns:
        a Python float: the gap |accuracy - mean confidence| of each bin, averaged over the bins,
        where a bin weighs as much as it holds images. Empty bins weigh nothing.

    Raises:
        ValueError: a value lies outside 0 … 1, as if logits had been passed; the message says
            "probabilities".
    """
    ### BEGIN SOLUTION
    if probabilities.min() < 0 or probabilities.max() > 1 + 1e-6:
        raise ValueError("expected probabilities between 0 and 1; are these logits?")
    confidence, predictions = probabilities.double().max(1)  # (N,)
    right = (predictions == targets).double()
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1  # the bin of each image
    error = 0.0
    for b in range(bins):
        inside = place == b
        if inside.any():
            gap = (right[inside].mean() - confidence[inside].mean()).abs().item()
            error += gap * inside.sum().item() / len(targets)
    return error
    ### END SOLUTION


# %%
check("expected_calibration_error", points=3)


# %%
def fit_temperature(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """The temperature T that minimises the mean of -log softmax(logits / T)[target].

    Guo et al. 2017, section 4.2. Looks between 0.01 and 100, is right to 1 % at least, and works
    for logits in the thousands.

    Args:
        logits: (N, C), of images that the network wasn't trained on; left unchanged.
        targets: int64 (N,).

    Returns:
        T, a Python float; above 1 the network was too sure of itself, below 1 too modest.
    """
    ### BEGIN SOLUTION
    logits = logits.detach().double()
    right = logits.gather(1, targets[:, None]).squeeze(1)  # (N,)
    low, high = math.log(0.01), math.log(100)
    while high - low > 1e-4:
        middle = (low + high) / 2
        probabilities = (logits / math.exp(middle)).softmax(1)  # (N, C)
        slope = ((probabilities * logits).sum(1) - right).mean()  # of the loss, with respect to 1 / T
        if slope > 0:  # a smaller 1 / T, so a larger T, is better
            low = middle
        else:
            high = middle
    return math.exp(middle)
    ### END SOLUTION


# %%
check("fit_temperature", points=3)


# %%
def most_confident_mistakes(logits: torch.Tensor, targets: torch.Tensor, n: int) -> torch.Tensor:
    """Which wrong answers were given with the highest probability.

    Args:
        logits: (N, C).
        targets: int64 (N,).
        n: how many to give; fewer come back where there are fewer mistakes.

    Returns:
        int64, indices into the N images, the most confident mistake first.
    """
    ### BEGIN SOLUTION
    confidence, predictions = logits.double().softmax(1).max(1)  # (N,)
    wrong = (predictions != targets).nonzero().flatten()  # indices of the mistakes
    order = confidence[wrong].argsort(descending=True, stable=True)
    return wrong[order][:n]
    ### END SOLUTION


# %%
check("most_confident_mistakes", points=1)


# %%
def show_predictions(
    images: torch.Tensor,
    logits: torch.Tensor,
    targets: torch.Tensor,
    names: Sequence[str],
    columns: int = 8,
) -> "Figure":
    """Draw right answers and the most confident mistakes, each picture with its title.

    Args:
        images: uint8 (N, 3, H, W).
        logits: (N, C).
        targets: int64 (N,).
        names: of the C classes.
        columns: pictures in a row.

    Returns:
        A figure with the first 2 * columns images that were answered rightly, and the 2 * columns
        most confident mistakes; fewer where there are fewer. Each picture has axes of its own,
        which hold an (H, W, 3) image and a title: the name it was called, the confidence in per
        cent, and for a mistake also its true name, as in "cat 93%" or "cat 93%, is dog".
    """
    from matplotlib.figure import Figure  # here, so that what doesn't draw starts at once

    ### BEGIN SOLUTION
    confidence, predictions = logits.softmax(1).max(1)  # (N,)
    right = (predictions == targets).nonzero().flatten()[: 2 * columns]
    wrong = most_confident_mistakes(logits, targets, 2 * columns)
    figure = Figure(figsize=(1.45 * columns, 7.6), layout="constrained")
    parts = figure.subfigures(2, 1)
    titles = ("Right", "Wrong, and most sure of it")
    for part, chosen, title in zip(parts, (right, wrong), titles, strict=True):
        part.suptitle(title, fontweight="bold", x=0.01, ha="left")
        axes = part.subplots(2, columns).flatten()
        for ax in axes:
            ax.axis("off")
        for ax, i in zip(axes, chosen.tolist(), strict=False):
            said, true = names[predictions[i]], names[targets[i]]
            ax.imshow(images[i].permute(1, 2, 0).numpy())  # (H, W, 3)
            text = f"{said} {confidence[i]:.0%}" + ("" if said == true else f"\nis {true}")
            ax.set_title(text, fontsize=8, color=BLUE if said == true else VERMILION)
    return figure
    ### END SOLUTION


# %%
check("show_predictions", points=2)


# %%
@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """In the block the model is in evaluation mode; after it each module has the mode that it had."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


# %%
def grad_cam(model: nn.Module, image: torch.Tensor, target: int, layer: nn.Module) -> torch.Tensor:
    """Where the network looks for a class (Selvaraju et al. 2017, section 3, equations 1 and 2).

    Runs in evaluation mode. Afterwards, also after an error, the layer has no hook more than
    before, each module has the mode it had, and every `.grad` and `requires_grad` is as it was.
    Works for a network whose parameters are frozen (`requires_grad` is False), too.

    Args:
        model: gives logits (1, C) for images (1, 3, H, W).
        image: (3, H, W), normalised as the model expects it; left unchanged.
        target: the class asked about, 0 … C - 1.
        layer: a module of the model that gives maps (1, K, h, w), and is called once.

    Returns:
        (h, w), the size of the layer's maps; not scaled, nothing negative, without a gradient.

    Raises:
        ValueError: the image hasn't three dimensions, and the message names its shape; or target
            is no class, and it names target and C.
    """
    ### BEGIN SOLUTION
    if image.ndim != 3:
        raise ValueError(f"expected one image of shape (3, H, W), got {tuple(image.shape)}")
    kept = []

    def keep(module, inputs, output):
        kept.append(output.detach().requires_grad_())  # (1, K, h, w); the graph begins here
        return kept[-1].clone()  # so that what follows may work in place

    hook = layer.register_forward_hook(keep)
    try:
        with evaluating(model):
            logits = model(image[None])  # (1, C)
    finally:
        hook.remove()
    if not 0 <= target < logits.shape[1]:
        raise ValueError(f"target {target} is none of {logits.shape[1]} classes")
    (gradient,) = torch.autograd.grad(logits[0, target], kept[0])  # (1, K, h, w)
    weights = gradient.mean(dim=(2, 3), keepdim=True)  # (1, K, 1, 1)
    heat = (weights * kept[0].detach()).sum(dim=1)  # (1, h, w)
    return heat[0].relu()
    ### END SOLUTION


# %%
check("grad_cam", points=4)


# %%
def predict_with_flips(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The mean of the logits of each image and of its mirror image, left to right.

    Runs in evaluation mode and without a graph; each module's mode is as it was afterwards.

    Args:
        model: gives logits (N, C) for images (N, 3, H, W).
        images: (N, 3, H, W), normalised; left unchanged.

    Returns:
        (N, C), logits again, so that all that takes logits takes these.
    """
    ### BEGIN SOLUTION
    with evaluating(model), torch.no_grad():
        return (model(images) + model(images.flip(-1))) / 2
    ### END SOLUTION


# %%
check("predict_with_flips", points=2)


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
