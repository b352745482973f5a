# %% [markdown]
# # Lesson 8: the whole run
#
# **Time:** about 90 minutes. **You need:** lessons 4 to 6, and for the optional last exercise lesson 1. A GPU is
# welcome and not needed.
#
# After this lesson you can
#
# 1. say how fast your training *could* be on a machine, how fast it is, and which step to take next;
# 2. train in 16 bits, know what can go wrong with them, and what keeps it from going wrong;
# 3. write an optimizer that beats SGD by a wide margin, and train the whole ResNet18 on one device or on several.
#
# Everything so far was made to be right. Today it is made fast, and it has to stay right. You will switch on one
# thing after another, and you will *measure* each gain on your own machine, because that is the only
# number that counts. All figures below were drawn, and all numbers printed, where this notebook ran. Where that
# is a CPU, everything is smaller: fewer images, fewer pixels. What needs a GPU is said to need one.

# %%
import copy
import ctypes
import itertools
import math
import os
import platform
import shlex
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

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.autograd.function import once_differentiable
from torch.profiler import ProfilerActivity, profile

from course import carry, check
from course.data import find_data
from course.plots import BLUE, GREEN, ORANGE, VERMILION, set_style

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
set_style()

# %% [markdown]
# ## Where to compute
#
# ## Exercise 1: pick a device
#
# <details><summary>Hint 1: a nudge</summary>
#
# `torch.device("cuda:7")` works on a machine without any GPU: it names a place and doesn't look. You have to look.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Make a list of the kinds that are here, the fastest first; the CPU is always the last of them. `auto` is the
# first entry. A name is allowed if its kind is in the list and its number, if it has one, is below the count.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `kind, colon, number = name.partition(":")`. Raise the `ValueError` if `kind not in here`, or if there is a `colon`
# and `number not in map(str, range(count))`.
# </details>


# %%
def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; with `auto` a CUDA GPU if there is one, else Apple's, else the CPU.

    What there is, is asked of `torch.cuda.is_available()`, `torch.cuda.device_count()` and
    `torch.backends.mps.is_available()`.

    Args:
        name: `auto`, `cpu`, `mps`, `cuda` or one of several, `cuda:0`, `cuda:1`, …; written exactly so.

    Raises:
        ValueError: there is no such device here, or anywhere; the message names it.
    """
    ### BEGIN SOLUTION
    here = ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    if name == "auto":
        name = here[0]
    kind, colon, number = name.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if kind not in here or (colon and number not in map(str, range(count))):
        raise ValueError(f"There is no device {name!r} here; choose one of: auto, {', '.join(here)}.")
    return torch.device(name)
    ### END SOLUTION


# %%
check("pick_device", points=1)

# %%
device = pick_device()
print(f"This notebook computes on: {device}, with {torch.get_num_threads()} thread(s) for what the CPU does")
if device.type == "cpu":
    print("There is no GPU here, so everything below happens on the CPU at a smaller scale.")


def wait() -> None:
    """Wait until the device has finished: a GPU works through a queue while Python runs ahead."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


# %% [markdown]
# ## Where the time goes
#
# Before you make anything faster, find out what is slow. **Guess first:** of one training step of ResNet18,
# forward, loss, backward and optimizer, which share is spent in convolutions, forward and backward together?
# (The profiler may talk to itself in red below, for instance of a GPU that it looked for in vain. Never mind.)

# %%
torch.manual_seed(0)
model = ResNet18().to(device)
optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
images, labels = torch.randn(16, 3, 16, 16, device=device), torch.randint(10, (16,), device=device)


def plain_step() -> float:
    """One step as lesson 6 makes it: float32, all of it."""
    optimizer.zero_grad()
    loss = cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()  # waits for the device


plain_step()
kinds = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device.type == "cuda")
with profile(activities=kinds) as noted:
    plain_step()
own_time = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
rows = [row for row in noted.key_averages() if row.device_type == torch.autograd.DeviceType.CPU]
rows.sort(key=lambda row: -getattr(row, own_time))
total = sum(getattr(row, own_time) for row in rows)
print(f"{'operation':36} {'calls':>5} {'ms':>8} {'share':>6}")
for row in rows[:8]:
    spent = getattr(row, own_time)
    print(f"{row.key[:36]:36} {row.count:5} {spent / 1000:8.1f} {spent / total:6.0%}")

# %% [markdown]
# Each line is one operation, with the time spent in it alone. The way back through the convolutions takes most, the
# way forward is next, and everything that you would call arithmetic between them, norms, activations, the loss, the
# optimizer, shares the rest. So there are two questions. Can the convolutions be computed faster? And when they
# are, what will have become the slow part?
#
# ## The roofline by hand
#
# How fast could it be? Count. A 3 × 3 convolution from 64 to 64 channels on a map of 32 × 32 computes, for every
# image, $64 \cdot 32 \cdot 32$ numbers. Each is a sum of $64 \cdot 3 \cdot 3 = 576$ products. Multiplying and
# adding are two operations, so
#
# $$2 \cdot 65{,}536 \cdot 576 = 75.5 \text{ million FLOPs.}$$
#
# The way back takes two products of the same size: the gradient of the input, and the gradient of the weight. So a
# training step takes three times the forward pass. Over all layers of ResNet18 that makes 3.33 GFLOP for an image
# of 32 × 32 pixels, and your next exercise counts it.
#
# Now divide by the machine's peak, the FLOP/s that it reaches on a large product of matrices, and you have the
# least time that a step can take. But numbers must also be *brought*. A ReLU on the same map does 65,536
# operations, and reads and writes 65,536 numbers of 4 bytes each: 0.125 FLOPs a byte. The convolution does over a
# hundred FLOPs for each byte of its maps. What a kernel can reach is the smaller of two roofs:
#
# $$\text{FLOP/s} \;\le\; \min(\,\text{peak},\;\; \text{FLOPs a byte} \cdot \text{bytes a second}\,)$$
#
# That is the **roofline** (Williams et al. 2009). Where the two roofs meet is the *ridge*. Left of it a kernel waits
# for memory, and smaller numbers help; right of it, it waits for arithmetic, and faster arithmetic helps. Half as many
# bits help both.
#
# ## Exercise 2: count
#
# <details><summary>Hint 1: a nudge</summary>
#
# Count *outputs*, not inputs: a stride of 2 leaves a quarter of the places to compute. A layer knows neither the
# size of its map nor how often it is called; that shows only when images go through. `model.modules()` finds layers
# at every depth.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `layer.register_forward_hook(f)` calls `f(layer, inputs, output)` whenever the layer has run. Each value of the
# output is a sum over one filter, and `layer.weight[0]` is one filter with all its taps and channels, of a
# convolution and of a linear layer alike. The hook stays until you call `remove()` on what registering it returned.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# Note each module's `training` in a dict. In a `try` block call `model.eval()(images)` under `torch.no_grad()`: in
# training mode the norms would remember these images. In `finally` remove the hooks and give each module its own
# mode back, not the same to all. The answer is `2 * 3 * products`.
# </details>


# %%
def step_flops(model: nn.Module, images: torch.Tensor) -> int:
    """Floating-point operations that one training step's convolutions and linear layers take.

    A multiplication with the addition that follows it counts as two. The way back through a layer takes two products
    of the size of the way forward, one for the gradient of its input and one for that of its weight. Biases, norms
    and activations are left out, as is usual: they take less than a hundredth.

    Args:
        model: any network of `nn.Conv2d` (with groups, too), `nn.Linear` and other layers, at any depth. A layer
            counts as often as it is called, and so does one of a class derived from these two. Weights, running
            statistics, hooks, the mode of each module, and whether gradients are on, are afterwards what they were,
            also after an error.
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

# %% [markdown]
# Now your count meets the clock. The next cell measures two roofs of this machine, a product of matrices in float32
# and a copy of a large tensor, and then three kernels of ResNet18. (NVIDIA's GPUs since 2020 can multiply float32 in
# TF32, with 10 bits behind the point; the cell allows it, and the roof here is that one.)


# %%
def fastest(action: Callable[[], Any], runs: int = 5) -> float:
    """The shortest time of some runs, in seconds, after one to warm up."""
    times = []
    for _ in range(1 + runs):
        began = time.perf_counter()
        action()
        wait()
        times.append(time.perf_counter() - began)
    return min(times[1:])


if device.type == "cuda":
    torch.set_float32_matmul_precision("high")  # TF32, as in cuDNN's convolutions
side = 8192 if device.type == "cuda" else 1024  # large enough to keep the whole device busy
matrix, large = torch.randn(side, side, device=device), torch.randn(16_000_000, device=device)
target = torch.zeros_like(large)
peaks = {}
for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
    square = matrix.to(dtype)
    peaks[name] = 2 * side**3 / fastest(lambda square=square: square @ square, runs=10)
bandwidth = 2 * large.nbytes / fastest(lambda: target.copy_(large))  # each byte is read and written

maps = torch.randn(32, 64, 32, 32, device=device).contiguous(memory_format=torch.channels_last)
layers = {
    "convolution": nn.Conv2d(64, 64, 3, padding=1, bias=False),
    "batch norm": nn.BatchNorm2d(64),
    "ReLU": nn.ReLU(),
}
operations = {"convolution": 2 * 576, "batch norm": 7, "ReLU": 1}  # an output value
points = {}
with torch.no_grad():
    for name, layer in layers.items():
        layer.to(device, memory_format=torch.channels_last)
        moved = maps.nbytes * (3 if name == "batch norm" else 2)  # its statistics read the map once more
        flops = operations[name] * maps.numel()
        points[name] = flops / moved, flops / fastest(lambda layer=layer: layer(maps))

plt.figure(figsize=(7, 4.2), layout="constrained")
intensity = [2.0**k for k in range(-4, 12)]
for name, colour in (("float32", BLUE), ("bfloat16", ORANGE)):
    roof = [min(peaks[name], x * bandwidth) / 1e9 for x in intensity]
    plt.loglog(intensity, roof, color=colour, label=f"roof in {name}: {peaks[name] / 1e9:,.0f} GFLOP/s")
for (name, (x, reached)), marker in zip(points.items(), "os^", strict=True):
    plt.loglog(x, reached / 1e9, marker, color=VERMILION, ms=9)
    plt.annotate(name, (x, reached / 1e9), xytext=(8, -14), textcoords="offset points")
plt.xlabel("FLOPs a byte moved")
plt.ylabel("GFLOP/s")
plt.legend()
plt.show()

flops = step_flops(model, images)
seconds = fastest(plain_step, runs=2)
print(f"a step on {len(images)} images of 16x16 pixels: {flops / 1e9:.1f} GFLOP in {seconds * 1000:.0f} ms")
print(f"that is {flops / seconds / 1e9:.0f} GFLOP/s, {flops / seconds / peaks['float32']:.0%} of the float32 peak")
print(f"bfloat16's roof is {peaks['bfloat16'] / peaks['float32']:.1f} times that of float32")

# %% [markdown]
# *Figure: the roofline of this machine, GFLOP/s over FLOPs a byte, both axes logarithmic. Two lines rise
# together from the lower left and bend into two level roofs, one for float32 and one for bfloat16. Three points:
# ReLU and batch norm far left, where the roof rises; the convolution far right, where it is level.*
#
# A point can lie *above* the rising roof: what is small enough stays in the cache, which is faster than memory.
# None can lie above the level one for long; if one does, something else was running when the peak was measured, or the
# library computes a 3×3 convolution with fewer multiplications than we count (Lavin & Gray 2016).
#
# Look at the last line of the print. If bfloat16's roof is about as high as that of float32, or lower, then this
# machine has no unit that multiplies in bfloat16. It then converts, multiplies in float32, and converts back.
# Processors with `avx512_bf16` or AMX have such a unit, and all recent GPUs do. Don't look it up: **measure it**,
# as you just did. On a CPU, `course train` does the same before a run.
#
# ## Numbers in sixteen bits
#
# A floating-point number is $\pm\, 1.m \cdot 2^e$. The bits of $m$ decide how finely it goes, those of $e$ how far. At
# the smallest exponent the leading 1 may be a 0: these *subnormal* numbers, $0.m \cdot 2^e$, reach further down, with
# fewer and fewer digits.
#
# | | bits of $e$ | bits of $m$ | spacing just above 1 | smallest normal | smallest of all | largest |
# |---|--:|--:|--:|--:|--:|--:|
# | float32 | 8 | 23 | $2^{-23}$ | $2^{-126}$ | $2^{-149}$ | $3.4 \cdot 10^{38}$ |
# | bfloat16 | 8 | 7 | $2^{-7}$ | $2^{-126}$ | $2^{-133}$ | $3.4 \cdot 10^{38}$ |
# | float16 | 5 | 10 | $2^{-10}$ | $2^{-14}$ | $2^{-24}$ | 65,504 |
#
# **By hand.** bfloat16 has 7 bits behind the point, so above 1 comes $1 + 2^{-7} = 1.0078$, and nothing between.
# A weight of 1 that is moved up by 0.003 doesn't move: 0.003 is less than half of the spacing. float16's smallest
# number is its smallest normal, $2^{-14}$, times its finest step, $2^{-10}$: $2^{-24}$, about $6 \cdot 10^{-8}$.
# Half of that is 0.

# %%
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    numbers = torch.finfo(dtype)
    one = torch.ones((), dtype=dtype)
    print(f"{str(dtype)[6:]:9} spacing {numbers.eps:.1e}, smallest normal {numbers.tiny:.1e},", end=" ")
    print(f"largest {numbers.max:.2g}; 1 + 0.003 = {(one + 0.003).item():.5f}, 2e-8 = {one.mul(2e-8).item():.2g}")

# %% [markdown]
# So the two sixteens fail in opposite ways. bfloat16 reaches as far as float32 and is coarse. float16 is finer and
# has a short reach: large values overflow, and small gradients vanish.
#
# **Mixed precision** (Micikevicius et al. 2018, section 3) takes the good part of both. Convolutions and linear
# layers, which take the time, multiply in 16 bits and add up in 32. The weights themselves stay in float32
# (section 3.1), so that small steps add up; so do loss and norm statistics. `torch.autocast` casts at each
# layer's door. For float16 the loss is multiplied by a large number before the way back, 65,536 say, and the
# gradients are divided by it before the step (section 3.2). bfloat16 doesn't need that.
#
# `torch.amp.GradScaler` does the multiplying and dividing, and it finds the number by itself: it doubles it after
# many good steps, and when a gradient comes out infinite it leaves that step out and halves the number.
#
# **Predict, then run.** A network whose gradients are small. The next cell makes them smaller and smaller and
# counts which share of them is exactly zero: in float32, in bfloat16, in float16, and in float16 with the loss scaled
# by 65,536. At which size does each begin to lose them?

# %%
torch.manual_seed(0)
x, weight = torch.randn(256, 64), torch.randn(64, 64)


def share_of_zeros(size: float, dtype: torch.dtype, scale: float) -> float:
    """Which share of the gradients of a layer's output vanishes, if the loss has gradients of about that size."""
    hidden = (x.to(dtype) @ weight.to(dtype)).requires_grad_()
    loss = (hidden.float() * torch.randn(256, 64)).sum() * size
    (scale * loss).backward()
    return (hidden.grad == 0).float().mean().item()


sizes = [2.0**-k for k in range(4, 46)]
plt.figure(figsize=(7, 3.6), layout="constrained")
for dtype, scale, colour, name in (
    (torch.float32, 1.0, BLUE, "float32"),
    (torch.bfloat16, 1.0, GREEN, "bfloat16"),
    (torch.float16, 1.0, VERMILION, "float16"),
    (torch.float16, 65536.0, ORANGE, "float16, loss × 65,536"),
):
    lost = [100 * share_of_zeros(size, dtype, scale) for size in sizes]
    plt.semilogx(sizes, lost, color=colour, label=name, ls="--" if name == "bfloat16" else "-", lw=2)
plt.gca().invert_xaxis()
plt.xlabel("typical size of a gradient")
plt.ylabel("gradients that are zero, in %")
plt.legend()
plt.show()

# %% [markdown]
# *Figure: the share of gradients that are zero over their typical size, which falls from left to right. float32 and
# bfloat16 lie on the axis all the way. float16 climbs from 0 to 100 % between sizes of about 1e-6 and 1e-8. With
# the loss scaled by 65,536 it does the same, but only at gradients that are 65,536 times smaller.*
#
# <details><summary>Was your guess right?</summary>
#
# float16 rounds to zero what is below half of $2^{-24}$, about $3 \cdot 10^{-8}$. Gradients of single activations in
# a network are often smaller than that: the loss is a mean over a batch, so each image's share is divided by the size
# of the batch. Scaling moves the whole curve to the right by the factor, at no cost, as long as nothing overflows at
# the other end. That is why the scaler has to feel its way.
# </details>
#
# ## Exercise 3: a step in mixed precision
#
# It can also split a batch into parts; more on that just below.
#
# <details><summary>Hint 1: a nudge</summary>
#
# `torch.autocast(device_type, dtype, enabled=…)` is a context for the *forward* pass: the way back takes the same
# dtypes by itself. Images and weights stay float32 outside of it. The loss wants the logits in float32.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Forget the gradients once. For each part: forward, loss times the part's share of the images, `backward`; the
# gradients add up by themselves. After the last part one step. `images.chunk(accumulate)` gives the parts.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# With a scaler: `scaler.scale(loss).backward()` for each part; at the end `scaler.step(optimizer)`, which divides
# the gradients first and leaves the step out if one is infinite, and `scaler.update()`. Without: `loss.backward()`
# and `optimizer.step()`. Collect `loss.detach()` and the right answers of each part, and add them up.
# </details>


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
        model: gives logits (N, C). Its weights and their gradients stay float32. The mode of each of its modules stays
            as it is, during the step, too.
        optimizer: holds the model's parameters; makes one step.
        images: float32 (N, 3, H, W), channels-last in memory for speed.
        labels: int64 (N,).
        precision: what `torch.autocast` computes the model in, `bfloat16` or `float16`; or `float32` without it.
            The loss is computed from the logits in float32.
        scaler: for float16. The step is taken through it, and it is updated.
        label_smoothing: see lesson 6.
        accumulate: parts that the batch is split into, as `torch.chunk` does it: they may be unequal, or fewer. Their
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

# %% [markdown]
# **The experiment with the scaler,** with your step. A small network whose logits are made so faint that its first
# layer's gradients are out of float16's reach. It works on any CPU, slowly: what counts here are the numbers.


# %%
class Faint(nn.Module):
    """A convolution, and a linear layer that hardly listens to it."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3)) * 2.0**-18)


small, answers = torch.randn(32, 3, 8, 8), torch.randint(10, (32,))
for precision, scaler in (
    ("float32", None),
    ("bfloat16", None),
    ("float16", None),
    ("float16", torch.amp.GradScaler("cpu")),
):
    torch.manual_seed(1)
    faint = Faint()
    loss, _ = train_step(faint, SGD(faint.parameters(), lr=0.1), small, answers, precision, scaler)
    name = f"{precision}{' with a scaler' if scaler else ''}:"
    print(f"{name:24} loss {loss:.4f}, largest gradient of the convolution {faint.conv.weight.grad.abs().max():.2e}")

# %% [markdown]
# Without the scaler float16 gives exactly 0: that layer would never learn, and nothing would complain.
#
# ## Gradients in parts
#
# A batch that doesn't fit into memory can be split: gradients are sums, and sums can be taken in parts. Two things
# must be right. Each part's loss is a *mean*, so it has to be weighted by the part's share of the images. And
# between the parts nobody may forget the gradients.
#
# **Guess first.** The next cell compares the gradients of a whole batch of 13 with those of parts of 5, 5 and 3,
# once for a network without norms, once with batch norm. In which of the two do they agree?

# %%
torch.manual_seed(0)
small, answers = torch.randn(13, 3, 8, 8), torch.randint(10, (13,))
for name, norm in (("without norms", nn.Identity()), ("with batch norm", nn.BatchNorm2d(8))):
    net = nn.Sequential(nn.Conv2d(3, 8, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    found = []
    for accumulate in (1, 3):
        own = copy.deepcopy(net)
        train_step(own, SGD(own.parameters(), lr=0.0), small, answers, accumulate=accumulate)
        found.append(own[0].weight.grad)
    whole, parts = found
    print(f"{name:16} gradients up to {whole.abs().max():.3f}, largest difference {(whole - parts).abs().max():.1e}")

# %% [markdown]
# <details><summary>What happened</summary>
#
# Without norms they agree but for the last digits of float32. A batch norm takes its statistics from what it is given,
# and a part has other statistics than the whole. That is no mistake of accumulation, it is another network: one
# with "ghost batches" (Hoffer et al. 2017). Small parts make noisy norms. The same happens when a batch is shared
# out among several GPUs, and there `SyncBatchNorm` is the remedy, which asks the others for their sums.
# </details>
#
# ## Channels last
#
# A batch of shape $(N, C, H, W)$ is one long row of numbers in memory. Which neighbours does a number have? By
# default the next *pixel* of the same channel. In `channels_last` the next *channel* of the same pixel. The shape
# stays as it is, only the strides change:

# %%
batch = torch.arange(2 * 3 * 2 * 2).view(2, 3, 2, 2)
last = batch.contiguous(memory_format=torch.channels_last)
print(f"contiguous     shape {tuple(batch.shape)}, strides {batch.stride()}")
print(f"channels last  shape {tuple(last.shape)}, strides {last.stride()}, the same numbers: {batch.equal(last)}")

figure, axes = plt.subplots(2, 1, figsize=(8, 2.3), layout="constrained")
for ax, values, title in zip(axes, (batch, last), ("contiguous", "channels last"), strict=True):
    memory = values.as_strided((12,), (1,))  # the first image, as it lies there
    for place, number in enumerate(memory.tolist()):
        channel, pixel = divmod(number, 4)
        colour = (VERMILION, GREEN, BLUE)[channel]
        ax.add_patch(plt.Rectangle((place, 0), 0.96, 1, color=colour, alpha=0.35 + 0.15 * pixel))
        ax.text(place + 0.48, 0.5, f"{'RGB'[channel]}{pixel}", ha="center", va="center")
    ax.set(xlim=(-0.1, 12.1), ylim=(0, 1), title=f"{title}: the first image in memory", yticks=[], xticks=[])
    ax.spines[:].set_visible(False)
plt.show()

# %% [markdown]
# *Figure: twelve boxes in a row, twice: one image of 2 × 2 pixels and three channels as it lies in memory. Above,
# contiguous: R0 R1 R2 R3, then the four G, then the four B. Below, channels last: R0 G0 B0, then R1 G1 B1, and so
# on, pixel by pixel.*
#
# A convolution's filter reads all channels of a pixel. Lying side by side they come in one go, and what
# the kernel has to do becomes a product of matrices with long rows. Two calls are all it takes:
# `model.to(memory_format=torch.channels_last)` and the same for the images.
#
# ## Exercise 4: images a second
#
# You are about to compare. First you need a clock that can be trusted.
#
# <details><summary>Hint 1: a nudge</summary>
#
# A first step does what no other does: it reserves memory, chooses kernels, perhaps compiles. Make one before you
# look at the clock.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Time each step for itself. What else the machine does can make a step slower, never faster. So of several
# measurements the *fastest* is nearest to what your code needs; a mean measures your neighbours, too.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `began = time.perf_counter()`, `step()`, `times.append(time.perf_counter() - began)`, `steps` times over. Then
# `images / min(times)`.
# </details>


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
# **Predict, then run.** ResNet18 on 64 images of 16 × 16 pixels, and one thing switched on after another. Write
# down a factor for each line before you run the cell. Where does this machine gain most?

# %%
images, labels = torch.randn(64, 3, 16, 16, device=device), torch.randint(10, (64,), device=device)
table = []  # (what, images a second)


def measure(
    what: str,
    precision: str,
    layout: torch.memory_format = torch.channels_last,
    fused: bool = False,
    compiled: bool = False,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]] | None = None,
) -> None:
    """Measure a step of a fresh network with these settings, on the same batch or on these; add a line to the table."""
    torch.manual_seed(0)
    net = ResNet18().to(device, memory_format=layout)
    if compiled:
        net.compile()
    sgd = partial(torch.optim.SGD, fused=True) if fused else SGD
    optimizer = sgd(net.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    scaler = torch.amp.GradScaler(device.type) if precision == "float16" else None
    source = iter(batches or itertools.repeat((images.contiguous(memory_format=layout), labels)))

    def step() -> float:
        return train_step(net, optimizer, *next(source), precision, scaler)[0].item()  # item() waits for the device

    table.append((what, images_per_second(step, len(images), steps=2)))


def show_table() -> None:
    """All lines so far, each against the first."""
    flops = step_flops(model, images) / len(images)
    print(f"{'on ' + str(device):50} {'images/s':>9} {'factor':>7} {'GFLOP/s':>9}")
    for what, speed in table:
        print(f"{what:50} {speed:9.0f} {speed / table[0][1]:7.2f} {speed * flops / 1e9:9.0f}")


measure("float32, contiguous", "float32", torch.contiguous_format)
measure("float32, channels last", "float32")
measure("bfloat16, channels last", "bfloat16")
faster = "bfloat16" if table[2][1] > table[1][1] else "float32"
measure(f"{faster}, channels last, fused SGD", faster, fused=True)
if device.type == "cuda":
    measure("float16 with a scaler, channels last", "float16")
    try:
        measure(f"{faster}, channels last, fused SGD, compiled", faster, fused=True, compiled=True)
    except RuntimeError as error:  # no C compiler, no headers of Python, or too old a GPU
        print("torch.compile doesn't work here:", str(error).splitlines()[0])
show_table()

# %% [markdown]
# This is *your* table. Some notes to read it by:
#
# - **Channels last** costs nothing and helps most where the kernels want it anyway, as on GPUs in 16 bits. On a CPU
#   the library reorders behind your back, and you save that.
# - **bfloat16** pays where the hardware multiplies in it, as you saw from the two roofs. Elsewhere it *costs*.
# - **`torch.compile`** fuses what stands between the convolutions: norm, ReLU and addition become one pass over
#   memory, which helps left of the roofline's ridge. It needs a C++ compiler on a CPU, and on a GPU of NVIDIA's
#   a C compiler, Python's headers and at least a Volta. It takes a minute or two before the first step, too long
#   for this cell on a CPU. Everywhere you can try it on a whole run: `course train --compile`.
# - **A fused optimizer** updates all weights in one kernel instead of several for each: `torch.optim.SGD(…,
#   fused=True)` in place of lesson 6's. SGD on 11 million weights moves at least 220 MB a step, however few images
#   the step has seen: it shows with small batches and small images, and on fast GPUs.
# - **float16** and the compiled line are measured on a GPU only.
#
# ## The data, where the network is
#
# A fast network waits for slow data. The usual `DataLoader` reads single images in worker processes, augments one
# after the other, and copies batches to the GPU. But all of CIFAR-10 is 180 MB as bytes. It fits on any GPU, and
# on any CPU it is already there. So keep *all of it* where the network is, and normalise, mirror, shift and shrink
# whole batches there, with the functions of lesson 5.
#
# One thing is new. Lesson 5 tossed a coin for each image at every look. After two looks, half of all images have then
# been seen from one side only. So toss the coin once. A random half of the images begins mirrored, and from pack to
# pack *all* of them turn round (alternating flip; Jordan 2024, section 3.6). Now every second look shows the
# other side.
#
# ## Exercise 5: batches on the device
#
# Only `epoch` is missing. The half that begins mirrored is mirrored already, in `__init__`.
#
# <details><summary>Hint 1: a nudge</summary>
#
# `self.batches.epoch(epoch, start)` gives the bytes. What remains is a chain: normalise, mirror, shift, take the
# share, shrink, order the memory. The number of a batch counts from the beginning of the *epoch*, also if the
# epoch is entered in the middle.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Before batch `step` of an epoch, `epoch * epoch_size + step * batch_size` images were dealt. So the image at place i
# of this batch is number that + i. Divided by N, which is `self.count`, and rounded down, this gives its pack. One
# batch may hold the end of a pack and the beginning of the next.
#
# `seeded(…, device=…)` of lesson 5 makes a generator of anything that you name: seed, epoch, number of the batch.
# Draw for the whole batch, and only then take `x[rank::world]`: so two processes together see what one alone
# would have seen.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `for step, (images, labels) in enumerate(self.batches.epoch(epoch, start), start):`. In it `normalize`, then with
# `self.augment` the packs, from `torch.arange(len(x), device=x.device)`, and
# `torch.where((pack % 2 == 1)[:, None, None, None], x.flip(3), x)`; if there is padding, a generator and `random_crop`.
# Then the share, then `F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)` if the size differs. Yield
# `x.contiguous(memory_format=torch.channels_last)` and the share of the labels.
# </details>


# %%
class DeviceBatches:
    """Batches of lesson 5 kept on a device and made ready there: normalised, augmented, shrunk, channels-last.

    Args:
        images, labels: uint8 (N, 3, S, S), with S = 32 for CIFAR-10, and int64 (N,).
        batch_size, seed, epoch_size: as for `Batches`.
        device: where they go.
        stats: mean and standard deviation of each channel.
        sizes: side of the images that the network sees, in pixels, for each epoch; the last holds from then on. It may
            be larger than S.
        augment: shuffle, and turn each image round from look to look; a random half begins mirrored, by `__init__`.
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
        images = images.to(device)
        if augment:
            images = random_flip(images, seeded("flip", seed, device=device))  # a random half begins mirrored
        self.batches = Batches(images, labels.to(device), batch_size, augment, seed, epoch_size)
        self.mean, self.std = (values.to(device) for values in stats)
        self.sizes, self.augment, self.padding, self.seed, self.shard = sizes, augment, padding, seed, shard
        self.epoch_size, self.count = self.batches.epoch_size, len(images)

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The batches of one epoch from the one numbered `start` on: float32 (n, 3, size, size) and int64 (n,).

        With `augment` every second pack of N images is turned round: those number 1, 3, 5, … where pack 0 opens with
        epoch 0 (see `Batches`); what began mirrored is then shown as it is. Shifts depend on seed, epoch and number of
        the batch alone: the same three draw the same, wherever the epoch was entered, and any others draw others; batch
        1 of one seed has nothing in common with batch 0 of the next.
        The shards of a batch are together what one process alone would see; one may be empty, so that all processes
        get as many. Scaling is bilinear with `antialias=True`, after normalising and augmenting.
        """
        ### BEGIN SOLUTION
        rank, world = self.shard
        size = self.sizes[min(epoch, len(self.sizes) - 1)]
        for step, (images, labels) in enumerate(self.batches.epoch(epoch, start), start):
            x = normalize(images, self.mean, self.std)  # (n, 3, S, S)
            if self.augment:
                dealt = epoch * self.epoch_size + step * self.batches.batch_size  # images before this batch
                pack = (dealt + torch.arange(len(x), device=x.device)) // self.count
                x = torch.where((pack % 2 == 1)[:, None, None, None], x.flip(3), x)
                generator = seeded("augment", self.seed, epoch, step, device=x.device)
                x = random_crop(x, self.padding, generator) if self.padding else x
            x = x[rank::world]  # after the draws, so that all processes together see what one alone would
            if size != x.shape[-1]:
                x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
            yield x.contiguous(memory_format=torch.channels_last), labels[rank::world]
        ### END SOLUTION

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return iter(self.epoch(0))


# %%
check("DeviceBatches", points=3)

# %%
source = find_data(None, print)
print("This notebook's pictures:", source.name)
train_images, train_labels = load_cifar10(source.folder)
stats = channel_stats(train_images)
settings = {"batch_size": 128, "device": device, "stats": stats, "augment": True, "padding": 2}
batches = DeviceBatches(train_images, train_labels, epoch_size=5120, **settings)
wait()
began = time.perf_counter()
count = sum(len(x) for x, _ in batches)
wait()
print(f"augmented batches: {count / (time.perf_counter() - began):,.0f} images a second")

# %% [markdown]
# And two lines more in your table: the last step with real batches. First image by image on the CPU, joined to a batch
# and moved to the device, then whole batches on the device.


# %%
def one_by_one() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches as a DataLoader makes them, but in this very process: each image for itself, then all to the device."""
    settings = {"device": torch.device("cpu"), "stats": stats, "sizes": (16,), "augment": True, "padding": 2}
    singles = iter(DeviceBatches(train_images[:5120], train_labels[:5120], 1, **settings))
    while True:
        x, y = (torch.cat(parts) for parts in zip(*itertools.islice(singles, len(images)), strict=True))
        yield x.to(device, memory_format=torch.channels_last), y.to(device)


small = settings | {"batch_size": len(images), "sizes": (16,)}
line = f"{faster}, channels last, fused SGD,"
measure(f"{line} image by image", faster, fused=True, batches=one_by_one())
measure(f"{line} DeviceBatches", faster, fused=True, batches=DeviceBatches(train_images, train_labels, **small))
show_table()

# %% [markdown]
# Compare the last two lines with the one on a batch that is always the same: the difference is what the data cost.
#
# ## Small images first
#
# A convolution's work goes with the number of pixels. ResNet18 pools over whatever map it gets in the end, so it
# takes images of 16 × 16 as well as of 32 × 32, at a quarter of the price. Early in training it learns coarse
# things, and those can be seen in small images. So train on small ones first and on full ones at the end
# (progressive resizing; Howard 2018, Touvron et al. 2019 on how the sizes of training and test fit together).
#
# To compare such runs, count **epoch equivalents**:
#
# $$\text{epoch equivalents} = \frac{\text{images} \times \text{pixels of each}}{50{,}000 \times 1{,}024}$$

# %%
sides = (16, 20, 24, 32)
figure, axes = plt.subplots(2, 4, figsize=(7.5, 4), layout="constrained")
for column, side in zip(axes.T, sides, strict=True):
    shown = DeviceBatches(train_images[:2], train_labels[:2], 2, device, stats, (side,))
    (x, y), *_ = shown
    pictures = x.cpu() * stats[1][:, None, None] + stats[0][:, None, None]
    for ax, picture, label in zip(column, pictures, y.tolist(), strict=True):
        ax.imshow(picture.clamp(0, 1).permute(1, 2, 0))
        ax.set(xticks=[], yticks=[], title=f"{source.class_names[label]}, {side} px")
plt.show()
plan = (16, 16, 24, 24, 32)
for side in sides:
    print(f"an epoch at {side} pixels: {side**2 / 1024:.2f} epoch equivalents")
print(f"five epochs at {plan}: {sum(side**2 for side in plan) / 1024:.2f} epoch equivalents")

# %% [markdown]
# *Figure: two training images, each four times, at 16, 20, 24 and 32 pixels a side. At 16 the shapes and colours
# are there, the details are blurred.*
#
# ## An optimizer for matrices
#
# The weight of a convolution is, seen from one place of the map, a *matrix*: it takes the $C \cdot 9$ numbers of
# a patch to $O$ channels. Its gradient is a matrix as well, and its singular values differ widely: a few
# directions are very long, most are short. SGD walks far along the few and hardly along the others.
#
# **Muon** (Jordan et al. 2024) makes all directions equally long. Write the update as $U S V^\top$ and replace it
# by $U V^\top$: the nearest orthogonal matrix. A singular value decomposition would be slow. But an odd
# polynomial of the matrix, $aX + b\,XX^\top X + c\,(XX^\top)^2X$, changes nothing but the singular values,
#
# $$\sigma \;\to\; a\sigma + b\sigma^3 + c\sigma^5, \qquad a = 3.4445,\; b = -4.7750,\; c = 2.0315,$$
#
# so apply it a few times, until most are near 1. It takes only products of matrices, which your machine does best.
#
# **By hand.** $\sigma = 0.1$: $0.34445 - 0.004775 + 0.00002 = 0.3397$. Again: $0.3397 \to 0.9921$, from there
# $0.9921 \to 0.7071$ and $0.7071 \to 1.1066$. The values don't settle at 1, they end up jumping about between 0.7
# and 1.2. That is near enough for a direction to walk in, and the steep slope $a$ lifts small values fast.

# %%
start = torch.logspace(-3, 0, 400)
value, paths = start.clone(), []
for _ in range(5):
    value = 3.4445 * value - 4.7750 * value**3 + 2.0315 * value**5
    paths.append(value)
plt.figure(figsize=(7, 3.8), layout="constrained")
for count, (path, shade) in enumerate(zip(paths, (0.25, 0.45, 1.0, 0.7, 0.45), strict=True), start=1):
    plt.semilogx(start, path, color=VERMILION if count == 3 else BLUE, alpha=shade, lw=2 if count == 3 else 1.2)
    plt.annotate(str(count), (start[0], path[0]), xytext=(-10, -3), textcoords="offset points", fontsize=8)
plt.axhspan(0.7, 1.2, color=GREEN, alpha=0.15, label="0.7 to 1.2")
plt.xlabel("singular value at the start")
plt.ylabel("after 1 to 5 steps")
plt.legend()
plt.show()

# %% [markdown]
# *Figure: what 1 to 5 steps of the polynomial make of a singular value between 0.001 and 1. Each step lifts the
# small ones by about 3.4 times. After three steps, the red curve, everything from about 0.018 on lies between 0.68
# and 1.21; five would reach down to 0.0015.*
#
# Three steps are enough here. A direction that is still short after them was hardly there to begin with, and more
# steps cost more time.
#
# ## Exercise 6: orthogonalize
#
# <details><summary>Hint 1: a nudge</summary>
#
# The polynomial works for values between 0 and about 1.26. What divides the matrix so that none is larger than 1,
# and costs nothing? The largest singular value is never larger than the root of the sum of all their squares.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# With $A = XX^\top$ the step is $aX + (bA + cA^2)X$: three products. Add a tiny number to the norm, for a matrix
# of zeros.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# $XX^\top$ is small if $X$ is wide. So turn a tall matrix first, `x = x.T`, and turn the result back at the end.
# All of it in `matrix.bfloat16()`, and `.float()` what you return.
# </details>
#
# <details><summary>Beyond: half the time</summary>
#
# A kernel of 512 output channels is a matrix of 512 x 4608. The long side is needed only twice (Zhang et al. 2026).
# Let $P = aI + bA + cA^2$, which is small; the step takes $X$ to $PX$, and so $A = XX^\top$ to $PAP$. Then one step
# after the other needs products of small matrices alone. Collect the factors, and multiply $X$ by all of them at the
# end. Make the plain version pass first.
# </details>


# %%
def orthogonalize(matrix: torch.Tensor, steps: int = 3) -> torch.Tensor:
    """Bring singular values close to 1, but for tiny ones, and leave the directions as they are (Jordan et al. 2024).

    First the matrix is divided by its Frobenius norm, the root of the sum of its squares; then no singular value is
    above 1. Each step applies an odd polynomial, which changes nothing but the singular values: σ becomes
    3.4445 σ - 4.7750 σ³ + 2.0315 σ⁵, in matrices a X + b (X Xᵀ) X + c (X Xᵀ)² X. bfloat16 is precise enough
    for three steps.

    Args:
        matrix: (m, n), float32 or bfloat16, wide or tall, of a norm from 1e-5 to 1e7 or of zeros, which give zeros;
            left unchanged.
        steps: of the iteration; without any, the matrix is only divided.

    Returns:
        (m, n), float32.
    """
    ### BEGIN SOLUTION
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.bfloat16()
    x = x / (x.norm() + 1e-7)  # now no singular value is above 1
    wide = x if len(x) <= x.shape[1] else x.T
    gram = wide @ wide.T  # (m, m), m the smaller side: all steps are made here, where products are cheap
    product = eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    for _ in range(steps):
        step = a * eye + b * gram + c * gram @ gram  # wide would become step @ wide
        product, gram = step @ product, step @ gram @ step
    wide = product @ wide
    return (wide if len(x) <= x.shape[1] else wide.T).float()
    ### END SOLUTION


# %%
check("orthogonalize", points=2)

# %% [markdown]
# **Predict, then run.** A real gradient: of a middle layer of ResNet18, from your step. How do its singular values
# spread before, and after?

# %%
pictures = DeviceBatches(train_images, train_labels, 16, device, stats, sizes=(16,), augment=True)
x, y = next(iter(pictures))
torch.manual_seed(0)
model = ResNet18().to(device, memory_format=torch.channels_last)
train_step(model, SGD(model.parameters(), lr=0.0), x, y)
gradient = model.layer2[1].conv1.weight.grad.flatten(1).cpu()  # (128, 1152)
before = torch.linalg.svdvals(gradient / gradient.norm())
after = torch.linalg.svdvals(orthogonalize(gradient))
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
left.hist(before.log10().numpy(), bins=30, color=ORANGE)
left.set(xlabel="log10 of singular values, before", ylabel="how many of 128")
right.hist(after.numpy(), bins=30, color=BLUE, range=(0, 1.4))
right.set(xlabel="singular values, after")
plt.show()
print(f"largest / median: before {before.max() / before.median():.1f}, after {after.max() / after.median():.2f}")

# %% [markdown]
# *Figure: two histograms of the 128 singular values of one layer's gradient. On the left, before, on a logarithmic
# axis: they spread over about a power of ten. On the right, after: nearly all lie between 0.65 and 1.2.*
#
# ## Exercise 7: Muon
#
# One more thing. Behind each convolution of ResNet18 stands a batch norm, which divides by the size of what it
# gets. So the length of a kernel means nothing, and only its direction counts. But all orthogonal steps have the
# same length; if the kernel grew, they would turn it less and less. So each kernel is brought back to one length
# before each step. Norms and biases are no matrices. The first layer has raw pixels before it and the last has no
# norm behind it. All of these get plain Nesterov steps.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Begin with your SGD of lesson 6. The velocity starts as *zeros*, with memory of its own. `self.state[p]` is
# empty at first.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# In the order of the docstring: velocity, looking ahead, orthogonalize, rescale, step. The first two lines are for
# all groups, the next two only if `group["orthogonal"]`.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `update.flatten(1)` is a matrix with one row an output channel; `.view_as(p)` brings it back. Rescale in place:
# `p.mul_(len(p) ** 0.5 / p.norm())`. Then `p.sub_(update, alpha=group["lr"] * group["factor"])`.
# </details>


# %%
class Muon(Optimizer):
    """Nesterov momentum whose step for each kernel is made orthogonal as a matrix (Jordan et al. 2024).

        v ← momentum · v + g
        u ← g + momentum · v
        u ← orthogonalize(u as a matrix of one row an output channel)      in groups with "orthogonal"
        p ← p · sqrt(output channels) / |p|                                in groups with "orthogonal"
        p ← p - lr · factor · u

    g is the gradient, plus `weight_decay` · p as it was before all this; v is zero at first. The fourth line rescales
    the kernel, before the step: that changes nothing of what the network computes, since a norm follows, and it keeps
    the size of a step relative to the kernel's the same through the whole run.

    Args:
        params: tensors, or groups of them: `{"params": …, "orthogonal": …, "factor": …, "weight_decay": …}`. A group
            may bring its own `lr` and `momentum`, too.
        lr: learning rate; `group["lr"]` may change between steps.
        momentum: how much of the last velocity stays.
    """

    def __init__(self, params: Iterable[Any], lr: float, momentum: float = 0.6):
        super().__init__(params, dict(lr=lr, momentum=momentum, orthogonal=False, factor=1.0, weight_decay=0.0))

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, in place; gradients, and what has none, stay as they are.

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

# %% [markdown]
# Which parameters are which is given. Orthogonal steps are meant for *hidden* layers, those between others. The
# first and the last layer and the norms do better with plain ones (Jordan et al. 2024). Their factors fit three kinds
# of parameters to one schedule: 0.5 and 2 come from no theory, they were found by trying. So was the momentum. An
# orthogonal step is as long at a noisy gradient as at a clear one, and in a run of some thousand steps a long memory
# points where the gradient was: 0.6 is what Jordan's own CIFAR-10 runs use, not the 0.9 of lesson 6.


# %%
def first_kernel(model: nn.Module) -> nn.Parameter:
    """The kernel that sees the pixels, wherever the network defines it."""
    return next(p for p in model.parameters() if p.ndim == 4 and p.shape[1] == 3)


def muon_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Kernels that a norm follows, but for the first layer's; the first and the last layer; norms and biases."""
    first = first_kernel(model)
    kernels = [p for p in model.parameters() if p.ndim == 4 and p is not first]
    linear = [p for p in model.parameters() if p.ndim == 2]
    return [
        {"params": kernels, "orthogonal": True},
        {"params": [first, *linear], "factor": 0.5, "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "factor": 2.0},
    ]


# %% [markdown]
# **Predict, then run.** SGD against Muon on a narrow ResNet, same images, same number of steps, a triangle of
# learning rates for both. Each with a peak that suits it. How many steps does Muon need for the loss that SGD
# reaches at the end?

# %%
make_stage = carry("lesson_04", "make_stage")
init_weights = carry("lesson_04", "init_weights")
learning_rate = carry("lesson_06", "learning_rate")


def narrow_net() -> nn.Module:
    """A ResNet of three narrow stages, one block each."""
    torch.manual_seed(0)
    stem = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
    stages = [make_stage(*widths, 1, stride) for *widths, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2))]
    net = nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return net.apply(init_weights).to(device, memory_format=torch.channels_last)


def race(optimizer_of: Callable[[nn.Module], Any], peak: float, steps: int = 32) -> tuple[list[float], float]:
    """The loss of each step, and the seconds that all took."""
    net = narrow_net()
    optimizer = optimizer_of(net)
    batches = DeviceBatches(train_images, train_labels, 128, device, stats, (16,), augment=True, epoch_size=128 * steps)
    losses, began = [], time.perf_counter()
    for step, (x, y) in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, peak)
        losses.append(train_step(net, optimizer, x, y)[0].item())
    return losses, time.perf_counter() - began


runs = {
    "SGD": race(lambda net: SGD(parameter_groups(net, 5e-4), 0.2, 0.9, nesterov=True), 0.2),
    "Muon": race(lambda net: Muon(muon_groups(net, 5e-4), 0.2), 0.2),
}
plt.figure(figsize=(7, 3.6), layout="constrained")
for (name, (losses, seconds)), colour in zip(runs.items(), (ORANGE, BLUE), strict=True):
    smooth = [statistics.mean(losses[max(0, k - 4) : k + 1]) for k in range(len(losses))]
    plt.plot(losses, color=colour, alpha=0.25)
    plt.plot(smooth, color=colour, lw=2, label=name)
    print(f"{name:5} mean loss of the last 10 steps {statistics.mean(losses[-10:]):.3f}, {seconds:.1f} s")
plt.xlabel("step")
plt.ylabel(f"training loss on {source.name}")
plt.legend()
plt.show()

# %% [markdown]
# *Figure: training loss over 32 steps, each thin line smoothed by a thick one. Both start near 2.3 and fall;
# Muon's curve lies below that of SGD for most of the way.*
#
# <details><summary>What happened</summary>
#
# Muon's step costs more: a dozen products of matrices for each kernel, whatever the batch size. Look at the seconds.
# On tiny images that is a large part of a step; with 256 images of 32 × 32 pixels it is small. What counts is the
# time to an accuracy, not the time of a step, and that comparison, on the whole network, belongs to the full run.
# Each peak was the best of 0.1, 0.2 and 0.4 on CIFAR-10; a comparison in which only one side is tuned proves nothing.
# </details>
#
# ## First kernels that fit the pictures
#
# Neighbouring pixels are nearly equal. So random kernels in the first layer all see much the same at first: how
# bright a patch is. Better ones need no training, only the pictures. Write each patch of 3 × 3 pixels as a vector of
# 27 numbers, and take the *principal directions* of all patches. These are 27 kernels whose answers are uncorrelated:
# each sees what the others don't. The batch norm behind brings all answers to the same size. Making them uncorrelated
# and equally large is called *whitening* (Jordan 2024, section 3.2). Then comes a ReLU, which drops what is below 0,
# so each direction is used with both signs. That makes 54 of the 64 kernels; the other ten stay random. All are
# trained like any other.


# %%
@torch.no_grad()
def start_with_principal_patches(weight: torch.Tensor, images: torch.Tensor) -> None:
    """Make the first kernels of a layer the principal directions of the images' patches, each with either sign.

    The directions are the eigenvectors of the patches' second moments, those of the largest eigenvalues first. Each
    kernel gets the root mean square length of the kernels that were there.

    Args:
        weight: of a convolution, (O, C, k, k); changed in place.
        images: (N, C, H, W), normalised.
    """
    patches = F.unfold(images.cpu(), weight.shape[2:]).transpose(1, 2).flatten(0, 1)  # (places, C · k · k)
    directions = torch.linalg.eigh(patches.T @ patches)[1].T.flip(0)  # one a row
    kernels = torch.stack([directions, -directions], 1).view(-1, *weight.shape[1:])[: len(weight)]
    weight[: len(kernels)] = kernels.to(weight.device) * weight.norm() / len(weight) ** 0.5


# %%
first = nn.Conv2d(3, 64, 3, bias=False)
(x, _), *_ = DeviceBatches(train_images, train_labels, 500, torch.device("cpu"), stats, epoch_size=500)
start_with_principal_patches(first.weight, x)
figure, axes = plt.subplots(3, 9, figsize=(7.5, 2.7), layout="constrained")
for ax, kernel in zip(axes.flat, first.weight.detach()[:54:2], strict=True):
    ax.imshow((0.5 + kernel / (2 * kernel.abs().max())).permute(1, 2, 0))
    ax.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# *Figure: the 27 principal directions as 3 × 3 patches of colour, the one along which patches differ most at the top
# left, row by row. It is brightness; edges, gradients and colours follow, and the last are patterns of single pixels.*
#
# ## Several GPUs
#
# Four GPUs can share a batch. Each holds the whole network and sees a quarter of the images. Before the step they
# average their gradients, and so all of them make the *same* step and stay equal: data parallelism. Torch's
# `DistributedDataParallel` averages while the way back is still running, layer by layer (Li et al. 2020, section
# 3).
#
#     torchrun --nproc-per-node 4 --no-python course train --full
#
# starts four processes with a number each, the *rank*. Four things must be right:
#
# 1. **Different images.** Each takes its share of every batch, as your `shard` does. Forget it, and four
#    GPUs compute the same thing four times.
# 2. **The same augmentation as one alone.** You drew before sharing out. So the run doesn't depend on the number
#    of processes, but for rounding and for what comes next.
# 3. **Norms.** Each batch norm sees only its own share. `nn.SyncBatchNorm.convert_sync_batchnorm(model)` makes
#    them share their sums, at the price of two messages a layer. With 64 images or more on each GPU it isn't
#    needed; with 4 it is.
# 4. **One writes.** Only rank 0 saves checkpoints and the report. It speaks for the norms, too: their running
#    statistics are sent from rank 0 to the others.
#
# And one that is easily forgotten: a batch of 4 × 64 is a batch of 256. If you let the batch grow with the GPUs,
# learning rate and warm-up have to follow (Goyal et al. 2017, section 2). Here `batch_size` is that of all
# together.

# %%
numbers = torch.arange(10)
dark = torch.zeros(10, 3, 32, 32, dtype=torch.uint8)
for rank in range(3):
    share = DeviceBatches(dark, numbers, 10, torch.device("cpu"), stats, shard=(rank, 3))
    print(f"process {rank} of 3 gets the images", next(y.tolist() for _, y in share))

# %% [markdown]
# With accumulation the gradients would be averaged after every part, though only the last needs it;
# `DistributedDataParallel` has `no_sync()` for that. `course train` leaves it out: where a batch is shared out, it
# seldom has to be split as well.
#
# ## What broke, what it means
#
# Two classics. On the left a single weight, pulled from 1 towards 1.2 in small steps. On the right a small net, 80
# steps of 64 images each, always the same 512 images.


# %%
def pulled(dtype: torch.dtype, steps: int = 300) -> list[float]:
    """A weight on its way from 1 to 1.2: each step goes a hundredth of the distance that is left."""
    weight, path = torch.ones((), dtype=dtype), []
    for _ in range(steps):
        weight -= 0.01 * (weight - 1.2)
        path.append(weight.item())
    return path


def small_run(parts: int = 1, lr: float = 0.1, steps: int = 80) -> list[float]:
    """Losses of a small net; each batch is split into parts, and their gradients are added up as they are."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))
    optimizer = SGD(net.parameters(), lr, momentum=0.9)
    cpu, losses = torch.device("cpu"), []
    batches = list(DeviceBatches(train_images[:512], train_labels[:512], 64, cpu, stats, (16,)))
    for step in range(steps):
        x, y = batches[step % 8]
        optimizer.zero_grad()
        of_parts = []
        for part, answers in zip(x.chunk(parts), y.chunk(parts), strict=True):
            loss = cross_entropy(net(part), answers)
            loss.backward()
            of_parts.append(loss.item())
        losses.append(statistics.mean(of_parts))
        optimizer.step()
    return losses


figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.3), layout="constrained")
left.plot(pulled(torch.float32), color=BLUE, label="in float32")
left.plot(pulled(torch.bfloat16), color=VERMILION, label="in bfloat16")
left.set(xlabel="step", ylabel="weight", title="1: weights in bfloat16")
right.plot(small_run(), color=BLUE, label="the whole batch")
right.plot(small_run(parts=8), color=VERMILION, label="eight parts, added up")
right.set(xlabel="step", ylabel="training loss", title="2: parts added up, not averaged", ylim=(0, 4))
for ax in (left, right):
    ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# *Figure: on the left a weight over 300 steps: in float32 it approaches 1.2, in bfloat16 it stays at 1 for ever.
# On the right the training loss of a small net over 80 steps: that of whole batches falls, that of parts added up
# jumps, and stays near the loss of guessing.*
#
# 1. **Weights in bfloat16.** Nothing complains, and at a large learning rate nothing shows. When the rate comes
#    down, towards the end of a run, the steps become smaller than the spacing of the numbers, and training stands
#    still. *Remedy:* `autocast`, with weights in float32.
# 2. **Parts added up.** As if the learning rate were eight times as large. The run that was stable on the large
#    GPU diverges on the small one. *Remedy:* weight each part's loss by its share.
# 3. **A GPU that is too fast.** Images a second that no hardware can do: the clock was stopped while the GPU was
#    still working through its queue. *Remedy:* wait for it in each step, by `loss.item()` or
#    `torch.cuda.synchronize()`. And check against the roofline: more than the peak calls for an explanation.
# 4. **The scaler forgotten.** The loss falls for a while, with some layers standing still, as you saw. *Remedy:*
#    print the share of gradients that are zero.
#
# ## Optional: your own convolution, fast
#
# In lesson 1 you built a convolution, and in lesson 4 a whole ResNet18 from it. It was right, and slow. How near
# can you come to the library with nothing but products of matrices?
#
# The trick is to look at the memory. In channels last order an image is a long matrix: a row for each pixel, a
# column for each channel. Take the tap of the kernel that looks one pixel to the right. For *every* pixel at once
# it meets the row below in that matrix. So its contribution is one product: the same matrix, **shifted by one
# row**, times the tap's $C \times O$ weights. The tap below looks one line further: shifted by one image width.
# Nine taps, nine shifted slices, nine products that add up. A slice is a view, so not a single pixel is copied.
#
# At the borders a shifted slice would wrap round into the next line. So a line ends with a zero, and an image
# with a line of zeros. Neighbours share them: the zero behind one line is the zero before the next.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), gridspec_kw={"width_ratios": [1, 1.6]}, layout="constrained")
grid, memory = axes
for row in range(4):
    for column in range(4):
        inside = row < 3 and column < 3
        grid.add_patch(plt.Rectangle((column, 3 - row), 0.94, 0.94, color=BLUE if inside else "#DDDDDD", alpha=0.5))
        label = f"{3 * row + column + 1}" if inside else "0"
        grid.text(column + 0.47, 3.47 - row, label, ha="center", va="center")
grid.set(xlim=(0, 4), ylim=(0, 4), xticks=[], yticks=[], title="an image of 3 × 3 pixels with shared zeros")
cells = [f"{3 * row + column + 1}" if row < 3 and column < 3 else "0" for row in range(4) for column in range(4)]
for line, (offset, name) in enumerate(((0, "middle tap"), (1, "tap to the right"), (4, "tap below"))):
    shifted = cells[offset:] + ["0"] * offset
    for place, label in enumerate(shifted):
        meets = cells[place] != "0"
        colour = ORANGE if meets and label != "0" else "#DDDDDD"
        memory.add_patch(plt.Rectangle((place, 2 - line), 0.92, 0.7, color=colour, alpha=0.6))
        memory.text(place + 0.46, 2.35 - line, label, ha="center", va="center", fontsize=8)
    memory.text(0, 2.78 - line, name, fontsize=9)
memory.set(xlim=(0, 16), ylim=(-0.1, 3.1), xticks=[], yticks=[], title="what each pixel meets, in memory's order")
for ax in axes:
    ax.spines[:].set_visible(False)
plt.show()

# %% [markdown]
# *Figure: on the left an image of three by three pixels, numbered 1 to 9, with a column of zeros on its right and
# a row of zeros below. On the right its memory as a row of sixteen boxes, three times: for the middle tap as it
# is, for the tap to the right shifted by one box, for the tap below by four. Under each pixel stands the
# neighbour that the tap meets; where there is none, a zero.*
#
# ## Exercise 8 (optional): shifted slices
#
# Nothing later needs it; it is worth 3 of this lesson's 18 points. Autograd would follow your slices back by itself,
# and be slow: for each of the nine it fills a gradient of the whole matrix with zeros. So the way back is yours, too.
# The frame is given: `Shifted` hands `product` and `gradients` to autograd, and the weight is made as in lesson 1.
# `forward`, `rows`, `product` and `gradients` are for you. Write them for every stride and padding first, with slices
# that are copied; then make the common case fast. The tests don't look at the clock. The cell after them does.
#
# <details><summary>Hint 1: a nudge</summary>
#
# `x.permute(0, 2, 3, 1)` is a view of shape (N, H, W, C); in channels last memory it is contiguous. For any
# stride and padding: pad, slice with steps, `reshape(-1, C)`, one matrix a tap.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Fast for stride 1 and K = 2 · padding + 1: one matrix of zeros with room for N · (H + padding) · (W + padding)
# rows and some before and behind; copy the image into a view of its middle. Tap (i, j) is the slice from row i ·
# (W + padding) + j on. The output has places for the zeros as well; they are of no use and are cut off. On small
# maps there are too many of them, and copying wins.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# The gradient of a tap's weights is `grad_rows.T @ row`. The gradient of x, with stride 1 and K = 2 · padding + 1,
# is a convolution of `grad` with the kernel turned round and its matrices transposed: call `rows` on `grad`. The row
# of the tap in the middle is then `grad_rows`. Otherwise add `grad_rows @ tap` to the slice that the tap came from.
#
# `forward` compares shapes and calls `Shifted.apply`. Before that it casts: autocast knows the library's functions and
# not yours. With `torch.is_autocast_enabled(x.device.type)` x and weight go to `torch.get_autocast_dtype(…)`.
# </details>


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

    It uses neither the library's convolution, forward or backward, nor `F.unfold`. Its output, its gradients, its
    initial weights' distribution and its state dict are those of `nn.Conv2d(…, bias=False)`, in float32, in float64,
    and under autocast in the precision that it asks for.

    Args:
        in_channels, out_channels: number of channels in and out (C and O).
        kernel_size: height and width of the square kernel (K), in pixels.
        stride, padding: any, the same in both directions.

    Attributes:
        weight: parameter of shape (O, C, K, K), uniform in ±1 / sqrt(C * K * K) at first.

    Shapes: (N, C, H, W) -> (N, O, H', W') with H' = (H + 2 * padding - K) // stride + 1; input and weight may lie
    in memory in any order, channels-last too, and the input is left unchanged.

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
        ### BEGIN SOLUTION
        weight = self.weight
        fits = x.dim() == 4 and x.shape[1] == weight.shape[1]
        if not fits or min(x.shape[2:]) + 2 * self.padding < weight.shape[2]:
            raise ValueError(f"x of shape {tuple(x.shape)} does not fit a weight of shape {tuple(weight.shape)}")
        if torch.is_autocast_enabled(x.device.type):
            precision = torch.get_autocast_dtype(x.device.type)
            x, weight = x.to(precision), weight.to(precision)
        return Shifted.apply(x, weight, self.stride, self.padding)
        ### END SOLUTION

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

# %%
Conv2d = carry("lesson_01", "Conv2d")
maps = torch.randn(32, 64, 16, 16, device=device).contiguous(memory_format=torch.channels_last)
for dtype in (torch.float32, torch.bfloat16):
    speeds = {}
    for name, layer in (
        ("the library's", nn.Conv2d(64, 64, 3, padding=1, bias=False)),
        ("shifted slices", ShiftedConv2d(64, 64, 3, padding=1)),
        ("lesson 1's", Conv2d(64, 64, 3, padding=1, bias=False)),
    ):
        layer = layer.to(device, dtype, memory_format=torch.channels_last)
        x = maps.to(dtype).requires_grad_()
        speeds[name] = fastest(lambda layer=layer, x=x: layer(x).sum().backward(), runs=2)
    print(f"{str(dtype)[6:]:9}", ", ".join(f"{name} {1000 * seconds:.1f} ms" for name, seconds in speeds.items()))

# %% [markdown]
# `python benchmarks/own_layers.py` measures a whole ResNet18 of your convolution and lesson 2's norm against
# the library's.
#
# ## The full run
#
# All of it together: lesson 4's network, unmodified, 11,173,962 parameters, trained from scratch.
#
# | command | what it does |
# |---|---|
# | `course train` | about five minutes on a CPU; on a GPU the whole plan |
# | `course train --full` | the whole plan on all 50,000 training images |
# | `course train --budget 15min` | the best plan that fits into a quarter of an hour here, by a measured speed |
# | `course train --full --budget 15min` | the same on all training images: none is held out, so no validation |
# | `torchrun --nproc-per-node 2 --no-python course train --full` | the whole plan over two processes |
# | `course train --full --mine` | with your own definitions of lessons 3 to 6, where they pass their tests |
#
# On two CPU cores a quarter of an hour gave 89.4 % of CIFAR-10's test images, half an hour 92.4 %, the whole plan
# 94.5 % in about an hour and a half of training, and twice as many epochs (`--full --epochs 30`) 95.0 %: twice the
# time for a tenth fewer mistakes. `benchmarks/RESULTS.md` says how each was measured.
#
# Which ingredient is worth what? An *ablation* answers: the same run once more with one thing changed. For instance
#
#     python benchmarks/ablation.py "the recipe" "no label smoothing"
#
# makes two short runs (0.6 epoch equivalents each) and compares them on 10,000 images held out of the training set.
# The test images are not looked at: whoever chooses a recipe by them has trained on them, a little.
#
# | ingredient | what takes its place | row |
# |---|---|---|
# | Muon | SGD with Nesterov, lesson 6 | `SGD, batches of 128` |
# | small images first | 32 × 32 pixels in each epoch, fewer of them | `32 pixels throughout` |
# | a triangle of learning rates | one rate throughout, lesson 6 | `constant rate` |
# | looking ahead (Nesterov) | plain momentum, lesson 6 | `no looking ahead` |
# | label smoothing | targets of 0 and 1, lesson 6 | `no label smoothing` |
# | no decay of norms and biases | decay of everything, lesson 6 | `decay of norms and biases` |
# | first kernels that fit | random ones, as in lesson 4 | `random first kernels` |
# | turning round from look to look | a coin at every look, lesson 5 | `a coin at every look` |
# | no shifts in a short run | shifts of up to two pixels, lesson 5 | `shifts` |
# | the last weights | an average over about the last twenty steps | `averaged weights` |
# | both sides at the test | one look at each image, lesson 7 | printed in each row |
#
# There are more rows; `--help` lists them. Before you measure: which line do you think matters most, and which three
# not at all?
#
# <details><summary>What came out on two CPU cores</summary>
#
# | row | both sides | one side | cross-entropy |
# |---|--:|--:|--:|
# | `the recipe` | 84.1 % | 83.1 % | 0.532 |
# | `another seed` | 83.8 % | 83.0 % | 0.540 |
# | `constant rate` | 59.8 % | 58.1 % | 1.216 |
# | `SGD, batches of 128` | 71.8 % | 70.9 % | 0.866 |
# | `32 pixels throughout` | 76.6 % | 76.1 % | 0.723 |
# | `shifts` | 83.4 % | 82.4 % | 0.545 |
# | `no looking ahead` | 84.1 % | 83.2 % | 0.540 |
# | `no label smoothing` | 83.7 % | 83.0 % | 0.460 |
# | `decay of norms and biases` | 83.9 % | 83.5 % | 0.530 |
# | `random first kernels` | 83.8 % | 83.0 % | 0.539 |
# | `a coin at every look` | 84.1 % | 83.2 % | 0.529 |
# | `averaged weights` | 84.1 % | 83.2 % | 0.531 |
#
# Look at the second line first: another seed alone moves the recipe by 0.3 points. So the schedule, Muon and small
# images are worth a lot, both sides at the test about one point, and most of the rest *can't be told* from a
# lucky draw, in one run each of two looks at each image. That doesn't say that they do nothing. Smoothing, decay and
# shifts are there against learning by heart, which begins after many more looks; they are in the recipe because
# others have measured longer runs. A smaller cross-entropy without smoothing need not be better, either: a smoothed
# network is less sure than it could be, which a temperature mends (lesson 7).
#
# An ablation is honest only if it prints such lines, too. For a difference of half a point you need several seeds
# of each, or a recipe for which a run takes seconds (Jordan 2024).
# </details>
#
# You may miss *weight averaging*: the mean of the weights over the last steps, or one that forgets slowly. It isn't in
# the recipe, because a rate that comes down to zero already does much the same (Sandler et al. 2023, *Training
# Trajectories, Mini-Batch Losses and the Curious Role of the Learning Rate*).
#
# ## Where to go
#
# - **Williams et al. 2009**, *Roofline: An Insightful Visual Performance Model*: the figure with the two roofs.
# - **Micikevicius et al. 2018**, *Mixed Precision Training*, section 3: the three techniques, and how gradients
#   of real networks are spread over float16's range.
# - **Goyal et al. 2017**, *Accurate, Large Minibatch SGD*, sections 2 and 3: learning rates for many GPUs, and
#   mistakes that are easily made with several processes.
# - **Hoffer et al. 2017**, *Train longer, generalize better*: batch norm on parts of a batch.
# - **Li et al. 2020**, *PyTorch Distributed*, section 3: how averaging hides behind the way back.
# - **Touvron et al. 2019**, *Fixing the train-test resolution discrepancy*: sizes in training and test.
# - **Jordan et al. 2024**, *Muon: An optimizer for hidden layers in neural networks*: where the polynomial comes
#   from; and **Jordan 2024**, *94 % on CIFAR-10 in 3.29 Seconds on a Single GPU*: what a recipe tuned to the end
#   looks like.
# - **Zhang, Amsel, Chen & Dao 2026**, *Gram Newton-Schulz*: half the products in Muon, and when bfloat16 is too
#   coarse for it: with more steps than our three.
# - **Bernstein & Newhouse 2024**, *Old Optimizer, New Norm*: why an orthogonal step is the steepest one.

# %% [markdown]
# ## The run as a program
#
# What remains is no exercise. It is the program behind `course train`, for you to read: everything that stands
# between the parts you have built and a run that can be left alone. It decides what is still open, from a
# measured speed if a time is given. It makes sure that there is room for a checkpoint before the first step. It
# stops cleanly, goes on exactly (but for rounding on a GPU), and writes a report.
#
# Read it from the end. `main` is one process or one of several. `run` is the whole story on a page: prepare, fit,
# test. `prepare` gathers all that a run works with in a `Session`, new or from a checkpoint. Then `Config`: every
# number that decides what is computed, in one place, stored with each run. A result whose settings nobody knows
# is a rumour.

# %% [markdown]
# ## The settings of a run


# %%
FULL = (*[16] * 5, *[24] * 5, *[32] * 5)  # side of the images in each epoch of the full run
MEDIUM = (*[16] * 5, *[24] * 4, *[32] * 2)  # the same for a run of half an hour or less
SHORT = (*[16] * 5, *[24] * 3)  # and for one of few looks at each image
SLACK = 1.05  # how many times as long as planned a run may take; what is slower is shortened, by whole epochs
SAVING = 0.5  # seconds that an epoch's checkpoint may take, at most
ROUNDS = 16  # at least so many epochs where a time is given, so that a run can be shortened in small steps
# epoch equivalents and test accuracy, from benchmarks/RESULTS.md
MEASURED = ((0.3, 0.755), (1.46, 0.8944), (3.15, 0.924), (9.05, 0.944), (18.1, 0.9499))


@dataclass(frozen=True)
class Config:
    """Everything that decides what a run computes. What is None is decided at its start and then stored with it."""

    data: str | None = None  # a folder, "stand-in", or None: wherever CIFAR-10 is found
    device: str = "auto"
    seed: int = 0
    full: bool = False  # train on all images, none held out, and if no time is given, for the whole plan
    seconds: float | None = None  # plan for so long, from a measured speed; None: five minutes on a CPU
    epochs: int | None = None  # None: as many as the plan has, or as fit into the seconds
    size: int | None = None  # side of the images in every epoch, in pixels; None: it grows as the plan says
    sizes: tuple[int, ...] | None = None  # the side in each epoch; None: what comes of the above
    epoch_size: int | None = None  # images an epoch; None: all
    batch_size: int = 256  # over all processes
    accumulate: int = 1  # parts into which a batch is split where it doesn't fit into memory
    precision: str = "auto"  # float32, bfloat16, float16; auto: the fastest that is safe here
    compile: bool = False
    optimizer: str = "muon"  # or sgd
    peak: float = 0.15  # learning rate
    momentum: float | None = None  # None: 0.6 with muon, 0.9 with sgd
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    padding: int | None = None  # augmentation by shifts of up to so many pixels; None: 2, or 0 for few looks at each
    held_out: float = 0.02  # share of the training images kept for validation
    flips: bool = True  # whether the test averages each image and its mirror image
    limit: tuple[float, ...] | None = None  # seconds for each epoch; slower, a run of one process is shortened
    threads: int | None = None
    mine: bool = False  # whether the definitions of earlier lessons are the student's own


def sizes_for(epochs: int, plan: Sequence[int]) -> tuple[int, ...]:
    """The side of the images in each of so many epochs, growing as in the plan and ending as it does."""
    return tuple(plan[-(-k * len(plan) // epochs) - 1] for k in range(1, epochs + 1))


def optimizer_for(model: nn.Module, config: Config) -> Optimizer:
    """The optimizer that the config names."""
    if config.optimizer == "muon":
        momentum = 0.6 if config.momentum is None else config.momentum
        return Muon(muon_groups(model, config.weight_decay), config.peak, momentum)
    momentum = 0.9 if config.momentum is None else config.momentum
    return SGD(parameter_groups(model, config.weight_decay), config.peak, momentum, nesterov=momentum > 0)


def processes() -> int:
    """How many train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def speed_of(config: Config, device: torch.device, precision: str, size: int) -> float:
    """Images a second that all processes train on; each measures its share of a batch of random images of this side."""
    share = config.batch_size // processes()
    model = ResNet18().to(device, memory_format=torch.channels_last).train()
    if config.compile:
        model.compile()  # in the first step, which doesn't count; the run finds most of it in the compiler's cache
    optimizer = optimizer_for(model, config)
    x = torch.randn(share, 3, size, size).to(device, memory_format=torch.channels_last)
    y = torch.zeros(share, dtype=torch.long, device=device)

    def step() -> float:
        loss, _ = train_step(model, optimizer, x, y, precision, accumulate=config.accumulate)
        return loss.item()  # waits for the device

    return images_per_second(step, config.batch_size, steps=2)


def settle(config: Config, device: torch.device, images: int) -> Config:
    """Decide what is still open: the length of a run from a measured speed if a time is given, precision on a CPU too.

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
        seconds = 300.0
    precision = config.precision if config.precision != "auto" else fastest_precision(config, device)
    epochs, epoch_size, limit = config.epochs or len(FULL), config.epoch_size or whole, config.limit
    sizes = config.sizes or sizes_for(epochs, plan)
    if seconds:
        speed = cache(partial(speed_of, config, device, precision))  # of a side
        left = seconds - 10  # for what comes before and after: reading the data, drawing the report
        if not config.size:
            looks = left * speed(FULL[0]) / whole  # at each image, were all of them as small as at first
            plan = FULL if looks >= 16 else MEDIUM if looks >= 4 else SHORT if looks >= 1 else FULL[:1]
        tested = (1 + config.flips) * 10_000 / 3 / speed(plan[-1])  # a forward pass takes a third of a step
        left -= processes() * tested  # by each alone
        paces = {side: 1 / speed(side) for side in plan}  # seconds an image
        left -= time.perf_counter() - began

        def batches(epochs: int) -> int:
            """How many an epoch may have for all to fit into the time, each with a look at the validation images."""
            sides = sizes_for(epochs, plan)
            looking = sum(processes() * config.held_out * images / 3 / speed(side) for side in sides)
            rest = left - looking - SAVING * epochs
            return max(0, int(rest / (config.batch_size * sum(paces[side] for side in sides))))

        least = next(epochs for epochs in itertools.count(ROUNDS) if batches(epochs) * config.batch_size <= whole)
        # batches are whole ones: of a few numbers of epochs take the one that leaves least of the time unused
        epochs = max(range(least, least + ROUNDS // 2), key=lambda epochs: epochs * batches(epochs))
        epoch_size = max(1, batches(epochs)) * config.batch_size
        sizes = sizes_for(epochs, plan)
        limit = tuple(SLACK * epoch_size * paces[side] for side in sizes)
    padding = config.padding
    if padding is None:
        padding = 2 if epochs * epoch_size >= 8 * images else 0  # what is seen a few times only is new without shifts
    return replace(
        config, device=str(device), seconds=seconds, precision=precision, epochs=epochs, sizes=sizes,
        epoch_size=epoch_size, padding=padding, limit=limit, threads=torch.get_num_threads(),
    )  # fmt: skip


def fastest_precision(config: Config, device: torch.device) -> str:
    """The precision to train in: known for a GPU, measured on a CPU, of which few multiply in bfloat16."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if device.type != "cpu":
        return "float32"
    return max(("float32", "bfloat16"), key=lambda name: speed_of(config, device, name, SHORT[0]))


def epoch_equivalents(sizes: Sequence[int], epoch_size: int) -> float:
    """What epochs of so many images of these sides cost, in looks at 50,000 images of 32x32 pixels."""
    return epoch_size * sum(side**2 for side in sizes) / (50_000 * 32**2)


def expected_accuracy(config: Config) -> float | None:
    """Test accuracy on CIFAR-10 of a run of this cost, between those measured; None where none was like it."""
    cost = epoch_equivalents(config.sizes, config.epoch_size)
    costs, accuracies = zip(*MEASURED, strict=True)
    decisive = "optimizer", "peak", "batch_size", "size", "mine"
    if any(getattr(config, name) != getattr(Config, name) for name in decisive):
        return None
    if not 0.8 * costs[0] <= cost <= 1.25 * costs[-1]:
        return None
    return float(np.interp(math.log(cost), [math.log(known) for known in costs], accuracies))


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
    if os.path.exists(folder / "checkpoint.pt"):
        raise TrainingError(
            f"{folder} holds a run already: go on with it by --resume {shlex.quote(str(folder))}, or choose another "
            "--output."
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
    optimizer: Optimizer
    scaler: torch.amp.GradScaler | None
    saved: dict[str, Any]
    side: int = 0  # of the images trained on last, in pixels

    def update(self, network, optimizer, images, labels):
        """One step, whose loss and right answers are those of the whole batch, over all processes."""
        config, self.side = self.config, images.shape[-1]
        loss, right = train_step(
            network, optimizer, images, labels, config.precision, self.scaler, config.label_smoothing, config.accumulate
        )
        if self.world > 1:
            both = torch.stack([loss / self.world, right.to(loss.dtype)])
            dist.all_reduce(both)
            loss, right = both
        return loss, right

    def evaluate(self, network, validation):
        """Loss and accuracy on the images held out, as large as those just trained on; None where none are."""
        if validation is None:
            return None, None
        with self.autocast():
            return evaluate(self.model, validation.epoch(self.config.sizes.index(self.side)))

    def logits(self, images, labels, size):
        """Logits, float32 (N, 10), of images shrunk to a size: of one look; with `flips` the mean of two."""
        batches = DeviceBatches(images, labels, 500, self.device, self.stats, (size,))
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
    rank, world = dist.get_rank() if dist.is_initialized() else 0, processes()
    saved: dict[str, Any] = {}
    try:
        if resume:
            path = Path(resume) / "checkpoint.pt" if os.path.isdir(resume) else Path(resume)
            if not os.path.exists(path):  # Path.exists raises where the name is too long
                raise ValueError(f"There is no checkpoint {path}: --resume takes the folder of a run that was stopped.")
            saved = load_checkpoint(path)
            if saved.get("config", {}).keys() != asdict(Config()).keys():
                raise ValueError(f"{path} is no checkpoint of this version's `course train`.")
            chosen = {"data": config.data} if config.data else {}
            chosen |= {"device": config.device} if config.device != "auto" else {}
            if saved["config"]["mine"] != config.mine:
                raise ValueError(f"{path} was trained {'with' if saved['config']['mine'] else 'without'} --mine.")
            config = Config(**saved["config"] | chosen)
        if config.batch_size % world:
            raise ValueError(
                f"A batch of {config.batch_size} images has no equal shares for {world} processes: start another "
                "number of them, or a run with another batch size."
            )
        device = pick_device(config.device)
    except ValueError as error:
        raise TrainingError(f"{error} Nothing was changed.") from None
    if rank:
        dist.barrier()  # wait until the first process has downloaded
    source = find_data(config.data, say)
    if not source.is_cifar10 and not config.data:
        config = replace(config, data=str(source.folder))  # a run that is continued keeps to it
    if world > 1 and rank == 0:
        dist.barrier()
    if source.fingerprint != shared(source.fingerprint):  # a download may work in one process and not in another
        raise TrainingError(f"Each process has found other data, this one {source.folder}: name a folder with --data.")
    if saved and source.fingerprint != saved["data"]:
        raise TrainingError(f"The run was trained on other data than {source.folder}: name its data with --data.")
    images, labels = load_cifar10(source.folder)
    if config.full:
        config = replace(config, held_out=0.0)
    kept, held_out = stratified_split(labels, config.held_out, config.seed)
    torch.backends.cudnn.benchmark = True  # all batches have one shape: let the GPU find its fastest kernels for it
    if not saved:
        try:
            config = Config(**shared(asdict(settle(config, device, len(kept)))) | {"device": str(device)})
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
        validation = DeviceBatches(images[held_out], labels[held_out], 500, device, stats, config.sizes)
    torch.manual_seed(config.seed)
    model = ResNet18().to(device, memory_format=torch.channels_last)
    if not saved:
        few = kept[:2000]
        some, _ = next(iter(DeviceBatches(images[few], labels[few], 2000, device, stats, config.sizes)))
        start_with_principal_patches(first_kernel(model), some)
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
        watch: is called with the state (see `fit`) and the settled config after every step, on a GPU as often as
            `fit` looks.
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
    if session.source.is_cifar10 and (expected := expected_accuracy(config)):
        say(f"Expect about {expected:.0%} of the test images to be classified correctly.")
    with stop_on_signal(say) if session.world == 1 else nullcontext(lambda: False) as asked:
        try:
            state = fit(
                network, session.optimizer, session.train, session.validation, config.epochs, config.peak,
                session.update, session.evaluate,
                seconds=config.limit if session.world == 1 else None,  # each has its own clock; all end in one step
                state=session.saved.get("state"), save=session.save,
                watch=lambda state: watch(state, config) or asked(),
            )  # fmt: skip
        except FloatingPointError as error:
            raise TrainingError(
                f"Training stopped: {error}. The last good checkpoint is {path}; a lower --lr may help."
            ) from None
        except OSError as error:
            raise TrainingError(
                f"The checkpoint can't be written ({error.strerror}). {path} is as it was before: "
                f"make room, then continue with --resume {shlex.quote(str(path.parent))}."
            ) from None
    if state["stopped"] or session.rank:
        return Report(path.parent, state["stopped"], {})
    try:
        return test(session, state, began)
    except KeyboardInterrupt:  # the network is trained and saved; going on tests it
        return Report(path.parent, True, {})


def test(session: Session, state: dict[str, Any], began: float) -> Report:
    """Look at the test images, once, and write the report."""
    config, folder = session.config, session.path.parent
    images, labels = load_cifar10(session.source.folder, train=False)
    size = config.sizes[len(state["history"]) - 1]  # that of the last epoch, also of a run that was shortened
    straight, logits = session.logits(images, labels, size)  # (N, C) each
    metrics = {
        "data": session.source.name,
        "training_images": session.train.count,
        "parameters": sum(p.numel() for p in session.model.parameters()),
        "config": asdict(config),
        "processes": session.world,
        "machine": machine(session.device),
        "epochs": state["history"],
        "seconds": {"training": round(sum(row["seconds"] for row in state["history"]), 1)},
        "epoch_equivalents": round(epoch_equivalents(config.sizes[: len(state["history"])], config.epoch_size), 3),
        "accuracy_without_flips": (straight.argmax(1) == labels).double().mean().item(),
    }
    metrics["seconds"]["this call until the report"] = round(time.perf_counter() - began, 1)
    try:
        losses = state["losses"][: state["step"]].tolist()
        write_report(folder, metrics, losses, images, logits, labels, session.source.class_names)
    except OSError as error:
        raise TrainingError(
            f"The report can't be written ({error.strerror}). The trained network is safe in {session.path}: "
            f"make room, then --resume {shlex.quote(str(folder))} writes the report."
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
# ## One process or several
#
# `torchrun --nproc-per-node 2 --no-python course train` starts one process a GPU. Each takes its share of every batch,
# and their gradients are averaged: two processes learn what one would have, but for the norms, which see half a batch.
# Stopping all of them in the same step would take a message a step; here Ctrl-C costs the epoch under way.


# %%
def shared(value: Any) -> Any:
    """The first process's value, in every process: what was measured may differ, what is computed must not."""
    box = [value]
    if dist.is_initialized():
        dist.broadcast_object_list(box)
    return box[0]


def keep_freed_memory() -> None:
    """Let glibc, Linux's usual allocator, keep what tensors leave, for the tensors of the next step.

    Otherwise it gives much of it back, and the kernel hands out pages anew and fills them with zeros first, in every
    step. Where there is no `mallopt`, nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(-4, 0)  # M_MMAP_MAX: no tensor gets a mapping of its own, which ends with it
        mallopt(-1, -1)  # M_TRIM_THRESHOLD: the end of the heap isn't given back either


def main(config: Config, **arguments: Any) -> Report:
    """`run` in this process, and under torchrun as one of several: process k computes on GPU k of its machine."""
    keep_freed_memory()
    if "LOCAL_RANK" not in os.environ:
        return run(config, **arguments)
    if torch.cuda.is_available() and config.device in ("auto", "cuda"):
        number, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if number >= gpus:
            raise TrainingError(f"There are no more than {gpus} GPUs here: start at most one process for each.")
        config = replace(config, device=f"cuda:{number}")
        torch.cuda.set_device(config.device)
    elif config.device == "auto":
        config = replace(config, device="cpu")  # gloo sends nothing from Apple's GPUs
    dist.init_process_group("nccl" if config.device.startswith("cuda") else "gloo")
    report = run(config, **arguments)
    dist.destroy_process_group()  # not after an error: NCCL would wait for the other processes, and they for this one
    return report
