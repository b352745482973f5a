# %% [markdown]
# # Lesson 6: training
#
# **Time:** about 90 minutes. **You need:** lessons 2 and 5, and the chain rule.
#
# After this lesson you can
#
# 1. write a loss, an optimizer, a schedule and a loop, and know that each is right before a network learns from
#    it;
# 2. look at a loss curve and name the mistake that drew it;
# 3. stop a run in the middle and go on later, bit for bit as if it had never stopped.
#
# Bugs in a network mostly crash. Bugs in training mostly don't: the loss falls a little more slowly, the accuracy
# ends a few points lower, and nobody notices. So you build the loop from parts, test each, and then break it on
# purpose in eight ways.

# %%
import io
import math
import os
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from course import carry, check
from course.data import find_data
from course.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, set_style

set_style()

# %% [markdown]
# ## The idea
#
# A training run is four parts in a ring. The **loss** turns the network's answers into one number that says how
# wrong they are. Its gradient says, for every weight, which way is downhill. The **optimizer** takes a step that
# way. The **schedule** says how long the step is. The **loop** does it again with the next batch.

# %%
figure, ax = plt.subplots(figsize=(9.5, 3.4), layout="constrained")
parts = {
    "batch\n(N, 3, H, W)": (0, 1, GREY),
    "network\nforward": (1, 1, GREY),
    "loss\ncross_entropy": (2, 1, BLUE),
    "gradients\nbackward": (2, 0, GREY),
    "optimizer\nSGD.step": (1, 0, BLUE),
    "schedule\nlearning_rate": (0, 0, BLUE),
}
for label, (x, y, colour) in parts.items():
    box = {"boxstyle": "round,pad=0.6", "facecolor": "white", "edgecolor": colour, "linewidth": 2}
    ax.text(x, y, label, ha="center", va="center", fontsize=11, bbox=box)
arrows = [
    ((0, 1), (1, 1), "images"),
    ((1, 1), (2, 1), "logits (N, C)"),
    ((2, 1), (2, 0), ""),
    ((2, 0), (1, 0), "one a weight"),
    ((0, 0), (1, 0), "step length"),
    ((1, 0), (1, 1), ""),
]
for (x0, y0), (x1, y1), label in arrows:
    dx, dy = x1 - x0, y1 - y0
    start, end = (x0 + 0.3 * dx, y0 + 0.25 * dy), (x1 - 0.3 * dx, y1 - 0.25 * dy)
    style = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.5}
    ax.annotate("", xy=end, xytext=start, arrowprops=style)
    ax.text((x0 + x1) / 2, (y0 + y1) / 2 + 0.08, label, ha="center", fontsize=9)
ax.text(1.06, 0.5, "new weights", va="center", fontsize=9)
ax.text(2.06, 0.5, "backwards", va="center", fontsize=9)
ax.set(xlim=(-0.4, 2.5), ylim=(-0.35, 1.35))
ax.axis("off")
plt.show()

# %% [markdown]
# *Figure: the ring of a training step. Above, from left to right: a batch of images goes into the network, its
# logits go into the loss. Below, from right to left: the gradients go to the optimizer, which also gets the step
# length from the schedule, and hands new weights up to the network. The three boxes in blue, loss, optimizer and
# schedule, are what you build first; the loop around them comes next.*
#
# ## The loss
#
# The network gives $C$ numbers for an image, the **logits** $z$. They may be any real numbers. Softmax makes
# probabilities of them, and the loss is the surprise at the right class $y$, in nats:
#
# $$p_k = \frac{e^{z_k}}{\sum_{j} e^{z_j}}, \qquad \ell = -\log p_y$$
#
# Training towards $p_y = 1$ has no end: the logits grow and grow. **Label smoothing** asks for a little less. A
# share $\varepsilon$ of the target is spread evenly over *all* $C$ classes, the right one included (Szegedy et
# al. 2016, section 7):
#
# $$q_k = (1 - \varepsilon)\,[k = y] + \frac{\varepsilon}{C}, \qquad \ell = -\sum_k q_k \log p_k$$
#
# | symbol | in code | shape | what it is |
# |---|---|---|---|
# | $z$ | `logits` | $(N, C)$ | what the network says, one row an image |
# | $y$ | `targets` | $(N,)$ | the number of the right class |
# | $\varepsilon$ | `label_smoothing` | a number | the share that is spread, often 0.1 |
# | $p$, $q$ | | $(N, C)$ | probabilities: the network's, and those asked for |
# | $\ell$ | its mean is the result | $(N,)$ | the loss of each image |
#
# **By hand.** Three classes, logits $z = (\log 6, \log 3, \log 1)$, and the first class is right. The powers are
# $6, 3, 1$, so $p = (0.6, 0.3, 0.1)$ and $\ell = -\log 0.6 = 0.511$. With $\varepsilon = 0.3$ the target becomes
# $q = (0.8, 0.1, 0.1)$, and $\ell = -(0.8 \log 0.6 + 0.1 \log 0.3 + 0.1 \log 0.1) = 0.759$.
#
# The gradient is the nicest in all of deep learning: $\partial \ell / \partial z_k = p_k - q_k$, here
# $(-0.2, 0.2, 0)$. What the network believes, minus what it should believe. (For the mean over a batch, divide by
# $N$.)
#
# **One trap.** In float32, $e^{89}$ is infinite and $e^{-104}$ is zero. A net in trouble gives such logits, and
# then the naive formula answers $\infty / \infty$ or $\log 0$. Two identities help. Softmax doesn't change when a
# constant is taken from all logits of a row. And the logarithm of a quotient needs no quotient:
#
# $$\log p_k = (z_k - m) - \log \sum_j e^{z_j - m}, \qquad m = \max_j z_j$$
#
# Now the largest power is $e^0 = 1$, the sum lies between 1 and $C$, and nothing can overflow. No logarithm is
# taken of anything small.
#
# ## Exercise 1: cross-entropy
#
# <details><summary>Hint 1: a nudge</summary>
#
# You need $\log p$, shape `(N, C)`, and never $p$ itself. Get it right for one row first.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# With $\log p$ at hand, the smoothed loss is a mix of two terms: $(1 - \varepsilon)$ times the entry at the right
# class, and $\varepsilon$ times the *mean* of the whole row. `gather` or fancy indexing picks the first.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `shifted = logits - logits.max(1, keepdim=True).values`, then subtract
# `shifted.exp().sum(1, keepdim=True).log()`. The entry at the right class:
# `log_p.gather(1, targets[:, None]).squeeze(1)`. Last a minus, and the mean over the batch.
# </details>


# %%
def cross_entropy(logits: torch.Tensor, targets: torch.Tensor, label_smoothing: float = 0.0) -> torch.Tensor:
    """Mean cross-entropy of a batch, in nats; your own, without the library's log_softmax and losses.

    Args:
        logits: (N, C), any real numbers, left unchanged; also ones of ±10,000 give the right finite loss and gradient.
        targets: int64 (N,), the right class of each.
        label_smoothing: share of the target that is spread evenly over all C classes
            (Szegedy et al. 2016, section 7).

    Returns:
        a scalar of the dtype of the logits, from which gradients flow back.

    Raises:
        ValueError: the shapes don't fit; the message names both.
    """
    ### BEGIN SOLUTION
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        shapes = f"{tuple(logits.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"expected logits (N, C) and targets (N,), got {shapes}")
    shifted = logits - logits.max(1, keepdim=True).values  # (N, C), at most 0
    log_p = shifted - shifted.exp().sum(1, keepdim=True).log()  # (N, C)
    right = log_p.gather(1, targets[:, None]).squeeze(1)  # (N,)
    spread = log_p.mean(1)  # (N,)
    return -((1 - label_smoothing) * right + label_smoothing * spread).mean()
    ### END SOLUTION


# %%
check("cross_entropy", points=2)

# %% [markdown]
# The example again, with your function:

# %%
z = torch.tensor([[6.0, 3.0, 1.0]]).log().requires_grad_()
for smoothing in (0.0, 0.3):
    loss = cross_entropy(z, torch.tensor([0]), smoothing)
    (gradient,) = torch.autograd.grad(loss, z)
    print(f"smoothing {smoothing}: loss {loss:.3f}, gradient {gradient[0].numpy().round(3)}")

# %% [markdown]
# ## Predict, then run: two logits drift apart
#
# Two classes, logits $(a, 0)$, and the *second* class is right: the network is sure, and wrong. The exact loss is
# $\log(1 + e^a)$, practically $a$. **Guess:** up to which $a$ does the textbook formula,
# $-\log \frac{e^{z_y}}{\sum_j e^{z_j}}$, give the right answer in float32? 10, 100, 1000? And what comes out
# beyond?

# %%
gaps = torch.logspace(0, 4, 401)  # a, from 1 to 10,000
rows = torch.stack([gaps, torch.zeros_like(gaps)], 1)  # (401, 2)
textbook = -(rows.exp()[:, 1] / rows.exp().sum(1)).log()  # (401,)
second = torch.ones(1, dtype=torch.long)
own = torch.stack([cross_entropy(row[None], second) for row in rows])
clipped = -(rows.softmax(1)[:, 1].clamp(min=1e-7)).log()  # a popular bandage

plt.figure(figsize=(7, 3.6), layout="constrained")
plt.loglog(gaps, own, color=BLUE, lw=5, alpha=0.5, label="yours")
plt.loglog(gaps, clipped, color=ORANGE, ls="--", label="textbook, clipped at 1e-7")
plt.loglog(gaps, textbook, color=VERMILION, label="textbook")
last = int(textbook.isfinite().nonzero().max())
plt.plot(gaps[last], textbook[last], "X", color=VERMILION, ms=10)
plt.xlabel("a, the distance between the logits")
plt.ylabel("loss in nats")
plt.legend()
plt.show()
exact = torch.logaddexp(gaps.double(), torch.zeros(401).double())
print(f"textbook: finite up to a = {gaps[last]:.0f}, then {textbook[last + 1]}")
print(f"yours: the largest relative error up to 10,000 is {((own - exact) / exact).abs().max():.0e}")

# %% [markdown]
# *Figure: the loss against the distance of the two logits, both axes logarithmic. Yours is a straight line up to
# 10,000. The textbook's ends at a cross a little under 100. The clipped one leaves the line at 16 and is flat
# from there on.*
#
# <details><summary>Was your guess right?</summary>
#
# The largest float32 is about $3.4 \cdot 10^{38} = e^{88.7}$. Beyond that the power is infinite, the quotient 0,
# its logarithm $-\infty$, and every weight of the network becomes NaN within one step. The bandage is worse than
# the wound: where the curve is flat *the gradient is zero*. The images on which the network is most wrong teach
# it nothing, and nobody is told.
# </details>

# %% [markdown]
# ## The optimizer
#
# Plain gradient descent steps straight downhill. In a long narrow valley that is slow: the steep walls allow
# short steps only, and with short steps it creeps along the floor. **Momentum** keeps a velocity $v$ in which the
# walls' pushes cancel and the floor's add up (Polyak 1964). **Weight decay** adds a pull towards zero. For every
# parameter $p$ with gradient $g$:
#
# $$g \leftarrow g + \lambda\, p$$
# $$v \leftarrow g \text{ the first time, then } \mu\, v + g$$
# $$p \leftarrow p - \eta\, v \qquad\text{or, with Nesterov,}\qquad p \leftarrow p - \eta\,(g + \mu\, v)$$
#
# | symbol | in code | what it is |
# |---|---|---|
# | $\eta$ | `lr` | the learning rate, given anew for every step by the schedule |
# | $\mu$ | `momentum` | how much of the velocity stays, often 0.9 |
# | $\lambda$ | `weight_decay` | the pull towards zero, often 0.0005 |
# | $v$ | `state[p]["momentum_buffer"]` | the velocity, of the shape of $p$ |
#
# Nesterov's variant steps as if the coming velocity had been used already (Sutskever et al. 2013, section 2).
# Every library orders these lines a little differently, and each order is another algorithm once $\eta$ changes.
# Yours is that of `torch.optim.SGD`.
#
# **By hand.** Minimise $p^2 / 2$, whose gradient is $p$, from $p = 1$ with $\eta = \mu = 0.5$ and no decay:
#
# | step | $g$ | $v$ | new $p$ |
# |---|---|---|---|
# | 1 | 1 | 1 | 1 - 0.5 = 0.5 |
# | 2 | 0.5 | 0.5 + 0.5 = 1 | 0.5 - 0.5 = 0 |
# | 3 | 0 | 0.5 | 0 - 0.25 = -0.25 |
#
# At step 2 the minimum is reached, and the velocity carries it on, up the other side. With Nesterov the three
# values of $p$ are $0.25$, $-0.0625$ and $-0.109375$: it brakes earlier. Check them.
#
# Parameters come in **groups**, each with settings of its own. Weights of convolutions shall decay; the scales
# and shifts of the norms shall not (Goyal et al. 2017, section 5.1), nor the biases (He et al. 2019, *Bag of
# Tricks for Image Classification*, section 3.1). The bookkeeping is given below, with the names and the state
# dict of `torch.optim.Optimizer`, so that a checkpoint of torch's can be loaded here.


# %%
class Optimizer:
    """What every optimizer keeps: groups of parameters with their settings, and a state for each parameter.

    The attributes and the state dict are those of `torch.optim.Optimizer`. (That one would do as well;
    making the first one imports torch's compiler, which takes a second.)

    Args:
        params: tensors, or groups of them: `{"params": …, "weight_decay": …}`.
        settings: of every group that doesn't bring its own.
    """

    def __init__(self, params: Iterable[Any], settings: dict[str, Any]):
        groups = list(params)
        if groups and not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.param_groups = [settings | group | {"params": list(group["params"])} for group in groups]
        self.state: defaultdict[torch.Tensor, dict[str, Any]] = defaultdict(dict)

    def parameters(self) -> list[torch.Tensor]:
        """All parameters in the order in which the state dict numbers them."""
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters():
            p.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Settings and states, with numbers in place of the parameters."""
        number = {p: k for k, p in enumerate(self.parameters())}
        groups = [group | {"params": [number[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": {number[p]: values for p, values in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave.

        Raises:
            ValueError: its groups hold other numbers of parameters.
        """
        own, given = ([len(g["params"]) for g in groups] for groups in (self.param_groups, values["param_groups"]))
        if own != given:
            raise ValueError(f"expected groups of {own} parameters, got {given}")
        for group, settings in zip(self.param_groups, values["param_groups"], strict=True):
            group.update(settings | {"params": group["params"]})
        self.state.clear()
        for number, p in enumerate(self.parameters()):
            for name, value in values["state"].get(number, {}).items():
                self.state[p][name] = torch.as_tensor(value, dtype=p.dtype, device=p.device).clone()


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights of convolutions and linear layers, which decay, and vectors (norms and biases), which don't."""
    return [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]


# %% [markdown]
# ## Exercise 2: SGD
#
# Only `step` is missing. `self.param_groups` is a list of dicts with the keys `params`, `lr`, `momentum`,
# `weight_decay` and `nesterov`; `self.state[p]` is a dict for whatever you keep about `p`, empty at first.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Two nested loops, over groups and over the parameters of each. A parameter whose `grad` is `None` took no part
# in this step: leave it alone altogether, without decay and without momentum.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Change the parameter *in place* (`p.sub_(…)`, or `p -= …`): `p = p - …` gives a new tensor to a local name and
# leaves the network as it is. The gradient doesn't belong to you, so don't change it: somebody may go on adding
# to it. For the same reason the first velocity must be a *copy* of the gradient.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `update = p.grad.add(p, alpha=weight_decay)`. Then, with a momentum: if `"momentum_buffer"` is in
# `self.state[p]`, `velocity = buffer.mul_(momentum).add_(update)`, else store and use `update.clone()`. With
# Nesterov `update = update.add(velocity, alpha=momentum)`, without it `update = velocity`. Last
# `p.sub_(update, alpha=group["lr"])`.
# </details>


# %%
class SGD(Optimizer):
    """Stochastic gradient descent, step for step what `torch.optim.SGD` computes.

        g ← gradient + weight_decay · p
        v ← g the first time, then momentum · v + g
        p ← p - lr · v, or with nesterov  p - lr · (g + momentum · v); without momentum  p - lr · g

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
        settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, settings)

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, in place; the gradients stay as they are.

        Zeros, infinities and NaN are gradients like any other. Every group goes by its own settings. Velocities lie
        in `self.state[p]["momentum_buffer"]`, so that the state dict holds them; without momentum nothing is kept.
        """
        ### BEGIN SOLUTION
        for group in self.param_groups:
            momentum, weight_decay = group["momentum"], group["weight_decay"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                update = p.grad.add(p, alpha=weight_decay) if weight_decay else p.grad
                if momentum:
                    state = self.state[p]
                    if "momentum_buffer" in state:
                        velocity = state["momentum_buffer"].mul_(momentum).add_(update)
                    else:
                        velocity = state["momentum_buffer"] = update.clone()
                    update = update.add(velocity, alpha=momentum) if group["nesterov"] else velocity
                p.sub_(update, alpha=group["lr"])
        ### END SOLUTION


# %%
check("SGD", points=3)

# %% [markdown]
# ## Predict, then run: a marble in a ravine
#
# The valley $f(x, y) = \frac12 (x^2 + 25\, y^2)$ is 25 times as steep across as along. Three optimizers start at
# the same point with the same learning rate 0.02: plain, with momentum 0.9, with Nesterov's. **Guess:** which is
# at the bottom first? Which of them overshoots it? And could the plain one catch up with a larger learning rate?


# %%
def descend(steps: int = 120, **settings: Any) -> tuple[np.ndarray, list[float]]:
    """The path of a point through the ravine, (steps + 1, 2), and the height before each step."""
    point = torch.tensor([-4.0, 1.0], requires_grad=True)
    steep = torch.tensor([1.0, 25.0])
    optimizer = SGD([point], **settings)
    path, heights = [point.tolist()], []
    for _ in range(steps):
        height = (steep * point**2).sum() / 2
        optimizer.zero_grad()
        height.backward()
        optimizer.step()
        path.append(point.tolist())
        heights.append(height.item())
    return np.array(path), heights


runs = {
    "plain, lr 0.02": (VERMILION, {"lr": 0.02}),
    "plain, lr 0.09": (PURPLE, {"lr": 0.09}),
    "momentum 0.9, lr 0.02": (BLUE, {"lr": 0.02, "momentum": 0.9}),
    "Nesterov 0.9, lr 0.02": (GREEN, {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
}
figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.8), width_ratios=[1.4, 1], layout="constrained")
x, y = np.meshgrid(np.linspace(-4.5, 3, 200), np.linspace(-1.3, 1.3, 200))
left.contour(x, y, (x**2 + 25 * y**2) / 2, levels=np.geomspace(0.05, 20, 10), colors="lightgrey", linewidths=1)
for label, (colour, settings) in runs.items():
    path, heights = descend(**settings)
    if label != "plain, lr 0.09":
        left.plot(*path[:60].T, "o-", ms=3, lw=1, color=colour, label=label)
    right.semilogy(heights, color=colour, label=label)
    below = next((step for step, height in enumerate(heights) if max(heights[step:]) < 1e-3), None)
    print(f"{label:24} below 0.001 for good " + (f"after {below} steps" if below else "not within 120 steps"))
left.set(xlabel="x", ylabel="y", title="the first 60 steps")
right.set(xlabel="step", ylabel="height f", ylim=(1e-9, 100))
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# *Figure: on the left the ravine's contour lines, long flat ellipses, and three paths from the same point. The
# plain one creeps along the floor and is far from the middle after 60 steps. Momentum swings across the floor
# and past the middle, Nesterov's swings less. On the right the height over 120 steps on a logarithmic scale:
# plain with lr 0.02 falls slowly on a straight line; plain with 0.09 rises out of the picture within ten steps;
# momentum falls fast and in waves; Nesterov's falls fastest.*
#
# <details><summary>Was your guess right?</summary>
#
# With momentum $\mu$ a steady push ends up $1 / (1 - \mu)$ times as strong: 0.9 makes the step along the floor
# ten times as long. Across the floor the pushes change sign and cancel. The plain one can't simply take longer
# steps: across the valley a step overshoots to the other wall, *higher* than before, as soon as
# $\eta > 2 / 25 = 0.08$. The steepest direction sets the limit, the flattest one the time. Note it for later: too
# high a rate diverges, it doesn't just hurt.
# </details>

# %% [markdown]
# ## The schedule
#
# Early, the weights are random and the gradients point anywhere: small steps. Then large ones, to get far. Late,
# the noise of the batches makes the weights tremble about the minimum, in proportion to the step: small ones
# again. The simplest shape that does all three is a triangle (Smith & Topin 2018; Goyal et al. 2017, section 2.2,
# for the climb):
#
# $$\eta_s = \text{peak} \cdot \min\!\left(\frac{s + 1}{w}, \; \frac{S - s}{S - w}, \; 1\right),
#   \qquad s = 0, \dots, S - 1$$
#
# $S$ is `total_steps`, and $w$ is `warmup_fraction` · $S$, at least 1: the number of steps that climb. The
# denominator $S - w$ counts as 1 where it is smaller. Mind the ends: $s + 1$ makes the first step count (with
# $s / w$ it would have a learning rate of 0), and $S - s$ the last one.
#
# ## Exercise 3: the learning rate
#
# <details><summary>Hint 1: a nudge</summary>
#
# With 10 steps, a peak of 1 and `warmup_fraction` 0.2: 0.5, 1, 1, 0.875, … Continue the list on paper. Why does 1
# appear twice?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Two straight lines and a `min`, no `if`. At the top both lines can be above 1 if $w$ is not a whole number, so 1
# goes into the `min` as well.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `warmup = max(1.0, warmup_fraction * total_steps)`. Climb: `(step + 1) / warmup`. Descent:
# `(total_steps - step) / max(1.0, total_steps - warmup)`. Return `peak` times the least of both and 1.
# </details>


# %%
def learning_rate(step: int, total_steps: int, peak: float, warmup_fraction: float = 0.2) -> float:
    """A triangle: up from near 0 to `peak` over the first steps, then down to near 0 at the last.

    With w = warmup_fraction · total_steps, but at least 1, it is peak times the least of (step + 1) / w,
    (total_steps - step) / (total_steps - w), and 1; the second denominator is at least 1, too
    (Smith & Topin 2018).

    Args:
        step: 0 … total_steps - 1; the rate that this step uses.
        total_steps: of the whole run.
        peak: the highest learning rate.
        warmup_fraction: share of the steps that climb, 0 … 1.

    Raises:
        ValueError: the step lies outside the run; the message names it.
    """
    ### BEGIN SOLUTION
    if not 0 <= step < total_steps:
        raise ValueError(f"step must lie in 0 … {total_steps - 1}, got {step}")
    warmup = max(1.0, warmup_fraction * total_steps)
    climb = (step + 1) / warmup
    descent = (total_steps - step) / max(1.0, total_steps - warmup)
    return peak * min(climb, descent, 1.0)
    ### END SOLUTION


# %%
check("learning_rate", points=1)

# %%
plt.figure(figsize=(6.5, 3), layout="constrained")
for fraction, colour in ((0.0, ORANGE), (0.2, BLUE), (0.5, GREEN)):
    rates = [learning_rate(step, 100, peak=0.1, warmup_fraction=fraction) for step in range(100)]
    plt.plot(rates, color=colour, label=f"warmup_fraction {fraction:g}")
plt.xlabel("step")
plt.ylabel("learning rate")
plt.legend()
plt.show()
print("10 steps:", [round(learning_rate(step, 10, peak=1.0), 3) for step in range(10)])

# %% [markdown]
# *Figure: the learning rate over 100 steps for three shares of warm-up. With 0 it falls from the peak 0.1 in a
# straight line to nearly 0. With 0.2 it climbs for 20 steps and falls for 80, with 0.5 it climbs for 50 and falls
# for 50.*
#
# ## The step
#
# Now the ring from the top of this page, once around. Five lines that you will write a thousand times:
#
# 1. **forward:** the logits, and the loss;
# 2. **zero_grad:** forget the old gradients. `backward` *adds* to what is there;
# 3. **backward:** new gradients;
# 4. **step:** new weights;
# 5. say how it went: the loss without its graph (or every step's graph stays in memory), and how many answers
#    were right.
#
# ## Exercise 4: one update
#
# <details><summary>Hint 1: a nudge</summary>
#
# Between `zero_grad` and `backward`, and between `backward` and `step`, nothing may happen to the gradients.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `loss.detach()` has the same value and no graph. `.item()` would have none either, but it makes a GPU wait for
# its answer in every step: return tensors, and let the caller decide when to look.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `(logits.argmax(1) == labels).sum()` counts the right answers: the largest logit of each row.
# </details>


# %%
def update(
    model: nn.Module, optimizer: Optimizer, images: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step on one batch, in the dtype of the model: forward, backward, new weights. Lesson 8 has a faster one.

    Args:
        model: gives logits (N, C); its mode (train, eval) and that of each layer inside are left as they are.
        optimizer: holds the model's parameters; whatever gradients they have are forgotten.
        images, labels: (N, …) and int64 (N,).

    Returns:
        the mean cross-entropy before the step, in the dtype of the logits, and the number of right answers, int64:
        two scalars (tensors, on the model's device) without a graph. An infinite loss or NaN is given back, and
        stepped on, like any other: the loop decides what becomes of such a run.
    """
    ### BEGIN SOLUTION
    logits = model(images)  # (N, C)
    loss = cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach(), (logits.argmax(1) == labels).sum()
    ### END SOLUTION


# %%
check("update", points=2)

# %% [markdown]
# ## The first test of every run: overfit one batch
#
# Before you train on everything, train on *one batch*, again and again. A network with thousands of weights must
# learn 64 images by heart. If it can't, something is broken, and you know it after two seconds instead of two
# hours (Karpathy 2019). So get some data, and a small network to play with.

# %%
Batches = carry("lesson_05", "Batches")
load_cifar10 = carry("lesson_05", "load_cifar10")
channel_stats = carry("lesson_05", "channel_stats")
normalize = carry("lesson_05", "normalize")

source = find_data(None, print)
print("This notebook's pictures:", source.name)


def smaller(images: torch.Tensor) -> torch.Tensor:
    """Normalised images of 16 x 16 pixels: a quarter of the pixels, a quarter of the time."""
    return nn.functional.avg_pool2d(normalize(images, *stats), 2)


train_images, train_labels = load_cifar10(source.folder)
stats = channel_stats(train_images[:10_000])
pictures, labels = smaller(train_images[:2048]), train_labels[:2048]
held_out, held_out_labels = smaller(train_images[2048:2548]), train_labels[2048:2548]


def small_net(seed: int = 0) -> nn.Module:
    """Three convolutions with norms, in the spirit of ResNet18's first layers: 24,346 parameters."""
    torch.manual_seed(seed)
    layers, channels = [], 3
    for width in (16, 32, 64):
        layers += [nn.Conv2d(channels, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


# %% [markdown]
# **Predict, then run.** 64 pictures, 60 steps on the same batch. **Guess:** what is the loss *before the first
# step*, when the network knows nothing of ten classes? What is it at the end? And then the same again with
# *random* labels, drawn by dice: to where does the loss fall now?

# %%
batch = pictures[:64]
dice = torch.randint(10, (64,), generator=torch.Generator().manual_seed(0))
plt.figure(figsize=(6.5, 3.4), layout="constrained")
for name, answers, colour in (("the right labels", labels[:64], BLUE), ("random labels", dice, VERMILION)):
    model = small_net()
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = [update(model, optimizer, batch, answers)[0].item() for _ in range(60)]
    plt.plot(losses, color=colour, label=name)
    print(f"{name}: loss {losses[0]:.2f} before the first step, {losses[-1]:.3f} at the end")
plt.axhline(math.log(10), color="black", ls=":", lw=1, label="log 10: guessing among ten")
plt.xlabel("step")
plt.ylabel("loss of the batch in nats")
plt.legend()
plt.show()

# %% [markdown]
# *Figure: the loss of one batch of 64 pictures over 60 steps. Both curves start near log 10 = 2.30 and fall to
# nearly zero: with the right labels, and only a little later with random ones.*
#
# <details><summary>Was your guess right?</summary>
#
# A network that knows nothing gives each class a tenth, and $-\log 0.1 = \log 10 = 2.303$. Remember the number: a
# run that starts at 7 has an output layer with far too large weights; one that *stays* at 2.30 learns nothing.
#
# That random labels are learned as well is sobering: there is nothing to understand in them (Zhang et al. 2017,
# section 2). A falling training loss proves that the machinery works. Whether anything was *understood* is told
# by images that were not trained on, and by nothing else.
# </details>
#
# ## The loop
#
# An epoch is one update for each batch, each with its own learning rate. You write it as a *generator*: it makes
# a step, yields what the step gave, and waits until it is asked for the next. So the caller can draw a progress
# bar, keep the losses, or stop in the middle, and the loop knows nothing of it.
#
# `update` is an argument, so that lesson 8 can hand in a faster one. (Its default is the `update` that existed
# when the cell below ran. If you change yours, run the cells after it again.)
#
# ## Exercise 5: one epoch
#
# <details><summary>Hint 1: a nudge</summary>
#
# Before the first batch, put the model into the right mode. You can't know in which one it is.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `zip(batches, rates)` walks along both and ends with the shorter one. The rate must be in *every*
# group's `"lr"` before the update that uses it.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `for group in optimizer.param_groups: group["lr"] = rate`, then
# `yield update(model, optimizer, images, labels)`.
# </details>


# %%
def train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    optimizer: Optimizer,
    rates: Iterable[float],
    update: Callable[..., tuple[torch.Tensor, torch.Tensor]] = update,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Train on every batch in training mode, and after each let the caller look: a generator.

    Args:
        model: in whatever mode, and each layer inside too; all of it is put into training mode.
        batches: pairs of images (N, 3, H, W) and labels (N,), whatever N; drawn as they are needed.
        optimizer: every group's `lr` is set before each step, and stays; nothing else of it is touched here.
        rates: the learning rate of each step; the epoch ends when batches or rates do.
        update: makes one step from model, optimizer, images, labels; gives what is yielded.

    Yields:
        the loss and the number of right answers of each step; the next is made when it is asked for.
    """
    ### BEGIN SOLUTION
    model.train()
    for (images, labels), rate in zip(batches, rates, strict=False):
        for group in optimizer.param_groups:
            group["lr"] = rate
        yield update(model, optimizer, images, labels)
    ### END SOLUTION


# %%
check("train_epoch", points=2)

# %% [markdown]
# ## Evaluation
#
# Measuring is a craft of its own, and three things go wrong. The *mode*: the norms must use their running
# statistics, and afterwards the model must be in the mode in which it came. The *gradients*: they cost memory,
# and nobody needs them. And the *weights of the mean*: 10,000 images in batches of 500 are no problem, but 7
# images in batches of 5 and 2 are. If 4 of 5 and 0 of 2 are right, the mean of the batches' accuracies is
# $(0.8 + 0) / 2 = 0.4$. The truth is $4 / 7 = 0.57$. Every *image* counts the same, not every batch.
#
# ## Exercise 6: evaluate
#
# <details><summary>Hint 1: a nudge</summary>
#
# Add up over all batches, divide once at the end. What do you add up, if your loss gives a mean?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `model.training` says which mode is on; `model.train(mode)` sets it. Keep the first at the start, hand it to
# the second at the end. (A network can be of two modes, a part of it frozen: lesson 7 brings each module's
# back.) `torch.inference_mode()` is `torch.no_grad()` and a little faster.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `loss += cross_entropy(logits.float(), labels) * len(labels)`, and the same way `right` and `count`. The
# `.float()` is for lesson 8, whose logits have 16 bits. Return two numbers of Python: `.item()` makes them.
# </details>


# %%
def evaluate(model: nn.Module, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> tuple[float, float]:
    """Mean loss and accuracy over all images, in evaluation mode and without gradients.

    Every image counts the same, also those of a smaller last batch. The model keeps its weights and its
    running statistics; afterwards `model.train()` or `model.eval()` puts it back into the mode in which it
    came, and gradients are on or off as they were.

    Args:
        model: gives logits (N, C).
        batches: pairs of images (N, …) and labels, int64 (N,).

    Returns:
        the mean cross-entropy in nats, computed in float32 at least, and the accuracy, 0 … 1: two floats.
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    loss = right = count = 0
    with torch.inference_mode():
        for images, labels in batches:
            logits = model(images).float()  # (N, C)
            loss += cross_entropy(logits, labels) * len(labels)
            right += (logits.argmax(1) == labels).sum()
            count += len(labels)
    model.train(was_training)
    return (loss / count).item(), (right / count).item()
    ### END SOLUTION


# %%
check("evaluate", points=2)

# %% [markdown]
# Its sister is given: it keeps the logits themselves. Lesson 7 asks them more questions than one.


# %%
@torch.inference_mode()
def predict(
    model: nn.Module, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, float32 (N, C), and labels, int64 (N,), of all batches, with the model in evaluation mode."""
    mode = model.training
    model.eval()
    pairs = [(model(images).float(), labels) for images, labels in batches]
    model.train(mode)
    logits, labels = zip(*pairs, strict=True)
    return torch.cat(logits).cpu(), torch.cat(labels).cpu()


# %% [markdown]
# ## Checkpoints
#
# A long run will be interrupted. A checkpoint saves it, if two things hold.
#
# **It is there when you need it.** Written over the old file, a checkpoint is *gone* for as long as the writing
# takes, and a full disk, a power cut or `kill -9` in that moment leaves half a file. So it is written to a second
# file beside it, which then takes the first one's place in a single move: `os.replace` is atomic. Whatever
# happens, there is always one whole checkpoint.
#
# **It can be trusted.** `torch.load` unpickles, and a pickle is a *program*: a checkpoint from the internet can
# delete your files while it loads. `weights_only=True` reads tensors and plain values and refuses the rest. A
# flipped bit on the disk is another matter: torch's file is a zip archive with a checksum for each part, which
# nobody compares unless you ask, and a network with one bit wrong just works a little worse.
#
# ## Exercise 7: save
#
# <details><summary>Hint 1: a nudge</summary>
#
# `torch.save` can fail halfway, for instance at a value that can't be pickled. Let it fail before any file is
# touched: it also writes into an `io.BytesIO()`.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Bytes in memory; a second file with another name *in the same folder* (a move between two disks is a copy);
# write, flush, `os.fsync`; `os.replace`. If any of it raises, remove the second file and let the error go on.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `unfinished = path.with_name(path.name + ".unfinished")`, then `try:` with `unfinished.open("wb")`,
# `file.write(buffer.getbuffer())`, `file.flush()`, `os.fsync(file.fileno())`, `os.replace(unfinished, path)`;
# `except BaseException:`, so that Ctrl-C counts, with `unfinished.unlink(missing_ok=True)` and `raise`.
# </details>

# %%
FORMAT = "resnet18-from-scratch checkpoint 1"


# %%
def save_checkpoint(path: str | Path, **values: Any) -> None:
    """Replace the checkpoint at `path` by `values`, or leave it untouched; no other file stays behind.

    That holds for Ctrl-C in the middle, too. The file is what `torch.save` writes of a dict with these values and
    `"format": FORMAT`. It is made in the folder of the old one, so on the same disk.

    Args:
        path: in a folder that exists; a leftover `<path>.unfinished` of a killed run is overwritten.
        values: state dicts, tensors and plain values, in containers or not.

    Raises:
        OSError: it can't be written, for instance because the disk is full or the folder isn't there.
        Exception: a value can't be pickled; whatever `torch.save` raises.
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
    except BaseException:  # Ctrl-C, too
        unfinished.unlink(missing_ok=True)
        raise
    ### END SOLUTION


# %%
check("save_checkpoint", points=2)

# %% [markdown]
# ## Exercise 8: load
#
# <details><summary>Hint 1: a nudge</summary>
#
# Four kinds of trouble: no file, a damaged file, a file that isn't a checkpoint, a file that is somebody else's.
# The caller wants one kind of error for all, with a sentence that says which.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `zipfile.ZipFile(path).testzip()` reads every part, compares its checksum, and returns the name of the first bad
# one, or `None`. `torch.load` takes `map_location`, where the tensors shall go, and `weights_only`.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# Both inside one `try:`, then `except FileNotFoundError` and `except Exception`, each raising a `ValueError` with
# the path (`from None` leaves the first error out of the report). After it, check that you hold a dict whose
# `"format"` is `FORMAT`.
# </details>


# %%
def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, `"format"` included.

    Only tensors and plain values are loaded, so a foreign file can't run code.

    Args:
        path: the checkpoint.
        device: where all its tensors go, however deep they lie and wherever they were when they were saved.

    Raises:
        ValueError: the file is missing, damaged (even by one flipped bit of what is read), or no checkpoint of this
            course (a folder is none); the message names the path.
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


# %%
check("load_checkpoint", points=2)

# %% [markdown]
# ## All of it
#
# What must be saved so that a run goes on as if it had never stopped? More than the weights: the running
# statistics of the norms (they are in the model's state dict), the velocities (in the optimizer's), where
# the run stands (epoch, step within it, and with them the learning rate), and every source of
# chance: which images come next, which way they are flipped.
#
# The last sounds hard, and lesson 5 has made it easy: batch number 17 of epoch 3 is a function of seed, epoch and
# number. So the whole position is *one integer*, the step. `train.epoch(3, 17)` goes on exactly there.
#
# `fit` keeps its position in a plain dict, the `state`:
#
# | key | what it is |
# |---|---|
# | `step`, `total` | steps made so far, and steps of the whole run |
# | `losses`, `right` | float32 (total,): what each step gave |
# | `history` | a row (dict) for each finished epoch |
# | `seconds` | training time of the epoch under way |
# | `stopped` | whether `watch` asked to stop |
#
# Four small helpers are given.


# %%
def new_state(model: nn.Module, total: int) -> dict[str, Any]:
    """The state of a run of so many steps that has not begun."""
    device = next(model.parameters()).device
    noted = {name: torch.zeros(total, device=device) for name in ("losses", "right")}
    return {"step": 0, "total": total, "seconds": 0.0, "history": [], "stopped": False, **noted}


def time_to_look(state: dict[str, Any], steps: int) -> bool:
    """After every step; on a GPU after every 20th and an epoch's last, as looking makes the GPU wait for us."""
    return not state["losses"].is_cuda or state["step"] % 20 == 0 or state["step"] % steps == 0


def must_be_finite(state: dict[str, Any], steps: int, model: nn.Module | None = None) -> None:
    """Raise FloatingPointError if a loss so far is infinite or not a number, or a weight of the model given."""
    bad = (~state["losses"][: state["step"]].isfinite()).nonzero()
    if len(bad):
        step = int(bad[0])
        loss = state["losses"][step].item()
        raise FloatingPointError(f"the loss is {loss} at step {step + 1} (epoch {step // steps + 1})")
    if model and not all(p.isfinite().all() for p in model.parameters()):
        epoch = (state["step"] - 1) // steps + 1
        raise FloatingPointError(f"the weights are not finite after step {state['step']} (epoch {epoch})")


def end_epoch(
    state: dict[str, Any],
    train: Any,
    rate: float,
    measured: tuple[float, float],
    seconds: Sequence[float] | None,
) -> None:
    """Add a row to the history, restart the clock, and fit the run to the time planned for it.

    Args:
        rate: the last learning rate.
        measured: loss and accuracy on the validation batches.
        seconds: planned for each epoch.
    """
    per_epoch = len(train)
    epoch = state["step"] // per_epoch  # counted from 1
    last = slice((epoch - 1) * per_epoch, epoch * per_epoch)
    row = {
        "epoch": epoch,
        "train_loss": state["losses"][last].mean().item(),
        "train_accuracy": state["right"][last].sum().item() / train.epoch_size,
        "learning_rate": rate,
        "seconds": round(state["seconds"], 2),
        "images_per_second": round(train.epoch_size / max(state["seconds"], 1e-6), 1),
        "validation_loss": measured[0],
        "validation_accuracy": measured[1],
    }
    state["history"].append(row)
    state["seconds"] = 0.0
    if seconds and state["step"] < state["total"]:
        pace = max(0.01, sum(row["seconds"] for row in state["history"])) / sum(seconds[:epoch])
        needed = [pace * sum(seconds[: n + 1]) for n in range(len(seconds))]  # for n + 1 epochs
        affordable = sum(time <= sum(seconds) for time in needed)
        state["total"] = min(max(affordable, epoch + 1) * per_epoch, len(state["losses"]))


# %% [markdown]
# ## Exercise 9: fit
#
# The longest function of this lesson, about 25 lines. Write it in this order, and run the check in between:
#
# 1. a new `state`, saved at once, so that there is a checkpoint from the first second on; or the one given, with
#    `stopped` switched off, for it may be that of a run that was stopped;
# 2. a loop over epochs: position, learning rates, `train_epoch`, noting each step's loss and right answers;
# 3. at an epoch's end: `evaluate` and `end_epoch`; then `must_be_finite` and `save`, in this order: what is
#    broken is never saved;
# 4. `must_be_finite`, the clock and `watch` after each step.
#
# <details><summary>Hint 1: a nudge</summary>
#
# `state["step"]` is the only position there is. `divmod(state["step"], len(train))` gives the epoch and how many
# of its batches are done. From there on a fresh run and a continued one are the same.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `while state["step"] < state["total"] and not state["stopped"]:` goes through the epochs. The rates of an epoch
# are `learning_rate(s, state["total"], peak)` for `s` from `state["step"]` on; it doesn't matter if the list is
# longer than the epoch. When `watch` gives true, set `stopped` and `break`; what follows the inner loop, saving,
# happens anyway, but the row of the history only if the epoch is complete.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `began = time.perf_counter() - state["seconds"]` before the inner loop. In it: note `loss` and `right` at index
# `state["step"]`, add 1 to it, and `if time_to_look(state, steps):` call `must_be_finite(state, steps)`, which
# waits for a GPU, then set `state["seconds"]` and `state["stopped"] = bool(watch(state))`. After it, if
# `state["step"] % steps == 0`:
# `end_epoch(state, train, optimizer.param_groups[0]["lr"], evaluate(model, validation), seconds)`. Then
# `must_be_finite(state, steps, model)` and `save(state)`.
# </details>


# %%
def fit(
    model: nn.Module,
    optimizer: Optimizer,
    train: Any,
    validation: Any,
    epochs: int,
    peak: float,
    update: Callable[..., tuple[torch.Tensor, torch.Tensor]] = update,
    evaluate: Callable[..., tuple[float, float]] = evaluate,
    seconds: Sequence[float] | None = None,
    state: dict[str, Any] | None = None,
    save: Callable[[dict[str, Any]], None] = lambda state: None,
    watch: Callable[[dict[str, Any]], bool | None] = lambda state: None,
) -> dict[str, Any]:
    """Train for some epochs, from the beginning or from where `state` stands.

    Step number s of the run uses learning_rate(s, state["total"], peak) and batch number s % len(train) of
    epoch s // len(train), both counted from 0, whether the run was interrupted or not.

    Args:
        train: `Batches` of lesson 5, or anything with their `len()`, `epoch_size` and `epoch(epoch, start)`.
        validation: what `evaluate` takes; measured after every complete epoch.
        epochs: of a new run; a `state` brings its own length, `total`.
        peak: the highest learning rate of the schedule.
        update: makes one step (see `train_epoch`).
        evaluate: gives loss and accuracy on the validation batches.
        seconds: planned for each epoch. If the epochs so far were slower, `end_epoch` shortens the run by whole
            epochs, and the schedule with it; one more is always left, and never more than planned.
        state: what an earlier call handed to `save`; with model and optimizer it is the whole run. Where that is
            over, shortened or not, nothing is trained, measured or saved.
        save: is called with the state at the beginning of a new run, after every epoch with its row in the
            history, and on stopping; once only where a run stops at an epoch's end.
        watch: is called with the state after every step that is noted in it (on a GPU every 20th and an
            epoch's last); true stops the run after saving it. A run that has stopped after an epoch's last step has
            its row, too.

    Returns:
        the state: `step` of `total`, `losses` and `right` (one of each a step), `history` (a row an epoch),
        `stopped` (True or False).

    Raises:
        FloatingPointError: a loss is infinite or not a number, raised at the first step that is looked at (see
            `time_to_look`), before `watch` is called; or a weight is, at the epoch's end or on stopping. Nothing
            is saved then.
    """
    ### BEGIN SOLUTION
    steps = len(train)
    if state is None:
        state = new_state(model, epochs * steps)
        save(state)
    state["stopped"] = False
    while state["step"] < state["total"] and not state["stopped"]:
        epoch, done = divmod(state["step"], steps)
        rates = [learning_rate(s, state["total"], peak) for s in range(state["step"], state["total"])]
        began = time.perf_counter() - state["seconds"]
        for loss, right in train_epoch(model, train.epoch(epoch, done), optimizer, rates, update):
            state["losses"][state["step"]], state["right"][state["step"]] = loss, right
            state["step"] += 1
            if time_to_look(state, steps):
                must_be_finite(state, steps)  # waits for the GPU
                state["seconds"] = time.perf_counter() - began  # of this epoch
                state["stopped"] = bool(watch(state))
                if state["stopped"]:
                    break
        if state["step"] % steps == 0:
            measured = evaluate(model, validation)
            end_epoch(state, train, optimizer.param_groups[0]["lr"], measured, seconds)
        must_be_finite(state, steps, model)
        save(state)
    return state
    ### END SOLUTION


# %%
check("fit", points=4)


# %% [markdown]
# ## Predict, then run: stopped and continued
#
# A run of four epochs, and the same run stopped in the middle of the third and continued from its checkpoint,
# in a network and an optimizer that know nothing of the first half. **Guess:** how far apart are the weights at
# the end: by rounding errors, or less? And a third run, which goes on with the *weights* alone, as so many
# published scripts do: at once as good as before, or not?


# %%
def start(seed: int = 0) -> tuple[nn.Module, SGD, Any, Any]:
    """A small network, its optimizer, and batches for training and validation."""
    model = small_net(seed)
    groups = parameter_groups(model, weight_decay=5e-4)
    optimizer = SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    train = Batches(pictures, labels, 128, shuffle=True, seed=seed)
    return model, optimizer, train, Batches(held_out, held_out_labels, 100)


def weights_of(model: nn.Module) -> torch.Tensor:
    """All numbers of a network in one row."""
    return torch.cat([value.double().flatten() for value in model.state_dict().values()])


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "checkpoint.pt"

    model, optimizer, train, validation = start()
    whole = fit(model, optimizer, train, validation, epochs=4, peak=0.1)
    reference = weights_of(model)

    def keep(state: dict[str, Any]) -> None:
        """Write the network of the moment, its optimizer and the state into the checkpoint."""
        parts = {"model": stopped_model.state_dict(), "optimizer": stopped_optimizer.state_dict()}
        save_checkpoint(path, **parts, state=state)

    stopped_model, stopped_optimizer, train, validation = start()
    fit(
        stopped_model, stopped_optimizer, train, validation, epochs=4, peak=0.1, save=keep,
        watch=lambda state: state["step"] == 40,
    )  # fmt: skip
    print(f"stopped after 40 of 64 steps; the checkpoint has {path.stat().st_size:,} bytes")

    losses = {"never stopped": whole["losses"]}
    for name, parts in {"all of it": ("model", "optimizer"), "weights alone": ("model",)}.items():
        saved = load_checkpoint(path)
        model, optimizer, train, validation = start(seed=0)
        model.load_state_dict(saved["model"])
        if "optimizer" in parts:
            optimizer.load_state_dict(saved["optimizer"])
        resumed = fit(model, optimizer, train, validation, 4, 0.1, state=saved["state"])
        losses[name] = resumed["losses"]
        apart = (weights_of(model) - reference).abs().max()
        print(f"continued with {name}: the weights differ by at most {apart:.3g}")

plt.figure(figsize=(7, 3.4), layout="constrained")
plt.plot(losses["never stopped"], color=GREY, lw=5, alpha=0.6, label="never stopped")
plt.plot(losses["all of it"], color=BLUE, lw=1.5, label="continued with all of it")
plt.plot(range(40, 64), losses["weights alone"][40:], color=VERMILION, label="continued with the weights alone")
plt.axvline(40, color="black", ls=":", lw=1)
plt.xlabel("step")
plt.ylabel("training loss in nats")
plt.legend()
plt.show()

# %% [markdown]
# *Figure: the training loss over 64 steps. A thick grey line, the run that was never stopped, and on it, covering
# it exactly, the run that was stopped at step 40, marked by a dotted line, and continued. A third line leaves
# the two after step 40 and wavers about them: the run that went on with the weights alone.*
#
# <details><summary>Was your guess right?</summary>
#
# Zero, exactly: not a single bit differs. The same numbers in the same order give the same sums. (On another
# number of threads or another processor the sums are rounded differently, and then they do differ a little.)
#
# Without its velocities the third run starts from rest again. It is not bad, it is *another run*: a result that
# can't be repeated, and a bug that can't be found because it doesn't come back.
# </details>

# %% [markdown]
# ## What broke, what it means: eight curves
#
# Here is the heart of this lesson. Below, the small network is trained nine times: once as it should be, and
# eight times with a single mistake. Each mistake is one line.
#
# | the mistake | what was done |
# |---|---|
# | *eval forgotten* | validation in training mode, on pictures sorted by class |
# | *labels out of step* | each picture has the label of the one before it |
# | *learning rate too high* | a peak of 10 instead of 0.1 |
# | *learning rate too low* | a peak of 0.0003 |
# | *no shuffle* | the training pictures come sorted by class, in every epoch |
# | *no zero_grad* | gradients add up from step to step |
# | *softmax twice* | the network's output goes through a softmax, and then into the loss |
# | *too few pictures* | 256 of the 2,048 training pictures, each seen eight times as often |


# %%
class TrainingModeForever(nn.Module):
    """Wraps a network so that eval() has no effect."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def train(self, mode: bool = True) -> nn.Module:
        return super().train(True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)


class NeverForgets(SGD):
    """Its gradients add up for ever."""

    def zero_grad(self) -> None:
        pass


def by_class(images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same pictures, sorted by class."""
    order = labels.argsort(stable=True)
    return images[order], labels[order]


def run_with(mistake: str, epochs: int = 6) -> dict[str, Any]:
    """Train the small network with one mistake, or with none; the state at the end."""
    model, chosen, shuffle = small_net(), (pictures, labels), True
    measured_on = (held_out, held_out_labels)
    peak, optimizer_class = 0.1, SGD
    if mistake == "eval forgotten":
        model, measured_on = TrainingModeForever(model), by_class(*measured_on)
    if mistake == "labels out of step":
        chosen = pictures, labels.roll(1)
    if mistake == "learning rate too high":
        peak = 10.0
    if mistake == "learning rate too low":
        peak = 0.0003
    if mistake == "no shuffle":
        chosen, shuffle = by_class(*chosen), False
    if mistake == "no zero_grad":
        optimizer_class = NeverForgets
    if mistake == "softmax twice":
        model.append(nn.Softmax(1))
    if mistake == "too few pictures":
        chosen, epochs = (pictures[:256], labels[:256]), 8 * epochs
    optimizer = optimizer_class(model.parameters(), lr=peak, momentum=0.9)
    train = Batches(*chosen, 128, shuffle=shuffle)
    return fit(model, optimizer, train, Batches(*measured_on, 100), epochs, peak)


mistakes = [
    "eval forgotten", "labels out of step", "learning rate too high", "learning rate too low",
    "no shuffle", "no zero_grad", "softmax twice", "too few pictures",
]  # fmt: skip
order, TOP = [6, 3, 4, 7, 1, 5, 0, 2], 5.0  # nats, the upper edge
began = time.perf_counter()
right = run_with("none")
drawn = [run_with(mistakes[k]) for k in order]
print(f"nine runs in {time.perf_counter() - began:.0f} s")

figure, axes = plt.subplots(2, 4, figsize=(12, 5.6), sharex=True, sharey=True, layout="constrained")
for letter, ax, state in zip("ABCDEFGH", axes.flat, drawn, strict=True):
    every = len(state["losses"]) // len(state["history"])
    ends = [every * (row["epoch"]) for row in state["history"]]
    ax.plot(right["losses"], color=GREY, lw=1)
    ax.plot(state["losses"].clamp(max=TOP), color=BLUE, lw=1.5)
    ax.plot(ends, [min(row["validation_loss"], TOP) for row in state["history"]], "o-", ms=3, color=ORANGE)
    ax.axhline(math.log(10), color="black", ls=":", lw=0.8)
    accuracy = state["history"][-1]["validation_accuracy"]
    ax.set_title(f"{letter}: {accuracy:.0%} right at the end", fontsize=10)
axes[0, 0].set_ylim(0, TOP + 0.05)
for ax in axes[1]:
    ax.set_xlabel("step")
for ax in axes[:, 0]:
    ax.set_ylabel("loss in nats")
axes[0, 0].plot([], [], color=GREY, label="training, no mistake")
axes[0, 0].plot([], [], color=BLUE, label="training")
axes[0, 0].plot([], [], "o-", ms=3, color=ORANGE, label="validation")
axes[0, 0].legend(fontsize=8, loc="upper right")
plt.show()
print(f"without a mistake: {right['history'][-1]['validation_accuracy']:.0%} right at the end")

# %% [markdown]
# *Figure: eight panels, A to H, each with three curves over the steps of a run: in grey the training loss without
# a mistake, the same in every panel; in blue the training loss with one of the eight mistakes; in orange, with
# dots, the validation loss after each epoch. A dotted line marks log 10 = 2.30, the loss of guessing. What leaves
# the picture is drawn at its upper edge. A: training and validation hardly leave the dotted line, a smooth curve,
# yet more than a tenth is right. B: a flat line that trembles a little, and no more right than by guessing. C: a
# mountain in the first two epochs, then flat. D: training falls to zero faster than the grey curve, validation turns
# and rises. E: training sinks slowly, validation stays at the dotted line or above. F: begins like the grey curve
# for a few steps, then swings wider and wider and leaves the picture, and the validation with it. G: training is
# the grey curve itself, validation stays near the dotted line. H: training trembles about the dotted line or
# above from the first steps on; validation starts beyond the edge and comes down towards the end.*
#
# **Match them.** Which mistake drew which curve? Write eight pairs down before you open the answer. Three
# questions help: does the *training* loss fall? Does the *validation* loss follow? Does the accuracy fit the
# loss?
#
# <details><summary>The answer</summary>
#
# - **A: softmax twice.** The loss can't go where it should: after a second softmax even a perfect answer costs
#   $\log(e + 9) - 1 = 1.46$, and the gradients are tiny. The sign to look for: *the accuracy climbs and the loss
#   hardly moves*, on a curve that is too smooth.
# - **B: learning rate too low.** All is right, and nothing happens. Try ten times as much before you look for a
#   bug.
# - **C: no shuffle.** Each batch holds one class or two: the network learns to say "class 0", is punished for it
#   when class 1 comes, learns to say that. So the loss is a mountain at first. Later it gives up saying anything
#   definite, and the norms' statistics never fit.
# - **D: too few pictures.** It learns them by heart. Training falls, validation turns and rises: overfitting.
#   More data, augmentation, weight decay; or stop earlier.
# - **E: labels out of step with the pictures.** There is nothing to learn but by heart, and that is slow.
#   Training sinks a little, validation never goes below $\log 10$. Look at a few pictures *with* their labels.
# - **F: no zero_grad.** The gradients of all steps so far add up, a momentum of 1 that nothing slows. It begins
#   well and then swings wider and wider.
# - **G: eval forgotten.** The training curve is perfect, because nothing is wrong with the training. The
#   measurement is: sorted pictures, normalised with the statistics of one class or two. Whenever only the
#   validation is bad, doubt the validation first.
# - **H: learning rate too high.** The loss trembles above the dotted line as soon as the warm-up reaches rates
#   that the valley can't bear, and settles only when the schedule comes down. Without the norms it would be NaN.
#   F began well; H never began.
# </details>
#
# None of these eight raised an error or printed a warning. So keep the habits that find them: the first loss near
# $\log C$, one batch overfitted, a few pictures looked at with their labels, both curves drawn in every run, and
# a run of twenty steps whose losses you know by heart: the tests called *flight recorder of twenty steps* are
# exactly that.

# %% [markdown]
# ## Where to go
#
# - **Szegedy et al. 2016**, *Rethinking the Inception Architecture*, section 7: label smoothing; **Müller et al.
#   2019**, *When Does Label Smoothing Help?*: what it does to the last layer's features.
# - **Sutskever et al. 2013**, *On the Importance of Initialization and Momentum in Deep Learning*, section 2:
#   both kinds of momentum, with the learning rate inside the velocity.
# - **Goyal et al. 2017**, *Accurate, Large Minibatch SGD*: section 2.2 on warm-up, 5.1 on norms that don't decay,
#   and a list of the mistakes that they made on the way.
# - **Smith & Topin 2018**, *Super-Convergence*, and **Loshchilov & Hutter 2017**, *SGDR*: other shapes of
#   schedule.
# - **Loshchilov & Hutter 2019**, *Decoupled Weight Decay Regularization*: why the decay's place in the formula
#   matters.
# - **Zhang et al. 2017**, *Understanding Deep Learning Requires Rethinking Generalization*, section 2: random
#   labels.
# - **Karpathy 2019**, *A Recipe for Training Neural Networks* (his blog): overfit one batch, and thirty more
#   habits.
#
# **Next:** lesson 7 asks a trained network more than one question: which classes it confuses, how well it knows
# what it doesn't know, and where it looks.
