# %% [markdown]
# # Lesson 2: batch normalisation
#
# **Time:** about 75 minutes. **You need:** convolution as in lesson 1, and the chain rule.
#
# After this lesson you can
#
# 1. say which numbers of a batch share one mean, and why training and evaluation use different ones;
# 2. derive the gradient of a layer whose statistics depend on its own input, and code it without autograd;
# 3. write a `BatchNorm2d` that loads torch's weights, and fold it into the convolution in front of it.
#
# ResNet18 holds 20 batch norm layers, one behind every convolution. They have next to no parameters, and they cause
# most of the surprises that a beginner meets in training. Today you take one apart.

# %%
import copy
import math
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib import cbook
from torch import nn

from course import check
from course.plots import BLUE, GREEN, ORANGE, VERMILION, set_style

set_style()

# %% [markdown]
# ## The idea
#
# A deep net is a chain. Each layer gets what the layer before it gives, and during training all of them change at
# once. If one layer doubles its output, the next must cope, and the one after that. Batch norm ends the quarrel:
# behind every convolution it brings each channel back to mean 0 and variance 1, whatever came in (Ioffe & Szegedy
# 2015). Two learned numbers per channel then choose the scale and the level that the next layer really gets.
#
# For one channel $c$ of a batch $x$ of shape $(N, C, H, W)$:
#
# $$\mu_c = \frac{1}{n}\sum_{i,h,w} x_{ichw}, \qquad
#   v_c = \frac{1}{n}\sum_{i,h,w} (x_{ichw} - \mu_c)^2, \qquad n = N \cdot H \cdot W$$
#
# $$\hat x_{ichw} = \frac{x_{ichw} - \mu_c}{\sqrt{v_c + \varepsilon}}, \qquad
#   y_{ichw} = \gamma_c\, \hat x_{ichw} + \beta_c$$
#
# | symbol | in code | shape | what it is |
# |---|---|---|---|
# | $x$, $\hat x$, $y$ | `x`, `x_hat`, the output | $(N, C, H, W)$ | $N$ images, $C$ channels, $H \times W$ pixels |
# | $\mu$, $v$ | `mean`, `var` | $(C,)$ | the statistics, one pair a channel |
# | $\gamma$, $\beta$ | `weight`, `bias` | $(C,)$ | learned scale and shift |
# | $\varepsilon$ | `eps` | a number | keeps a constant channel from being divided by zero |
# | $n$ | `count` | a number | how many values share one mean |
#
# Everything hangs on one choice: *which values are averaged together?* A convolution runs the same filter over
# every pixel of every image, so all these values are answers to one question. They are averaged together. Another
# channel asks another question and has statistics of its own.

# %%
photo = plt.imread(cbook.get_sample_data("grace_hopper.jpg"))  # (600, 512, 3)
corners = [(40, 170), (170, 160), (330, 150), (430, 20)]  # top left corners of four crops, in pixels
crops = np.stack([photo[top : top + 150, left : left + 150] for top, left in corners])  # (N, H, W, C)

figure = plt.figure(figsize=(10.5, 4.6))
left_half, right_half = figure.subfigures(1, 2, width_ratios=[1, 1.25])
axes = left_half.subplots(4, 3, gridspec_kw={"wspace": 0.12, "hspace": 0.06, "left": 0.16, "right": 0.94, "top": 0.82})
for i, row in enumerate(axes):
    for c, (ax, colour) in enumerate(zip(row, ("red", "green", "blue"), strict=True)):
        ax.imshow(crops[i, :, :, c], cmap="gray", vmin=0, vmax=255)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        if i == 0:
            ax.set_title(f"channel {c}\n({colour})", fontsize=9, pad=12)
    row[0].set_ylabel(f"image {i}", fontsize=9)
top, bottom = axes[0, 1].get_position(), axes[-1, 1].get_position()
left_half.add_artist(
    plt.Rectangle(
        (bottom.x0 - 0.015, bottom.y0 - 0.02),
        bottom.width + 0.03,
        top.y1 - bottom.y0 + 0.04,
        transform=left_half.transSubfigure,
        fill=False,
        edgecolor=VERMILION,
        linewidth=3,
    )
)
left_half.text(0.55, 0.03, "one mean, one variance", color=VERMILION, ha="center", fontsize=10)

shares = {"batch norm": np.s_[:, 1], "layer norm": np.s_[1, :], "instance norm": np.s_[1, 1]}
norms = right_half.subplots(1, 3, gridspec_kw={"top": 0.74, "bottom": 0.22})
for ax, (name, together) in zip(norms, shares.items(), strict=True):
    grid = np.ones((4, 3, 3))
    grid[together] = np.array([213, 94, 0]) / 255
    ax.imshow(grid)
    ax.set_xticks(np.arange(-0.5, 3), labels=[])
    ax.set_yticks(np.arange(-0.5, 4), labels=[])
    ax.grid(color="black", linewidth=1)
    ax.tick_params(length=0)
    ax.set(title=name, xlabel="channels", ylabel="images" if name == "batch norm" else "")
right_half.suptitle("values that share one mean", y=0.86, fontsize=11)
plt.show()

# %% [markdown]
# *Figure: on the left a batch of four crops of a photograph, split into three channels: a table of twelve small
# grey pictures. A frame goes around the whole column of channel 1, through all four images: its 4 × 150 × 150
# pixels share one mean and one variance. On the right the same table three times, with the values that share one
# mean coloured. Batch norm: a column. Layer norm (Ba et al. 2016): a row, all channels of one image. Instance norm
# (Ulyanov et al. 2016): a single cell.*

# %% [markdown]
# ## By hand
#
# Take a batch of two tiny images, one channel, one row of three pixels each:
#
# $$\text{image 0} = [0, 2, 5], \qquad \text{image 1} = [2, 3, 6]$$
#
# 1. All six values belong to one channel, so $n = 6$ and $\mu = 18 / 6 = 3$.
# 2. Distances from the mean: $-3, -1, 2$ and $-1, 0, 3$. Their squares add up to $24$, so $v = 24 / 6 = 4$.
# 3. Divide the distances by $\sqrt{4} = 2$ (leave $\varepsilon$ out for now): $\hat x = -1.5, -0.5, 1$ and
#    $-0.5, 0, 1.5$.
# 4. With $\gamma = 2$ and $\beta = 1$: $y = -2, 0, 3$ and $0, 1, 4$.
#
# Two things to note. The means of the images are $2\tfrac13$ and $3\tfrac23$, and *neither is used*. The difference
# between the images survives: image 1 stays the brighter one. And the sum of squares was divided by $n = 6$.
# Dividing by $n - 1 = 5$ gives $4.8$, the *unbiased* variance; you will meet it again, but not here.

# %%
x = np.array([[0.0, 2, 5], [2, 3, 6]])
x_hat = (x - x.mean()) / x.std()
print(f"mean {x.mean():g}, variance {x.var():g}, unbiased {x.var(ddof=1):g}\nx_hat\n{x_hat}\ny\n{2 * x_hat + 1}")

# %% [markdown]
# ## Exercise 1: the statistics
#
# From a batch of shape $(N, C, H, W)$, give the mean and the variance of every channel.
#
# <details><summary>Hint 1: a nudge</summary>
#
# The result has one number for each channel. So the three other dimensions have to go. Which numbers do they have?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `x.mean(dim=(…, …, …))` averages over several dimensions at once. `x.var` exists as well, but read about its
# `correction` (the older name is `unbiased`) before you trust it.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# Average over dimensions 0, 2 and 3. For the variance subtract the mean *first*, then square, then average. The
# shortcut $E[x^2] - E[x]^2$ subtracts two large numbers to get a small one, and in float32 little is left of it. To
# subtract a vector of shape `(C,)` from `x`, give it two more axes: `mean[:, None, None]` has shape `(C, 1, 1)`.
# </details>


# %%
def batch_statistics(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of every channel over the batch and over all pixels (Ioffe & Szegedy 2015, section 3.2).

    Without the library's batch norm.

    Args:
        x: shape (N, C, H, W), contiguous in memory or not; left unchanged.

    Returns:
        (mean, var), each of shape (C,) and of the dtype of `x`, both differentiable. The variance is the biased one:
        the sum of squares is divided by N * H * W. It stays accurate where a mean is a thousand times the deviation.

    Raises:
        ValueError: `x` doesn't have four dimensions; the message names its shape.
    """
    ### BEGIN SOLUTION
    if x.dim() != 4:
        raise ValueError(f"expected x of shape (N, C, H, W), got {tuple(x.shape)}")
    mean = x.mean(dim=(0, 2, 3))  # (C,)
    var = (x - mean[:, None, None]).square().mean(dim=(0, 2, 3))  # (C,)
    return mean, var
    ### END SOLUTION


# %%
check("batch_statistics", points=2)

# %% [markdown]
# ## Exercise 2: normalise, scale, shift
#
# Now the second line of the formula. The statistics come in as *arguments*, because they will come from two places:
# from the batch itself in training, and from the layer's memory in evaluation. The function doesn't care which.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Broadcasting lines shapes up from the right. A vector of shape `(C,)` against `(N, C, H, W)` meets the *columns*,
# W. If W isn't C you get an error. If it is, you get no error and nonsense.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Give all four vectors the shape `(C, 1, 1)` once, at the start. From there on the code reads like the formula.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# Check with `vector.shape != (x.shape[1],)` for each of the four, and raise a `ValueError` with both shapes in it.
# Then `(x - mean) / torch.sqrt(var + eps)`: `eps` stands *under* the root. Scale by `weight`, and add `bias` last.
# </details>


# %%
def batch_norm(
    x: torch.Tensor,
    mean: torch.Tensor,
    var: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    eps: float = 1e-5,
) -> torch.Tensor:
    """Normalise every channel with the statistics given, then scale and shift it (Ioffe & Szegedy 2015, algorithm 1).

    Without the library's norms.

    Args:
        x: shape (N, C, H, W), contiguous in memory or not; left unchanged, as are the others.
        mean, var: shape (C,), the statistics to normalise with, wherever they come from.
        weight, bias: shape (C,), the scale gamma and the shift beta.
        eps: added to the variance, so that no channel is divided by zero.

    Returns:
        Shape (N, C, H, W), of the dtype of `x`, with gradients for all five tensors.

    Raises:
        ValueError: mean, var, weight or bias isn't of shape (C,); the message names its shape and that of `x`.
    """
    ### BEGIN SOLUTION
    for vector in (mean, var, weight, bias):
        if vector.shape != x.shape[1:2]:
            raise ValueError(f"a vector of shape {tuple(vector.shape)} does not fit x of shape {tuple(x.shape)}")
    mean, var, weight, bias = (vector[:, None, None].to(x.dtype) for vector in (mean, var, weight, bias))  # (C, 1, 1)
    x_hat = (x - mean) / torch.sqrt(var + eps)  # (N, C, H, W)
    return weight * x_hat + bias
    ### END SOLUTION


# %%
check("batch_norm", points=2)

# %% [markdown]
# ## Predict, then run: a signal through twenty layers
#
# Twenty convolutions with ReLU, no training, random weights. The right size for such weights is known: a standard
# deviation of $\sqrt{2 / (9C)}$ keeps the signal alive for 3 × 3 filters over $C$ channels (He et al. 2015b,
# section 2.2). Suppose you got it slightly wrong: all weights are 0.7 times as large.
#
# **Before you run the cell, write down two guesses.** By what factor does the signal shrink from layer 1 to
# layer 20? And what changes if your `batch_norm` stands behind every convolution?


# %%
def signals(gain: float, normalise: bool, depth: int = 20, channels: int = 32) -> list[torch.Tensor]:
    """What every layer hands to its ReLU; the weights are `gain` times as large as He et al. advise."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, channels, 12, 12, generator=generator)
    outputs = []
    for _ in range(depth):
        weight = torch.randn(channels, channels, 3, 3, generator=generator) * gain * math.sqrt(2 / (9 * channels))
        x = nn.functional.conv2d(x, weight, padding=1)
        if normalise:
            x = batch_norm(x, *batch_statistics(x), torch.ones(channels), torch.zeros(channels))
        outputs.append(x)
        x = x.relu()
    return outputs


plain, normalised = signals(0.7, False), signals(0.7, True)
figure, axes = plt.subplots(2, 4, figsize=(10, 4.2), sharex=True, layout="constrained")
for column, depth in zip(axes.T, (1, 7, 14, 20), strict=True):
    for ax, outputs, colour in ((column[0], plain, VERMILION), (column[1], normalised, BLUE)):
        ax.hist(outputs[depth - 1].flatten().numpy(), bins=np.linspace(-4, 4, 81), density=True, color=colour)
        ax.set_yscale("log")
        ax.set_ylim(1e-3, 30)
        ax.text(0.03, 0.88, f"std {outputs[depth - 1].std():.2g}", transform=ax.transAxes, fontsize=9)
    column[0].set_title(f"layer {depth}")
    column[1].set_xlabel("value before ReLU")
axes[0, 0].set_ylabel("without norm\ndensity")
axes[1, 0].set_ylabel("with batch norm\ndensity")
plt.show()
print(f"layer 1 to layer 20 without norm: the deviation shrinks {plain[0].std() / plain[-1].std():,.0f}-fold")

# %% [markdown]
# *Figure: histograms of the values behind layers 1, 7, 14 and 20, on a logarithmic scale. Upper row, without norm:
# the bell narrows from layer to layer, and at layer 20 it is a single spike at zero. Lower row, with batch norm:
# the same bell of deviation 1 at every depth.*

# %%
depths = range(1, 21)
plt.figure(figsize=(7, 3.6), layout="constrained")
for gain, colour in ((0.7, VERMILION), (1.0, GREEN), (1.4, ORANGE)):
    without, with_norm = ([out.std() for out in signals(gain, normalise)] for normalise in (False, True))
    plt.semilogy(depths, without, "o-", color=colour, label=f"{gain:g} × He, without")
    plt.semilogy(depths, with_norm, "k--", lw=1)
plt.plot([], [], "k--", lw=1, label="all three with batch norm")
plt.xticks([1, 5, 10, 15, 20])
plt.xlabel("layer")
plt.ylabel("standard deviation of its output")
plt.legend(fontsize=9)
plt.show()

# %% [markdown]
# *Figure: the deviation of each layer's output over depth, on a logarithmic scale. Without norm: weights of 0.7
# times He's size make it fall by a constant factor a layer, 1.4 times make it rise as fast, and his own size keeps
# it near 1. With batch norm the three curves lie on top of each other, at 1.*
#
# <details><summary>Was your guess right?</summary>
#
# Each layer multiplies the deviation by 0.7, so 19 further layers multiply it by $0.7^{19}$, which is about 1/900.
# The padding's zeros and the luck of the draw take the rest. The error *compounds*: that is why plain deep nets
# need such care with their initial weights. Batch norm divides by whatever the deviation has become, so the factor
# cancels in every layer, at once and for good. Note what it did *not* need: a good initialisation.
# </details>

# %% [markdown]
# ## The way back
#
# Backward, the trap of this lesson waits. The mean and the variance are *not constants*: move one pixel and both
# move, and with them the output at every other pixel of that channel.
#
# Look at one channel and number its values $x_1, \dots, x_n$ with $n = N \cdot H \cdot W$. Write
# $\sigma = \sqrt{v + \varepsilon}$, and $g_i = \partial L / \partial y_i$ for the gradient of the loss $L$ that comes
# in. From $y_i = \gamma \hat x_i + \beta$:
#
# $$\frac{\partial L}{\partial \beta} = \sum_i g_i, \qquad
#   \frac{\partial L}{\partial \gamma} = \sum_i g_i\, \hat x_i, \qquad
#   \frac{\partial L}{\partial \hat x_i} = \gamma\, g_i$$
#
# Sums, not averages: each parameter is used $n$ times, and gradients of several uses add up.
#
# Now $\hat x_i = (x_i - \mu) / \sigma$. A single $x_j$ reaches $\hat x_i$ along **three paths**:
#
# 1. **directly**, if $i = j$: this gives $\frac{1}{\sigma}$, and $0$ for every other $i$;
# 2. **through the mean**: $\frac{\partial \mu}{\partial x_j} = \frac1n$, and $\hat x_i$ falls with $\mu$: this
#    gives $-\frac{1}{n\sigma}$ for *every* $i$;
# 3. **through the variance**: $\frac{\partial v}{\partial x_j} = \frac{2}{n}(x_j - \mu)$, so
#    $\frac{\partial \sigma}{\partial x_j} = \frac{1}{2\sigma}\cdot\frac{2}{n}(x_j - \mu) = \frac{\hat x_j}{n}$. As
#    $\sigma$ stands in the denominator, $\hat x_i$ changes by $-\frac{\hat x_i}{\sigma}$ per unit of $\sigma$: this
#    gives $-\frac{\hat x_i \hat x_j}{n\sigma}$ for *every* $i$.
#
# (Does $v$ not depend on $\mu$ as well, and so on $x_j$ once more? It does, but $\sum_i (x_i - \mu) = 0$ makes that
# part vanish.) Together:
#
# $$\frac{\partial \hat x_i}{\partial x_j} =
#   \frac{1}{\sigma}\left(\delta_{ij} - \frac{1}{n} - \frac{\hat x_i\, \hat x_j}{n}\right),
#   \qquad \delta_{ij} = 1 \text{ if } i = j, \text{ else } 0$$
#
# What is left is the chain rule,
# $\frac{\partial L}{\partial x_j} = \sum_i \gamma\, g_i\, \frac{\partial \hat x_i}{\partial x_j}$. Do that sum on
# paper before you code: all of it collapses into quantities that you already have.
#
# **Check it on the six numbers** from above, with $\gamma = 1$ and $g = [6, 0, 0, 0, 0, 0]$. Only $i = 1$ counts,
# with $\hat x_1 = -1.5$ and $\sigma = 2$, so
# $\partial L / \partial x_j = \frac12 (6\delta_{1j} - 1 + 1.5\, \hat x_j)$: in all
# $1.375, -0.875, 0.25, -0.875, -0.5, 0.625$. They add up to 0. You will see in a moment why they must.
#
# ## Exercise 3: the gradients
#
# <details><summary>Hint 1: a nudge</summary>
#
# Carry out the sum over $i$ term by term. The first term is $\gamma g_j / \sigma$. In the two others, pull
# everything that doesn't depend on $i$ out of the sum, and look at what remains inside. You have met both sums
# already.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# The sums that remain are $\sum_i g_i$ and $\sum_i g_i \hat x_i$, which are the gradients of $\beta$ and $\gamma$.
# So compute these two first, and build `grad_x` from them.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# $$\frac{\partial L}{\partial x_j} = \frac{\gamma}{\sigma}
# \left(g_j - \frac1n \frac{\partial L}{\partial \beta} - \frac{\hat x_j}{n}
# \frac{\partial L}{\partial \gamma}\right)$$
#
# `count = x.numel() // x.shape[1]` is $n$. Everything of shape `(C,)` needs `[:, None, None]` before it meets `x`.
# </details>


# %%
def batch_norm_backward(
    grad_output: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, eps: float = 1e-5
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of batch norm in training, where mean and variance depend on `x` (Ioffe & Szegedy 2015, section 3).

    By hand, without the library's norms and without autograd: it works where that is switched off. The output was
    batch_norm(x, *batch_statistics(x), weight, bias, eps); the bias isn't needed here.

    Args:
        grad_output: shape (N, C, H, W), the loss's gradient with respect to the output.
        x: shape (N, C, H, W), the input of the forward pass; all three are left unchanged, contiguous or not.
        weight: shape (C,), the scale gamma.
        eps: as in the forward pass.

    Returns:
        (grad_x, grad_weight, grad_bias) of shapes (N, C, H, W), (C,) and (C,), of the dtype of `x`, and as accurate as
        batch_statistics; tensors that autograd can go on with, so not computed under `torch.inference_mode()` here.

    Raises:
        ValueError: grad_output isn't of the shape of x, or weight isn't of shape (C,); the message names its shape and
            that of x.
    """
    ### BEGIN SOLUTION
    if grad_output.shape != x.shape:
        raise ValueError(f"grad_output of shape {tuple(grad_output.shape)} does not fit x of shape {tuple(x.shape)}")
    if weight.shape != x.shape[1:2]:
        raise ValueError(f"weight of shape {tuple(weight.shape)} does not fit x of shape {tuple(x.shape)}")
    mean, var = batch_statistics(x)
    count = x.numel() // x.shape[1]  # N * H * W values share one mean
    inv_std = 1 / torch.sqrt(var + eps)  # (C,)
    x_hat = (x - mean[:, None, None]) * inv_std[:, None, None]  # (N, C, H, W)
    grad_bias = grad_output.sum(dim=(0, 2, 3))  # (C,)
    grad_weight = (grad_output * x_hat).sum(dim=(0, 2, 3))  # (C,)
    through_mean = grad_bias[:, None, None] / count  # (C, 1, 1)
    through_var = x_hat * grad_weight[:, None, None] / count  # (N, C, H, W)
    grad_x = (weight * inv_std)[:, None, None] * (grad_output - through_mean - through_var)
    return grad_x, grad_weight, grad_bias
    ### END SOLUTION


# %%
check("batch_norm_backward", points=4)

# %% [markdown]
# The six numbers again, this time with your function:

# %%
six = torch.tensor([[[[0.0, 2, 5]]], [[[2.0, 3, 6]]]])  # (2, 1, 1, 3)
first_only = torch.zeros_like(six)
first_only[0, 0, 0, 0] = 6
print(batch_norm_backward(first_only, six, torch.ones(1), eps=0.0)[0].flatten())

# %% [markdown]
# ## Predict, then run: a filter ten times as large
#
# A convolution is followed by batch norm. Somebody multiplies all its weights by 10. **Guess:**
#
# - What happens to the output of the norm?
# - What happens to the gradient that reaches the convolution's weights: 10 times as large, the same, or 10 times
#   smaller?
# - And for any `grad_output` at all: what do the values of `grad_x` add up to, per channel?


# %%
def weight_gradient(factor: float, normalise: bool) -> tuple[torch.Tensor, float]:
    """The output behind a convolution `factor` times as large, and the length of the gradient of its weights."""
    generator = torch.Generator().manual_seed(0)
    x, target = (torch.randn(8, 3, 10, 10, generator=generator) for _ in range(2))
    weight = (factor * torch.randn(3, 3, 3, 3, generator=generator) / 27**0.5).requires_grad_()
    out = nn.functional.conv2d(x, weight, padding=1)
    if normalise:
        out = batch_norm(out, *batch_statistics(out), torch.ones(3), torch.zeros(3))
    (out * target).sum().backward()
    return out.detach(), weight.grad.norm().item()


factors = np.logspace(-1, 1, 9)
plt.figure(figsize=(6.5, 3.4), layout="constrained")
for normalise, label, colour in ((False, "without norm", VERMILION), (True, "with batch norm", BLUE)):
    lengths = [weight_gradient(factor, normalise)[1] for factor in factors]
    plt.loglog(factors, lengths, "o-", color=colour, label=label)
plt.xlabel("the weights are multiplied by")
plt.ylabel("length of the weights' gradient")
plt.legend()
plt.show()

change = (weight_gradient(10, True)[0] - weight_gradient(1, True)[0]).abs().max()
print(f"with batch norm, weights times 10 change the output by at most {change:.1g}")

grad_output, x = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64)
grad_x, _, _ = batch_norm_backward(grad_output, x, torch.ones(3, dtype=torch.float64))
mean, var = batch_statistics(x)
print("sum of grad_x per channel:    ", grad_x.sum(dim=(0, 2, 3)).numpy().round(12) + 0.0)
print("sum of grad_x * (x - mean):   ", (grad_x * (x - mean[:, None, None])).sum(dim=(0, 2, 3)).numpy().round(3) + 0.0)

# %% [markdown]
# *Figure: the length of the gradient of a convolution's weights against a factor on these weights, from 0.1 to 10,
# both axes logarithmic. Without norm the line is flat. With batch norm it falls in inverse proportion: ten times
# the weights, a tenth of the gradient.*
#
# <details><summary>Was your guess right?</summary>
#
# The output stays, because dividing by the deviation takes the factor out again. (It moves by a trace, as
# $\varepsilon$ is not scaled along.) If a function doesn't change when its argument is stretched, its slope must
# shrink as the argument grows: weights times 10, gradient over 10 (Ioffe & Szegedy 2015, section 3.3). The larger
# the weights, the smaller their steps: batch norm brakes by itself.
#
# In the same way the output doesn't feel it if a constant is added to all of `x`, so `grad_x` has no part along
# that direction: it sums to 0. Nor does it feel a stretch about the mean, so `grad_x` sums to (almost) 0 against
# `x - mean`, too. These are the second and the third path at work: they *remove* from the gradient what the forward
# pass can't feel.
# </details>

# %% [markdown]
# ## Two modes
#
# In training, an image's answer depends on its neighbours in the batch. That noise is harmless there, and even
# helps a little (Ioffe & Szegedy 2015, section 3.4). In use it is out of the question: the answer for one image
# must not depend on which other images share its batch, and a single image has no neighbours. So the layer *remembers*
# statistics while it trains, and uses them in evaluation:
#
# | | `layer.train()` | `layer.eval()` |
# |---|---|---|
# | normalises with | mean and biased variance of this batch | `running_mean`, `running_var` |
# | then applies | `weight`, `bias` | `weight`, `bias` |
# | updates | `running_mean`, `running_var`, `num_batches_tracked` | nothing |
#
# `self.training` says which mode is on; every `nn.Module` has it. It has nothing to do with `torch.no_grad()`:
# training mode without gradients (to refresh the statistics) and eval mode with them (to ask which pixels mattered,
# as in lesson 7) both make sense.
#
# **How it remembers.** After each training batch,
#
# $$\text{running} \leftarrow (1 - m) \cdot \text{running} + m \cdot \text{batch}$$
#
# with $m$ = `momentum` = 0.1. Mind the name: in an optimizer, and in Keras, momentum weighs the *old* value. In
# torch's batch norm it weighs the **new** one (documentation of `torch.nn.BatchNorm2d`). What is old should fade:
# older weights produced it.
#
# **One batch, two variances.** The batch is normalised with its *biased* variance, divided by $n$; that makes the
# variance of $\hat x$ 1, but for $\varepsilon$. But `running_var` is meant to estimate the variance of all the data to
# come, and a batch underestimates it: its mean has been fitted to these very values. Dividing by $n - 1$ instead
# repairs that on average. So what goes into `running_var` is $v \cdot \frac{n}{n - 1}$ (Ioffe & Szegedy 2015,
# algorithm 2). Several published course implementations leave this out. With our six numbers and a fresh layer:
# `running_mean` becomes $0.9 \cdot 0 + 0.1 \cdot 3 = 0.3$, and `running_var` $0.9 \cdot 1 + 0.1 \cdot 4.8 = 1.38$.
#
# **What is learned, what is only remembered.** `weight` and `bias` are learned: `nn.Parameter`, so that the
# optimizer finds them. The running statistics are only remembered: *buffers*, made by
# `self.register_buffer(name, tensor)`. No optimizer touches a buffer, but it is saved, loaded, and moved to the GPU
# with the module. A plain attribute is not, and you notice on the day you load your trained net and it guesses.
#
# ## Exercise 4: the layer
#
# <details><summary>Hint 1: a nudge</summary>
#
# Write `forward` as a choice of `mean, var`, followed by one call of your `batch_norm` for both modes. The
# bookkeeping happens in the training branch only.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# A fresh layer in eval mode should leave its input (almost) as it is: which values of the two parameters and the
# two running statistics do that? `num_batches_tracked` is `torch.tensor(0)`, an integer. The number of values per
# channel is `x.numel() // num_features`; if it is 1 there is nothing to train on.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# The statistics that normalise must carry the gradient; the copies that you remember must not, or each batch would
# keep the graph of all batches before it. So update under `with torch.no_grad():`, for instance
# `self.running_mean += self.momentum * (mean - self.running_mean)`, and the same for the variance with the factor
# $n / (n - 1)$.
# </details>


# %%
class BatchNorm2d(nn.Module):
    """Batch normalisation with running statistics, interchangeable with torch.nn.BatchNorm2d.

    In training mode a batch is normalised with its own mean and biased variance, and moves the running statistics:
    new = (1 - momentum) * old + momentum * batch, where `running_var` takes the batch's unbiased variance. In eval mode
    the running statistics normalise, and nothing changes. Only `self.training` tells the two apart. Without the
    library's norms, and as accurate as batch_statistics. No other tensor that it is given or computes is kept.

    Args:
        num_features: number of channels C.
        eps: added to the variance that normalises.
        momentum: weight of the NEW batch in the running statistics.

    Attributes:
        weight, bias: parameters of shape (C,), one and zero at first.
        running_mean, running_var: buffers of shape (C,), zero and one at first; they never require a gradient, and
            keep the dtype that `.to()` gives them.
        num_batches_tracked: buffer, an int64 scalar, the number of batches seen in training mode.
        num_features, eps, momentum: as given.

    Shapes: (N, C, H, W) -> (N, C, H, W); the input is left unchanged.

    Raises:
        ValueError: the input isn't of shape (N, num_features, H, W), or there is only one value per channel
            (N * H * W == 1) in training mode; the message names the input's shape, and num_features if that differs.
            Nothing has been changed then.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1):
        super().__init__()
        ### BEGIN SOLUTION
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        if x.dim() != 4 or x.shape[1] != self.num_features:
            raise ValueError(f"expected x of shape (N, {self.num_features}, H, W), got {tuple(x.shape)}")
        if self.training:
            count = x.numel() // self.num_features  # N * H * W
            if count == 1:
                raise ValueError(f"one value per channel has no variance to train with: x is {tuple(x.shape)}")
            mean, var = batch_statistics(x)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (var * (count / (count - 1)) - self.running_var)
                self.num_batches_tracked += 1
        else:
            mean, var = self.running_mean, self.running_var
        return batch_norm(x, mean, var, self.weight, self.bias, self.eps)
        ### END SOLUTION


# %%
check("BatchNorm2d", points=4)

# %% [markdown]
# ## Predict, then run: how fast do running statistics arrive?
#
# The data have mean 3 and variance 4. A fresh layer starts at 0 and 1, and gets batches of only $n = 4$ values a
# channel. **Guess first:**
#
# - With `momentum=0.1`, after how many batches has `running_mean` gone nine tenths of the way, to 2.7? And with
#   0.01?
# - What happens with `momentum=0.9`, which is what you get if you bring 0.1 from the other convention?
# - If `running_var` took the *biased* variance of each batch, where would it settle?

# %%
torch.manual_seed(0)
batches = 3 + 2 * torch.randn(400, 4, 64, 1, 1)  # 400 batches of 4 values, for 64 channels at once
layers = {momentum: BatchNorm2d(64, momentum=momentum) for momentum in (0.9, 0.1, 0.01)}
paths = {momentum: [] for momentum in layers}
unbiased, biased, biased_var = [], [], torch.ones(64)
for batch in batches:
    for momentum, layer in layers.items():
        layer(batch)
        paths[momentum].append(layer.running_mean[0].item())
    biased_var = biased_var + 0.01 * (batch_statistics(batch)[1] - biased_var)
    biased.append(biased_var.mean())
    unbiased.append(layers[0.01].running_var.mean())

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
for (momentum, path), colour in zip(paths.items(), (ORANGE, BLUE, GREEN), strict=True):
    left.plot(range(1, 101), path[:100], color=colour, lw=1 if momentum == 0.9 else 2, label=f"momentum {momentum:g}")
left.axhline(3, color="black", ls=":", lw=1)
left.set(xlabel="training batches", ylabel="running_mean of one channel", title="the mean of the data is 3")
left.legend(fontsize=9)
right.plot(range(1, 401), unbiased, color=BLUE, label="your layer")
right.plot(range(1, 401), biased, color=VERMILION, label="without the factor n / (n - 1)")
right.axhline(4, color="black", ls=":", lw=1)
right.set(xlabel="training batches", ylabel="running_var, mean of 64 channels", title="the variance of the data is 4")
right.legend(fontsize=9)
plt.show()
for momentum in (0.1, 0.01):
    print(f"momentum {momentum:g}: 9/10 of the way after {math.log(0.1) / math.log(1 - momentum):.0f} batches")
print(f"running_var at the end: yours {unbiased[-1]:.2f}, without the factor {biased[-1]:.2f}")

# %% [markdown]
# *Figure: on the left the running mean of one channel over 100 batches, for three values of momentum. With 0.9 it
# jumps by about one unit with every batch, and now and then by several. With 0.1 it climbs to nearly 3 within some
# 25 batches and wavers about it. With 0.01 it climbs smoothly and is under 2 after 100 batches. On the right the
# running variance over 400 batches of 4 values: yours levels off at 4, the one without the factor n / (n − 1) at 3.*
#
# <details><summary>Was your guess right?</summary>
#
# What is missing shrinks by the factor $1 - m$ with each batch, so a tenth is left after $\log 0.1 / \log(1 - m)$
# batches. A small momentum forgets slowly and is precise, a large one is quick and noisy; 0.9 is in effect the last
# batch's statistics. This also explains a classic puzzle: a net evaluated after its first few steps looks much
# worse than it is, as its running statistics are still on their way.
#
# The biased variance of 4 values is $\frac34$ of the true one on average, and so it settles at 3. In a ResNet's
# first layers $n$ is above a hundred thousand and nobody could see the difference. In its last layers, with small
# images and small batches, it counts.
# </details>

# %% [markdown]
# ## Folding
#
# In eval mode the norm is nothing but a fixed scale and a fixed shift for each channel, and a convolution can do
# both by itself. Let $v$ be `running_var`, $\sigma = \sqrt{v + \varepsilon}$ and $\mu$ `running_mean`, all of shape
# $(O,)$, and write $*$ for the convolution of lesson 1, with weight $w$ of shape $(O, C, K_H, K_W)$ and bias $b$ of
# shape $(O,)$:
#
# $$\gamma\, \frac{(w * x + b) - \mu}{\sigma} + \beta
#   \;=\; \underbrace{\tfrac{\gamma}{\sigma}\, w}_{\text{new weight}} * \; x \;+\;
#   \underbrace{\tfrac{\gamma}{\sigma}\,(b - \mu) + \beta}_{\text{new bias}}$$
#
# One layer instead of two, the same function but for rounding (Jacob et al. 2018, section 3.2, do it before they
# quantise). The formula shows two more things. The convolution's own bias $b$ only shifts $\mu$ along, so in training
# it does nothing; that is why ResNet's convolutions have `bias=False`. And it works because the norm stands *behind*
# the convolution: in front of it, the zeros of the padding would not be normalised, and the border would come out
# wrong.
#
# ## Exercise 5: fold the norm into the convolution
#
# <details><summary>Hint 1: a nudge</summary>
#
# The scale belongs to the *output* channels of the convolution. Which dimension of its weight is that?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# You need a new convolution with all the settings of the old one, and then a new weight and a new bias in it.
# `copy.deepcopy` makes the first in one go. A convolution without a bias behaves like one with $b = 0$; the folded
# one always has a bias.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# `scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)`, then `conv.weight * scale[:, None, None, None]`. Assign
# `folded.weight = nn.Parameter(…)` and `folded.bias = nn.Parameter(…)` under `torch.no_grad()`.
# </details>


# %%
def fold_batch_norm(conv: nn.Conv2d, bn: nn.Module) -> nn.Conv2d:
    """One convolution that computes what `conv` followed by `bn` in eval mode does (Jacob et al. 2018, section 3.2).

    From their numbers alone: neither `conv` nor `bn` is run, and `torch.nn.utils.fusion` isn't used.

    Args:
        conv: with a bias or without; left unchanged.
        bn: a BatchNorm2d, yours or torch's, or any module with the attributes of yours, in either mode: its running
            statistics count; left unchanged.

    Returns:
        A new convolution, with weight and bias as parameters; stride, padding and its mode, dilation, groups and dtype
        are those of `conv`, whatever the dtype of `bn`. Autograd is on afterwards if it was before.

    Raises:
        ValueError: `bn` has another number of channels than `conv` gives; the message names the shapes of both weights.
    """
    ### BEGIN SOLUTION
    if bn.weight.shape != conv.weight.shape[:1]:
        raise ValueError(f"norm of shape {tuple(bn.weight.shape)} does not fit a conv of {tuple(conv.weight.shape)}")
    folded = copy.deepcopy(conv)
    with torch.no_grad():
        scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)  # (O,)
        bias = torch.zeros_like(scale) if conv.bias is None else conv.bias  # (O,)
        folded.weight = nn.Parameter(conv.weight * scale[:, None, None, None])  # (O, C / groups, KH, KW)
        folded.bias = nn.Parameter((bias - bn.running_mean) * scale + bn.bias)  # (O,)
    return folded.to(conv.weight.dtype)
    ### END SOLUTION


# %%
check("fold_batch_norm", points=3)

# %% [markdown]
# **The proof, and what it buys.** A convolution and your norm, with statistics as after some training, against the
# folded convolution. How large is the difference in float32 and in float64, and which is faster on this machine?

# %%
torch.manual_seed(0)
conv, bn = nn.Conv2d(32, 32, 3, padding=1, bias=False), BatchNorm2d(32)
for _ in range(10):
    bn(conv(2 * torch.randn(8, 32, 16, 16) + 1))  # ten batches of training statistics
with torch.no_grad():
    bn.weight.uniform_(0.5, 1.5)
    bn.bias.normal_()
pair = nn.Sequential(conv, bn).eval()
folded = fold_batch_norm(conv, bn)


def best_of(layer: nn.Module, x: torch.Tensor, runs: int = 20) -> float:
    """The shortest time of several runs, in milliseconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        layer(x)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


with torch.no_grad():
    x = 2 * torch.randn(16, 32, 32, 32) + 1
    together = pair(x)
    print(f"float32: the outputs reach {together.abs().max():.1f}, the largest difference is", end=" ")
    print(f"{(together - folded(x)).abs().max():.1e}")
    print(f"convolution and norm {best_of(pair, x):.2f} ms, folded {best_of(folded, x):.2f} ms")
    pair, folded, x = pair.double(), fold_batch_norm(conv.double(), bn.double()), x.double()
    print(f"float64: the largest difference is {(pair(x) - folded(x)).abs().max():.1e}")

# %% [markdown]
# The differences are rounding errors of the two formats, and they shrink with the format: the two are the same
# function. The time saved is that of reading and writing the whole activation a few times more.

# %% [markdown]
# ## What broke, what it means
#
# Three mistakes that every one of us has made, on a small net with your `BatchNorm2d`; its task is to tell the
# direction of noisy stripes, one of four. Look at the shapes of the curves, so that you know them when you meet them.


# %%
def stripes(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy stripes in four directions: images (count, 1, 12, 12) and labels (count,), sorted by label."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) * 4 // count
    angle = (labels * math.pi / 4)[:, None, None]
    phase = 2 * math.pi * torch.rand(count, 1, 1, generator=generator)
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    waves = torch.sin(1.2 * (angle.cos() * x + angle.sin() * y) + phase)
    return (waves + torch.randn(count, 12, 12, generator=generator))[:, None], labels


class DetachedNorm(BatchNorm2d):
    """Mistake 2: in training, mean and variance are taken for constants."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        super().forward(x)  # for the running statistics
        constants = [statistic.detach() for statistic in batch_statistics(x)]
        return batch_norm(x, *constants, self.weight, self.bias, self.eps)


def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of images that are classified correctly, in batches of 25 in the order given."""
    with torch.no_grad():
        right = [(model(x).argmax(dim=1) == y).sum() for x, y in zip(images.split(25), labels.split(25), strict=True)]
    return (sum(right) / len(labels)).item()


def train(norm: type[nn.Module], back_to_train: bool = True, steps: int = 100) -> dict[str, list[float]]:
    """Train for some steps and evaluate every tenth; what was measured, by name."""
    torch.manual_seed(0)
    layers, channels = [], 1
    for _ in range(3):
        layers += [nn.Conv2d(channels, 8, 3, padding=1, bias=False), norm(8), nn.ReLU()]
        channels = 8
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    (images, labels), test = stripes(1024, seed=1), stripes(200, seed=2)
    measured = {"loss": [], "in eval mode": [], "in training mode": [], "filter": []}
    for step in range(1, steps + 1):
        batch = torch.randint(len(images), (32,))
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        measured["loss"].append(loss.item())
        measured["filter"].append(model[0].weight.norm().item())
        if step % 10 == 0:
            measured["in training mode"].append(accuracy(copy.deepcopy(model).train(), *test))  # mistake 1, on a copy
            measured["in eval mode"].append(accuracy(model.eval(), *test))
            model.train(back_to_train)
    return measured


right = train(BatchNorm2d)
detached = train(DetachedNorm)
stuck = train(BatchNorm2d, back_to_train=False)

figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.2), layout="constrained")
axes = axes.flatten()
for name, colour in (("in eval mode", BLUE), ("in training mode", VERMILION)):
    axes[0].plot(range(10, 101, 10), [100 * share for share in right[name]], "o-", color=colour, label=f"tested {name}")
axes[0].axhline(25, color="black", ls=":", lw=1)
axes[0].set(title="1: eval() forgotten", ylabel="test accuracy in %", ylim=(0, 104))
for ax, wrong, title in ((axes[1], detached, "2: statistics detached"), (axes[3], stuck, "3: train() forgotten")):
    ax.plot(range(1, 101), right["loss"], color=BLUE, label="right")
    ax.plot(range(1, 101), wrong["loss"], color=VERMILION, label="with the mistake")
    ax.set(title=title, ylabel="training loss", ylim=(0, 2.5))
axes[2].plot(range(1, 101), right["filter"], color=BLUE, label="right")
axes[2].plot(range(1, 101), detached["filter"], color=VERMILION, label="with the mistake")
axes[2].set(title="2: statistics detached", ylabel="length of the first filters", ylim=(0, None))
axes[3].axvline(10, color="black", ls=":", lw=1)
for ax in axes:
    ax.set_xlabel("step")
    ax.legend(fontsize=8)
plt.show()
print(f"tested in eval mode {right['in eval mode'][-1]:.0%}, in training mode {right['in training mode'][-1]:.0%}")
for name, run in {"right": right, "detached": detached, "stuck in eval mode": stuck}.items():
    print(f"{name}: mean loss of the last 20 steps {np.mean(run['loss'][-20:]):.2f}")
print(f"guessing among four: loss {math.log(4):.2f}")

# %% [markdown]
# *Figure: four plots over 100 steps of training. First, test accuracy of one and the same net: tested in eval mode
# it rises to nearly 100 %, tested in training mode it stays little above the 25 % of guessing. Second, training
# loss with detached statistics: it falls far more slowly than with right ones. Third, the length of the first
# filters: steady with right gradients, growing several-fold with detached ones. Fourth, training loss when train()
# is forgotten after the first evaluation at step 10, marked by a dotted line: up to there it equals the right one,
# then the two part: it shoots up, and ends near the loss of guessing.*
#
# 1. **`eval()` forgotten.** The training loss is fine, the test accuracy absurd, and it changes with the order of
#    the test images. Here the test set is sorted by class: each batch holds one class only, and the norm subtracts
#    exactly what its images have in common. Shuffle and it looks almost right, which is worse. *Remedy:*
#    `model.eval()` before every evaluation.
# 2. **Statistics detached.** Nothing crashes. The loss falls slowly and unsteadily while the weights grow without
#    end: the gradient keeps pushing along directions that the forward pass cancels (Ioffe & Szegedy 2015, section
#    2, tell just this story of a bias). *Remedy:* keep `torch.no_grad()` around the *running* copies only, and
#    check gradients against autograd, as your tests did.
# 3. **`train()` forgotten.** All is well up to the first evaluation, and never after. From there on the layer
#    divides by frozen statistics while the weights move on, and nothing holds the activations any more. *Remedy:*
#    `model.train()` at the top of every epoch, not once before the loop.

# %% [markdown]
# ## Where to go
#
# - **Ioffe & Szegedy 2015**, *Batch Normalization*: algorithms 1 and 2 are this lesson, section 3.2 treats
#   convolutions, section 3.3 the large learning rates.
# - **He et al. 2015**, *Deep Residual Learning*, section 3.4: a norm behind every convolution and before the ReLU,
#   as you will build it in lesson 3.
# - **He et al. 2015b**, *Delving Deep into Rectifiers*, section 2.2: the size of initial weights, for nets without
#   norm.
# - **Santurkar et al. 2018**, *How Does Batch Normalization Help Optimization?*, sections 2 and 3: the gain comes
#   from a smoother loss, not from steadier distributions.
# - **Wu & He 2018**, *Group Normalization*, sections 1 and 4: what happens with batches of 2, and a norm without a
#   batch.
# - **Goyal et al. 2017**, *Accurate, Large Minibatch SGD*, section 5.1: the last norm of each block starts at γ
#   = 0. You will try it in lesson 3.
# - **Jacob et al. 2018**, *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
#   Inference*, section 3.2: folding, and what to mind when training goes on.
# - **Ba et al. 2016**, *Layer Normalization*, section 3, and **Ulyanov et al. 2016**, *Instance Normalization*,
#   section 2: the two other pictures from the beginning.
#
# **Next:** lesson 3 puts two convolutions and two of these norms into a block, and adds the shortcut that gives
# ResNet its name.
