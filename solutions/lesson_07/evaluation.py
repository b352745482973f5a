# %% [markdown]
# # Lesson 7: evaluation
#
# **Time:** about 90 minutes. **You need:** logits and softmax as in lesson 6. A network that you trained is welcome,
# but not needed.
#
# After this lesson you can
#
# 1. say how good a network is, how sure you are of that number, and at what it is good and bad;
# 2. tell whether it knows when it doesn't know, and repair that with a single number;
# 3. look over its shoulder: which pictures fool it, and which part of a picture made it say so.
#
# Training is over. A log file says “accuracy 0.69”. It would be a pity to stop there. Every image of the test has
# left ten numbers behind, and there is a lot in them that the one number doesn't say.

# %%
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import nn

from course import carry, check
from course.data import find_data
from course.lesson import ROOT
from course.plots import BLUE, ORANGE, VERMILION, set_style

set_style()

# %% [markdown]
# ## A network to look at
#
# If you have trained a network with `course train`, the newest run in `runs/` is taken. If not, the second cell below
# trains a ResNet18 for a few seconds, on very few and very small images. That one is a poor network, which suits us:
# it makes plenty of mistakes to look at. That cell says which of the two you get, and on which data. Without a copy
# of CIFAR-10 that is the stand-in, ten classes of drawn shapes.

# %%
load_cifar10, channel_stats = carry("lesson_05", "load_cifar10"), carry("lesson_05", "channel_stats")
normalize, stratified_split = carry("lesson_05", "normalize"), carry("lesson_05", "stratified_split")
ResNet18 = carry("lesson_04", "ResNet18")

source = find_data(None, print)
names = source.class_names
train_images, train_labels = load_cifar10(source.folder)
test_images, test_labels = load_cifar10(source.folder, train=False)


# %%
def newest_run() -> Path | None:
    """The folder of the newest finished run on these data; None if there is none."""
    finished = []
    for path in (ROOT / "runs").glob("*/metrics.json"):
        metrics = json.loads(path.read_text())
        if metrics.get("data") == source.name and "test" in metrics and (path.parent / "checkpoint.pt").exists():
            finished.append(path)
    return max(finished, key=lambda path: path.stat().st_mtime).parent if finished else None


def prepare(images: torch.Tensor, stats: tuple[torch.Tensor, torch.Tensor], side: int) -> torch.Tensor:
    """uint8 (N, 3, 32, 32) as the network was trained to see it: float32 (N, 3, side, side)."""
    x = normalize(images, *stats)
    if side != x.shape[-1]:
        x = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True)
    return x.contiguous(memory_format=torch.channels_last)


def short_run(count: int = 512, side: int = 12, steps: int = 48) -> tuple[nn.Module, tuple, int]:
    """A ResNet18 trained on the first few images, made small; with their statistics and their side."""
    SGD, cross_entropy = carry("lesson_06", "SGD"), carry("lesson_06", "cross_entropy")
    learning_rate = carry("lesson_06", "learning_rate")
    images, labels = train_images[:count], train_labels[:count]
    stats = channel_stats(images)
    x = prepare(images, stats, side)
    torch.manual_seed(0)
    model = ResNet18().to(memory_format=torch.channels_last)
    optimizer = SGD(model.parameters(), lr=0.03, momentum=0.9, nesterov=True)
    for step in range(steps):
        batch = torch.arange(32 * step, 32 * (step + 1)) % count
        optimizer.param_groups[0]["lr"] = learning_rate(step, steps, 0.03)
        loss = cross_entropy(model(x[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model, stats, side


folder = newest_run()
if folder:
    saved = carry("lesson_06", "load_checkpoint")(folder / "checkpoint.pt")
    config = saved["config"]
    kept, _ = stratified_split(train_labels, 0.0 if config["full"] else config["held_out"], config["seed"])
    model, stats, side = ResNet18(), channel_stats(train_images[kept]), config["sizes"][-1]
    model.load_state_dict(saved["model"])
    print(f"\nThe network of {folder.relative_to(ROOT)}, {side}x{side} pixels. Data: {source.name}.")
else:
    model, stats, side = short_run()
    print(f"\nThere is no finished run on these data in runs/. Data: {source.name}.")
    print(
        f"This network has had a very short training, on 512 images of {side}x{side} pixels. Don't expect much of it."
    )

# %% [markdown]
# From here on all that counts is what the network says about test images: its **logits**, ten real numbers an image.
# `logits_of` collects them. On a CPU we don't take all 10,000 test images, so that nobody has to wait.

# %%
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = model.to(device).eval()
count = 10_000 if device.type == "cuda" else min(1200, 1_000_000 // side**2)
images, targets = test_images[:count], test_labels[:count]  # (N, 3, 32, 32), (N,)
x = prepare(images, stats, side).to(device)  # (N, 3, side, side)


def logits_of(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Logits (N, C) on the CPU, in batches of 250."""
    with torch.no_grad():
        return torch.cat([model(part).float().cpu() for part in x.split(250)])


logits = logits_of(model, x)
print(f"{len(logits):,} test images of {source.name}, logits of shape {tuple(logits.shape)}")

# %%
figure, axes = plt.subplots(2, 5, figsize=(10.5, 3.6), height_ratios=[1.3, 1], layout="constrained")
for column, i in zip(axes.T, range(5), strict=True):
    picture, bars = column
    picture.imshow(images[i].permute(1, 2, 0).numpy())
    picture.set_title(names[targets[i]], fontsize=10)
    picture.axis("off")
    colours = [VERMILION if c == targets[i] else "0.6" for c in range(len(names))]
    bars.bar(range(len(names)), logits[i].softmax(0).numpy(), color=colours)
    bars.set(ylim=(0, 1), xticks=range(len(names)), xlabel="class", ylabel="probability" if i == 0 else "")
    bars.tick_params(labelsize=7)
plt.show()
print(", ".join(f"{c} {name}" for c, name in enumerate(names)))

# %% [markdown]
# *Figure: the first five test images, each under its true name, and below each the ten probabilities that the network
# gives it, as bars. The bar of the true class is vermilion, the others are grey. Where the vermilion bar is the
# highest, the answer is right.*
#
# ## One number
#
# For image $i$ of $N$ let $z_i$ be its logits, of shape $(C,)$, and $y_i$ its true class, a number from $0$ to
# $C - 1$. The network's answer is the class with the highest logit. Top-$k$ accuracy allows it $k$ answers:
#
# $$\text{accuracy}_k = \frac1N \sum_{i=1}^{N} \big[\, y_i \text{ is among the } k \text{ highest of } z_i \,\big]$$
#
# The bracket is 1 if what it says is true, else 0. ImageNet's results are often given with $k = 5$, because many of
# its photographs show several of the 1,000 things one could name (Russakovsky et al. 2015, section 4.1).
#
# **By hand.** Three images, four classes:
#
# | $z_i$ | $y_i$ | order of the classes | $k=1$ | $k=2$ | $k=3$ |
# |---|---|---|---|---|---|
# | 2.0, 0.5, 1.0, −1.0 | 0 | 0, 2, 1, 3 | ✓ | ✓ | ✓ |
# | 0.1, 0.3, 0.2, 0.0 | 2 | 1, 2, 0, 3 | · | ✓ | ✓ |
# | −1.0, 4.0, 3.0, 2.0 | 3 | 1, 2, 3, 0 | · | · | ✓ |
#
# So the accuracies are $\frac13$, $\frac23$ and $1$. No softmax was needed: it keeps the order.
#
# ## Exercise 1: top-k accuracy
#
# <details><summary>Hint 1: a nudge</summary>
#
# For each image, which $k$ classes have the highest logits? Then: is the true class one of them?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `logits.topk(k, dim=1)` gives values and indices, the largest first; the indices are classes, of shape `(N, k)`. To
# compare them with `targets`, of shape `(N,)`, give `targets` a second axis.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `(best == targets[:, None]).any(1)` is True once for each image that is right. Its mean is the answer, and `.item()`
# makes a Python number of it. Check the shapes before: labels of shape `(N, 1)` would broadcast and give nonsense.
# </details>


# %%
def topk_accuracy(logits: torch.Tensor, targets: torch.Tensor, k: int = 1) -> float:
    """Share of images whose class is among the k with the highest logits, between 0 and 1.

    Args:
        logits: (N, C), of any floating dtype.
        targets: int64 (N,), the right class of each.
        k: 1 … C; exactly k classes of an image count, also where several share a logit.

    Returns:
        a Python float, as exact as a Python division.

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
print(" ".join(f"top-{k}: {topk_accuracy(logits, targets, k):.1%}" for k in (1, 2, 3, 5)))
print(" ".join(f"guessing, top-{k}: {k / len(names):.0%}" for k in (1, 2, 3, 5)))

# %% [markdown]
# ## How sure is that number?
#
# The test set is a sample. With other images of the same kind you would have got another number. How far off? There
# is a charming way to find out without any other images: pretend that your sample *is* the world, and draw new
# samples from it, with replacement (Efron & Tibshirani 1993, chapter 6). This is the **bootstrap**.
#
# **By hand.** Five answers, four of them right: `1 1 0 1 1`. Draw five, putting each back: perhaps the numbers 2, 2,
# 3, 5, 1, which are `1 1 0 1 1`, accuracy 0.8. Once more: 3, 1, 3, 4, 3 are `0 1 0 1 0`, accuracy 0.4. Once more:
# 1.0. After a thousand draws you have a thousand accuracies. Sort them, cut off the lowest 2.5 % and the highest 2.5
# %, and what is left spans the 95 % interval. In general, for a level $\ell$,
#
# $$\Big[\, q\big(\tfrac{1 - \ell}{2}\big),\; q\big(1 - \tfrac{1 - \ell}{2}\big) \,\Big]$$
#
# where $q(t)$ is the accuracy that the share $t$ of all resamples stays below.
#
# It knows only the chance that is in the *test images*. Another seed of the training gives another network, and that
# chance is not in it. Nor does it help if the test images are unlike those that you will meet.
#
# ## Exercise 2: the bootstrap
#
# <details><summary>Hint 1: a nudge</summary>
#
# `torch.randint(n, (n,))` draws `n` numbers from 0 to n − 1, with replacement. What does indexing with them give?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Make a generator of your own, `torch.Generator().manual_seed(seed)`, and hand it to `torch.randint` with
# `generator=…`. Then your draws can be repeated, and nobody else's are disturbed.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# In a loop over `resamples`, note `values[drawn].mean()`, where `values` is `correct` in float64. Then
# `accuracies.quantile(tail)` and `accuracies.quantile(1 - tail)`, with half of what shall lie outside as `tail`.
# </details>


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
        ValueError: level isn't above 0 and below 1; the message names it.
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

# %% [markdown]
# ## Predict, then run: how many images for how many digits?
#
# Somebody changes the recipe and reports half a percentage point more. **Before you run the cell, guess:**
#
# - How wide is the 95 % interval of your network's accuracy with 100 test images? With all that we have here?
# - How many images must a test have so that half a point is more than chance?

# %%
correct = logits.argmax(1) == targets  # (N,)
sizes = [n for n in (50, 100, 200, 500, 1000, 2000, 5000) if n < len(correct)] + [len(correct)]
intervals = [bootstrap_interval(correct[:n]) for n in sizes]
generator = torch.Generator().manual_seed(0)
draws = [torch.randint(len(correct), (len(correct),), generator=generator) for _ in range(1000)]
resampled = [correct[drawn].float().mean() for drawn in draws]

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
left.hist(100 * np.array(resampled), bins=30, color="0.75")
for end in bootstrap_interval(correct):
    left.axvline(100 * end, color=VERMILION, lw=2)
left.axvline(100 * correct.float().mean(), color=BLUE, lw=2)
left.set(xlabel="accuracy of a resample in %", ylabel="resamples", title=f"{len(correct):,} images, 1,000 resamples")
middles = [100 * correct[:n].float().mean().item() for n in sizes]
reach = [[m - 100 * low, 100 * high - m] for m, (low, high) in zip(middles, intervals, strict=True)]
right.errorbar(sizes, middles, yerr=np.array(reach).T, fmt="o", color=BLUE, capsize=4)
right.set(xscale="log", xlabel="test images", ylabel="accuracy in %", title="95 % intervals of smaller tests")
plt.show()
for n, (low, high) in zip(sizes, intervals, strict=True):
    print(f"{n:6,} images: {low:.1%} to {high:.1%}, {100 * (high - low):.1f} points wide")
accuracy = correct.double().mean().item()
print(f"an interval one point wide takes about {accuracy * (1 - accuracy) * (2 * 1.96 / 0.01) ** 2:,.0f} images")

# %% [markdown]
# *Figure: on the left a histogram of the accuracies of 1,000 resamples, bell-shaped about the accuracy itself, a blue
# line; two vermilion lines cut off the 2.5 % at either end. On the right the accuracy and its 95 % interval for tests
# with more and more of the images: the bars shrink towards the right, along a logarithmic axis.*
#
# <details><summary>Was your guess right?</summary>
#
# Four times the images halve the interval: its width falls with $1 / \sqrt N$. One standard error is
# $\sqrt{a (1 - a) / N}$ for accuracy $a$, and the interval reaches 1.96 of them to either side. Even 10,000 images
# leave about half a point on each side of an accuracy near 0.9. So half a point between *two* networks on such a test
# is hardly news, and a hundredth of a point never is. (If both were tested on the very same images, compare them image
# by image: much of the chance is shared and drops out.)
# </details>
#
# ## Which for which
#
# A network that is right in 7 of 10 cases might be bad at everything alike, or mistake every cat for a dog. The
# **confusion matrix** $M$, of shape $(C, C)$, tells them apart: $M_{ij}$ counts the images of class $i$ that were
# called $j$.
#
# **By hand.** Ten images: five cats, four dogs, one ship.
#
# | | called cat | called dog | called ship | in all |
# |---|--:|--:|--:|--:|
# | **is cat** | 3 | 2 | 0 | 5 |
# | **is dog** | 1 | 3 | 0 | 4 |
# | **is ship** | 0 | 1 | 0 | 1 |
# | in all | 4 | 6 | 0 | 10 |
#
# Right answers lie on the diagonal: $3 + 3 + 0$, accuracy 0.6. Read **along a row**: of 5 cats 3 were found. That is
# the *recall* of cats, 0.6. Read **down a column**: of 4 that it called a cat 3 are cats. That is the *precision* of
# cats, 0.75. For each class $c$:
#
# $$\text{precision}_c = \frac{M_{cc}}{\sum_i M_{ic}}, \qquad
#   \text{recall}_c = \frac{M_{cc}}{\sum_j M_{cj}}, \qquad
#   F_{1,c} = \frac{2}{\frac{1}{\text{precision}_c} + \frac{1}{\text{recall}_c}}
#           = \frac{2\, M_{cc}}{\sum_i M_{ic} + \sum_j M_{cj}}$$
#
# $F_1$ is the harmonic mean of the two (van Rijsbergen 1979). It stays near the smaller: where cats are rare, who
# calls everything a cat has recall 1 and precision near 0, and deserves an $F_1$ near 0. The last form has another
# advantage. The word “ship” was never said, so its precision is $0 / 0$, which we set to 0. The sum below the line is
# still 1, and $F_1 = 0$ comes out by itself.
#
# ## Exercise 3: the confusion matrix
#
# <details><summary>Hint 1: a nudge</summary>
#
# A loop over the images that adds 1 to one cell each time is right. Write that first, if you like.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# It is tempting to write `matrix[targets, predictions] += 1`. Try it with two equal pairs: it reads the cells, adds
# 1, and writes them back, so a cell that is named twice still gains 1. Find another way to count pairs at once.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# Number the cells row by row: the pair $(i, j)$ is cell $i \cdot C + j$. `torch.bincount` counts how often each
# number occurs, and with `minlength=C * C` it gives a 0 for those that don't. A class outside of $0 \dots C - 1$
# would land in somebody else's cell, so look for it first.
# </details>


# %%
def confusion_matrix(
    predictions: torch.Tensor,
    targets: torch.Tensor,
    num_classes: int,
) -> torch.Tensor:
    """How often each class was called each name.

    Args:
        predictions, targets: int64 (N,), classes 0 … num_classes - 1; N may be 0.
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

# %% [markdown]
# ## Exercise 4: precision, recall and F1
#
# <details><summary>Hint 1: a nudge</summary>
#
# Everything comes from three vectors of shape `(C,)`: the diagonal, the sums of the rows, the sums of the columns.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `matrix.sum(0)` adds up along dimension 0, so down the columns: how often each name was *given*. `matrix.sum(1)` is
# how often each class *is there*. Which of the two belongs to precision?
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# Where a denominator is 0 the diagonal is 0, too. So `.clamp(min=1)` on the denominator turns 0 / 0 into 0 and
# changes nothing else. For F1 use the form with counts, which needs neither precision nor recall.
# </details>


# %%
def per_class_report(matrix: torch.Tensor) -> dict[str, torch.Tensor]:
    """Precision, recall, F1 and the number of images of each class.

    Args:
        matrix: int64 (C, C), rows are true classes, as `confusion_matrix` gives it; left unchanged.

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

# %% [markdown]
# Here is your network's matrix, drawn by a helper: each row in per cent, so that it sums to 100, mistakes in orange.


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


# %%
matrix = confusion_matrix(logits.argmax(1), targets, len(names))
report = per_class_report(matrix)
print(f"{'class':15} precision  recall     F1  images")
for c, name in enumerate(names):
    shares = "   ".join(f"{report[key][c]:6.1%}" for key in ("precision", "recall", "f1"))
    print(f"{name:15}   {shares}  {report['support'][c]:6}")
mistakes = matrix.clone().fill_diagonal_(0)
is_class, called = divmod(mistakes.argmax().item(), len(names))
print(f"\nthe most frequent mistake: {names[is_class]}, called {names[called]}, {mistakes.max()} times")
plot_confusion(matrix, names, source.name)

# %% [markdown]
# *Figure: a square table, rows are true classes, columns the names given, each number in per cent of its row. The
# diagonal is bold. The more orange a cell off the diagonal, the more often that mistake is made.*
#
# Is the matrix symmetric? Rarely. A column that is orange from top to bottom is a favourite answer: a name that the
# network gives when in doubt. Its precision is low and its recall high.
#
# ## Does it know what it knows?
#
# Softmax turns logits into numbers that look like probabilities. Are they? Call the highest one the network's
# **confidence** in its answer. Take all images to which it gave a confidence near 0.8. If the number means anything,
# 80 % of these answers are right. A network for which that holds at every level is **calibrated**.
#
# To measure it, cut the range from 0 to 1 into $B$ bins of equal width, and let $S_b$ be the set of images whose
# confidence falls into bin $b$. The **expected calibration error** is (Guo et al. 2017, section 2, equation 3)
#
# $$\mathrm{ECE} = \sum_{b=1}^{B} \frac{|S_b|}{N}\, \big|\, \mathrm{acc}(S_b) - \mathrm{conf}(S_b) \,\big|$$
#
# where $\mathrm{acc}$ is the share of right answers in the bin and $\mathrm{conf}$ their mean confidence.
#
# **By hand.** Ten images, two bins that hold any. Six answers with confidence 0.9, four of them right: accuracy
# 0.667, gap 0.233. Four answers with confidence 0.6, three right: accuracy 0.75, gap 0.15. Together
# $0.6 \cdot 0.233 + 0.4 \cdot 0.15 = 0.2$. Note that the first bin is too sure, the second too modest, and that the
# two don't cancel. Over all ten images confidence is 0.78 on average and accuracy 0.7, which looks better than it
# is.
#
# ## Exercise 5: the calibration error
#
# <details><summary>Hint 1: a nudge</summary>
#
# First the three vectors of shape `(N,)`: the confidence, whether the answer was right, and the bin that the
# confidence falls into. Only then the loop over bins.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Bin $b$ holds confidences in $(b/B, (b+1)/B]$, counting from 0. Rounding *down* `confidence * bins` would put 1.0
# behind the last bin, and a sure network says 1.0 often. Round *up*, and subtract 1.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# For each bin: `inside = place == b`. If `inside.any()`, the gap is
# `(right[inside].mean() - confidence[inside].mean()).abs()`, and it weighs `inside.sum() / len(targets)`. The mean
# of an empty bin would be nan. Compute in float64, so that sums of many small numbers stay exact.
# </details>


# %%
def expected_calibration_error(
    probabilities: torch.Tensor,
    targets: torch.Tensor,
    bins: int = 15,
) -> float:
    """Mean gap between confidence and accuracy (Guo et al. 2017, section 2, equation 3).

    Args:
        probabilities: (N, C), each row sums to 1.
        targets: int64 (N,).
        bins: of equal width on the confidence: (0, 1/bins], (1/bins, 2/bins], …, up to 1.

    Returns:
        a Python float: the gap |accuracy - mean confidence| of each bin, averaged over the bins,
        where a bin weighs as much as it holds images. Empty bins weigh nothing.

    Raises:
        ValueError: a value lies outside 0 … 1, as if logits had been passed, whatever the rows sum
            to; the message says "probabilities".
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

# %% [markdown]
# ## Predict, then run: too sure or too modest?
#
# A **reliability diagram** shows the bins: accuracy over confidence. On the diagonal a network is as good as it says.
# **Guess before you run it:** on which side of the diagonal do the bars of your network end? And which of these would
# push them to the other side: longer training on the same images, label smoothing, fewer parameters?


# %%
def plot_reliability(
    ax: Axes, probabilities: torch.Tensor, targets: torch.Tensor, bins: int = 15, title: str = ""
) -> None:
    """Accuracy over confidence, a bar a bin, the gap to the confidence in orange, and how many images each bin has."""
    confidence, predictions = probabilities.double().max(1)
    edges = np.linspace(0, 1, bins + 1)
    weights = (torch.ones(len(targets)), confidence, (predictions == targets).double())
    images, said, right = (np.histogram(confidence.numpy(), edges, weights=w.numpy())[0] for w in weights)
    full = images > 0
    middle, accuracy = (edges[:-1] + 0.5 / bins)[full], right[full] / images[full]
    gap = said[full] / images[full] - accuracy
    ax.bar(middle, accuracy, width=0.9 / bins, color=BLUE, label="accuracy")
    ax.bar(middle, gap, bottom=accuracy, width=0.5 / bins, color=ORANGE, alpha=0.8, label="gap to the confidence")
    ax.bar(middle, -0.15 * images[full] / images.max(), width=0.9 / bins, color="0.6", label="share of the images")
    ax.plot([0, 1], [0, 1], color="black", ls=":", lw=1)
    ax.axhline(0, color="black", lw=0.8)
    ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(-0.2, 1.02), title=title)
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.legend(fontsize=8, loc="upper left")


# %%
probabilities = logits.softmax(1)
error = expected_calibration_error(probabilities, targets)
figure, ax = plt.subplots(figsize=(5.2, 4.6), layout="constrained")
plot_reliability(ax, probabilities, targets, title=f"calibration error {error:.3f}")
plt.show()
print(f"mean confidence {probabilities.max(1).values.mean():.1%}, accuracy {topk_accuracy(logits, targets):.1%}")

# %% [markdown]
# *Figure: a reliability diagram of your network. Blue bars are the accuracy of the images in each bin of confidence.
# An orange strip leads from there to the mean confidence of the bin: upwards where the network is too sure,
# downwards where it is too modest. The dotted diagonal is perfect calibration. Grey bars that hang below zero show
# how many images each bin holds.*
#
# <details><summary>What pushes a network to which side?</summary>
#
# Once all training images are classified correctly, the loss can still fall: by making the logits larger. So long
# training on the same images makes a network too sure, and large networks can do that best (Guo et al. 2017, section
# 3). The short run of this notebook has seen its 512 images three times, which is enough for this to begin. Label
# smoothing punishes certainty and pushes the other way (Müller et al. 2019, section 3), and so does a training that
# ends early. A network from `course train` has had both.
# </details>
#
# ## Taking the temperature
#
# There is a remedy that costs one number. Divide all logits by a **temperature** $T > 0$ before the softmax:
#
# $$p_i(T) = \operatorname{softmax}(z_i / T), \qquad
#   T^\ast = \arg\min_T \; \frac1N \sum_{i=1}^N -\log p_{i, y_i}(T)$$
#
# $T > 1$ flattens the probabilities, $T < 1$ sharpens them, and the order of the classes stays, whatever $T$ is. So
# the accuracy can't change. The loss chooses $T$: it is the cross-entropy of lesson 6, and the lowest is reached
# where the probabilities fit best (Guo et al. 2017, section 4.2).
#
# One rule: *don't fit $T$ on the images on which you then measure*. And don't fit it on the training images either.
# The network is surer of those than of any others.
#
# **By hand.** Two classes, logits $(2, 0)$ for every image, and 3 of 4 answers are right. At $T = 1$ the confidence
# is $1 / (1 + e^{-2}) = 0.88$. It should be $0.75$, so $e^{-2 / T} = \frac13$, and $T = 2 / \ln 3 = 1.82$.
#
# ## Exercise 6: fit the temperature
#
# <details><summary>Hint 1: a nudge</summary>
#
# It's a search for the lowest point of a function of one variable. Any way to get there is fine: a fine grid, golden
# section, Newton, `torch.optim.LBFGS`. Search over $\log T$, and $T$ can't become negative.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# The loss has a single valley, since it is convex in $1/T$. So it is enough to know on which side of the valley you
# stand, and to halve the range again and again. Never write `exp(z) / exp(z).sum()`; `softmax` and `log_softmax`
# don't overflow.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# With $\beta = 1 / T$ the slope of the loss with respect to $\beta$ is
# $\frac1N \sum_i \big(\sum_c p_{ic} z_{ic} - z_{i y_i}\big)$: the mean logit under the probabilities, minus the true
# one. If it is positive, a smaller $\beta$ is better, which means a larger $T$. Start with
# `low, high = log(0.01), log(100)`, halve until they are closer than 0.0001, and return `math.exp(middle)`.
# </details>


# %%
def fit_temperature(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """The temperature T that minimises the mean of -log softmax(logits / T)[target].

    Guo et al. 2017, section 4.2. Looks between 0.01 and 100, and gives that end where the best lies
    beyond it. Is right to 1 % at least, and works for logits in the thousands.

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

# %% [markdown]
# Half of the images choose the temperature, the other half judge it.

# %%
fit_half, judge_half = slice(0, None, 2), slice(1, None, 2)
temperature = fit_temperature(logits[fit_half], targets[fit_half])
print(f"temperature {temperature:.2f}")
figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
for ax, t, title in zip(axes, (1.0, temperature), ("as it is", f"logits divided by {temperature:.2f}"), strict=True):
    p, y = (logits[judge_half] / t).softmax(1), targets[judge_half]
    error = expected_calibration_error(p, y)
    plot_reliability(ax, p, y, title=f"{title}: calibration error {error:.3f}")
    loss = -p[torch.arange(len(y)), y].log().mean()
    print(f"{title:25} accuracy {topk_accuracy(p, y):.1%}, loss {loss:.3f}, calibration error {error:.3f}")
plt.show()

# %% [markdown]
# *Figure: two reliability diagrams of the half of the images that judges. On the left the network as it is, on the
# right with its logits divided by the temperature that the other half has chosen. Look at
# the bins that hold most images, the long grey bars: there the orange strips are shorter on the right, unless the
# network was well calibrated before. A bin of three images has a gap by chance.*
#
# The accuracy is the same to the last image. What has changed is what the numbers mean, and that matters as soon as
# somebody acts on them: hands the doubtful cases to a person, say.
#
# ## The worst mistakes
#
# The most instructive pictures of a test are the mistakes that the network was most sure of. Some are its fault. Some
# are wrongly labelled, and you have found an error in the data.
#
# ## Exercise 7: find them
#
# <details><summary>Hint 1: a nudge</summary>
#
# Confidence is the highest *probability*. A logit of 9 may be sure or not: it depends on the other logits of that
# image.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# First find the indices of all wrong answers: `(predictions != targets).nonzero().flatten()`. Then sort these by
# confidence. `argsort` is ascending, unless `descending=True`.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `order = confidence[wrong].argsort(descending=True)` counts *among the wrong ones*. `wrong[order]` leads back to the
# images, and `[:n]` copes with fewer than `n`.
# </details>


# %%
def most_confident_mistakes(logits: torch.Tensor, targets: torch.Tensor, n: int) -> torch.Tensor:
    """Which wrong answers were given with the highest probability.

    Args:
        logits: (N, C).
        targets: int64 (N,).
        n: how many to give; fewer come back where there are fewer mistakes.

    Returns:
        int64, indices into the N images, the most confident mistake first. They are compared in
        float64, as float32 rounds the surest all to 1. Without mistakes int64, too, of shape (0,).
    """
    ### BEGIN SOLUTION
    confidence, predictions = logits.double().softmax(1).max(1)  # (N,)
    wrong = (predictions != targets).nonzero().flatten()  # indices of the mistakes
    order = confidence[wrong].argsort(descending=True, stable=True)
    return wrong[order][:n]
    ### END SOLUTION


# %%
check("most_confident_mistakes", points=1)

# %% [markdown]
# ## Exercise 8: show them
#
# A figure for people. How it looks is up to you. What it must hold stands in the docstring.
#
# <details><summary>Hint 1: a nudge</summary>
#
# matplotlib wants a picture as (H, W, 3), and ours is (3, H, W). `reshape` would give that shape too, and a picture
# like torn and re-glued paper. Which operation moves an axis?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Collect the indices to show, right ones first, then `most_confident_mistakes(logits, targets, 2 * columns)`. For
# each index `i` there is one title: `names[predictions[i]]`, the highest of `logits.softmax(1)[i]` in per cent, and,
# if it's a mistake, `names[targets[i]]`.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `figure = Figure(figsize=…, layout="constrained")`, then `axes = figure.subplots(4, columns).flatten()`. Call
# `ax.axis("off")` for all of them, and `ax.imshow(images[i].permute(1, 2, 0).numpy())` and `ax.set_title(…)` for
# those that you use. f"{0.93:.0%}" is `93%`.
# </details>


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
        A figure with the first 2 * columns images that were classified correctly, and the 2 * columns
        most confident mistakes; fewer where there are fewer, or none. Each picture has axes of its own,
        which hold an (H, W, 3) image and a title: the name it was called, the confidence in per
        cent, and for a mistake also its true name, after the other one: "cat 93%" or "cat 93%, is dog".
    """
    from matplotlib.figure import Figure  # here, so that what doesn't draw starts at once

    ### BEGIN SOLUTION
    confidence, predictions = logits.softmax(1).max(1)  # (N,)
    right = (predictions == targets).nonzero().flatten()[: 2 * columns]
    wrong = most_confident_mistakes(logits, targets, 2 * columns)
    sheet = Figure(figsize=(1.45 * columns, 7.6), layout="constrained")
    parts = sheet.subfigures(2, 1)
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
    return sheet
    ### END SOLUTION


# %%
check("show_predictions", points=2)

# %%
show_predictions(images, logits, targets, names)

# %% [markdown]
# *Figure: above, two rows of pictures that were classified correctly, with the answer and its confidence in per cent.
# Below, two rows of the mistakes that the network was most sure of, each with the name given, the confidence, and
# the true name.*
#
# Would you have known better, at this size? One person who tried it on 400 images got 94 % (Karpathy 2011,
# *Lessons learned from manually classifying CIFAR-10*).
#
# ## Where does it look?
#
# A network may be right for the wrong reason: the ship because of the water, the horse because of the fence.
# **Grad-CAM** (Selvaraju et al. 2017) asks a layer deep in the network which places spoke for a class.
#
# Let $A^k$ be map number $k$ of that layer, of shape $(h, w)$, for one image, and $z_c$ the logit of the class $c$ in
# question. The gradient $\partial z_c / \partial A^k_{uv}$ says how much the logit gains if the map grows at place
# $(u, v)$. Its mean over all places is the map's weight, and the weighted maps are added up (section 3, equations 1
# and 2):
#
# $$\alpha^c_k = \frac{1}{h\,w} \sum_{u=1}^{h} \sum_{v=1}^{w} \frac{\partial z_c}{\partial A^k_{uv}}, \qquad
#   L^c = \operatorname{ReLU}\Big( \sum_k \alpha^c_k\, A^k \Big)$$
#
# | symbol | in code | shape | what it is |
# |---|---|---|---|
# | $A$ | the layer's output | $(1, K, h, w)$ | $K$ maps |
# | $z_c$ | `logits[0, target]` | a number | the logit, *before* any softmax |
# | $\alpha^c$ | `weights` | $(1, K, 1, 1)$ | one weight a map |
# | $L^c$ | the result | $(h, w)$ | what speaks for the class, and where |
#
# The ReLU keeps what speaks *for* the class and drops what speaks against it.
#
# **By hand.** Two maps of two places: $A^1 = (3, 0)$ with gradients $(0.5, 0.1)$, and $A^2 = (1, 2)$ with gradients
# $(-0.6, 0)$. The weights are $0.3$ and $-0.3$. The sum is $(0.9 - 0.3,\; 0 - 0.6) = (0.6, -0.6)$, and the map
# $(0.6, 0)$: the first place speaks for the class.
#
# **How to get at a layer in the middle.** A *forward hook* is a function that the layer calls with its output each
# time it has run. It can keep the output, and if it returns something, the network goes on with that instead. A hook
# stays until somebody removes it. So remove yours in any case, also if the network fails: that is what
# `try … finally` is for.
#
# **And leave no traces.** You are a guest in somebody's network. Look in evaluation mode (one image alone in a batch
# norm in training mode would be normalised by itself), but bring each module's mode back. For that you get a helper:


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


# %% [markdown]
# ## Exercise 9: Grad-CAM
#
# The map is returned at the layer's own size. Enlarging it is a matter of drawing; the network knows no more places
# than these.
#
# <details><summary>Hint 1: a nudge</summary>
#
# You need two things from one forward pass: the layer's output $A$, and the logit $z_c$ with a graph that leads from
# $A$ to it. Everything after that is the formula, line by line.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `hook = layer.register_forward_hook(keep)`, where `keep(module, inputs, output)` appends the output to a list. Under
# `try:` run `with evaluating(model): logits = model(image[None])`, under `finally:` call `hook.remove()`.
# `torch.autograd.grad(logits[0, target], maps)` gives a tuple with the one gradient that you ask for, and touches
# nobody's `.grad`.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# If all parameters are frozen there is no graph at all. So start one in the hook: keep
# `output.detach().requires_grad_()`, and *return* `kept[-1].clone()`, so that the network goes on from there. The
# clone is for a ReLU with `inplace=True` that may follow and would write into your copy. Then
# `weights = gradient.mean(dim=(2, 3), keepdim=True)`, multiply, sum over dimension 1, `relu()`.
# </details>


# %%
def grad_cam(model: nn.Module, image: torch.Tensor, target: int, layer: nn.Module) -> torch.Tensor:
    """Where the network looks for a class (Selvaraju et al. 2017, section 3, equations 1 and 2).

    Runs in evaluation mode. Afterwards, also after an error, the layer has the hooks that it had
    before, each module has the mode it had, and every `.grad` and `requires_grad` is as it was.
    Works for a network whose parameters are frozen (`requires_grad` is False), too, and with the
    maps as the layer gives them, also if a module behind it changes them in place.

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

# %% [markdown]
# Four images, one layer after the other. The deeper the layer, the coarser its maps, and the more they are about
# things instead of edges. The last column asks about another class: the runner-up.

# %%
shown = [*(logits.argmax(1) == targets).nonzero().flatten()[:2].tolist()]
shown += most_confident_mistakes(logits, targets, 2).tolist()
figure, axes = plt.subplots(len(shown), 5, figsize=(10, 2.1 * len(shown)), layout="constrained")
for row, i in zip(axes, shown, strict=True):
    first, second = logits[i].topk(2).indices.tolist()
    row[0].set_title(f"is {names[targets[i]]}", fontsize=9)
    looks = [("layer2", first), ("layer3", first), ("layer4", first), ("layer3", second)]
    for ax, (layer, target) in zip(row[1:], looks, strict=True):
        heat = grad_cam(model, x[i], target, getattr(model, layer)).cpu()
        size = "x".join(map(str, heat.shape))
        enlarged = F.interpolate(heat[None, None], size=(32, 32), mode="bilinear")[0, 0]
        ax.set_title(f"{names[target]}? {layer}, {size}", fontsize=9)
        ax.imshow(images[i].permute(1, 2, 0).numpy())
        ax.imshow(enlarged.numpy(), cmap="inferno", alpha=0.6, vmin=0, vmax=max(enlarged.max().item(), 1e-6))
    row[0].imshow(images[i].permute(1, 2, 0).numpy())
    for ax in row:
        ax.axis("off")
plt.show()

# %% [markdown]
# *Figure: four rows, two images with right answers and two of the surest mistakes. In the first column the image
# with its true name. Then the image under a map of heat, bright where layer 2, layer 3 and layer 4 speak for the
# class that was answered, each with the size of its own maps. In the last column layer 3 is asked about the class
# that came second.*
#
# Read such maps with care. They say where evidence was found, not why it is evidence. A map also looks plausible when
# it is wrong: some methods give nearly the same picture for a network with random weights. Grad-CAM passes that check
# (Adebayo et al. 2018, section 3).
#
# ## A second look
#
# A mirrored ship is still a ship. A network from `course train` has learned from mirrored images, and yet its answers
# for an image and for its mirror image differ a little. Each has an error of its own, and a mean of two has less. This
# is called *test-time augmentation*; Krizhevsky et al. 2012, section 4.1, averaged ten looks.
#
# What to average, logits or probabilities? Both are done. Here it is the **logits**: what comes out are logits
# again, so it goes into every function of this lesson. (The softmax of mean logits is the geometric mean of the two
# probabilities, made to sum to 1.) A *sum* would name the same classes, but be twice as sure: it is a mean with the
# temperature halved.
#
# ## Exercise 10: flips
#
# <details><summary>Hint 1: a nudge</summary>
#
# In (N, 3, H, W), which dimension runs from left to right?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `images.flip(-1)` is a mirrored copy of all images. `evaluating` from above takes care of the modes. It doesn't
# switch gradients off; `torch.no_grad()` does.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# One `with` may open both: `with evaluating(model), torch.no_grad():`. In it, call the model twice and halve the sum.
# </details>


# %%
def predict_with_flips(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The mean of the logits of each image and of its mirror image, left to right.

    Runs in evaluation mode and without a graph. Afterwards each module's mode is as it was, and
    gradients are on or off as before.

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

# %% [markdown]
# **Guess first:** for how many of 100 images does the second look change the answer? And how many points of accuracy
# does it bring?

# %%
both = torch.cat([predict_with_flips(model, part).float().cpu() for part in x.split(250)])
changed = both.argmax(1) != logits.argmax(1)
better = (both.argmax(1) == targets) & (logits.argmax(1) != targets)
worse = (both.argmax(1) != targets) & (logits.argmax(1) == targets)
low, high = bootstrap_interval(correct)
print(f"one look   {topk_accuracy(logits, targets):.1%} (95 % interval {low:.1%} to {high:.1%})")
print(f"two looks  {topk_accuracy(both, targets):.1%}")
print(f"of {len(targets):,} answers {changed.sum()} changed: {better.sum()} became right, {worse.sum()} became wrong")

# %% [markdown]
# Compare the gain with the interval, and then with the last two counts. These are what you should look at: both ways
# were tested on the same images, and all that differs between them is in the answers that changed.
#
# ## What broke, what it means
#
# Three mistakes that make a test lie, and what they look like.

# %%
generator = torch.Generator().manual_seed(1)
true_accuracy, epochs, test_size = 0.7, 60, 1000
climbing = true_accuracy * (1 - torch.exp(-torch.arange(1.0, epochs + 1) / 6))  # what it is worth
measured = torch.stack([(torch.rand(test_size, generator=generator) < a).float().mean() for a in climbing])
best = measured.argmax().item()

subset = slice(0, 200)
mean, std = stats
views = {
    "not normalised": prepare(images[subset], (torch.zeros(3), torch.ones(3)), side),
    "blue, green, red": prepare(images[subset].flip(1), stats, side),
    "not divided by 255": prepare(images[subset], (mean / 255, std / 255), side),
}
sure = logits[subset].softmax(1).max(1).values.mean().item()
scores = {"as in training": (topk_accuracy(logits[subset], targets[subset]), sure)}
for view, pixels in views.items():
    answers = logits_of(model, pixels.to(device))
    scores[view] = (topk_accuracy(answers, targets[subset]), answers.softmax(1).max(1).values.mean().item())

figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.9), layout="constrained")
left.plot(range(1, epochs + 1), 100 * climbing, color="black", ls=":", label="what the network is worth")
left.plot(range(1, epochs + 1), 100 * measured, color=BLUE, lw=1, label=f"measured on {test_size:,} images")
left.plot(best + 1, 100 * measured[best], "o", color=VERMILION, label="the best epoch, chosen on the test")
left.set(xlabel="epoch", ylabel="accuracy in %", ylim=(55, 76), title="1: choosing by the test (simulated)")
left.legend(fontsize=8, loc="lower right")
places = np.arange(len(scores))
right.bar(places - 0.2, [100 * accuracy for accuracy, _ in scores.values()], 0.4, color=BLUE, label="accuracy")
right.bar(places + 0.2, [100 * sure for _, sure in scores.values()], 0.4, color=ORANGE, label="mean confidence")
right.set_xticks(places, scores, fontsize=8)
right.set(ylabel="%", ylim=(0, 100), title="2: images prepared otherwise than in training")
right.legend(fontsize=8)
plt.show()
print(f"1: the best epoch measures {measured[best]:.1%} and is worth {climbing[best]:.1%}")
for view, (accuracy, sure) in scores.items():
    print(f"2: {view}: accuracy {accuracy:.1%}, mean confidence {sure:.1%}")
batches = correct[: len(correct) * 2 // 3].float().split(len(correct) // 3 * 2 - 20)  # the last has 20 images
print(f"3: accuracy of {sum(map(len, batches)):,} images {torch.cat(batches).mean():.2%}, ", end="")
print(f"mean of the batches' accuracies {torch.stack([batch.mean() for batch in batches]).mean():.2%}")

# %% [markdown]
# *Figure: on the left a simulated training. A dotted line, what the network is worth, climbs and levels off at 70 %.
# A jagged blue line, what a test of 1,000 images measures, wavers about it. A vermilion dot marks its highest point,
# well above the dotted line. On the right pairs of bars, accuracy and mean confidence of your network, for images
# prepared as in training, not normalised, with red and blue exchanged, and normalised without a division by 255.*
#
# 1. **Choosing by the test.** In a curve it shows as a proud single peak on a plateau. The best of 60 measurements
#    is the luckiest one, and it is reported as if it were the first. *Remedy:* choose by the validation images, look
#    at the test once, at the end, and report the last weights.
# 2. **Prepared otherwise than in training.** The training curve is perfect, the test is poor, and the network may be
#    as sure of itself as ever: its confidence doesn't warn you. *Remedy:* save mean, deviation, size and order of
#    the channels with the weights, and evaluate through the very same function.
# 3. **Averaging averages.** The last batch of a test is often smaller, and its images then count for more. It shows
#    as a number that changes with the batch size. *Remedy:* collect all answers, then take one mean.
#
# ## The report of a run
#
# `course train` ends with the functions that you have written. This is how it puts them together; there is nothing
# to do here.


# %%
def plot_curves(history: Sequence[dict[str, Any]], losses: Sequence[float], title: str) -> Figure:
    """Loss of every step and of every epoch, accuracy, and the learning rate at the end of each epoch.

    Args:
        history: rows of lesson 6's `fit`; `validation_loss` and `validation_accuracy` may be None.
        losses: one a step.
    """
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    figure.suptitle(title)
    left, middle, right = figure.subplots(1, 3)
    epochs = [row["epoch"] for row in history]
    steps = torch.arange(1, len(losses) + 1) / (len(losses) / len(history))  # in epochs
    left.plot(steps.numpy(), losses, color=BLUE, alpha=0.25, lw=0.8, label="training, each step")
    left.plot(epochs, [row["train_loss"] for row in history], color=BLUE, marker="o", ms=3, label="training")
    middle.plot(epochs, [row["train_accuracy"] for row in history], color=BLUE, marker="o", ms=3, label="training")
    for ax, name in ((left, "loss"), (middle, "accuracy")):
        values = [row[f"validation_{name}"] for row in history]
        if None not in values:
            ax.plot(epochs, values, color=VERMILION, marker="s", ms=3, ls="--", label="validation")
        ax.set(ylabel=name)
        ax.legend(fontsize=8)
    middle.set_ylim(0, 1)
    left.set_ylim(0, 1.1 * max(losses))  # the first validation losses may be a hundred times as high
    right.plot(epochs, [row["learning_rate"] for row in history], color="black", marker="o", ms=3)
    right.set(ylabel="learning rate", ylim=(0, None))
    for ax in (left, middle, right):
        ax.set_xlabel("epoch")
        ax.set_xlim(0, 1.04 * epochs[-1])
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def test_metrics(logits: torch.Tensor, targets: torch.Tensor, names: Sequence[str]) -> dict[str, Any]:
    """Everything that this lesson measures, as plain numbers."""
    report = per_class_report(confusion_matrix(logits.argmax(1), targets, len(names)))
    return {
        "images": len(targets),
        "accuracy": topk_accuracy(logits, targets),
        "interval": bootstrap_interval(logits.argmax(1) == targets),
        "top5_accuracy": topk_accuracy(logits, targets, min(5, len(names))),
        "calibration_error": expected_calibration_error(logits.softmax(1), targets),
        "classes": {name: {key: values[c].item() for key, values in report.items()} for c, name in enumerate(names)},
    }


def epoch_row(row: dict[str, Any]) -> str:
    """A line of the report's table of epochs."""
    held_out = "– | –"
    if row["validation_loss"] is not None:
        held_out = f"{row['validation_loss']:.3f} | {row['validation_accuracy']:.1%}"
    return (
        f"| {row['epoch']} | {row['train_loss']:.3f} | {row['train_accuracy']:.1%} | {held_out} "
        f"| {row['images_per_second']:.0f} | {row['seconds']:.0f} |"
    )


def write_report(
    folder: Path,
    metrics: dict[str, Any],
    losses: Sequence[float],
    images: torch.Tensor,
    logits: torch.Tensor,
    targets: torch.Tensor,
    names: Sequence[str],
) -> None:
    """Write `metrics.json`, four figures and `report.md`, and add the numbers of the test images to `metrics`.

    Args:
        folder: where they go.
        metrics: what the run knows of itself: `data`, `config`, `machine`, `epochs`, `seconds` …
        losses: one a step.
        images, logits, targets, names: of the test, as for `show_predictions`.
    """
    metrics["test"] = test = test_metrics(logits, targets, names)
    title = f"ResNet18 on {metrics['data']}"
    matrix = confusion_matrix(logits.argmax(1), targets, len(names))
    plot_curves(metrics["epochs"], losses, title).savefig(folder / "curves.png", dpi=110)
    plot_confusion(matrix, names, title).savefig(folder / "confusion.png", dpi=110)
    show_predictions(images, logits, targets, names).savefig(folder / "predictions.png", dpi=110)
    reliability = Figure(figsize=(5.5, 5), layout="constrained")
    plot_reliability(reliability.subplots(), logits.softmax(1), targets, title=title)
    reliability.savefig(folder / "calibration.png", dpi=110)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")

    config, machine, epochs = metrics["config"], metrics["machine"], metrics["epochs"]
    seen = len(epochs) * config["epoch_size"]
    sides = " to ".join(f"{side}x{side}" for side in dict.fromkeys((config["sizes"][0], config["sizes"][-1])))
    short = f", shortened from the {config['epochs']} epochs planned" if len(epochs) < config["epochs"] else ""
    low, high = test["interval"]
    flips = ""
    if config["flips"]:
        flips = f" Each image and its mirror image count; without it {metrics['accuracy_without_flips']:.2%}."
    lines = [
        f"# {title}",
        "",
        f"**Test accuracy: {test['accuracy']:.2%}** (95 % interval {low:.1%} to {high:.1%}) of {test['images']:,} test "
        f"images of {metrics['data']} (top 5: {test['top5_accuracy']:.2%}, calibration error: "
        f"{test['calibration_error']:.3f}).{flips}",
        "",
        f"{metrics['parameters']:,} parameters, {seen:,} training images seen "
        f"({seen / metrics['training_images']:.1f} times each), {sides} pixels, "
        f"{config['precision']}, {metrics['seconds']['training']:.0f} s of training on {machine['name']} "
        f"({machine['device']}, {machine['threads']} threads), torch {machine['torch']}.",
        "",
        "![loss, accuracy and learning rate by epoch](curves.png)",
        "",
        f"{len(epochs)} epochs of {config['epoch_size']:,} images{short}.",
        "",
        "| epoch | training loss | accuracy | validation loss | accuracy | images/s | s |",
        "|--:|--:|--:|--:|--:|--:|--:|",
        *map(epoch_row, epochs),
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
        "![accuracy over confidence: how well the network knows what it knows](calibration.png)",
        "",
        "All settings and numbers: `metrics.json`. The weights: `checkpoint.pt`, entry `model`.",
    ]
    (folder / "report.md").write_text("\n".join(lines) + "\n")


# %%
print(json.dumps(test_metrics(both, targets, names), indent=2)[:700], "…")

# %% [markdown]
# ## Where to go
#
# - **Guo et al. 2017**, *On Calibration of Modern Neural Networks*: section 2 defines what you measured, section 3
#   asks where the overconfidence comes from, section 4.2 is the temperature.
# - **Selvaraju et al. 2017**, *Grad-CAM*: section 3 is exercise 9.
# - **Adebayo et al. 2018**, *Sanity Checks for Saliency Maps*: what a map must do before you believe it.
# - **Efron & Tibshirani 1993**, *An Introduction to the Bootstrap*: chapter 6 for the standard error, chapter 13 for
#   percentile intervals and when not to use them.
# - **Müller et al. 2019**, *When Does Label Smoothing Help?*: what it does to confidence.
# - **Nixon et al. 2019**, *Measuring Calibration in Deep Learning*: what is wrong with the error of exercise 5.
# - **Recht et al. 2019**, *Do ImageNet Classifiers Generalize to ImageNet?*: new test images for CIFAR-10 and
#   ImageNet, and several points less for every network.
# - **Northcutt et al. 2021**, *Pervasive Label Errors in Test Sets*: the labels that most confident mistakes turn up.
#
# **Next:** lesson 8 trains the network that deserves to be looked at this way.
