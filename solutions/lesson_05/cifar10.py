# %% [markdown]
# # Lesson 5: CIFAR-10
#
# CIFAR-10 is 60,000 photographs of 32x32 pixels in ten classes (Krizhevsky, *Learning Multiple Layers of Features from
# Tiny Images*, 2009). Here you read its files, measure it, split it, augment it, and hand it out in batches.

# %%
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import torch

from course import check
from course.data import unpickle

# %% [markdown]
# ## The files
#
# Each file is a pickled dictionary. `b"data"` holds one image a row: 1,024 red values, then 1,024 green, 1,024 blue. A
# pickle is a program that can call any function; `course.data.unpickle` loads one that holds only arrays and values.


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


# %%
def load_cifar10(root: str | Path, train: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Read the training images (`data_batch_1` to `data_batch_5`, in this order) or the test images (`test_batch`).

    Args:
        root: the folder that holds `cifar-10-batches-py`, or that folder itself.
        train: True for the training images, False for the test images.

    Returns:
        images, uint8 (N, 3, 32, 32), and labels, int64 (N,); in CIFAR-10 N is 50,000 or 10,000.
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

# %% [markdown]
# ## Statistics and a fair split
#
# A network learns faster from inputs with mean 0 and standard deviation 1. The numbers come from the training images
# alone: the test images must not leak into anything that you choose.


# %%
def channel_stats(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of each channel over all images and pixels, where 255 counts as 1.

    Args:
        images: uint8 (N, C, H, W).

    Returns:
        mean and std, float32 (C,) each. The deviation is that of all N * H * W values of a channel from the
        channel's mean, and the sum of squares is divided by N * H * W: these are all the values there are.
    """
    ### BEGIN SOLUTION
    channels = images.transpose(0, 1).flatten(1)  # (C, N H W)
    counts = torch.stack([torch.bincount(channel.int(), minlength=256) for channel in channels]).double()
    share = counts / counts.sum(1, keepdim=True)  # (C, 256): how often each of the 256 values occurs
    value = torch.arange(256, dtype=torch.float64) / 255
    mean = share @ value
    return mean.float(), (share @ value**2 - mean**2).sqrt().float()
    ### END SOLUTION


# %%
check("channel_stats", points=2)


# %%
def stratified_split(labels: torch.Tensor, fraction: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Split indices in two so that each class is held out in the same share.

    Args:
        labels: int64 (N,).
        fraction: share of each class to hold out, from 0 to 1; rounded to the nearest number of images.
        seed: decides which ones, and nothing else does; torch's global generator is left alone.

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

# %% [markdown]
# ## Augmentation, a batch at a time
#
# A mirrored or shifted cat is still a cat. Each image of a batch draws its own coin and its own shift, and one indexing
# operation serves them all. All chance comes from a generator that is handed in: who owns it can repeat the draw.


# %%
def normalize(images: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """uint8 images to float32 with mean 0 and deviation 1 in each channel: (N, C, H, W) -> (N, C, H, W).

    Args:
        images: uint8 (N, C, H, W).
        mean, std: float32 (C,), as `channel_stats` gives them.

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


# %%
def random_crop(images: torch.Tensor, padding: int, generator: torch.Generator) -> torch.Tensor:
    """Pad with zeros and cut a window of the old size at a random place, another for each image.

    Bytes are padded with the byte 0, which is black; an image that has been normalised is padded with 0, which is
    the mean colour. torchvision's RandomCrop in its usual place, before ToTensor, pads with black.

    Args:
        images: (N, C, H, W) of any dtype; left unchanged.
        padding: zeros added on each of the four sides; all (2 * padding + 1) ** 2 windows have the same chance.
        generator: on the images' device. All chance comes from it, and it moves on.

    Returns:
        Shape and dtype of the images. All channels of an image show the same window.
    """
    ### BEGIN SOLUTION
    n, channels, height, width = images.shape
    down, right = torch.randint(2 * padding + 1, (2, n), device=images.device, generator=generator)
    padded = images.new_zeros(n + 1, channels, height + 2 * padding, width + 2 * padding)  # one to spare
    padded[:n, :, padding : padding + height, padding : padding + width] = images
    size, line = padded[0].numel(), padded.shape[3]  # values of a padded image, and of one of its rows
    runs = padded.flatten().unfold(0, size, 1)  # a view: `size` values from each place in memory on
    start = size * torch.arange(n, device=images.device) + line * down + right
    return runs.index_select(0, start).view_as(padded[:n])[:, :, :height, :width]
    ### END SOLUTION


# %%
check("random_crop", points=3)


# %%
def cutout(images: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    """Fill one square of each image with 0 in all its channels (DeVries & Taylor 2017, section 3).

    The square's centre (y, x) is a pixel of the image, each with the same chance, so the square may stick out. It
    covers the rows from y - size // 2 on, `size` of them, and columns likewise.

    Args:
        images: (N, C, H, W) of any dtype; left unchanged. Normalise first: then 0 is the mean colour.
        size: side of the square in pixels.
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
# ## Batches that can be repeated
#
# A run that stops must be able to go on as if it never had. The plain way: let every batch be a function of three
# numbers, seed, epoch and step. Then there is no state to save.


# %%
def seeded(*key: int | str, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator that depends on the key and nothing else; keys that differ in one number have nothing in common."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big", signed=True))


class Batches:
    """Images and labels in batches, in order or shuffled.

    Shuffling deals the images out like a pack of cards: none comes twice before each has come once.
    An epoch may be shorter or longer than the pack; the next one goes on dealing where it ended. The
    pack is shuffled anew for each time through, in an order that depends on the seed and the number
    of the pack alone: what was asked before doesn't matter, nor does torch's global generator.

    Args:
        images, labels: (N, …) and (N,), on any device.
        batch_size: images a batch; the last batch of an epoch may be smaller.
        shuffle: deal in random order.
        seed: the same seed gives the same order, another seed another; neighbours have nothing in common.
        epoch_size: images an epoch, all of them by default.

    Raises:
        ValueError: there is not one label for each image, or a size is smaller than 1; the message
            names the two numbers, or the size.
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
        return self.epoch(0)


# %%
check("Batches", points=4)
