# %% [markdown]
# # Lesson 6: training
#
# A loss, an optimizer, a schedule and a loop: the four parts of every training run. The fifth is often left out: a
# checkpoint from which the run goes on bit for bit as if it had never stopped.

# %%
import io
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

# %% [markdown]
# ## The loss


# %%
def cross_entropy(logits: torch.Tensor, targets: torch.Tensor, label_smoothing: float = 0.0) -> torch.Tensor:
    """Mean cross-entropy of a batch, in nats.

    Args:
        logits: (N, C), any real numbers; large ones don't overflow.
        targets: int64 (N,), the right class of each.
        label_smoothing: share of the target that is spread evenly over all C classes (Szegedy et al. 2016, section 7).

    Returns:
        a scalar.

    Raises:
        ValueError: the shapes don't fit.
    """
    ### BEGIN SOLUTION
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(
            f"expected logits (N, C) and targets (N,), got {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
    log_probabilities = logits - logits.logsumexp(1, keepdim=True)  # (N, C)
    right = log_probabilities.gather(1, targets[:, None]).squeeze(1)  # (N,)
    return -((1 - label_smoothing) * right + label_smoothing * log_probabilities.mean(1)).mean()
    ### END SOLUTION


# %% [markdown]
# ## The optimizer
#
# Stochastic gradient descent with momentum. Weight decay pulls weights towards zero; scales and shifts of the norms and
# biases are left alone (Goyal et al. 2017, section 5.3): decaying them doesn't regularise, it only slows learning.


# %%
class SGD(torch.optim.Optimizer):
    """Stochastic gradient descent, step for step what `torch.optim.SGD` computes.

        g ← gradient + weight_decay · p
        v ← g the first time, then momentum · v + g
        p ← p - lr · v, or with nesterov  p - lr · (g + momentum · v)

    Args:
        params: tensors, or groups of them: `{"params": …, "weight_decay": …}`.
        lr: learning rate; `group["lr"]` may change between steps.
        momentum: how much of the last velocity stays.
        weight_decay: factor of the L2 penalty.
        nesterov: look ahead (Sutskever et al. 2013, section 2); needs a momentum.

    Raises:
        ValueError: nesterov without a momentum.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        if nesterov and momentum <= 0:
            raise ValueError(f"nesterov needs a momentum above 0, got {momentum}")
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update every parameter that has a gradient."""
        ### BEGIN SOLUTION
        for group in self.param_groups:
            momentum = group["momentum"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                update = p.grad.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else p.grad
                if momentum:
                    state = self.state[p]
                    if "momentum_buffer" in state:
                        velocity = state["momentum_buffer"].mul_(momentum).add_(update)
                    else:
                        velocity = state["momentum_buffer"] = update.clone()
                    update = update.add(velocity, alpha=momentum) if group["nesterov"] else velocity
                p.sub_(update, alpha=group["lr"])
        ### END SOLUTION


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights of convolutions and linear layers, which decay, and vectors (norms and biases), which don't."""
    return [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]


# %% [markdown]
# ## The schedule


# %%
def learning_rate(step: int, total_steps: int, peak: float, warmup_fraction: float = 0.2) -> float:
    """A triangle: up from near 0 to `peak` over the first steps, then down to near 0 at the last (Smith 2018).

    Args:
        step: 0 … total_steps - 1.
        total_steps: of the whole run.
        peak: the highest learning rate.
        warmup_fraction: share of the steps that climb.

    Raises:
        ValueError: the step lies outside the run.
    """
    ### BEGIN SOLUTION
    if not 0 <= step < total_steps:
        raise ValueError(f"step must lie in 0 … {total_steps - 1}, got {step}")
    warmup = max(1.0, warmup_fraction * total_steps)
    return peak * min((step + 1) / warmup, (total_steps - step) / max(1.0, total_steps - warmup), 1.0)
    ### END SOLUTION


# %% [markdown]
# ## The loop


# %%
def update(
    model: nn.Module, optimizer: torch.optim.Optimizer, images: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step on one batch in float32: forward, backward, update. Lesson 8 has a faster one."""
    logits = model(images)  # (N, C)
    loss = cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach(), (logits.argmax(1) == labels).sum()


def train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    optimizer: torch.optim.Optimizer,
    rates: Iterable[float],
    update: Callable[..., tuple[torch.Tensor, torch.Tensor]] = update,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Train on every batch, and after each let the caller look: a generator.

    Args:
        batches: pairs of images (N, 3, H, W) and labels (N,).
        rates: the learning rate of each step.
        update: makes one step; gives its loss and how many images it had right.

    Yields:
        the loss and the number of right answers of each step, two scalars on the model's device.
    """
    ### BEGIN SOLUTION
    model.train()
    for (images, labels), rate in zip(batches, rates, strict=False):
        for group in optimizer.param_groups:
            group["lr"] = rate
        yield update(model, optimizer, images, labels)
    ### END SOLUTION


# %%
def predict(
    model: nn.Module, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, float32 (N, C), and labels, int64 (N,), of all batches, with the model in evaluation mode."""
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        pairs = [(model(images).float(), labels) for images, labels in batches]
    model.train(was_training)
    logits, labels = zip(*pairs, strict=True)
    return torch.cat(logits).cpu(), torch.cat(labels).cpu()


def evaluate(model: nn.Module, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> tuple[float, float]:
    """Mean loss and accuracy (0 … 1) over all images, in evaluation mode; the model's mode is restored.

    Every image counts the same, also those of a smaller last batch.
    """
    ### BEGIN SOLUTION
    logits, labels = predict(model, batches)
    return cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).double().mean().item()
    ### END SOLUTION


# %% [markdown]
# ## Checkpoints
#
# A checkpoint is written to a second file that then takes the first one's place in a single move. Whatever happens in
# between, a full disk, a power cut, `kill -9`: there is always one whole checkpoint.

# %%
FORMAT = "resnet18-from-scratch checkpoint 1"


def save_checkpoint(path: str | Path, **values: Any) -> None:
    """Replace the checkpoint at `path` by `values` (state dicts, tensors and plain values), or leave it untouched.

    Raises:
        OSError: it can't be written, for instance because the disk is full.
    """
    ### BEGIN SOLUTION
    path = Path(path)
    unfinished = path.with_name(path.name + ".unfinished")
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **values}, buffer)
    try:
        with unfinished.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())  # on the disk before it takes the old one's place
        os.replace(unfinished, path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    ### END SOLUTION


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read what `save_checkpoint` wrote. Only tensors and plain values are loaded, so a foreign file can't run code.

    Raises:
        ValueError: the file is missing, damaged, or no checkpoint of this course.
    """
    ### BEGIN SOLUTION
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():  # torch writes checksums and doesn't compare them
                raise zipfile.BadZipFile(f"wrong checksum of {damaged}")
        values = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"There is no checkpoint {path}.") from None
    except Exception as error:  # a damaged zip or a pickle that asks for code fails in many ways
        reason = (str(error) or type(error).__name__).splitlines()[0][:100]
        raise ValueError(f"{path} is damaged or no checkpoint ({reason}).") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"{path} was not written by this course's training.")
    return values
    ### END SOLUTION


# %% [markdown]
# ## All of it


# %%
def fit(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: Any,
    validation: Any,
    epochs: int,
    peak: float,
    update: Callable[..., tuple[torch.Tensor, torch.Tensor]] = update,
    evaluate: Callable[..., tuple[float, float]] = evaluate,
    seconds: float | None = None,
    state: dict[str, Any] | None = None,
    save: Callable[[dict[str, Any]], None] = lambda state: None,
    watch: Callable[[dict[str, Any]], bool | None] = lambda state: None,
) -> dict[str, Any]:
    """Train for some epochs, from the beginning or from where `state` stands.

    Args:
        train, validation: `Batches` of lesson 5, or anything with their `len()` and `epoch()`.
        epochs: of the whole run, those in `state` included.
        peak: the highest learning rate of the schedule.
        update: makes one step (see `train_epoch`).
        evaluate: gives loss and accuracy on the validation batches.
        seconds: that training may take. If the epochs so far were too slow for that, the run is shortened by whole
            epochs, and the schedule with it; one more is always left, in which the learning rate comes down.
        state: what an earlier call handed to `save`; together with model and optimizer it is the whole run.
        save: is called with the state at the beginning, after every epoch, and on stopping.
        watch: is called with the state after every step (on a GPU every 20th); true stops the run after saving it.

    Returns:
        the state: `step` of `total`, `losses` and `right` (one of each a step), `history` (a row an epoch), `stopped`.

    Raises:
        FloatingPointError: a loss or a weight is infinite or not a number; nothing is saved then.
    """
    ### BEGIN SOLUTION
    steps = len(train)
    device = next(model.parameters()).device
    if state is None:
        state = {"step": 0, "total": epochs * steps, "seconds": 0.0, "history": []}
        state |= {name: torch.zeros(epochs * steps, device=device) for name in ("losses", "right")}
        save(state)
    state["stopped"] = False
    look_every = 20 if device.type == "cuda" else 1  # looking makes the GPU wait for us
    while state["step"] < state["total"]:
        epoch, done = divmod(state["step"], steps)
        rates = [learning_rate(step, state["total"], peak) for step in range(state["step"], state["total"])]
        began = time.perf_counter() - state["seconds"]
        for loss, right in train_epoch(model, train.epoch(epoch, done), optimizer, rates, update):
            state["losses"][state["step"]], state["right"][state["step"]] = loss, right
            state["step"] += 1
            if state["step"] % look_every == 0 or state["step"] % steps == 0:
                _must_be_finite(state["losses"][: state["step"]], steps)
                state["seconds"] = time.perf_counter() - began  # of this epoch
                state["stopped"] = bool(watch(state))
                if state["stopped"]:
                    break
        if state["step"] % steps == 0:
            loss, accuracy = evaluate(model, validation)
            row = _row(state, train, epoch, rates[steps - done - 1])
            state["history"].append(row | {"validation_loss": loss, "validation_accuracy": accuracy})
            state["seconds"] = 0.0
            if seconds:
                spent = sum(row["seconds"] for row in state["history"])
                affordable = int((epoch + 1) * seconds / spent)  # epochs, at the mean pace so far
                state["total"] = min(state["total"], max(affordable, epoch + 2) * steps)
        if not all(p.isfinite().all() for p in model.parameters()):
            raise FloatingPointError(f"the weights are not finite after step {state['step']} (epoch {epoch + 1})")
        save(state)
        if state["stopped"]:
            break
    return state
    ### END SOLUTION


def _must_be_finite(losses: torch.Tensor, steps: int) -> None:
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        step = int(bad[0])
        raise FloatingPointError(f"the loss is {losses[step].item()} at step {step + 1} (epoch {step // steps + 1})")


def _row(state: dict[str, Any], train: Any, epoch: int, rate: float) -> dict[str, Any]:
    """What the history says of an epoch that has just ended."""
    steps = slice(epoch * len(train), (epoch + 1) * len(train))
    return {
        "epoch": epoch + 1,
        "train_loss": state["losses"][steps].mean().item(),
        "train_accuracy": state["right"][steps].sum().item() / train.epoch_size,
        "learning_rate": rate,
        "seconds": round(state["seconds"], 2),
        "images_per_second": round(train.epoch_size / state["seconds"], 1),
    }
