# %% [markdown]
# # Lesson 5: CIFAR-10
#
# CIFAR-10 is 60,000 photographs of 32x32 pixels in ten classes (Krizhevsky, *Learning Multiple Layers of Features from
# Tiny Images*, 2009). Here you read its files, measure it, split it, augment it, and hand it out in batches.

# %%
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from course.data import unpickle

# %% [markdown]
# ## The files
#
# Each file is a pickled dictionary. `b"data"` holds one image a row: 1,024 red values, then 1,024 green, 1,024 blue. A
# pickle is a program that can call any function; `course.data.unpickle` loads one that holds only arrays and values.


# %%
def load_batch(path: str | Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Read one file of CIFAR-10.

    Returns:
        images, uint8 (N, 3, 32, 32), and labels, int64 (N,).

    Raises:
        ValueError: the file holds no images of 32x32 RGB pixels, or not one label for each.
    """
    ### BEGIN SOLUTION
    values = unpickle(path)
    data, labels = np.asarray(values[b"data"]), torch.tensor(values[b"labels"])
    if data.shape != (len(labels), 3 * 32 * 32):
        raise ValueError(f"expected data of shape ({len(labels)}, 3072) for {len(labels)} labels, got {data.shape}")
    return torch.from_numpy(data).reshape(-1, 3, 32, 32), labels  # a row is already channel by channel
    ### END SOLUTION


# %%
def load_cifar10(root: str | Path, train: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Read the training images (five files) or the test images (one).

    Args:
        root: the folder that holds `cifar-10-batches-py`, or that folder itself.
        train: which of the two.

    Returns:
        images, uint8 (N, 3, 32, 32), and labels, int64 (N,); N is 50,000 and 10,000.
    """
    ### BEGIN SOLUTION
    folder = Path(root) / "cifar-10-batches-py"
    if not folder.is_dir():
        folder = Path(root)
    files = [f"data_batch_{number}" for number in range(1, 6)] if train else ["test_batch"]
    images, labels = zip(*(load_batch(folder / file) for file in files), strict=True)
    return torch.cat(images), torch.cat(labels)
    ### END SOLUTION


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
        mean and std, float32 (C,) each. The whole set is at hand, so the deviation divides by its N H W values.
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
def stratified_split(labels: torch.Tensor, fraction: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Split indices in two so that each class is held out in the same share.

    Args:
        labels: int64 (N,).
        fraction: share of each class to hold out, between 0 and 1; rounded to whole images.
        seed: the same seed gives the same split.

    Returns:
        indices to keep and indices held out, int64, both sorted; together each of 0 … N - 1 once.

    Raises:
        ValueError: the fraction lies outside 0 … 1.
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
    """
    ### BEGIN SOLUTION
    return (images.float() / 255 - mean[:, None, None]) / std[:, None, None]
    ### END SOLUTION


# %%
def random_flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror each image left to right with probability 1/2: (N, C, H, W) -> (N, C, H, W)."""
    ### BEGIN SOLUTION
    coin = torch.rand(len(images), 1, 1, 1, device=images.device, generator=generator)  # one an image
    return torch.where(coin < 0.5, images.flip(-1), images)
    ### END SOLUTION


# %%
def random_crop(images: torch.Tensor, padding: int, generator: torch.Generator) -> torch.Tensor:
    """Pad with zeros and cut a window of the old size at a random place, another for each image.

    Args:
        images: (N, C, H, W).
        padding: zeros added on every side; so an image moves by at most this many pixels.

    Returns:
        (N, C, H, W).
    """
    ### BEGIN SOLUTION
    n, _, height, width = images.shape
    shift = torch.randint(2 * padding + 1, (2, n, 1), device=images.device, generator=generator)
    rows = shift[0] + torch.arange(height, device=images.device)  # (N, H)
    columns = shift[1] + torch.arange(width, device=images.device)  # (N, W)
    padded = F.pad(images, [padding] * 4).permute(0, 2, 3, 1)  # (N, H + 2p, W + 2p, C)
    image = torch.arange(n, device=images.device)[:, None, None]
    return padded[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    ### END SOLUTION


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

    Shuffling deals the images out like a pack of cards: none comes twice before each has come once. An epoch may be
    shorter than the pack; the next one goes on where it ended.

    Args:
        images, labels: (N, …) and (N,), on any device.
        batch_size: images a batch; the last batch of an epoch may be smaller.
        shuffle: deal in random order.
        seed: the same seed gives the same order.
        epoch_size: images an epoch, all of them by default.

    Raises:
        ValueError: there is not one label for each image, or a size is smaller than 1.
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
        """Batches an epoch."""
        ### BEGIN SOLUTION
        return -(-self.epoch_size // self.batch_size)  # rounded up
        ### END SOLUTION

    def order(self, epoch: int) -> torch.Tensor:
        """Which images the epoch shows, in order: int64 (epoch_size,)."""
        ### BEGIN SOLUTION
        n, first = len(self.images), epoch * self.epoch_size
        packs = range(first // n, (first + self.epoch_size - 1) // n + 1)
        dealt = [torch.randperm(n, generator=seeded(self.seed, k)) if self.shuffle else torch.arange(n) for k in packs]
        return torch.cat(dealt)[first - packs[0] * n :][: self.epoch_size]
        ### END SOLUTION

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The batches of one epoch from the one numbered `start` on; what they hold doesn't depend on `start`."""
        ### BEGIN SOLUTION
        for index in self.order(epoch).to(self.images.device).split(self.batch_size)[start:]:
            yield self.images[index], self.labels[index]
        ### END SOLUTION

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return self.epoch(0)
