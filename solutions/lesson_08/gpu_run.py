# %% [markdown]
# # Lesson 8: the whole run
#
# Everything so far, made fast: half the bits where the hardware gains from them, pixels' channels side by side in
# memory, the data where the network is, one process a GPU. The same code trains on a CPU, then on smaller images.

# %%
import os
import platform
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from course import carry
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

    Raises:
        ValueError: there is no such device here.
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
def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    labels: torch.Tensor,
    precision: str = "float32",
    scaler: torch.amp.GradScaler | None = None,
    label_smoothing: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step in mixed precision (Micikevicius et al. 2018).

    Args:
        images: float32 (N, 3, H, W), channels-last in memory for speed.
        labels: int64 (N,).
        precision: `bfloat16` or `float16` for the convolutions, with weights kept in float32; or `float32` for all.
        scaler: for float16, whose smallest numbers are too large for many gradients; bfloat16 doesn't need one.

    Returns:
        the loss and the number of right answers, two scalars on the model's device.
    """
    ### BEGIN SOLUTION
    with torch.autocast(images.device.type, getattr(torch, precision), enabled=precision != "float32"):
        logits = model(images)  # (N, C)
    loss = cross_entropy(logits.float(), labels, label_smoothing)
    optimizer.zero_grad()
    if scaler is None:
        loss.backward()
        optimizer.step()
    else:
        scaler.scale(loss).backward()
        scaler.step(optimizer)  # leaves the step out if a gradient overflowed
        scaler.update()
    return loss.detach(), (logits.argmax(1) == labels).sum()
    ### END SOLUTION


# %%
def images_per_second(device: torch.device, precision: str, batch_size: int, size: int, steps: int = 8) -> float:
    """How fast this machine trains ResNet18: the fastest of some steps on random images, after one to warm up."""
    ### BEGIN SOLUTION
    model = ResNet18().to(device, memory_format=torch.channels_last).train()
    optimizer = SGD(model.parameters(), lr=0.0, momentum=0.9)
    images = torch.randn(batch_size, 3, size, size).to(device, memory_format=torch.channels_last)
    labels = torch.zeros(batch_size, dtype=torch.long, device=device)
    times = []
    for _ in range(1 + steps):
        began = time.perf_counter()
        train_step(model, optimizer, images, labels, precision)[0].item()  # item() waits for the device
        times.append(time.perf_counter() - began)
    return batch_size / min(times[1:])  # what else the machine does can only make a step slower
    ### END SOLUTION


# %% [markdown]
# ## The data, where the network is
#
# All of CIFAR-10 is 180 MB as bytes: it fits on any GPU. Normalising, shrinking and augmenting a batch there costs next
# to nothing, and no worker processes are needed.


# %%
class DeviceBatches:
    """Batches of lesson 5 kept on a device and made ready there: normalised, shrunk, augmented, channels-last.

    Args:
        images, labels: uint8 (N, 3, 32, 32) and int64 (N,).
        batch_size, seed, epoch_size: as for `Batches`.
        device: where they go.
        stats: mean and standard deviation of each channel.
        size: side of the images that the network sees, in pixels.
        augment: shuffle, and flip.
        padding: shift by up to so many pixels, too.
        shard: (rank, world): of each batch this process takes every world-th image.
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        batch_size: int,
        device: torch.device,
        stats: tuple[torch.Tensor, torch.Tensor],
        size: int = 32,
        augment: bool = False,
        padding: int = 0,
        seed: int = 0,
        epoch_size: int | None = None,
        shard: tuple[int, int] = (0, 1),
    ):
        self.batches = Batches(images.to(device), labels.to(device), batch_size, augment, seed, epoch_size)
        self.mean, self.std = (values.to(device) for values in stats)
        self.size, self.augment, self.padding, self.seed, self.shard = size, augment, padding, seed, shard
        self.epoch_size = self.batches.epoch_size

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The batches of one epoch from the one numbered `start` on: float32 (n, 3, size, size) and int64 (n,)."""
        ### BEGIN SOLUTION
        rank, world = self.shard
        for step, (images, labels) in enumerate(self.batches.epoch(epoch, start), start):
            x = normalize(images[rank::world], self.mean, self.std)  # (n, 3, 32, 32)
            if self.size != x.shape[-1]:
                x = F.interpolate(x, size=(self.size, self.size), mode="area")
            if self.augment:
                generator = seeded("augment", self.seed, epoch, step, rank, device=x.device)
                x = random_flip(x, generator)
                x = random_crop(x, self.padding, generator) if self.padding else x
            yield x.contiguous(memory_format=torch.channels_last), labels[rank::world]
        ### END SOLUTION

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return self.epoch(0)


# %% [markdown]
# ## The settings of a run


# %%
@dataclass(frozen=True)
class Config:
    """Everything that decides what a run computes. What is None is decided at its start and then stored with it."""

    data: str | None = None  # a folder, "stand-in", or None: wherever CIFAR-10 is found
    device: str = "auto"
    seed: int = 0
    epochs: int | None = None  # None: 30 on a GPU; on a CPU as much as fits into the seconds
    batch_size: int = 128  # over all processes
    size: int | None = None  # side of the images in pixels; None: 32 on a GPU, 16 on a CPU
    precision: str = "auto"  # float32, bfloat16, float16; auto: the fastest that is safe here
    seconds: float = 240.0  # planned for training and evaluation on a CPU without `epochs`
    limit: float | None = None  # seconds after which such a run is shortened; None: a fifth more than planned
    peak: float = 0.1  # learning rate
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    held_out: float = 0.02  # share of the training images kept for validation
    epoch_size: int | None = None  # images an epoch; None: all
    padding: int | None = None  # augmentation by shifts; None: size / 8 if the images come more than twice
    threads: int | None = None
    mine: bool = False  # whether the definitions of earlier lessons are the student's own


def settle(config: Config, device: torch.device, images: int) -> Config:
    """Decide what is still open.

    Args:
        images: how many there are to train on.

    Raises:
        ValueError: there is no such precision, or the batch size doesn't fit the network or the data.
    """
    ### BEGIN SOLUTION
    known = ("auto", "float32", "bfloat16", "float16")
    if config.precision not in known:
        raise ValueError(f"There is no precision {config.precision!r}; choose one of: {', '.join(known)}.")
    if config.batch_size < 2:
        raise ValueError("Batch normalisation needs at least 2 images a batch to compare; choose a larger batch size.")
    if config.batch_size > images:
        raise ValueError(f"There are only {images} training images; choose a batch size of at most {images}.")
    on_cpu = device.type == "cpu"
    size = config.size or (16 if on_cpu else 32)
    precision, speed = config.precision, 0.0
    if precision == "auto" and device.type == "cuda":
        precision = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    elif precision == "auto" and not on_cpu:
        precision = "float32"
    if on_cpu and (precision == "auto" or not config.epochs):
        candidates = ["float32", "bfloat16"] if precision == "auto" else [precision]
        speeds = {name: images_per_second(device, name, config.batch_size, size) for name in candidates}
        precision = max(candidates, key=lambda name: speeds[name])
        speed = speeds[precision]
    whole = images // config.batch_size * config.batch_size  # full batches only; the rest opens the next epoch
    epochs, epoch_size, limit = config.epochs or 30, whole, config.limit
    if on_cpu and not config.epochs:  # eight short epochs: a glimpse, and a checkpoint, every half minute
        evaluated = 10_000 + 8 * config.held_out * images  # a forward pass alone costs about a quarter of a step
        affordable = max(speed * config.seconds - evaluated / 4, 8 * config.batch_size)
        epoch_size = min(int(affordable / 8) // config.batch_size * config.batch_size, whole)
        epochs = int(affordable / epoch_size)
        limit = config.limit or 1.2 * config.seconds
    padding = config.padding
    if padding is None:
        padding = size // 8 if epochs * epoch_size > 2 * images else 0
    return replace(
        config, device=str(device), size=size, precision=precision, epochs=epochs, epoch_size=epoch_size,
        padding=padding, limit=limit, threads=torch.get_num_threads(),
    )  # fmt: skip
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    began = time.perf_counter()
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
    kept, held_out = stratified_split(labels, config.held_out, config.seed)
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
        images[kept], labels[kept], config.batch_size, device, stats, config.size, augment=True,
        padding=config.padding, seed=config.seed, epoch_size=config.epoch_size, shard=(rank, world),
    )  # fmt: skip
    validation = DeviceBatches(images[held_out], labels[held_out], 500, device, stats, config.size)
    torch.backends.cudnn.benchmark = True  # every batch has one shape: let the GPU look for its fastest kernels
    torch.manual_seed(config.seed)
    model = ResNet18().to(device, memory_format=torch.channels_last)
    optimizer = SGD(
        parameter_groups(model, config.weight_decay), config.peak, config.momentum, nesterov=config.momentum > 0
    )
    scaler = torch.amp.GradScaler(device.type) if config.precision == "float16" else None
    if saved:
        try:
            model.load_state_dict(saved["model"])
            optimizer.load_state_dict(saved["optimizer"])
            if scaler:
                scaler.load_state_dict(saved["scaler"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise TrainingError(f"{path} doesn't fit this network: {str(error).splitlines()[0]}") from None
        saved["state"] |= {name: saved["state"][name].to(device) for name in ("losses", "right")}
    network = model if world == 1 else nn.parallel.DistributedDataParallel(model)

    def update(network, optimizer, images, labels):
        loss, right = train_step(network, optimizer, images, labels, config.precision, scaler, config.label_smoothing)
        if world > 1:
            both = torch.stack([loss / world, right.to(loss.dtype)])  # of this process's share of the batch
            dist.all_reduce(both)
            loss, right = both
        return loss, right

    def in_precision(function, batches):
        with torch.autocast(device.type, getattr(torch, config.precision), enabled=config.precision != "float32"):
            return function(model, batches)

    def save(state):
        if rank == 0:
            save_checkpoint(
                path, model=model.state_dict(), optimizer=optimizer.state_dict(), state=state, config=asdict(config),
                scaler=scaler.state_dict() if scaler else {}, data=source.fingerprint,
            )  # fmt: skip

    doing = "Continuing" if saved else "Training"
    say(f"{doing} on {source.name}; the run is in {path.parent}.")
    plan = f"{config.epochs} epochs of {config.epoch_size:,} images, {config.size}x{config.size} pixels"
    say(f"{plan}, {device}, {config.precision}.")
    with stop_on_signal(say) if world == 1 else nullcontext(lambda: False) as asked:
        try:
            state = fit(
                network, optimizer, train, validation, config.epochs, config.peak, update,
                evaluate=lambda network, batches: in_precision(evaluate, batches), seconds=config.limit,
                state=saved.get("state"), save=save, watch=lambda state: watch(state, config) or asked(),
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
        if state["stopped"] or rank:
            return Report(path.parent, state["stopped"], {})
        test_images, test_labels = load_cifar10(source.folder, train=False)
        test = DeviceBatches(test_images, test_labels, 500, device, stats, config.size)
        logits, _ = in_precision(predict, test)  # (N, C)
        metrics = {
            "data": source.name,
            "training_images": len(kept),
            "parameters": sum(p.numel() for p in model.parameters()),
            "config": asdict(config),
            "processes": world,
            "machine": machine(device),
            "epochs": state["history"],
            "seconds": {"training": round(sum(row["seconds"] for row in state["history"]), 1)},
        }
        metrics["seconds"]["this call until the report"] = round(time.perf_counter() - began, 1)
        try:
            write_report(
                path.parent,
                metrics,
                state["losses"][: state["step"]].tolist(),
                test_images,
                logits,
                test_labels,
                source.class_names,
            )
        except OSError as error:
            raise TrainingError(
                f"The report can't be written ({error.strerror}). The trained network is safe in {path}: "
                f"make room, then --resume {path.parent} writes the report."
            ) from None
    return Report(path.parent, False, metrics)
    ### END SOLUTION


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
    ### BEGIN SOLUTION
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
    ### END SOLUTION
