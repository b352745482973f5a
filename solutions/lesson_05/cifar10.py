# %% [markdown]
# # Lesson 5: CIFAR-10
#
# **Time:** about 80 minutes. **You need:** tensors and their shapes; batch norm's statistics from lesson 2.
#
# After this lesson you can
#
# 1. read a data set from its bytes, and know what is in it before you train on it;
# 2. split and augment it so that the number you report at the end means something;
# 3. feed a network faster than it can eat, in an order that you can repeat on any day, from any step.
#
# The network of lesson 4 is ready and has seen nothing. CIFAR-10 is 60,000 small photographs in ten classes
# (Krizhevsky 2009, chapter 3): 50,000 to learn from and 10,000 to be tested on. Most bugs that cost people weeks
# sit here, in the data, and not one of them raises an error. So you write every step yourself today.

# %%
import hashlib
import itertools
import math
import pickletools
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course import carry, check
from course.data import find_data, unpickle
from course.plots import BLUE, GREEN, ORANGE, VERMILION, set_style

set_style()

# %% [markdown]
# The next cell looks for CIFAR-10 in `$CIFAR10_ROOT` and in `data/`, and downloads it if it can. Each file is checked
# before it is used. Without a network you get a **stand-in**: ten classes of drawn shapes, in files of the same
# format. All of the lesson works on it, but it is not CIFAR-10, and no number from it says anything about CIFAR-10.

# %%
source = find_data(None, print)
print(f"You work on: {source.name}")
print("Classes:", ", ".join(f"{label} {name}" for label, name in enumerate(source.class_names)))


# %% [markdown]
# ## The idea: a row of bytes is a picture
#
# Here are the files. What is in one of them?

# %%
for path in sorted(source.folder.iterdir()):
    print(f"{path.name:14} {path.stat().st_size:12,} bytes")

raw = (source.folder / "data_batch_1").read_bytes()
print("\nThe first 60 bytes of data_batch_1:\n", raw[:60])
print("\nand what they say, instruction by instruction:")
for instruction, argument, position in itertools.islice(pickletools.genops(raw), 16):
    print(f"  byte {position:3}  {instruction.name:16} {'' if argument is None else argument}")

# %% [markdown]
# It is a **pickle**: Python's own format for Python's own objects. The bytes are a small program: make a dictionary,
# push this string, push that list. Run to its end it leaves one dictionary with four keys:
#
# | key | what it holds |
# |---|---|
# | `b"data"` | a NumPy array of bytes, shape (N, 3072): one image a row |
# | `b"labels"` | a list of N numbers from 0 to 9 |
# | `b"batch_label"` | the name of the file: "training batch 1 of 5" |
# | `b"filenames"` | a list of N names of pictures |
#
# The small `b` belongs to the keys. Python 2 wrote the files, and its strings were bytes.
#
# > **Pickles are programs.** One of the instructions says: call this function with these arguments. *Any* function.
# > So whoever sends you a pickle can run what they like on your machine, in the moment you load it, and
# > `pickle.load` will not ask. The documentation of Python's `pickle` opens with this warning. The helper
# > `unpickle(path)` from `course.data` is the careful way: it knows arrays and plain values and refuses all the rest.
#
# Now the rows. Red comes first, *all* of it: 1,024 bytes, line by line from the top. Then green, then blue. So the
# value of channel $c$ (0, 1, 2 for red, green, blue) in line $y$ and column $x$ is byte number
#
# $$1024\, c + 32\, y + x, \qquad c \in \{0, 1, 2\}, \quad 0 \le y, x < 32.$$

# %%
values = unpickle(source.folder / "data_batch_1")
print(
    {key: type(value).__name__ for key, value in values.items()}, "data:", values[b"data"].shape, values[b"data"].dtype
)
row = values[b"data"][4]  # 3,072 bytes

figure, axes = plt.subplots(1, 5, figsize=(10, 3.2), layout="constrained", width_ratios=[0.55, 1, 1, 1, 1])
axes[0].imshow(row.reshape(96, 32), cmap="gray", vmin=0, vmax=255)
axes[0].set_title("the row, a line\nbreak after\nevery 32 bytes", fontsize=9)
for edge in (31.5, 63.5):
    axes[0].axhline(edge, color=ORANGE, lw=2)
for c, name in enumerate(["red", "green", "blue"]):
    plane = np.zeros((32, 32, 3), np.uint8)
    plane[:, :, c] = row[1024 * c : 1024 * (c + 1)].reshape(32, 32)
    axes[c + 1].imshow(plane)
    axes[c + 1].set_title(f"bytes {1024 * c} to {1024 * c + 1023}\n({name})", fontsize=9)
axes[4].imshow(np.stack([row[1024 * c : 1024 * (c + 1)].reshape(32, 32) for c in range(3)], axis=2))
axes[4].set_title(f"together:\n{source.class_names[values[b'labels'][4]]}", fontsize=9)
for ax in axes:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
plt.show()

# %% [markdown]
# *Figure: one row of the file. On the left its 3,072 bytes as grey values, with a line break after every 32: three
# grey copies of the same picture stand on top of each other, parted by lines. Then the three thirds of the row, each
# painted in the colour that it stands for, and on the right the three on top of each other: the picture in colour.*
#
# ## By hand
#
# Suppose pictures had 2 × 2 pixels. A row would have 12 bytes, say
#
# $$[\,10, 20, 30, 40, \;\; 50, 60, 70, 80, \;\; 90, 100, 110, 120\,].$$
#
# Red is $\begin{pmatrix} 10 & 20 \\ 30 & 40 \end{pmatrix}$, green
# $\begin{pmatrix} 50 & 60 \\ 70 & 80 \end{pmatrix}$, blue $\begin{pmatrix} 90 & 100 \\ 110 & 120 \end{pmatrix}$. The
# pixel at the top right is $(20, 60, 100)$. If you took the bytes pixel by pixel, it would come out as
# $(40, 50, 60)$: no error, another colour.
#
# ## Predict, then run: the wrong way to read it
#
# Most image libraries keep a picture pixel by pixel: red, green, blue of the first pixel, then those of the second.
# Suppose you read this file in that way, by `row.reshape(32, 32, 3)`. **Before you run the cell:** what will you see?
# Will there be colours? How many pictures?

# %%
figure, axes = plt.subplots(1, 2, figsize=(6, 3), layout="constrained")
axes[0].imshow(row.reshape(3, 32, 32).transpose(1, 2, 0))
axes[0].set_title("channel by channel", fontsize=10)
axes[1].imshow(row.reshape(32, 32, 3))
axes[1].set_title("pixel by pixel", fontsize=10)
for ax in axes:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
plt.show()

# %% [markdown]
# *Figure: the same row twice. On the left, read channel by channel: the picture. On the right, read pixel by pixel:
# nine small copies of it, three by three, grey but for coloured specks along the edges.*
#
# <details><summary>Was your guess right?</summary>
#
# Nine small pictures, almost without colour. Three neighbouring bytes are three neighbouring *columns* of one plane.
# Taken for red, green and blue of one pixel they are nearly equal, and equal values make grey; only at an edge do they
# differ. Each line of 32 such pixels eats 96 bytes, which is three lines of a plane: so three small copies stand side
# by side. The three planes give the three rows of copies. A network would train on this, too. It would only be worse,
# and never say why.
# </details>
#
# ## Exercise 1: read one file
#
# <details><summary>Hint 1: a nudge</summary>
#
# `reshape` never moves a byte; it only says where lines end. Which shape, read from left to right, follows the order
# of the bytes: first the channel, then the line, then the column?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `unpickle(path)` gives the dictionary. `torch.from_numpy` makes a tensor of an array, `torch.tensor` one of a list.
# Compare `data.shape` with `(len(labels), 3072)` before you reshape: -1 in a reshape swallows everything.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `torch.from_numpy(data).reshape(-1, 3, 32, 32)` and `torch.tensor(values[b"labels"])`. If the shapes disagree, raise
# a `ValueError` with `data.shape` and `len(labels)` in its message.
# </details>


# %%
def load_batch(path: str | Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Read one file of CIFAR-10 (format: Krizhevsky's page of the dataset, "Python version").

    Args:
        path: a file such as `data_batch_1`.

    Returns:
        images, uint8 (N, 3, 32, 32), and labels, int64 (N,).

    Raises:
        ValueError: the file's data aren't N rows of 3,072 bytes, or it doesn't hold N labels; the
            message names the shape of the data and the number of labels.
        pickle.UnpicklingError: the file is no pickle, or one that asks to run code (`unpickle` sees to it).
    """
    ### BEGIN SOLUTION
    values = unpickle(path)
    data, labels = values[b"data"], torch.tensor(values[b"labels"])
    if data.shape != (len(labels), 3 * 32 * 32):
        raise ValueError(f"expected (N, 3072) and N labels, got data of {data.shape} and {len(labels)} labels")
    return torch.from_numpy(data).reshape(-1, 3, 32, 32), labels  # a row is already channel by channel
    ### END SOLUTION


# %%
check("load_batch", points=2)

# %% [markdown]
# ## Exercise 2: read them all
#
# The training images are spread over five files of equal size, and the test images have one.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Where do `range(1, 5)` and `range(1, 6)` end?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Make a list of file names first, read them all, and join the parts with `torch.cat`. `Path(root) / "name"` is a
# path, and `.is_dir()` says whether there is a folder of that name.
# </details>


# %%
def load_cifar10(root: str | Path, train: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Read the training images (`data_batch_1` to `data_batch_5`, in this order) or the test images (`test_batch`).

    Args:
        root: the folder that holds `cifar-10-batches-py`, or that folder itself, whatever its name (the stand-in's
            is `stand-in`).
        train: True for the training images, False for the test images.

    Returns:
        images, uint8 (N, 3, 32, 32), and labels, int64 (N,); in CIFAR-10 N is 50,000 or 10,000.

    Raises:
        FileNotFoundError: one of these files is missing.
    """
    ### BEGIN SOLUTION
    folder = Path(root) / "cifar-10-batches-py"
    if not folder.is_dir():
        folder = Path(root)
    files = [f"data_batch_{number}" for number in range(1, 6)] if train else ["test_batch"]
    images, labels = zip(*(load_batch(folder / file) for file in files), strict=True)
    return torch.cat(images), torch.cat(labels)
    ### END SOLUTION


# %%
check("load_cifar10", points=1)

# %%
images, labels = load_cifar10(source.folder)
test_images, test_labels = load_cifar10(source.folder, train=False)
print(
    f"training: {tuple(images.shape)}, {images.dtype}, {images.numel() / 1e6:.0f} MB; test: {tuple(test_images.shape)}"
)
print("images of each class:", labels.bincount().tolist(), "and", test_labels.bincount().tolist())

# %% [markdown]
# Count what you have loaded, always. A file forgotten, a class missing: this line shows it, and hardly anything
# else does.
#
# From here on the test images stay in the drawer. Everything you choose, from the normalisation to the last
# hyperparameter, is chosen on training images. The test is taken once, at the end.
#
# ## What is in the pictures
#
# Look at your data before you model them. Eight of each class:


# %%
def show_lines(lines: dict[str, torch.Tensor]) -> None:
    """Draw lines of images, uint8 (N, 3, 32, 32) each, with their names at the left."""
    framed = [F.pad(line, [2] * 4, value=255).permute(2, 0, 3, 1).flatten(1, 2) for line in lines.values()]
    picture = torch.cat(framed)  # (lines * 36, N * 36, 3)
    plt.figure(figsize=(picture.shape[1] / 40, picture.shape[0] / 40))
    plt.imshow(picture)
    plt.xticks([])
    plt.yticks(18 + 36 * np.arange(len(lines)), list(lines))
    plt.tick_params(length=0)
    plt.gca().spines[:].set_visible(False)
    plt.show()


show_lines({name: images[labels == label][:8] for label, name in enumerate(source.class_names)})

# %% [markdown]
# *Figure: a grid of ten lines of eight pictures, a line for each class with its name at the left. Within a line
# colours, sizes, places and grounds differ widely.*
#
# How many could you name yourself at this size? Keep a doubtful one in mind, for when your network gets it wrong.
#
# **Predict, then run: the average picture.** Take the images of one class among the first 10,000 and average them pixel
# by pixel. What will be left? And which classes, if any, will you still recognise?

# %%
few, few_labels = images[:10_000], labels[:10_000]
means = torch.stack([few[few_labels == label].float().mean(dim=0) for label in range(10)])  # (10, 3, 32, 32)

figure, axes = plt.subplots(2, 6, figsize=(10, 3.9), layout="constrained")
shown = [*zip(source.class_names, means, strict=True), ("all ten", means.mean(dim=0))]
for ax, (name, mean_image) in itertools.zip_longest(axes.flat, shown, fillvalue=("", torch.full((3, 1, 1), 255.0))):
    ax.imshow((mean_image / 255).permute(1, 2, 0))
    ax.set_title(name, fontsize=10)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
plt.show()

# %% [markdown]
# *Figure: eleven blurred pictures, the mean image of each class and that of all. They are soft spots of
# muted colour, with a middle that differs a little from its surroundings. (In the stand-in, whose shapes stand
# anywhere in any colour, they are plain grey.)*
#
# <details><summary>What it tells you</summary>
#
# Nearly all detail is gone: objects stand in different places, sizes and colours, and average out. What survives is
# what the images of a class have in common, pixel for pixel. In CIFAR-10 that is a blue ground for ships and
# aeroplanes, and a horse with two heads, one at each end. A linear classifier has little more to go by than such
# templates, one a class. This is why you need layers that don't care about the place: convolutions.
#
# The mean image is nearly symmetric, left to right. Hold on to that: it is a first sign that mirroring will do no
# harm later on.
# </details>
#
# Now the bytes as numbers, without regard to their place:

# %%
plt.figure(figsize=(7, 3.2), layout="constrained")
for c, (name, colour) in enumerate((("red", VERMILION), ("green", GREEN), ("blue", BLUE))):
    counts = few[:, c].flatten().int().bincount(minlength=256)
    plt.plot(100 * counts / counts.sum(), color=colour, label=name)
plt.xlabel("value of the byte")
plt.ylabel("share of all pixels in %")
plt.legend()
plt.show()
print(f"bytes that are 255: {(few == 255).float().mean():.1%}, bytes that are 0: {(few == 0).float().mean():.1%}")

# %% [markdown]
# *Figure: how often each of the 256 values occurs, one line each for red, green and blue. In CIFAR-10 red and green
# have their broad humps in the middle, blue has its own further to the dark, and all three shoot up at 255. In the
# stand-in the lines lie on each other, with a spike at both ends.*
#
# The spikes are clipping: what is brighter than white is white. And in photographs the three channels differ, so each
# gets statistics of its own.

# %% [markdown]
# ## Statistics
#
# A network learns faster from inputs with mean 0 and deviation 1 (LeCun et al. 1998, section 4.3). So each channel is
# shifted and scaled, by two fixed numbers. Let $b_{icyx}$ be the byte of image $i$, channel $c$, line $y$ and column
# $x$, and count 255 as 1. With $n = N \cdot H \cdot W$ values a channel:
#
# $$\mu_c = \frac{1}{n} \sum_{i, y, x} \frac{b_{icyx}}{255}, \qquad
#   \sigma_c = \sqrt{\frac{1}{n} \sum_{i, y, x} \left(\frac{b_{icyx}}{255} - \mu_c\right)^{\!2}}, \qquad
#   z_{icyx} = \frac{b_{icyx} / 255 - \mu_c}{\sigma_c}$$
#
# | symbol | in code | shape | what it is |
# |---|---|---|---|
# | $b$ | `images` | $(N, C, H, W)$, uint8 | the bytes |
# | $\mu$, $\sigma$ | `mean`, `std` | $(C,)$ | two numbers a channel, for all images |
# | $z$ | the output of `normalize` | $(N, C, H, W)$, float32 | what the network sees |
#
# The sum of squares is divided by $n$ and not by $n - 1$: nobody wants to estimate the deviation of a larger set,
# these *are* all the values.
#
# These numbers must come from the training images alone. The test images must not leak into anything that you choose,
# not even into a mean.
#
# ## Exercise 3: compute them
#
# You will find these numbers in hundreds of repositories, as constants. Don't copy them; in a moment you will see why.
#
# <details><summary>Hint 1: a nudge</summary>
#
# The same dimensions go as in batch norm. And 150 million values as float64 take more than a gigabyte: must they all
# be there at once?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Sums can be added up a part at a time: `for part in images.split(250)`. Keep two, that of the values and that of
# their squares. The deviation follows from the mean of the squares and the square of the mean. (Lesson 2 warned you
# of that difference. In float64, with values from 0 to 1, it is safe.)
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `x = part.double() / 255`, then add `x.sum(dim=(0, 2, 3))` to one sum and `x.square().sum(dim=(0, 2, 3))` to the
# other. At the end divide both by `images[:, 0].numel()`, and return `.float()`.
# </details>


# %%
def channel_stats(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of each channel over all images and pixels, where 255 counts as 1.

    Args:
        images: uint8 (N, C, H, W).

    Returns:
        mean and std, float32 (C,) each. The deviation is that of all N * H * W values of a channel from the
        channel's mean, and the sum of squares is divided by N * H * W: these are all the values there are. Both are
        right to 1e-5, however little the values of a channel differ; of equal values the deviation is 0.
    """
    ### BEGIN SOLUTION
    count, total, squares = images[:, 0].numel(), 0, 0
    for part in images.split(250):  # float64 takes eight times the memory of bytes
        x = part.double() / 255
        total, squares = total + x.sum(dim=(0, 2, 3)), squares + x.square().sum(dim=(0, 2, 3))
    mean = total / count  # (C,)
    std = (squares / count - mean**2).clamp(min=0).sqrt()  # float64 has digits to spare for this difference
    return mean.float(), std.float()
    ### END SOLUTION


# %%
check("channel_stats", points=2)

# %%
mean, std = channel_stats(images)
print("mean", mean.numpy().round(4), " std", std.numpy().round(4))

# %% [markdown]
# ## Predict, then run: three deviations
#
# Here are three ways to a "deviation of the data set". All three look sensible in code.
#
# 1. the deviation of all pixels of all images: the formula above;
# 2. the deviation inside each image, then the average of these over all images;
# 3. the mean image first, then the deviation of its pixels.
#
# **Guess:** which one is the largest, which the smallest, and by what factors do they differ?

# %%
x = few[:4000].double() / 255
ways = {
    "1: all pixels": x.std(dim=(0, 2, 3), correction=0),
    "2: average over images": x.std(dim=(2, 3), correction=0).mean(dim=0),
    "3: of the mean image": x.mean(dim=0).std(dim=(1, 2), correction=0),
}
for name, deviation in ways.items():
    print(f"{name:24} {deviation.numpy().round(4)}")

plt.figure(figsize=(6, 2.4), layout="constrained")
plt.barh(list(ways), [deviation.mean() for deviation in ways.values()], color=[BLUE, ORANGE, VERMILION])
plt.gca().invert_yaxis()
plt.xlabel("deviation, mean of the three channels (255 counts as 1)")
plt.show()

# %% [markdown]
# *Figure: three bars, the deviation in three ways. That of all pixels is the longest; the average over images is
# clearly shorter; the deviation of the mean image is a small fraction of both.*
#
# <details><summary>Was your guess right?</summary>
#
# The second way leaves out how far the images' *own means* lie apart: a night scene and a snow field have little
# contrast inside, and a lot between them. Variances add up: variance inside plus variance between gives the whole.
# The third keeps only what averaging left over, which is next to nothing, as you have seen.
#
# In CIFAR-10 the second way gives about 0.202, 0.199, 0.201. If you have read other people's code, you may know
# these numbers: (0.2023, 0.1994, 0.2010) stands in a great many CIFAR-10 recipes as *the* deviation, copied from one
# to the next. The right ones are 0.247, 0.243, 0.262. A network with batch norm doesn't mind. But whoever copies a
# constant can't say what it is.
# </details>
#
# ## Exercise 4: normalise
#
# <details><summary>Hint 1: a nudge</summary>
#
# From the right, `(C,)` meets the width. You have been there in lesson 2.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `mean[:, None, None]` has shape `(C, 1, 1)`. Written like the formula this is one line. If you care for speed: every
# operation reads and writes the whole batch once, and $z = b \cdot \frac{1}{255 \sigma} - \frac{\mu}{\sigma}$ needs
# only two of them.
# </details>


# %%
def normalize(images: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """uint8 images to float32 with mean 0 and deviation 1 in each channel: (N, C, H, W) -> (N, C, H, W).

    Args:
        images: uint8 (N, C, H, W).
        mean, std: float32 (C,), as `channel_stats` gives them; left unchanged.

    Raises:
        ValueError: mean or std isn't of shape (C,); the message names its shape and that of the images.
    """
    ### BEGIN SOLUTION
    for values in (mean, std):
        if values.shape != images.shape[1:2]:
            raise ValueError(f"statistics of shape {tuple(values.shape)} do not fit images of {tuple(images.shape)}")
    scale, shift = 1 / (255 * std), mean / std  # (x / 255 - mean) / std = x * scale - shift
    x = images.to(torch.float32, copy=True)  # a copy of our own: the rest happens in place
    return x.mul_(scale[:, None, None]).sub_(shift[:, None, None])
    ### END SOLUTION


# %%
check("normalize", points=1)

# %%
z = normalize(images[:5000], mean, std)
print("mean", z.mean(dim=(0, 2, 3)).numpy().round(2), " std", z.std(dim=(0, 2, 3)).numpy().round(2))

# %% [markdown]
# Close to 0 and 1, but not quite: these are 5,000 of the images, and the numbers are those of all.
#
# ## A fair split
#
# You need images to make choices on: a **validation** set, held out of the training images. Say a fiftieth of them,
# drawn at random. Is that fair to every class?
#
# **Predict, then run: how even is chance?** Of 50,000 images in ten equal classes, 1,000 are held out at random. On
# average that is 100 of each class. In a typical draw, how many images has the *smallest* class, and how many the
# largest?

# %%
ten_classes = torch.arange(50_000) % 10
drawn = [ten_classes[torch.randperm(50_000)[:1000]].bincount(minlength=10) for _ in range(200)]
smallest, largest = (torch.stack([pick(counts) for counts in drawn]) for pick in (torch.min, torch.max))

plt.figure(figsize=(6.5, 3), layout="constrained")
bins = np.arange(60, 141, 2)
plt.hist(smallest.numpy(), bins, color=VERMILION, label="smallest class of the draw")
plt.hist(largest.numpy(), bins, color=BLUE, label="largest class of the draw")
plt.axvline(100, color="black", ls=":", lw=1)
plt.xlabel("images of that class among the 1,000")
plt.ylabel("draws, of 200")
plt.legend(fontsize=9)
plt.show()
print(f"typical: {smallest.float().median():.0f} of the smallest class, {largest.float().median():.0f} of the largest")

# %% [markdown]
# *Figure: two heaps from 200 random draws. The size of the smallest class lies around 85, that of the largest around
# 116. Neither heap reaches 100, which a dotted line marks.*
#
# <details><summary>Was your guess right?</summary>
#
# The number of one class varies by about $\sqrt{100 \cdot 0.9} \approx 9.5$, and among ten classes the extremes lie
# some one and a half deviations out. So in a typical random split one class counts a third more than another. If it
# happens to be an easy class, your validation accuracy comes out too high, and nobody can tell. A **stratified**
# split takes the same share of each class, and this part of the noise is gone.
# </details>
#
# If a class has 9 images and another 20, a share of 0.3 means 2.7 and 6: so 3 and 6 of them. Within a class, chance
# decides. It has to: files are often sorted in ways that nobody remembers.
#
# ## Exercise 5: split fairly
#
# <details><summary>Hint 1: a nudge</summary>
#
# Shuffle all the indices once. The members of a class, taken in that order, are a random order of the class.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `torch.randperm(n, generator=torch.Generator().manual_seed(seed))` shuffles and leaves the global generator alone.
# `order[labels[order] == label]` picks one class, shuffled. Keep a mask of what is held out, and turn it into
# indices at the end: `mask.nonzero().flatten()` is sorted by itself.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# For each `label` of `labels.unique()`: `members = order[labels[order] == label]`, then
# `held_out[members[: round(fraction * len(members))]] = True`. Return the indices of `~held_out` and of `held_out`.
# Check the fraction at the start.
# </details>


# %%
def stratified_split(labels: torch.Tensor, fraction: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Split indices in two so that each class is held out in the same share.

    Args:
        labels: int64 (N,).
        fraction: share of each class to hold out, from 0 to 1; rounded to the nearest number of images.
        seed: 0, 1, …; decides which ones, and nothing else does; torch's global generator is left alone.

    Returns:
        (kept, held_out): indices, int64, each of the two sorted; together each of 0 … N - 1 once.

    Raises:
        ValueError: the fraction lies outside 0 … 1; the message names it.
    """
    ### BEGIN SOLUTION
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must lie between 0 and 1, got {fraction}")
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        members = order[labels[order] == label]  # this class in random order
        held_out[members[: round(fraction * len(members))]] = True
    return (~held_out).nonzero().flatten(), held_out.nonzero().flatten()
    ### END SOLUTION


# %%
check("stratified_split", points=3)

# %%
kept, held_out = stratified_split(labels, 0.02, seed=0)
print(f"{len(kept):,} kept, {len(held_out):,} held out; of each class", labels[held_out].bincount().tolist())

# %% [markdown]
# ## Augmentation, a batch at a time
#
# A mirrored cat is a cat. A cat two pixels further to the left is a cat. You know that; the network doesn't, and
# 50,000 images are too few to learn it from. So you tell it, by showing every image in another guise in each epoch
# (Krizhevsky et al. 2012, section 4.1). He et al. 2015, section 4.2, train their CIFAR-10 nets with just these two:
#
# - **flip**: mirror left to right, with probability one half;
# - **crop**: pad 4 zeros on each side, cut out a window of 32 × 32 at a random place.
#
# A third, **cutout** (DeVries & Taylor 2017), hides a square of the image, so that the net learns not to lean on one
# part of a thing.
#
# Two rules make these fast and repeatable:
#
# - **No loop over images.** Each image draws its own coin and its own place, but a whole batch is served at once.
#   A single call of a tensor operation costs some microseconds, whatever it does. That is all you have for an image.
# - **All chance comes from a generator that is handed in.** Who owns the generator can repeat the draw. The global
#   generator, `torch.manual_seed`, belongs to everybody, and any line that somebody adds anywhere changes your draws.
#
# **By hand.** A line of three pixels, [3, 5, 8], padded by 1: [0, 3, 5, 8, 0]. A window of three fits in at *three*
# places: [0, 3, 5], [3, 5, 8], [5, 8, 0]. In general there are $2p + 1$ places for padding $p$. They are numbered from
# 0 to $2p$, and number $p$ is the image itself. Lines and columns draw separately, so there are
# $(2p + 1)^2$ windows; with $p = 4$, 81.
#
# ## Exercise 6: flip
#
# <details><summary>Hint 1: a nudge</summary>
#
# `images.flip(3)` mirrors *all* images. Now you have both versions of each, and a coin has to choose.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# One coin an image: `torch.rand(n, generator=generator) < 0.5`. `torch.where(coin, a, b)` chooses element by element;
# give the coin the shape `(N, 1, 1, 1)`.
# </details>
#
# <details><summary>Hint 3: almost the code, and a faster way</summary>
#
# `torch.where(coin[:, None, None, None], images.flip(3), images)` is right. It decides anew for each of 3,072 bytes,
# though. Faster: put both versions in one tensor by `torch.cat` and pick whole images from it, by
# `both.index_select(0, …)`. Image i as it is has number i, and mirrored it has number n + i.
# </details>


# %%
def random_flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror each image left to right with probability 1/2: (N, C, H, W) -> (N, C, H, W).

    Args:
        images: of any dtype; left unchanged.
        generator: on the images' device. All chance comes from it, and it moves on.

    Returns:
        Shape and dtype of the images. Each image has a coin of its own.
    """
    ### BEGIN SOLUTION
    n = len(images)
    coin = torch.rand(n, device=images.device, generator=generator) < 0.5  # one an image
    both = torch.cat([images, images.flip(3)])  # (2N, C, H, W): as they are, then mirrored
    return both.index_select(0, torch.arange(n, device=images.device) + n * coin)
    ### END SOLUTION


# %%
check("random_flip", points=2)

# %% [markdown]
# ## Exercise 7: crop
#
# Mind what you pad with. Zero as a byte is *black*. Zero after `normalize` is the *mean colour*. Both work; they are
# not the same. Your function pads with zeros whatever it gets, so its caller decides, by the order of the steps.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Draw the places first: two numbers an image, from 0 to $2p$. `torch.randint` leaves its upper end out.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `padded.unfold(2, h, 1).unfold(3, w, 1)` is a view of *all* windows, of shape (N, C, 2p + 1, 2p + 1, H, W). It takes
# no memory, as it only says in another way where to read. Pick one window an image.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `windows[torch.arange(n), :, down, right]` picks for image i the window at `down[i]`, `right[i]`, with all its
# channels. That is all, and it is fast. The course's own solution is faster still; it is told below, under “Why is
# it so fast?”.
# </details>


# %%
def random_crop(images: torch.Tensor, padding: int, generator: torch.Generator) -> torch.Tensor:
    """Pad with zeros and cut a window of the old size at a random place, another for each image.

    Bytes are padded with the byte 0, which is black; an image that has been normalised is padded with 0, which is
    the mean colour. torchvision's RandomCrop in its usual place, before ToTensor, pads with black.

    Args:
        images: (N, C, H, W) of any dtype, in whatever order in memory; left unchanged.
        padding: zeros added on each of the four sides, 0 or more; all (2 * padding + 1) ** 2 windows have the same
            chance.
        generator: on the images' device. All chance comes from it, and it moves on.

    Returns:
        Shape and dtype of the images. All channels of an image show the same window.
    """
    ### BEGIN SOLUTION
    n, channels, height, width = images.shape
    down, right = torch.randint(2 * padding + 1, (2, n), device=images.device, generator=generator)
    padded = images.new_zeros(n + 1, channels, height + 2 * padding, width + 2 * padding)  # one to spare
    padded[:n, :, padding : padding + height, padding : padding + width] = images
    if images.device.type == "mps":  # where `index_select` would first write out all of a view: gigabytes
        windows = padded[:n].unfold(2, height, 1).unfold(3, width, 1)  # hint 3
        return windows[torch.arange(n, device=images.device), :, down, right]
    size, line = padded[0].numel(), padded.shape[3]  # values of a padded image, and of one of its rows
    runs = padded.flatten().unfold(0, size, 1)  # a view: `size` values from each place in memory on
    start = size * torch.arange(n, device=images.device) + line * down + right
    return runs.index_select(0, start).view_as(padded[:n])[:, :, :height, :width]
    ### END SOLUTION


# %%
check("random_crop", points=3)

# %% [markdown]
# ## Exercise 8: cutout
#
# The square's *centre* is drawn from all pixels of the image, so the square may stick out and only a part of it cuts.
# DeVries & Taylor (2017, section 3) found that this matters: some images must stay nearly whole.
#
# <details><summary>Hint 1: a nudge</summary>
#
# A pixel is in the square if its line *and* its column are. So the mask of a square is made of two masks of lines.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `torch.arange(height) - y`, with `y` of shape `(N, 1)`, gives (N, H): how far each line is from the centre.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# With `rows` of shape (N, H) and `columns` of shape (N, W), both bool,
# `rows[:, None, :, None] & columns[:, None, None, :]` is (N, 1, H, W), and
# `images.masked_fill(mask, 0)` is a new tensor.
# </details>


# %%
def cutout(images: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    """Fill one square of each image with 0 in all its channels (DeVries & Taylor 2017, section 3).

    The square's centre (y, x) is a pixel of the image, each with the same chance, so the square may stick out. It
    covers the rows from y - size // 2 on, `size` of them, and columns likewise.

    Args:
        images: (N, C, H, W) of any dtype; left unchanged. Normalise first: then 0 is the mean colour.
        size: side of the square in pixels, 0 or more; it may be larger than the image.
        generator: on the images' device. All chance comes from it, and it moves on.

    Returns:
        Shape and dtype of the images. Each image has a square of its own.
    """
    ### BEGIN SOLUTION
    n, _, height, width = images.shape
    y = torch.randint(height, (n, 1), device=images.device, generator=generator)
    x = torch.randint(width, (n, 1), device=images.device, generator=generator)
    down = torch.arange(height, device=images.device) - y + size // 2  # (N, H): rows below the square's first
    right = torch.arange(width, device=images.device) - x + size // 2  # (N, W)
    rows, columns = (down >= 0) & (down < size), (right >= 0) & (right < size)
    return images.masked_fill(rows[:, None, :, None] & columns[:, None, None, :], 0)
    ### END SOLUTION


# %%
check("cutout", points=2)

# %% [markdown]
# All three, eight times on one image:

# %%
generator = torch.Generator().manual_seed(1)
eight = images[labels == 7][:1].expand(8, -1, -1, -1)
guises = {
    "as it is": eight,
    "flip": random_flip(eight, generator),
    "crop": random_crop(eight, 4, generator),
    "cutout": cutout(eight, 12, generator),
    "all three": cutout(random_crop(random_flip(eight, generator), 4, generator), 12, generator),
}
show_lines(guises)

# %% [markdown]
# *Figure: five lines of eight pictures, all made from one image: as it is, flipped, cropped, cut, and all three.
# Flipped, about half are mirrored. Cropped, the picture is shifted by up to four pixels and black comes in at the
# border. Cut, a black square hides a part, now here and now there, sometimes half outside.*

# %% [markdown]
# ## Batches that can be repeated
#
# A run stops: a power cut, the end of your time on a shared GPU. It must be able to go on *as if it had never
# stopped*. That takes the same images in the same order, from that very step on. Most loops can't do it. Their
# shuffling hangs on a generator that has been drawn from ten thousand times, by everybody.
#
# The plain way out: let the order be a **function of three numbers**, seed, epoch and step. Then there is no state to
# save, nothing to restore, and epoch 7 is epoch 7 whether or not anybody ever asked for epoch 6.
#
# It takes generators that depend on several numbers. Adding them up, `seed + epoch`, is the usual trick and
# a poor one: seed 1 in epoch 1 is seed 2 in epoch 0, and two runs that should be independent share all but one of
# their orders. The helper `seeded` mixes its key thoroughly instead. It is given:


# %%
def seeded(*key: int | str, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator that depends on the key and nothing else; keys that differ in one number have nothing in common."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big", signed=True))


# %%
print("seed + epoch:     ", torch.randperm(8, generator=torch.Generator().manual_seed(1 + 1)).tolist(), end="  ")
print(torch.randperm(8, generator=torch.Generator().manual_seed(2 + 0)).tolist())
print("seeded(…, epoch): ", torch.randperm(8, generator=seeded(1, 1)).tolist(), end="  ")
print(torch.randperm(8, generator=seeded(2, 0)).tolist())

# %% [markdown]
# Think of a pack of cards. It is shuffled and dealt out; no card comes twice before each has come once. An epoch
# usually is one pack. It can be shorter, if you want to look at your net more often. Then the next epoch goes on
# dealing where the last one stopped, and pack number 1 is opened when pack number 0 is used up. With 10 cards and
# epochs of 4: epoch 0 is cards 0 to 3 of pack 0, epoch 1 is cards 4 to 7, epoch 2 the last two of pack 0 and the first
# two of pack 1.
#
# ## Exercise 9: the iterator
#
# <details><summary>Hint 1: a nudge</summary>
#
# Write `order` first, for the simplest case: `epoch_size` equal to the number of images. Then the pack's number is
# the epoch, and its order is a `randperm` with a generator from `seeded`.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Before epoch e, `e * epoch_size` cards have been dealt. Divided by n, this gives the pack that is open, and the
# remainder is the place in it. Join as many packs as the epoch touches, and cut your part out.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `first = epoch * epoch_size`; packs `range(first // n, math.ceil((first + epoch_size) / n))`; join them with
# `torch.cat`; then `[first % n :][:epoch_size]`. The method `epoch` splits that order by
# `.split(self.batch_size)`, leaves out the first `start` parts, and for each of the others yields the images and the
# labels of *one and the same* index.
# </details>


# %%
class Batches:
    """Images and labels in batches, in order or shuffled.

    Shuffling deals the images out like a pack of cards: none comes twice before each has come once.
    An epoch may be shorter or longer than the pack; the next one goes on dealing where it ended. The
    pack is shuffled anew for each time through, in an order that depends on the seed and the number
    of the pack alone: what was asked before doesn't matter, nor does torch's global generator,
    which is left alone.

    Args:
        images, labels: (N, …) and (N,), on any device.
        batch_size: images a batch; the last batch of an epoch may be smaller.
        shuffle: deal in random order.
        seed: 0, 1, …; the same seed gives the same order, another seed another; neighbours have nothing
            in common.
        epoch_size: images an epoch, all of them by default.

    Attributes:
        batch_size, shuffle, seed: as given.
        epoch_size: images an epoch, the number of all of them where none was given.

    Raises:
        ValueError: there is not one label for each image, or a size, that of an epoch of all images
            included, is smaller than 1; the message names the two numbers, or the size.
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        epoch_size: int | None = None,
    ):
        ### BEGIN SOLUTION
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.shuffle, self.seed = shuffle, seed
        self.epoch_size = len(images) if epoch_size is None else epoch_size
        if len(images) != len(labels):
            raise ValueError(f"expected one label for each image, got {len(images)} images and {len(labels)} labels")
        if min(batch_size, self.epoch_size) < 1:
            raise ValueError(f"sizes must be at least 1, got batch_size {batch_size} and epoch_size {self.epoch_size}")
        ### END SOLUTION

    def __len__(self) -> int:
        """Batches an epoch, with the smaller one at its end."""
        ### BEGIN SOLUTION
        return math.ceil(self.epoch_size / self.batch_size)
        ### END SOLUTION

    def order(self, epoch: int) -> torch.Tensor:
        """Which images the epoch (0, 1, …) shows, in order: int64 (epoch_size,)."""
        ### BEGIN SOLUTION
        n, first = len(self.images), epoch * self.epoch_size  # cards in a pack, cards dealt before
        packs = range(first // n, math.ceil((first + self.epoch_size) / n))
        dealt = [torch.randperm(n, generator=seeded(self.seed, k)) if self.shuffle else torch.arange(n) for k in packs]
        return torch.cat(dealt)[first % n :][: self.epoch_size]
        ### END SOLUTION

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The batches of an epoch from number `start` on; what they hold doesn't depend on `start`."""
        ### BEGIN SOLUTION
        for index in self.order(epoch).to(self.images.device).split(self.batch_size)[start:]:
            yield self.images.index_select(0, index), self.labels.index_select(0, index)
        ### END SOLUTION

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return iter(self.epoch(0))


# %%
check("Batches", points=4)

# %% [markdown]
# **The proof.** A run is stopped after two batches of epoch 7. A new `Batches`, which knows nothing but the seed, goes
# on:

# %%
whole = list(Batches(images, labels, 128, shuffle=True, seed=3).epoch(7))
resumed = list(Batches(images, labels, 128, shuffle=True, seed=3).epoch(7, start=2))
same = all(torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(whole[2:], resumed, strict=True))
print(f"{len(whole)} batches in the epoch, {len(resumed)} after the stop, all the same: {same}")

# %% [markdown]
# ## Predict, then run: what augmentation does
#
# A tiny network, 2,000 training images of 16 × 16 pixels, once as they are and once with flips and crops. Both are
# measured on 1,000 held-out images that are *not* augmented. **Guess** what augmentation does to each of the two: the
# accuracy on the training batches, and that on the held-out images.


# %%
def tiny_net() -> nn.Module:
    """Three convolutions, for images of 16x16 pixels."""
    torch.manual_seed(0)
    layers, channels = [], 3
    for width in (16, 32, 64):
        layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def train(batches: Batches, epochs: int, augment: bool = False) -> tuple[nn.Module, list[float], list[float]]:
    """Train a tiny net; the net, the loss of every step, and the accuracy on the batches of every epoch."""
    net, losses, accuracies = tiny_net(), [], []
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    for epoch in range(epochs):
        right = 0
        for step, (x, y) in enumerate(batches.epoch(epoch)):
            if augment:
                generator = seeded("augment", 0, epoch, step)
                x = random_crop(random_flip(x, generator), 2, generator)
            logits = net(normalize(x, mean, std))
            loss = F.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            right += (logits.argmax(dim=1) == y).sum().item()
        accuracies.append(right / batches.epoch_size)
    return net, losses, accuracies


@torch.no_grad()
def accuracy(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Share of images that the net classifies correctly."""
    return (net.eval()(normalize(x, mean, std)).argmax(dim=1) == y).float().mean().item()


half = images[:3000, :, ::2, ::2].contiguous()  # every second pixel of every second line
small, small_labels, check_images, check_labels = half[:2000], labels[:2000], half[2000:], labels[2000:3000]
runs = {}
for name, augment in (("as they are", False), ("augmented", True)):
    net, losses, accuracies = train(Batches(small, small_labels, 64, shuffle=True), 20, augment)
    runs[name] = net, losses, accuracies
    held_out_accuracy = accuracy(net, check_images, check_labels)
    print(f"{name:12} last epoch's batches {accuracies[-1]:.1%}, held out {held_out_accuracy:.1%}")

# %%
plain_net, augmented_net = runs["as they are"][0], runs["augmented"][0]
measured_again = []
for seed in range(40):
    generator = seeded("guise", seed)
    guise = random_crop(random_flip(check_images, generator), 2, generator)
    measured_again.append(100 * accuracy(augmented_net, guise, check_labels))

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained", width_ratios=[1.4, 1])
for (name, (net, _, accuracies)), colour in zip(runs.items(), (VERMILION, BLUE), strict=True):
    at_the_end = 100 * accuracy(net, check_images, check_labels)
    left.plot(range(1, 21), [100 * share for share in accuracies], color=colour, label=f"{name}: training batches")
    left.axhline(at_the_end, color=colour, ls="--", label=f"{name}: held out, at the end")
left.set(xlabel="epoch", ylabel="accuracy in %", xticks=[1, 5, 10, 15, 20])
left.legend(fontsize=8)
right.hist(measured_again, bins=12, color=ORANGE, label="held-out images augmented")
right.axvline(100 * accuracy(augmented_net, check_images, check_labels), color=BLUE, ls="--", label="as they are")
right.set(xlabel="accuracy of the same net in %", ylabel="draws, of 40")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# *Figure: on the left, accuracy on the training batches over 20 epochs as two lines, and the accuracy on the held-out
# images at the end as two dashed lines. Without augmentation the training line climbs far above its dashed line; with
# augmentation it stays close to it. On the right, one and the same net measured 40 times on held-out images that are
# augmented: a histogram some points wide, beside one dashed line for the images as they are.*
#
# <details><summary>Was your guess right?</summary>
#
# Without augmentation the training accuracy runs away from the held-out one: the net learns its 2,000 images by
# heart. With augmentation each picture comes in 50 guises, of which it sees about 17; it finds training harder, and the
# gap nearly closes. What counts is the last number of each line that the cell printed: on CIFAR-10 it gains several
# points.
#
# The right half answers another question: **why only on training data?** Augmented validation images give another
# number for every draw, by chance alone. And they answer a question that nobody asked: how good is the net on shifted
# images with black borders? A measurement should be repeatable, and it should measure what you want to know.
# </details>
#
# ## How fast is it?
#
# The usual way is torchvision's: a `Dataset` gives one image at a time, its transforms work on that one image in
# Python, and a `DataLoader` with worker processes collects batches. Here is yours against it, with the same steps:
# shuffle, crop with padding 4, flip, normalise, batches of 128.
#
# First the question that comes before speed: **are they the same?**

# %%
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import CIFAR10


def torchvisions_dataset() -> CIFAR10:
    """torchvision's own data set with its own transforms, on the same files."""
    steps = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    transform = transforms.Compose([*steps, transforms.Normalize(mean.tolist(), std.tolist())])
    unchecked = {  # course.data has verified the files; torchvision would refuse the stand-in's
        "base_folder": source.folder.name,
        "train_list": [(name, None) for name, _ in CIFAR10.train_list],
        "test_list": [(name, None) for name, _ in CIFAR10.test_list],
        "meta": CIFAR10.meta | {"md5": None},
    }
    with mock.patch.multiple(CIFAR10, **unchecked):
        return CIFAR10(source.folder.parent, transform=transform)


def pipeline(batches: Batches, epoch: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Your own: bytes as long as possible, float32 at the very end."""
    for step, (x, y) in enumerate(batches.epoch(epoch)):
        generator = seeded("augment", batches.seed, epoch, step)
        x = random_crop(random_flip(x, generator), 4, generator)
        yield normalize(x, mean, std), y


dataset = torchvisions_dataset()
theirs = torch.from_numpy(dataset.data).permute(0, 3, 1, 2)  # torchvision keeps (N, H, W, C)
print("the same bytes: ", torch.equal(theirs, images), " the same labels: ", dataset.targets == labels.tolist())

# %% [markdown]
# **Guess the factor** between the two before you run the next cell. It measures in turn, so that both meet the same
# machine.


# %%
def measured(batches: Iterator[tuple[torch.Tensor, torch.Tensor]], count: int) -> tuple[float, torch.Tensor]:
    """Images a second over some batches, after two to warm up; and what the images were."""
    for _ in range(2):
        next(batches)
    start, seen = time.perf_counter(), []
    for x, _ in itertools.islice(batches, count):
        seen.append(x)
    return sum(map(len, seen)) / (time.perf_counter() - start), torch.cat(seen)


torch.manual_seed(0)
torch.set_num_threads(1)  # one core against one and two workers
loader = DataLoader(dataset, batch_size=128, shuffle=True, num_workers=2)
rates = {"torchvision, 2 workers": [], "your own": []}
for turn in range(2):
    rate, their_images = measured(iter(loader), 12)
    rates["torchvision, 2 workers"].append(rate)
    rate, our_images = measured(pipeline(Batches(images, labels, 128, shuffle=True, seed=turn)), 60)
    rates["your own"].append(rate)

best = {name: max(values) for name, values in rates.items()}
for name, rate in best.items():
    print(f"{name:24} {rate:10,.0f} images/s")
print(f"factor {best['your own'] / best['torchvision, 2 workers']:.0f}")
for name, seen in (("torchvision's batches", their_images), ("your batches", our_images)):
    print(f"{name:24} mean {seen.mean(dim=(0, 2, 3)).numpy().round(2)} std {seen.std(dim=(0, 2, 3)).numpy().round(2)}")

# %% [markdown]
# The images that come out have the same statistics but for the luck of the draw. They aren't 0 and 1 any more, by the
# way: the black border has moved them. You can see now which 0 torchvision pads with.
#
# ## Why is it so fast?

# %%
batch = images[:128].contiguous()
generator = torch.Generator().manual_seed(0)
index = torch.randperm(len(images))[:128]
steps = {
    "pick 128 images": lambda: images.index_select(0, index),
    "flip": lambda: random_flip(batch, generator),
    "crop": lambda: random_crop(batch, 4, generator),
    "normalize": lambda: normalize(batch, mean, std),
    "crop, but as float32": lambda: random_crop(batch.float(), 4, generator),
    "crop, by a view of all windows": lambda: windows_crop(batch, 4, generator),
    "crop, image by image": lambda: torch.cat([random_crop(image[None], 4, generator) for image in batch]),
}


def windows_crop(images: torch.Tensor, padding: int, generator: torch.Generator) -> torch.Tensor:
    """The crop of hint 3."""
    n, _, height, width = images.shape
    windows = F.pad(images, [padding] * 4).unfold(2, height, 1).unfold(3, width, 1)
    down, right = torch.randint(2 * padding + 1, (2, n), generator=generator)
    return windows[torch.arange(n), :, down, right]


def microseconds(function, runs: int = 20) -> float:
    """The shortest time of some runs, an image of the batch."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e6 * min(times) / 128


costs = {name: microseconds(step) for name, step in steps.items()}
plt.figure(figsize=(7.5, 3.2), layout="constrained")
plt.barh(list(costs), list(costs.values()), color=[BLUE] * 4 + [ORANGE] * 3)
plt.gca().invert_yaxis()
plt.xscale("log")
plt.xlabel("microseconds an image (logarithmic)")
plt.show()
for name, cost in costs.items():
    print(f"{name:32} {cost:6.2f} µs an image")

# %% [markdown]
# *Figure: microseconds an image on a logarithmic scale, a bar a step. Blue, the four steps of the pipeline. Orange,
# three other crops: of float32, of a view of all windows, and image by image, which takes by far the longest.*
#
# Three things add up:
#
# - **No Python an image.** 128 small calls cost more than the work they do.
# - **Bytes to the end.** float32 is four times as much to move. What only moves pixels (pick, flip, crop) works on
#   bytes, and the step that computes comes last.
# - **Long copies.** In memory a padded image is one long run of numbers, line after line. Reading that run from a
#   later place on *shifts the image*: one place further is one pixel to the left, one line further is one line up. So
#   a crop is 128 copies of one long run each, and the window is its upper left corner. The solution in the course
#   does just that. A view of all windows is right as well, but copies 96 short lines for each image.
#
# What does it amount to, next to the training itself? One step of the ResNet18 that you built:

# %%
ResNet18 = carry("lesson_04", "ResNet18")

# %%
net = ResNet18(num_classes=10)
x, y = normalize(images[:16], mean, std), labels[:16]
seconds = []
for _ in range(2):
    start = time.perf_counter()
    F.cross_entropy(net(x), y).backward()
    seconds.append(time.perf_counter() - start)
step_cost, data_cost = min(seconds) / 16, 1 / best["your own"]
print(
    f"training {1000 * step_cost:.1f} ms an image, your batches {1000 * data_cost:.4f} ms: {data_cost / step_cost:.2%}"
)
print(f"torchvision's, made by two workers beside it: {1 / best['torchvision, 2 workers'] / step_cost:.1%}")

# %% [markdown]
# On a CPU even the slow way is no bottleneck, because training is so much slower. A GPU takes thousands of images a
# second and then waits for its data, half idle. In lesson 8 you keep the whole data set on the device, as bytes, and
# these functions run there.
#
# ## What broke, what it means
#
# Two mistakes that leave everything running, trained on the same 2,000 small images. You will know both curves
# when you see them again.


# %%
class LabelsStayBehind(Batches):
    """Mistake 1: the images are shuffled, and their labels are not."""

    def epoch(self, epoch, start=0):
        for (x, _), y in zip(super().epoch(epoch, start), small_labels.split(64)[start:], strict=True):
            yield x, y


by_class = small_labels.argsort(stable=True)
losses = {
    "right": runs["as they are"][1][: 6 * 32],  # its first 6 epochs
    "labels stay behind": train(LabelsStayBehind(small, small_labels, 64, shuffle=True), 6)[1],
    "sorted by class, not shuffled": train(Batches(small[by_class], small_labels[by_class], 64), 6)[1],
}
plt.figure(figsize=(8, 3.4), layout="constrained")
for (name, values), colour in zip(losses.items(), (BLUE, VERMILION, ORANGE), strict=True):
    plt.plot(values, color=colour, label=name, lw=1.3)
plt.axhline(math.log(10), color="black", ls=":", lw=1)
plt.ylim(0, 5)
plt.xlabel("step")
plt.ylabel("training loss")
plt.legend(fontsize=9)
plt.show()
print(f"guessing among ten: loss {math.log(10):.2f}")
for name, values in losses.items():
    print(f"{name:30} mean loss of the last epoch {np.mean(values[-32:]):.2f}")

# %% [markdown]
# *Figure: training loss over 6 epochs of 32 steps. Right: it falls steadily. Labels that stay behind: it lies on the
# dotted line of guessing, at 2.30, and doesn't leave it. Sorted and not shuffled: a dip, then a tall peak, and later
# a line above that of guessing, in small waves that come again in every epoch.*
#
# 1. **Images and labels parted.** The loss goes to $\ln 10 \approx 2.30$ and stays there: the net has learned that
#    there are ten classes, and nothing else is to be learned. Whenever a loss sits at the logarithm of the number of
#    classes, look at your labels before you touch the learning rate. *Remedy:* one index for both.
# 2. **Not shuffled.** Each batch holds one class or two. "Always say frog" is the best answer for a while: the dip.
#    Then the next class comes, and it is wrong with confidence: the peak. The net ends up worse than guessing. Batch
#    norm adds to the harm, for it subtracts just what the images of a batch have in common (lesson 2). A wave with a
#    period of one epoch tells you where to look. *Remedy:* `shuffle=True` for training, and only there.
# 3. **Test images among the training images.** No curve shows it. Training is fine, the test is wonderful, and the
#    first user is disappointed. *Remedy:* count, split once, by a seed, and write the seed down.
#
# ## Where to go
#
# - **Krizhevsky 2009**, *Learning Multiple Layers of Features from Tiny Images*, chapter 3: how the images were
#   collected and labelled by hand. Its page has the format of the files.
# - **LeCun et al. 1998**, *Efficient BackProp*, section 4.3: why inputs are normalised.
# - **Krizhevsky et al. 2012**, *ImageNet Classification with Deep Convolutional Neural Networks*, section 4.1:
#   augmentation as most people still do it.
# - **He et al. 2015**, *Deep Residual Learning*, section 4.2: the CIFAR-10 recipe, padding 4 and all.
# - **DeVries & Taylor 2017**, *Improved Regularization of Convolutional Neural Networks with Cutout*, section 3.
# - **Recht et al. 2018**, *Do CIFAR-10 Classifiers Generalize to CIFAR-10?*: somebody collected a new test set, ten
#   years later. Guess first what became of the accuracies.
# - **Barz & Denzler 2020**, *Do We Train on Test Data?*: 3.3 % of CIFAR-10's test images have a near twin among the
#   training images.
#
# **Next:** lesson 6 trains. You write the loss, the optimizer and the loop, and read eight curves of things gone wrong.
