# %% [markdown]
# # Lesson 8: the whole run
#
# Everything so far, made fast: half the bits where the hardware gains from them, pixels' channels side by side in
# memory, the data where the network is, one process a GPU. The same code trains on a CPU, then on smaller images.

# %%
import math
import os
import platform
import shutil
import signal
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.autograd.function import once_differentiable

from course import carry, check
from course.data import find_data

ResNet18 = carry("lesson_04", "ResNet18")
Batches = carry("lesson_05", "Batches")
channel_stats = carry("lesson_05", "channel_stats")
load_cifar10 = carry("lesson_05", "load_cifar10")
normalize = carry("lesson_05", "normalize")
random_crop = carry("lesson_05", "random_crop")
random_flip = carry("lesson_05", "random_flip")
seeded = carry("lesson_05", "seeded")
stratified_split = carry("lesson_05", "stratified_split")
Optimizer = carry("lesson_06", "Optimizer")
SGD = carry("lesson_06", "SGD")
cross_entropy = carry("lesson_06", "cross_entropy")
evaluate = carry("lesson_06", "evaluate")
fit = carry("lesson_06", "fit")
load_checkpoint = carry("lesson_06", "load_checkpoint")
parameter_groups = carry("lesson_06", "parameter_groups")
predict = carry("lesson_06", "predict")
save_checkpoint = carry("lesson_06", "save_checkpoint")
write_report = carry("lesson_07", "write_report")

# %% [markdown]
# ## Where to compute, and in how many bits


# %%
def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; with `auto` a CUDA GPU if there is one, else Apple's, else the CPU.

    What there is, is asked of `torch.cuda.is_available()`, `torch.cuda.device_count()` and
    `torch.backends.mps.is_available()`.

    Args:
        name: `auto`, `cpu`, `mps`, `cuda` or one of several, `cuda:0`, `cuda:1`, …

    Raises:
        ValueError: there is no such device here, or anywhere; the message names it.
    """
    ### BEGIN SOLUTION
    here = ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    if name == "auto":
        name = here[0]
    kind, _, number = name.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if kind not in here or (number and not (number.isdecimal() and int(number) < count)):
        raise ValueError(f"There is no device {name!r} here; choose one of: auto, {', '.join(here)}.")
    return torch.device(name)
    ### END SOLUTION


# %%
check("pick_device", points=1)


# %%
def step_flops(model: nn.Module, images: torch.Tensor) -> int:
    """Floating-point operations that one training step's convolutions and linear layers take.

    A multiplication with the addition that follows it counts as two. The way back through a layer takes two products
    of the size of the way forward, one for the gradient of its input and one for that of its weight. Biases, norms
    and activations are left out, as is usual: they take less than a hundredth.

    Args:
        model: any network of `nn.Conv2d` (with groups, too), `nn.Linear` and other layers, at any depth. Its weights,
            its running statistics, the mode of each of its modules and its hooks are afterwards what they were.
        images: (N, C, H, W), one batch; it is sent through the model once.

    Returns:
        the count for the whole batch; 3.33e9 an image of 32x32 pixels for ResNet18.
    """
    ### BEGIN SOLUTION
    products = 0

    def count(layer: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        nonlocal products
        products += output.numel() * layer.weight[0].numel()  # each output sums over the weights of one filter

    modes = {module: module.training for module in model.modules()}
    layers = [module for module in modes if isinstance(module, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad():
            model.eval()(images)  # in training mode the norms would remember this batch
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return 2 * 3 * products  # multiply and add; forward, and twice as much back
    ### END SOLUTION


# %%
check("step_flops", points=2)


# %%
def train_step(
    model: nn.Module,
    optimizer: Optimizer,
    images: torch.Tensor,
    labels: torch.Tensor,
    precision: str = "float32",
    scaler: torch.amp.GradScaler | None = None,
    label_smoothing: float = 0.0,
    accumulate: int = 1,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step in mixed precision (Micikevicius et al. 2018); whatever gradients there are before it are forgotten.

    Args:
        model: gives logits (N, C). Its weights and their gradients stay float32, its mode stays as it is.
        optimizer: holds the model's parameters; makes one step.
        images: float32 (N, 3, H, W), channels-last in memory for speed.
        labels: int64 (N,).
        precision: what `torch.autocast` computes the model in, `bfloat16` or `float16`; or `float32` without it.
            The loss is computed from the logits in float32.
        scaler: for float16. The step is taken through it, and it is updated.
        label_smoothing: see lesson 6.
        accumulate: parts that the batch is split into, as `torch.chunk` does it, which may be unequal. Their
            gradients add up to those of the mean over the whole batch, in less memory.

    Returns:
        the mean loss of the whole batch, float32, and the number of its right answers, int64: two scalars on the
        model's device, without a graph.
    """
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    losses, right = [], []
    for x, y in zip(images.chunk(accumulate), labels.chunk(accumulate), strict=True):
        with torch.autocast(x.device.type, getattr(torch, precision), enabled=precision != "float32"):
            logits = model(x)  # (n, C)
        loss = cross_entropy(logits.float(), y, label_smoothing) * (len(x) / len(images))
        (scaler.scale(loss) if scaler else loss).backward()
        losses.append(loss.detach())
        right.append((logits.argmax(1) == y).sum())
    if scaler:
        scaler.step(optimizer)  # leaves the step out if a gradient overflowed
        scaler.update()
    else:
        optimizer.step()
    return torch.stack(losses).sum(), torch.stack(right).sum()
    ### END SOLUTION


# %%
check("train_step", points=3)


# %%
def images_per_second(step: Callable[[], Any], images: int, steps: int = 5) -> float:
    """How fast a training step is: that of the fastest of some steps, after one to warm up that doesn't count.

    Args:
        step: makes one step on a batch and waits until the device has finished it.
        images: how many a step trains on.
        steps: how many to measure, each for itself, by calls of `time.perf_counter()`.

    Returns:
        images a second.
    """
    ### BEGIN SOLUTION
    step()
    times = []
    for _ in range(steps):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return images / min(times)  # what else the machine does can only make a step slower
    ### END SOLUTION


# %%
check("images_per_second", points=1)

# %% [markdown]
# ## The data, where the network is
#
# All of CIFAR-10 is 180 MB as bytes: it fits on any GPU. Normalising, augmenting and shrinking a batch there costs next
# to nothing, and no worker processes are needed.


# %%
class DeviceBatches:
    """Batches of lesson 5 kept on a device and made ready there: normalised, augmented, shrunk, channels-last.

    Args:
        images, labels: uint8 (N, 3, S, S), with S = 32 for CIFAR-10, and int64 (N,).
        batch_size, seed, epoch_size: as for `Batches`.
        device: where they go.
        stats: mean and standard deviation of each channel.
        sizes: side of the images that the network sees, in pixels, for each epoch; the last holds from then on.
        augment: shuffle, and flip each image with probability 1/2.
        padding: with `augment`, shift each image by up to so many pixels of the S, too; what comes in from
            outside is 0 after normalising, the mean colour.
        shard: (rank, world): of each batch this process takes the images number rank, rank + world, …
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        batch_size: int,
        device: torch.device,
        stats: tuple[torch.Tensor, torch.Tensor],
        sizes: Sequence[int] = (32,),
        augment: bool = False,
        padding: int = 0,
        seed: int = 0,
        epoch_size: int | None = None,
        shard: tuple[int, int] = (0, 1),
    ):
        self.batches = Batches(images.to(device), labels.to(device), batch_size, augment, seed, epoch_size)
        self.mean, self.std = (values.to(device) for values in stats)
        self.sizes, self.augment, self.padding, self.seed, self.shard = sizes, augment, padding, seed, shard
        self.epoch_size = self.batches.epoch_size

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The batches of one epoch from the one numbered `start` on: float32 (n, 3, size, size) and int64 (n,).

        Chance depends on seed, epoch and number of the batch alone: another epoch or batch draws other flips and
        shifts, the same one the same, wherever the epoch was entered. The shards of a batch are together what one
        process alone would see. Shrinking is bilinear with `antialias=True`, after normalising and augmenting.
        """
        ### BEGIN SOLUTION
        rank, world = self.shard
        size = self.sizes[min(epoch, len(self.sizes) - 1)]
        for step, (images, labels) in enumerate(self.batches.epoch(epoch, start), start):
            x = normalize(images, self.mean, self.std)  # (N, 3, 32, 32)
            if self.augment:
                generator = seeded("augment", self.seed, epoch, step, device=x.device)
                x = random_flip(x, generator)
                x = random_crop(x, self.padding, generator) if self.padding else x
            x = x[rank::world]  # after the draws, so that all processes together see what one alone would
            if size != x.shape[-1]:
                x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
            yield x.contiguous(memory_format=torch.channels_last), labels[rank::world]
        ### END SOLUTION

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return self.epoch(0)


# %%
check("DeviceBatches", points=3)

# %% [markdown]
# ## An optimizer for matrices


# %%
def orthogonalize(matrix: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Bring all singular values of a matrix close to 1 and leave its directions as they are (Jordan et al. 2024).

    First the matrix is divided by its Frobenius norm, the root of the sum of its squares; then no singular value is
    above 1. Each step applies an odd polynomial, which changes nothing but the singular values: σ becomes
    3.4445 σ - 4.7750 σ³ + 2.0315 σ⁵, in matrices a X + b (X Xᵀ) X + c (X Xᵀ)² X. bfloat16 is precise enough.

    Args:
        matrix: (m, n), wide or tall; left unchanged. Of zeros it gives zeros.
        steps: of the iteration; without any, the matrix is only divided.

    Returns:
        (m, n), float32.
    """
    ### BEGIN SOLUTION
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.bfloat16()
    x = x / (x.norm() + 1e-7)  # now no singular value is above 1
    wide = x if len(x) <= x.shape[1] else x.T  # the smaller side first: its products are cheaper
    for _ in range(steps):
        gram = wide @ wide.T  # (m, m)
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return (wide if len(x) <= x.shape[1] else wide.T).float()
    ### END SOLUTION


# %%
check("orthogonalize", points=2)


# %%
class Muon(Optimizer):
    """Nesterov momentum whose step for each kernel is made orthogonal as a matrix (Jordan et al. 2024).

        v ← momentum · v + g
        u ← g + momentum · v
        u ← orthogonalize(u as a matrix of one row an output channel)      in groups with "orthogonal"
        p ← p · sqrt(output channels) / |p|                                in groups with "orthogonal"
        p ← p - lr · factor · u

    g is the gradient, plus `weight_decay` · p; v is zero at first. The fourth line rescales the kernel, before the
    step: that changes nothing of what the network computes, since a norm follows, and it keeps the size of a step
    relative to the kernel's the same through the whole run.

    Args:
        params: tensors, or groups of them: `{"params": …, "orthogonal": …, "factor": …, "weight_decay": …}`.
        lr: learning rate; `group["lr"]` may change between steps.
        momentum: how much of the last velocity stays.
    """

    def __init__(self, params: Iterable[Any], lr: float, momentum: float = 0.6):
        super().__init__(params, dict(lr=lr, momentum=momentum, orthogonal=False, factor=1.0, weight_decay=0.0))

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, in place; the gradients stay as they are.

        Velocities lie in `self.state[p]["velocity"]`, so that the state dict holds them.
        """
        ### BEGIN SOLUTION
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                gradient = p.grad.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else p.grad
                state = self.state[p]
                if "velocity" not in state:
                    state["velocity"] = torch.zeros_like(gradient)
                velocity = state["velocity"].mul_(group["momentum"]).add_(gradient)
                update = gradient.add(velocity, alpha=group["momentum"])
                if group["orthogonal"]:
                    update = orthogonalize(update.flatten(1)).view_as(p)  # (out, in · k · k)
                    p.mul_(len(p) ** 0.5 / p.norm())
                p.sub_(update, alpha=group["lr"] * group["factor"])
        ### END SOLUTION


# %%
check("Muon", points=3)


# %%
def muon_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Kernels that a norm follows, but for the first layer's; the first and the last layer; norms and biases."""
    first, *kernels = (p for p in model.parameters() if p.ndim == 4)
    linear = [p for p in model.parameters() if p.ndim == 2]
    return [
        {"params": kernels, "orthogonal": True},
        {"params": [first, *linear], "factor": 0.5, "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "factor": 2.0},
    ]


# %% [markdown]
# ## Optional: your own convolution, fast


# %%
class Shifted(torch.autograd.Function):
    """`ShiftedConv2d.product`, with `ShiftedConv2d.gradients` as its way back."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.settings = stride, padding
        return ShiftedConv2d.product(x, weight, stride, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return *ShiftedConv2d.gradients(grad, *ctx.saved_tensors, *ctx.settings), None, None


# %%
class ShiftedConv2d(nn.Module):
    """Lesson 1's convolution without a bias, made fast: a product of matrices for each tap of the kernel.

    Its output, its gradients, its initial weights' distribution and its state dict are those of
    `nn.Conv2d(…, bias=False)`, in float32, in float64, and under autocast in the precision that it asks for.

    Args:
        in_channels, out_channels: number of channels in and out (C and O).
        kernel_size: height and width of the square kernel (K), in pixels.
        stride, padding: any, the same in both directions.

    Attributes:
        weight: parameter of shape (O, C, K, K), uniform in ±1 / sqrt(C * K * K) at first.

    Shapes: (N, C, H, W) -> (N, O, H', W') with H' = (H + 2 * padding - K) // stride + 1; the input is left unchanged.

    Raises:
        ValueError: the input isn't of shape (N, C, H, W), or with its padding smaller than the kernel; the message
            names the shapes of the input and of the weight.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0):
        super().__init__()
        self.stride, self.padding = stride, padding
        bound = (in_channels * kernel_size**2) ** -0.5
        weight = torch.empty(out_channels, in_channels, kernel_size, kernel_size).uniform_(-bound, bound)
        self.weight = nn.Parameter(weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight
        fits = x.dim() == 4 and x.shape[1] == weight.shape[1]
        if not fits or min(x.shape[2:]) + 2 * self.padding < weight.shape[2]:
            raise ValueError(f"x of shape {tuple(x.shape)} does not fit a weight of shape {tuple(weight.shape)}")
        if torch.is_autocast_enabled(x.device.type):
            precision = torch.get_autocast_dtype(x.device.type)
            x, weight = x.to(precision), weight.to(precision)
        return Shifted.apply(x, weight, self.stride, self.padding)

    @staticmethod
    def rows(x: torch.Tensor, size: int, stride: int, padding: int) -> tuple[list[torch.Tensor], tuple[int, int, int]]:
        """What each tap of a kernel meets.

        Args:
            x: (N, H, W, C).
            size, stride, padding: of the convolution.

        Returns:
            for each tap, row by row, a matrix with a row for every place of a grid and C columns; and the grid's
            shape (N, height, width). The places [:, :H', :W'] of the grid are those of the output; what is beyond
            them is of no use.
        """
        ### BEGIN SOLUTION
        n, h, w, channels = x.shape
        taps = [(i, j) for i in range(size) for j in range(size)]
        high, wide = h + padding, w + padding  # neighbours share their zeros
        if stride == 1 and size == 2 * padding + 1 and high * wide < 1.2 * h * w:  # few places are of no use
            count, before = n * high * wide, padding * (wide + 1)
            flat = x.new_zeros(before + count + before, channels)  # one pixel a row
            flat[before : before + count].view(n, high, wide, channels)[:, :h, :w] = x
            return [flat[i * wide + j :][:count] for i, j in taps], (n, high, wide)  # views: no pixel is copied
        high, wide = ((side + 2 * padding - size) // stride + 1 for side in (h, w))  # H', W'
        x = F.pad(x, (0, 0, padding, padding, padding, padding))
        windows = (x[:, i::stride, j::stride][:, :high, :wide] for i, j in taps)
        return [window.reshape(-1, channels) for window in windows], (n, high, wide)
        ### END SOLUTION

    @staticmethod
    def product(x: torch.Tensor, weight: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
        """The convolution of (N, C, H, W) with (O, C, K, K): the sum over the taps of rows times weights."""
        ### BEGIN SOLUTION
        size = weight.shape[2]
        taps = weight.permute(2, 3, 0, 1).flatten(0, 1)  # (K K, O, C)
        rows, grid = ShiftedConv2d.rows(x.permute(0, 2, 3, 1), size, stride, padding)
        out = rows[0] @ taps[0].T
        for row, tap in zip(rows[1:], taps[1:], strict=True):
            out.addmm_(row, tap.T)
        high, wide = ((side + 2 * padding - size) // stride + 1 for side in x.shape[2:])
        return out.view(*grid, -1)[:, :high, :wide].contiguous().permute(0, 3, 1, 2)
        ### END SOLUTION

    @staticmethod
    def gradients(
        grad: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: int, padding: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Gradients of x and weight, given that of the output, (N, O, H', W')."""
        ### BEGIN SOLUTION
        grad = grad.permute(0, 2, 3, 1)  # (N, H', W', O)
        (n, channels, h, w), (high, wide), size = x.shape, grad.shape[1:3], weight.shape[2]
        taps = weight.permute(2, 3, 0, 1).flatten(0, 1)  # (K K, O, C)
        if stride == 1 and size == 2 * padding + 1:  # the way back is a convolution, too, with the kernel turned round
            rows, grid = ShiftedConv2d.rows(grad, size, stride, padding)
            grad_rows, grad_x = rows[size**2 // 2], rows[0] @ taps[-1]
            for row, tap in zip(rows[1:], taps.flip(0)[1:], strict=True):
                grad_x.addmm_(row, tap)
            grad_x = grad_x.view(*grid, channels)[:, :h, :w]
        else:
            grad_rows = grad.reshape(-1, grad.shape[3])
            padded = grad.new_zeros(n, h + 2 * padding, w + 2 * padding, channels)
            for tap, weights in enumerate(taps):
                met = padded[:, tap // size :: stride, tap % size :: stride][:, :high, :wide]
                met += (grad_rows @ weights).view_as(met)
            grad_x = padded[:, padding : padding + h, padding : padding + w]
        columns = grad_rows.T.contiguous()  # (O, places)
        rows, _ = ShiftedConv2d.rows(x.permute(0, 2, 3, 1), size, stride, padding)
        grad_taps = torch.stack([columns @ row for row in rows])  # (K K, O, C)
        return grad_x.permute(0, 3, 1, 2), grad_taps.view(size, size, -1, channels).permute(2, 3, 0, 1)
        ### END SOLUTION


# %%
check("ShiftedConv2d", points=3)


# %% [markdown]
# ## The settings of a run


# %%
FULL = (16, 16, 16, 24, 24, 24, 24, 32, 32, 32)  # side of the images in each epoch of the full run
GLIMPSE = (16, 16, 16, 16, 16, 24, 24, 24)  # the same for a run of a few minutes
ROUNDS = 16  # epochs of a run for which a time is given, so that it can be shortened by little


@dataclass(frozen=True)
class Config:
    """Everything that decides what a run computes. What is None is decided at its start and then stored with it."""

    data: str | None = None  # a folder, "stand-in", or None: wherever CIFAR-10 is found
    device: str = "auto"
    seed: int = 0
    full: bool = False  # the whole plan on all training images, none of them held out
    seconds: float | None = None  # plan for so long, from a measured speed; None: four minutes on a CPU
    epochs: int | None = None  # None: as many as the plan has, or as fit into the seconds
    size: int | None = None  # side of the images in every epoch, in pixels; None: it grows as the plan says
    sizes: tuple[int, ...] | None = None  # what comes of that: the side in each epoch
    epoch_size: int | None = None  # images an epoch; None: all
    batch_size: int = 256  # over all processes
    accumulate: int = 1  # parts into which a batch is split where it doesn't fit into memory
    precision: str = "auto"  # float32, bfloat16, float16; auto: the fastest that is safe here
    compile: bool = False
    optimizer: str = "muon"  # or sgd
    peak: float = 0.15  # learning rate
    momentum: float = 0.6
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    padding: int = 2  # augmentation by shifts of up to so many pixels
    held_out: float = 0.02  # share of the training images kept for validation
    flips: bool = True  # whether the test averages each image and its mirror image
    limit: tuple[float, ...] | None = None  # seconds planned for each epoch; a slower run is shortened
    threads: int | None = None
    mine: bool = False  # whether the definitions of earlier lessons are the student's own


def sizes_for(epochs: int, plan: Sequence[int]) -> tuple[int, ...]:
    """The side of the images in each of so many epochs, growing as in the plan and ending as it does."""
    return tuple(plan[-(-k * len(plan) // epochs) - 1] for k in range(1, epochs + 1))


def optimizer_for(model: nn.Module, config: Config) -> torch.optim.Optimizer:
    """The optimizer that the config names."""
    if config.optimizer == "muon":
        return Muon(muon_groups(model, config.weight_decay), config.peak, config.momentum)
    groups = parameter_groups(model, config.weight_decay)
    return SGD(groups, config.peak, config.momentum, nesterov=config.momentum > 0)


def speed_of(config: Config, device: torch.device, precision: str, size: int) -> float:
    """Images a second that this machine trains on, measured on batches of random images of this side."""
    model = ResNet18().to(device, memory_format=torch.channels_last).train()
    optimizer = optimizer_for(model, config)
    x = torch.randn(config.batch_size, 3, size, size).to(device, memory_format=torch.channels_last)
    y = torch.zeros(config.batch_size, dtype=torch.long, device=device)

    def step() -> float:
        return train_step(model, optimizer, x, y, precision)[0].item()  # item() waits for the device

    return images_per_second(step, config.batch_size, steps=2)


def settle(config: Config, device: torch.device, images: int) -> Config:
    """Decide what is still open; on a CPU from its measured speed.

    Args:
        images: how many there are to train on.

    Raises:
        ValueError: there is no such precision or optimizer, or the batch size doesn't fit the network or the data.
    """
    began = time.perf_counter()
    for name, known in {
        "precision": ("auto", "float32", "bfloat16", "float16"),
        "optimizer": ("muon", "sgd"),
    }.items():
        if getattr(config, name) not in known:
            raise ValueError(f"There is no {name} {getattr(config, name)!r}; choose one of: {', '.join(known)}.")
    if config.batch_size < 2:
        raise ValueError("Batch normalisation needs at least 2 images a batch to compare; choose a larger batch size.")
    if config.batch_size > images:
        raise ValueError(f"There are only {images} training images; choose a batch size of at most {images}.")
    whole = images // config.batch_size * config.batch_size  # full batches only; the rest opens the next epoch
    plan = (config.size,) if config.size else FULL
    seconds = config.seconds
    if device.type == "cpu" and not (seconds or config.full or config.epochs):
        seconds = 240.0
    precision = config.precision if config.precision != "auto" else fastest_precision(config, device)
    epochs, epoch_size, limit = config.epochs or len(plan), config.epoch_size or whole, config.limit
    sizes = sizes_for(epochs, plan)
    if seconds:
        speed = cache(partial(speed_of, config, device, precision))  # of a side
        left = seconds - 20  # for what comes before and after: reading the data, drawing the report
        if not config.size and left * speed(GLIMPSE[0]) < 4 * whole:
            plan = GLIMPSE
        evaluated = (1 + config.flips) * 10_000 + ROUNDS * config.held_out * images
        left -= evaluated / (3 * speed(plan[-1]))  # a forward pass alone takes a third of a step
        paces = {side: 1 / speed(side) for side in plan}  # seconds an image
        left -= time.perf_counter() - began
        affordable = max(0.0, left / statistics.mean(paces[side] for side in sizes_for(ROUNDS, plan)))
        epochs = max(ROUNDS, math.ceil(affordable / whole))
        epoch_size = max(1, int(affordable / epochs) // config.batch_size) * config.batch_size
        sizes = sizes_for(epochs, plan)
        limit = tuple(epoch_size * paces[side] for side in sizes)
    return replace(
        config, device=str(device), seconds=seconds, precision=precision, epochs=epochs, sizes=sizes,
        epoch_size=epoch_size, limit=limit, threads=torch.get_num_threads(),
    )  # fmt: skip


def fastest_precision(config: Config, device: torch.device) -> str:
    """The precision to train in: known for a GPU, measured on a CPU, of which few multiply in bfloat16."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if device.type != "cpu":
        return "float32"
    return max(("float32", "bfloat16"), key=lambda name: speed_of(config, device, name, GLIMPSE[0]))


# %% [markdown]
# ## The run


# %%
@dataclass
class Report:
    """What a run leaves: its folder, whether it was stopped before the end, and the numbers of `metrics.json`."""

    folder: Path
    stopped: bool
    metrics: dict[str, Any]


class TrainingError(Exception):
    """A run can't start or go on; the message says why, and what to do."""


def new_folder(output: str | None) -> Path:
    """Make the folder of a run, `runs/<time>` by default, and make sure now that it will hold a checkpoint later."""
    folder = Path(output) if output else Path("runs") / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    if (folder / "checkpoint.pt").exists():
        raise TrainingError(
            f"{folder} holds a run already: go on with it by --resume {folder}, or choose another --output."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.json").write_text("{}\n")
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise TrainingError(
            f"{folder} can't be written ({error.strerror}): choose another folder with --output."
        ) from None
    if free < 300e6:  # two checkpoints of 90 MB while one replaces the other, and the figures
        raise TrainingError(
            f"Only {free / 1e6:.0f} MB are free in {folder}, and a run needs 300: make room or choose another --output."
        )
    return folder


@contextmanager
def stop_on_signal(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """In the block the first Ctrl-C (or SIGTERM) is only noted, and the block asks for it; the second interrupts."""
    asked: list[int] = []

    def note(signum: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(signum)
        say("Stopping: the checkpoint is saved after this step.")

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# %%
@dataclass
class Session:
    """All that a run works with, from the data to the checkpoint that it goes on from."""

    config: Config
    source: Any
    path: Path
    device: torch.device
    rank: int
    world: int
    stats: tuple[torch.Tensor, torch.Tensor]
    train: DeviceBatches
    validation: DeviceBatches | None
    model: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler | None
    saved: dict[str, Any]

    def update(self, network, optimizer, images, labels):
        """One step, whose loss and right answers are those of the whole batch, over all processes."""
        config = self.config
        loss, right = train_step(
            network, optimizer, images, labels, config.precision, self.scaler, config.label_smoothing, config.accumulate
        )
        if self.world > 1:
            both = torch.stack([loss / self.world, right.to(loss.dtype)])
            dist.all_reduce(both)
            loss, right = both
        return loss, right

    def evaluate(self, network, validation):
        """Loss and accuracy on the images held out; None where none are."""
        if validation is None:
            return None, None
        with self.autocast():
            return evaluate(self.model, validation)

    def logits(self, images, labels):
        """Logits, float32 (N, 10), of images at the last epoch's size: of one look, and with `flips` the mean of two."""
        batches = DeviceBatches(images, labels, 500, self.device, self.stats, self.config.sizes[-1:])
        with self.autocast():
            straight, _ = predict(self.model, batches)
            if not self.config.flips:
                return straight, straight
            mirrored, _ = predict(self.model, ((x.flip(-1), y) for x, y in batches))
        return straight, (straight + mirrored) / 2  # what predict_with_flips gives

    def autocast(self):
        precision = self.config.precision
        return torch.autocast(self.device.type, getattr(torch, precision), enabled=precision != "float32")

    def save(self, state):
        """Write the checkpoint, from the first process alone."""
        if self.rank == 0:
            save_checkpoint(
                self.path, model=self.model.state_dict(), optimizer=self.optimizer.state_dict(), state=state,
                config=asdict(self.config), scaler=self.scaler.state_dict() if self.scaler else {},
                data=self.source.fingerprint,
            )  # fmt: skip


def prepare(config: Config, output: str | None, resume: str | None, say: Callable[[str], None]) -> Session:
    """Everything before the first step: data, settings, network, and what a checkpoint holds of them."""
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    saved: dict[str, Any] = {}
    try:
        if resume:
            path = Path(resume) / "checkpoint.pt" if Path(resume).is_dir() else Path(resume)
            saved = load_checkpoint(path)
            chosen = {"data": config.data} if config.data else {}
            chosen |= {"device": config.device} if config.device != "auto" else {}
            if saved["config"]["mine"] != config.mine:
                raise ValueError(f"{path} was trained {'with' if saved['config']['mine'] else 'without'} --mine.")
            config = Config(**saved["config"] | chosen)
        device = pick_device(config.device)
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{error} Nothing was changed.") from None
    if rank:
        dist.barrier()  # wait until the first process has downloaded
    source = find_data(config.data, say)
    if world > 1 and rank == 0:
        dist.barrier()
    if saved and source.fingerprint != saved["data"]:
        raise TrainingError(f"The run was trained on other data than {source.folder}: name its data with --data.")
    images, labels = load_cifar10(source.folder)
    kept, held_out = stratified_split(labels, 0.0 if config.full else config.held_out, config.seed)
    if not saved:
        try:
            config = shared(settle(config, device, len(kept)))
        except ValueError as error:
            raise TrainingError(str(error)) from None
        path = (new_folder(output) if rank == 0 else Path()) / "checkpoint.pt"
    if device.type == "cpu" and world == 1:
        torch.set_num_threads(config.threads)  # sums are rounded in another order with another number of threads

    stats = channel_stats(images[kept])
    train = DeviceBatches(
        images[kept], labels[kept], config.batch_size, device, stats, config.sizes, augment=True,
        padding=config.padding, seed=config.seed, epoch_size=config.epoch_size, shard=(rank, world),
    )  # fmt: skip
    validation = None
    if len(held_out):
        validation = DeviceBatches(images[held_out], labels[held_out], 500, device, stats, config.sizes[-1:])
    torch.backends.cudnn.benchmark = True  # every batch has one shape: let the GPU look for its fastest kernels
    torch.manual_seed(config.seed)
    model = ResNet18().to(device, memory_format=torch.channels_last)
    optimizer = optimizer_for(model, config)
    scaler = torch.amp.GradScaler(device.type) if config.precision == "float16" else None
    if config.compile:
        model.compile()
    if saved:
        try:
            model.load_state_dict(saved["model"])
            optimizer.load_state_dict(saved["optimizer"])
            if scaler:
                scaler.load_state_dict(saved["scaler"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise TrainingError(f"{path} doesn't fit this network: {str(error).splitlines()[0]}") from None
        saved["state"] |= {name: saved["state"][name].to(device) for name in ("losses", "right")}
    return Session(
        config, source, path, device, rank, world, stats, train, validation,
        model, optimizer, scaler, saved,
    )  # fmt: skip


def run(
    config: Config,
    output: str | None = None,
    resume: str | None = None,
    watch: Callable[[dict[str, Any], Config], None] = lambda state, config: None,
    say: Callable[[str], None] = print,
) -> Report:
    """Train, evaluate, and write the report: one whole run, new or continued.

    Args:
        config: the settings; of a continued run only `data` and `device` count, the rest comes from its checkpoint.
        output: folder of a new run.
        resume: folder or checkpoint of the run to continue.
        watch: is called with the state (see `fit`) and the settled config after every step.
        say: gets what the user must read.

    Raises:
        TrainingError: it can't start or go on; what was reached is in the checkpoint.
    """
    began = time.perf_counter()
    session = prepare(config, output, resume, say)
    config, path = session.config, session.path
    network = session.model if session.world == 1 else nn.parallel.DistributedDataParallel(session.model)
    say(f"{'Continuing' if session.saved else 'Training'} on {session.source.name}; the run is in {path.parent}.")
    sides = " to ".join(f"{side}x{side}" for side in dict.fromkeys((config.sizes[0], config.sizes[-1])))
    plan = f"{config.epochs} epochs of {config.epoch_size:,} images, {sides} pixels"
    say(f"{plan}, {session.device}, {config.precision}.")
    with stop_on_signal(say) if session.world == 1 else nullcontext(lambda: False) as asked:
        try:
            state = fit(
                network, session.optimizer, session.train, session.validation, config.epochs, config.peak,
                session.update, session.evaluate, seconds=config.limit, state=session.saved.get("state"),
                save=session.save, watch=lambda state: watch(state, config) or asked(),
            )  # fmt: skip
        except FloatingPointError as error:
            raise TrainingError(
                f"Training stopped: {error}. The last good checkpoint is {path}; a lower --lr may help."
            ) from None
        except OSError as error:
            raise TrainingError(
                f"The checkpoint can't be written ({error.strerror}). {path} is as it was before: "
                f"make room, then continue with --resume {path.parent}."
            ) from None
        if state["stopped"] or session.rank:
            return Report(path.parent, state["stopped"], {})
        return test(session, state, began)


def test(session: Session, state: dict[str, Any], began: float) -> Report:
    """Look at the test images, once, and write the report."""
    config, folder = session.config, session.path.parent
    images, labels = load_cifar10(session.source.folder, train=False)
    straight, logits = session.logits(images, labels)  # (N, C) each
    metrics = {
        "data": session.source.name,
        "training_images": len(session.train.batches.images),
        "parameters": sum(p.numel() for p in session.model.parameters()),
        "config": asdict(config),
        "processes": session.world,
        "machine": machine(session.device),
        "epochs": state["history"],
        "seconds": {"training": round(sum(row["seconds"] for row in state["history"]), 1)},
        "epoch_equivalents": round(
            sum(config.epoch_size * side**2 for side in config.sizes[: len(state["history"])]) / (50_000 * 32**2), 3
        ),
        "accuracy_without_flips": (straight.argmax(1) == labels).double().mean().item(),
    }
    metrics["seconds"]["this call until the report"] = round(time.perf_counter() - began, 1)
    try:
        losses = state["losses"][: state["step"]].tolist()
        write_report(folder, metrics, losses, images, logits, labels, session.source.class_names)
    except OSError as error:
        raise TrainingError(
            f"The report can't be written ({error.strerror}). The trained network is safe in {session.path}: "
            f"make room, then --resume {folder} writes the report."
        ) from None
    return Report(folder, False, metrics)


def machine(device: torch.device) -> dict[str, str | int]:
    """What the numbers were measured on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    cpu = Path("/proc/cpuinfo")
    if device.type == "cpu" and cpu.exists():
        models = [
            line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")
        ]
        name = models[0] if models else name
    return {
        "device": str(device), "name": name, "threads": torch.get_num_threads(), "system": platform.platform(),
        "python": platform.python_version(), "torch": torch.__version__,
    }  # fmt: skip


# %% [markdown]
# ## Several GPUs
#
# `torchrun --nproc-per-node 2 --no-python course train` starts one process a GPU. Each takes its share of every batch,
# and their gradients are averaged: two processes learn what one would have, but for the norms, which see half a batch.
# Stopping all of them in the same step would take a message a step; here Ctrl-C costs the epoch under way.


# %%
def shared(config: Config) -> Config:
    """The first process's config, in every process: what was measured may differ, what is computed must not."""
    box = [asdict(config)]
    if dist.is_initialized():
        dist.broadcast_object_list(box)
    return Config(**box[0] | {"device": config.device})


def main(config: Config, **arguments: Any) -> Report:
    """`run` in this process, and under torchrun as one of several: process k computes on GPU k of its machine."""
    if "LOCAL_RANK" not in os.environ:
        return run(config, **arguments)
    if torch.cuda.is_available() and config.device in ("auto", "cuda"):
        config = replace(config, device=f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(config.device)
    dist.init_process_group("nccl" if config.device.startswith("cuda") else "gloo")
    try:
        return run(config, **arguments)
    finally:
        dist.destroy_process_group()
