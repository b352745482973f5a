# %% [markdown]
# # Lesson 4: ResNet18
#
# **Time:** about 80 minutes. **You need:** the BasicBlock of lesson 3.
#
# After this lesson you can
#
# 1. build the whole ResNet18, for small and for large images, and account for every one of its 11 million parameters;
# 2. say where the weights start, why there, and what happens to a signal when they don't;
# 3. put torchvision's weights into a net of your own and show that it computes the same numbers.
#
# You have built the parts: a convolution, a norm, a block. Today they become a net. There is surprisingly little left
# to write. The rest of the time goes into looking at what you have: where its parameters sit, where its work is done,
# and how much of an image each of its values can see.

# %%
import copy
import math
import time
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import cbook
from torch import nn

from course import carry, check
from course.plots import BLUE, GREEN, ORANGE, VERMILION, set_style

set_style()

# %% [markdown]
# The block comes from your notebook of lesson 3 if it passes its tests there. If not, you get the reference, and can go
# on all the same.

# %%
BasicBlock = carry("lesson_03", "BasicBlock")

# %% [markdown]
# ## The whole net on one page
#
# An image goes in, ten numbers come out. On the way the map gets smaller and thicker: each time its sides are halved,
# its channels are doubled.


# %%
def draw_net(ax):
    """Draw each map as a box: its height stands for the side in pixels, its width for the channels."""
    parts = [
        (3, 32, "0.85", "image"),
        (64, 32, "0.6", "stem"),
        (64, 32, BLUE, "layer1"),
        (128, 16, ORANGE, "layer2"),
        (256, 8, GREEN, "layer3"),
        (512, 4, VERMILION, "layer4"),
        (512, 1, "0.6", "mean"),
    ]
    left = 0.0
    for channels, side, colour, title in parts:
        width = 0.8 + channels / 18
        ax.add_patch(plt.Rectangle((left, -side / 2), width, side, facecolor=colour, edgecolor="black", alpha=0.85))
        ax.text(left + width / 2, 19, title, ha="center")
        ax.text(left + width / 2, -19, f"{channels} ×\n{side} × {side}", ha="center", va="top", fontsize=9)
        ax.annotate("", (left + width + 9, 0), (left + width + 1, 0), arrowprops={"arrowstyle": "->"})
        left += width + 10
    ax.add_patch(plt.Rectangle((left, -5), 0.8, 10, facecolor="0.85", edgecolor="black"))
    ax.text(left + 0.4, 19, "fc", ha="center")
    ax.text(left + 0.4, -19, "10\nlogits", ha="center", va="top", fontsize=9)
    ax.set(xlim=(-4, left + 5), ylim=(-28, 24))
    ax.axis("off")


figure, ax = plt.subplots(figsize=(10.5, 3.6))
draw_net(ax)
plt.show()

# %% [markdown]
# *Figure: ResNet18 for a CIFAR image as a row of boxes, as high as the map's side and as wide as its number of
# channels. The image is 3 × 32 × 32. Stem and `layer1` give 64 × 32 × 32, `layer2` 128 × 16 × 16, `layer3`
# 256 × 8 × 8, `layer4` 512 × 4 × 4. The mean over each channel leaves 512 numbers, and `fc` makes 10 logits of them.*
#
# In symbols, with $x$ the images and $h_s$ the output of stage $s$:
#
# $$h_0 = \mathrm{ReLU}(\mathrm{BN}(K * x)), \qquad h_s = \mathrm{stage}_s(h_{s-1}) \quad (s = 1, \dots, 4)$$
#
# $$\bar h_{nc} = \frac{1}{H'W'} \sum_{i,j} (h_4)_{ncij}, \qquad z = \bar h\, W^\top + b$$
#
# | symbol | in code | shape for CIFAR | what it is |
# |---|---|---|---|
# | $x$ | `x` | $(N, 3, 32, 32)$ | $N$ colour images |
# | $K$ | `conv1.weight` | $(64, 3, 3, 3)$ | the stem's kernels; $*$ is the convolution of lesson 1 |
# | $\mathrm{BN}$ | `bn1` | $(64,)$ twice | batch norm, lesson 2 |
# | $h_s$ | output of `layer1` … `layer4` | $(N, 64 \cdot 2^{s-1}, 32/2^{s-1}, 32/2^{s-1})$ | what the stages pass on |
# | $H', W'$ | | 4 and 4 | height and width of the last map |
# | $\bar h$ | | $(N, 512)$ | the mean of each channel's map |
# | $W, b$ | `fc.weight`, `fc.bias` | $(10, 512)$ and $(10,)$ | a linear layer |
# | $z$ | the output | $(N, 10)$ | logits, one per class |
#
# **Why 18?** Count the layers with weights on the main path: the stem's convolution, four stages of two blocks of two
# convolutions, and the linear layer: $1 + 4 \cdot 2 \cdot 2 + 1 = 18$. Norms and projections don't count.

# %% [markdown]
# ## 1. A stage
#
# A **stage** is a row of blocks that work on maps of the same size. The first block makes the change: it takes the
# stride and it goes from the old number of channels to the new. All others keep what they get. So every block after
# the first has a plain shortcut, and the stage needs one projection at most.
#
# Why double the channels when the sides are halved? Look at what one 3x3 convolution costs, in multiplications:
#
# $$\underbrace{H \cdot W}_{\text{places}} \cdot \underbrace{C_{out}}_{\text{values at each}} \cdot
# \underbrace{9\, C_{in}}_{\text{multiplications per value}}$$
#
# Halving $H$ and $W$ divides this by four. Doubling $C_{in}$ and $C_{out}$ multiplies it by four. So every layer
# costs the same, from the first stage to the last, and no stage is the bottleneck (He et al. 2015, section 3.3). (The
# layer where the channels change is the exception: it costs half.)
#
# ### Exercise: `make_stage`
#
# Write the stage.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Write down what each block of `make_stage(64, 128, 3, stride=2)` reads and writes: channels and size. Only one line
# of your list differs from the others.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Make a list: first the block that goes from `in_channels` to `out_channels` with the stride, then `num_blocks - 1`
# blocks from `out_channels` to `out_channels`. Each needs weights of its own, so each needs a call of its own.
# `nn.Sequential(*blocks)` takes the blocks of a list one by one.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# blocks = [BasicBlock(..., stride)]
# blocks += [BasicBlock(out_channels, out_channels) for _ in range(...)]
# return nn.Sequential(*blocks)
# ```
#
# and before that, a `ValueError` for `num_blocks < 1` whose message gives the number.
# </details>


# %%
def make_stage(in_channels: int, out_channels: int, num_blocks: int, stride: int) -> nn.Sequential:
    """Stack BasicBlocks of one width; the first one changes channels and size, the others keep both.

    Args:
        in_channels: channels of the stage's input; only the first block sees them.
        out_channels: channels of every block's output.
        num_blocks: how many blocks, at least 1; each has weights of its own, drawn for it.
        stride: of the first block in pixels; all others have stride 1.

    Returns:
        An `nn.Sequential` of `num_blocks` BasicBlocks, named `0`, `1`, … as `nn.Sequential` does by itself.

    Shape:
        of the stage: (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)), dtype kept.

    Raises:
        ValueError: `num_blocks` is less than 1; the message gives its value.

    Source: He et al. 2015, section 3.3 and table 1.
    """
    ### BEGIN SOLUTION
    if num_blocks < 1:
        raise ValueError(f"num_blocks must be at least 1, got {num_blocks}")
    blocks = [BasicBlock(in_channels, out_channels, stride)]
    blocks += [BasicBlock(out_channels, out_channels) for _ in range(num_blocks - 1)]
    return nn.Sequential(*blocks)
    ### END SOLUTION


# %%
check("make_stage", points=2)

# %% [markdown]
# ## 2. Counting
#
# How big is a net? The usual answer is its number of **parameters**: the numbers that training changes. Two things are
# easy to get wrong.
#
# - A norm holds four numbers per channel, but only two are parameters: its weight and its bias. The running statistics
#   are *buffers*: saved with the model, but measured, not learned.
# - A parameter that two layers share is stored once, so it counts once.
#
# ### By hand
#
# Take a stage small enough for paper: `make_stage(2, 4, num_blocks=2, stride=2)`. A 3x3 convolution from $C_{in}$ to
# $C_{out}$ channels holds $9\, C_{in} C_{out}$ weights and here no bias, since the norm behind it would subtract it
# again. A norm holds $2\, C_{out}$ parameters.
#
# | | block 0 | block 1 |
# |---|---|---|
# | `conv1` | $9 \cdot 2 \cdot 4 = 72$ | $9 \cdot 4 \cdot 4 = 144$ |
# | `bn1` | $2 \cdot 4 = 8$ | $8$ |
# | `conv2` | $9 \cdot 4 \cdot 4 = 144$ | $144$ |
# | `bn2` | $8$ | $8$ |
# | projection, 1x1, and its norm | $2 \cdot 4 + 8 = 16$ | none |
# | sum | $248$ | $304$ |
#
# Together 552.
#
# ### Exercise: `count_parameters`
#
# Now let the computer count.
#
# <details><summary>Hint 1: a nudge</summary>
#
# `model.parameters()` walks through all submodules by itself, and yields a shared parameter once.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Each item is a tensor. You want the number of its elements, `numel()`, added up.
# </details>


# %%
def count_parameters(model: nn.Module) -> int:
    """Count the numbers that a model's parameters hold.

    A parameter that several submodules share counts once. A frozen one (`requires_grad=False`) counts like any other.
    Buffers, such as running statistics, are no parameters.

    Args:
        model: any module, on any device (one on `"meta"` has shapes and no values).

    Returns:
        The number of elements of all parameters together, an `int`.
    """
    ### BEGIN SOLUTION
    return sum(parameter.numel() for parameter in model.parameters())
    ### END SOLUTION


# %%
check("count_parameters", points=1)

# %%
small = make_stage(2, 4, num_blocks=2, stride=2)
print("by hand: 552, counted:", count_parameters(small))
print("all numbers in the state dict:", sum(tensor.numel() for tensor in small.state_dict().values()))

# %% [markdown]
# The second number is larger. Which vectors, and which scalars, does it hold on top?
#
# <details><summary>Answer</summary>
#
# Five norms with 4 channels each. Each has a `running_mean` and a `running_var` of 4 numbers, and one
# `num_batches_tracked`: $5 \cdot (4 + 4 + 1) = 45$ numbers that are saved and never learned.
# </details>

# %% [markdown]
# ## 3. Where the weights start
#
# Before the first step of training the weights are random. How large should they be? Follow a signal through one
# convolution. An output value is a sum of $n_{in} = C_{in} \cdot k_h \cdot k_w$ products, the **fan-in**. With
# independent weights of mean 0,
#
# $$\mathrm{Var}[y] = n_{in}\; \mathrm{Var}[w]\; \mathrm{E}[x^2].$$
#
# The input $x$ comes from a ReLU, which sets half of a symmetric signal to zero. So it lets through half of the mean
# square: $\mathrm{E}[x^2] = \tfrac12 \mathrm{Var}[y_\text{before}]$. If the signal is to stay as strong as it is,
#
# $$\tfrac12\, n_{in}\, \mathrm{Var}[w] = 1 \quad\Longrightarrow\quad \mathrm{Var}[w] = \frac{2}{n_{in}}.$$
#
# The gradient runs the other way. One input value goes into $n_{out} = C_{out} \cdot k_h \cdot k_w$ output values, the
# **fan-out**, and the same reasoning gives $\mathrm{Var}[w] = 2 / n_{out}$ (He et al. 2015b, section 2.2, equations 10
# and 14).
#
# Which of the two? You can't have both where the channels change. In this net the norm behind each convolution
# takes the weights' scale out of the signal, and out of the gradient that is handed down. So either would do; we take
# $2 / n_{out}$, as torchvision's ResNet does.
#
# An example: a 3x3 convolution from 64 to 128 channels has $n_{in} = 64 \cdot 9 = 576$ and $n_{out} = 128 \cdot 9 =
# 1152$. Its weights get the variance $2 / 1152$, so the standard deviation $1 / 24 \approx 0.042$.
#
# Norms start as the identity: weight 1, bias 0. The linear layer has no ReLU behind it and keeps PyTorch's default.
#
# ### Exercise: `init_weights`
#
# `model.apply(f)` calls `f` once for every module of a model, at any depth. So `init_weights` gets one module at a
# time, looks at its type, and does the right thing or nothing.
#
# <details><summary>Hint 1: a nudge</summary>
#
# `isinstance(module, nn.Conv2d)` tells you what you have. Functions in `nn.init` whose name ends in `_` write into a
# tensor that exists.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# `nn.init.kaiming_normal_` is He's normal distribution (Kaiming is his first name). Read what its arguments `mode` and
# `nonlinearity` mean, and what they are if you leave them out. `nn.init.ones_` and `nn.init.zeros_` do for the norms.
# Or do it by hand: `weight.normal_(0, std)` under `torch.no_grad()`, where `std` is a standard deviation, not a
# variance.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# if isinstance(module, nn.Conv2d):
#     nn.init.kaiming_normal_(module.weight, mode=..., nonlinearity=...)
# elif isinstance(module, nn.BatchNorm2d):
#     ...
# ```
# </details>


# %%
def init_weights(module: nn.Module) -> None:
    """Give one module its initial values, in place; `model.apply(init_weights)` calls it for every module of a model.

    - `nn.Conv2d`: the weight is drawn anew at every call, from a normal distribution of mean 0 and variance
      2 / fan_out, where fan_out = out_channels * kernel height * kernel width, whatever the groups; no value is
      cut off.
    - `nn.BatchNorm2d`: weight 1, bias 0; running statistics, eps and momentum stay as they are.
    - Everything else, `nn.Linear` and every other norm or convolution too, stays as it is.

    Args:
        module: a layer or any other module. Its parameters keep their dtype and go on requiring gradients, and
            torch goes on recording them.

    Source: He et al. 2015b, section 2.2, "Backward Propagation Case".
    """
    ### BEGIN SOLUTION
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)
    ### END SOLUTION


# %%
check("init_weights", points=2)

# %% [markdown]
# ### Predict, then run: a signal through 20 layers
#
# Twenty convolutions with a ReLU behind each, no norms, no shortcuts. The weights have the variance $v / n$ with
# $n = n_{in} = n_{out}$. You start with a signal whose root mean square (RMS) is 1.
#
# **Guess first:**
#
# - Your `init_weights` means $v = 2$. What is the RMS after 20 layers?
# - With $v = 1$, what factor does the RMS take from each layer, and what is left after 20?
# - PyTorch's default for `nn.Conv2d` is uniform between $\pm 1 / \sqrt{n}$, so $v = \tfrac13$. What is left then?
# - And if there is a norm in front of each ReLU?


# %%
def signal(v, depth=20, channels=64, norm=False):
    """The RMS in front of the first layer and behind each of them, for weights of variance v / n."""
    x = torch.randn(4, channels, 16, 16)
    strengths = [x.square().mean().sqrt().item()]
    for _ in range(depth):
        # circular padding: no zeros come in at the edge, so nothing is lost there
        conv = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="circular", bias=False)
        init_weights(conv)
        conv.weight.data *= math.sqrt(v / 2)
        x = conv(x).detach()
        if norm:
            x = nn.BatchNorm2d(channels)(x).detach()
        x = x.relu()
        strengths.append(x.square().mean().sqrt().item())
    return strengths


torch.manual_seed(0)
settings = {
    "v = 3": (3, False, VERMILION),
    "v = 2, your init_weights": (2, False, BLUE),
    "v = 1, no gain for ReLU": (1, False, ORANGE),
    "v = 1/3, PyTorch's default": (1 / 3, False, GREEN),
    "v = 1/3 with norms": (1 / 3, True, "black"),
}
figure, ax = plt.subplots(figsize=(8, 4.2))
for label, (v, norm, colour) in settings.items():
    strengths = signal(v, norm=norm)
    ax.semilogy(strengths, "--" if norm else "o-", color=colour, markersize=3, label=label)
    per_layer = (strengths[-1] / strengths[1]) ** (1 / 19)
    theory = "" if norm else f", theory sqrt(v/2) = {math.sqrt(v / 2):.3f}"
    print(f"{label:28} RMS behind layer 20: {strengths[-1]:.2g}, factor per layer {per_layer:.3f}{theory}")
ax.set(xlabel="layer", ylabel="RMS of the activations", xticks=range(0, 21, 5))
ax.legend(frameon=False, loc="lower left")
plt.show()

# %% [markdown]
# *Figure: the strength of the signal against depth, on a logarithmic scale. With v = 2 it stays near 1 through all 20
# layers. With v = 3 it climbs in a straight line, with v = 1 and v = 1/3 it falls in straight lines, the last one by
# nearly eight powers of ten. With norms it is flat from layer 1 on, at 0.7, even at v = 1/3.*
#
# <details><summary>What happened</summary>
#
# Each layer multiplies the mean square by $v/2$, so the RMS by $\sqrt{v/2}$. The printed factors come close; what is
# left is the luck of the draw. A factor of 0.7 looks harmless. Twenty of them leave a thousandth. (With norms the
# first layer is an exception: it takes the RMS from 1 to √½ ≈ 0.71, and there it stays. So the factor is measured from
# layer 1 on.)
#
# With norms the forward signal doesn't care at all. So is the start unimportant in a ResNet? For the signal, nearly.
# But the norm divides the gradient by the scale that it removes. Weights of a wrong scale therefore get gradients of a
# wrong scale, and the learning rate that fits one layer doesn't fit the next. Zhang et al. (2019) show how far you get
# with a careful start and no norms at all.
# </details>

# %% [markdown]
# ## 4. The whole net
#
# Now put it together. Two things are left to decide.
#
# **The stem.** ImageNet's pictures are large. The net halves them twice before the first block: a 7x7 convolution with
# stride 2, then a 3x3 max pooling with stride 2. CIFAR's are 32 pixels wide, too small for that. There the stem is one
# 3x3 convolution with stride 1, and nothing is pooled.
#
# | | `stem="cifar"` | `stem="imagenet"` |
# |---|---|---|
# | `conv1` | 3x3, stride 1, padding 1 | 7x7, stride 2, padding 3 |
# | then | `bn1`, ReLU | `bn1`, ReLU, max pooling 3x3, stride 2, padding 1 |
# | 32 × 32 becomes | 32 × 32 | 8 × 8 |
# | 224 × 224 becomes | 224 × 224 | 56 × 56 |
#
# **The end.** After `layer4` the map of each channel is averaged to one number. That works for a map of any size, so
# the net takes images of any size. Then comes one linear layer. The net returns its ten numbers as they are. They are
# called *logits*: scores, one per class, which may be any real numbers. What makes probabilities of them is the
# *softmax*, $e^{z_c} / \sum_k e^{z_k}$, and it is *not* part of the net: the loss of lesson 6 takes care of it.
#
# ### Exercise: `ResNet18`
#
# The names are torchvision's, so that its weights fit your net. Its code doesn't count: the tests refuse a net with a
# part of torchvision in it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# The constructor is the row of boxes in the first figure, read from left to right: three attributes for the
# stem, one for each stage, one for `fc`; the image and the mean need none. The last line applies `init_weights`.
# `forward` is the same row again.
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Check the arguments first. Then make `conv1` by stem, `bn1`, `layer1` to `layer4` by `make_stage`, `fc`.
# For the pooling, an `nn.MaxPool2d` on one stem and an `nn.Identity` on the other saves you an `if` in `forward`.
# In `forward`, `x.mean(dim=(2, 3))` turns (N, 512, H', W') into (N, 512).
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# self.conv1 = nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)  # or 7, 2, 3
# self.bn1 = nn.BatchNorm2d(64)
# self.maxpool = ...
# self.layer1 = make_stage(64, 64, num_blocks=2, stride=1)
# ...
# self.fc = nn.Linear(512, num_classes)
# self.apply(init_weights)
# ```
#
# ```python
# x = torch.relu(self.bn1(self.conv1(x)))
# x = self.maxpool(x)
# ...
# return self.fc(x.mean(dim=(2, 3)))
# ```
# </details>


# %%
class ResNet18(nn.Module):
    """ResNet18 with torchvision's attribute names, so that the state dict is torchvision's.

    `conv1` (no bias), `bn1`, ReLU and, on the ImageNet stem only, max pooling; the stages `layer1` to `layer4` of two
    BasicBlocks each, 64, 128, 256 and 512 channels wide, the last three with stride 2; the mean over height and width;
    `fc`, a linear layer with bias. Every module has been given its values by `init_weights`, drawn anew for each net.
    Nothing of torchvision is used, and of a batch nothing stays on the net but running statistics.

    Args:
        num_classes: size of the output, at least 1.
        stem: `"cifar"`: `conv1` is 3x3 with stride 1 and padding 1, and nothing is pooled before `layer1`;
            `"imagenet"`: `conv1` is 7x7 with stride 2 and padding 3, and a 3x3 max pooling with stride 2 and padding 1
            follows the ReLU.

    Shape:
        images (N, 3, H, W) of any height and width -> logits (N, num_classes), without softmax; dtype kept.

    Raises:
        ValueError: `num_classes` is less than 1 (the message gives its value), or `stem` is an unknown word (the
            message names it and both that are allowed). `forward` raises it for an x that is not (N, 3, H, W), naming
            its shape.

    Source: He et al. 2015, section 3.3 and table 1; the 3x3 stem for small images, section 4.2.
    """

    def __init__(self, num_classes: int = 10, stem: str = "cifar"):
        super().__init__()
        ### BEGIN SOLUTION
        if num_classes < 1:
            raise ValueError(f"num_classes must be at least 1, got {num_classes}")
        if stem not in ("cifar", "imagenet"):
            raise ValueError(f"stem must be 'cifar' or 'imagenet', got {stem!r}")
        if stem == "imagenet":
            self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        else:
            self.conv1 = nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if stem == "imagenet" else nn.Identity()
        self.layer1 = make_stage(64, 64, num_blocks=2, stride=1)
        self.layer2 = make_stage(64, 128, num_blocks=2, stride=2)
        self.layer3 = make_stage(128, 256, num_blocks=2, stride=2)
        self.layer4 = make_stage(256, 512, num_blocks=2, stride=2)
        self.fc = nn.Linear(512, num_classes)
        self.apply(init_weights)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        if x.dim() != 4 or x.shape[1] != 3:
            raise ValueError(f"expected images of shape (N, 3, H, W), got {tuple(x.shape)}")
        x = torch.relu(self.bn1(self.conv1(x)))  # (N, 64, H, W), or half that size
        x = self.maxpool(x)
        x = self.layer1(x)  # (N, 64, H, W), or a quarter of that size
        x = self.layer2(x)  # (N, 128, H/2, W/2) of that
        x = self.layer3(x)  # (N, 256, H/4, W/4)
        x = self.layer4(x)  # (N, 512, H/8, W/8)
        return self.fc(x.mean(dim=(2, 3)))  # (N, 512) -> (N, num_classes)
        ### END SOLUTION


# %%
check("ResNet18", points=4)

# %%
print(f"CIFAR, 10 classes:      {count_parameters(ResNet18()):,} parameters")
print(f"ImageNet, 1000 classes: {count_parameters(ResNet18(1000, 'imagenet')):,} parameters")

# %% [markdown]
# Do you see 11,173,962 and 11,689,512? The second is the published net's number. The first is what the smaller stem and
# ten classes leave of it.
#
# ### Predict, then run: where are the parameters, and where is the work?
#
# A parameter is stored once, but a convolution uses it at every place of the map. So parameters and multiplications
# need not be in the same place.
#
# **Guess first:**
#
# - Which stage holds the most parameters, and what share of all?
# - Which stage does the most multiplications? Remember the formula of section 1.
#
# A *hook* is a function that PyTorch calls whenever a module has run. Here one hook per layer counts
# multiply-accumulates (MACs): each value of the output costs as many as one output channel has weights.


# %%
def layer_table(model, image):
    """Rows (name, output shape, parameters, MACs), one per child of a model, noted while an image runs through."""
    shapes, macs, hooks = {}, Counter(), []
    for name, child in model.named_children():

        def note_shape(module, inputs, output, name=name):
            shapes[name] = tuple(output.shape[1:])

        def add_macs(module, inputs, output, name=name):
            macs[name] += output[0].numel() * module.weight[0].numel()

        hooks.append(child.register_forward_hook(note_shape))
        layers = [layer for layer in child.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        hooks += [layer.register_forward_hook(add_macs) for layer in layers]
    with torch.no_grad():
        model.eval()(image)
    for hook in hooks:
        hook.remove()
    rows = [(name, count_parameters(child), macs[name]) for name, child in model.named_children()]
    return [(name, shapes[name], parameters, work) for name, parameters, work in rows if name in shapes]


def show_table(title, rows):
    print(f"{title}\n{'part':8} {'output':>16} {'parameters':>12} {'MACs':>15}")
    for name, shape, parameters, macs in rows:
        print(f"{name:8} {' × '.join(map(str, shape)):>16} {parameters:12,} {macs:15,}")
    print(f"{'sum':8} {'':16} {sum(row[2] for row in rows):12,} {sum(row[3] for row in rows):15,}\n")


rows = layer_table(ResNet18(), torch.zeros(1, 3, 32, 32))
show_table("CIFAR stem, 3 × 32 × 32", rows)
show_table("ImageNet stem, 3 × 224 × 224", layer_table(ResNet18(1000, "imagenet"), torch.zeros(1, 3, 224, 224)))

stages = [row for row in rows if row[0].startswith("layer")]
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for ax, column, title, colour in zip(axes, (2, 3), ("parameters", "MACs"), (BLUE, ORANGE), strict=True):
    shares = [100 * row[column] / sum(row[column] for row in rows) for row in stages]
    bars = ax.barh([row[0] for row in stages], shares, color=colour)
    ax.bar_label(bars, [f"{share:.1f} %" for share in shares], padding=3)
    ax.set(xlabel=f"share of all {title} (%)", xlim=(0, 90))
axes[0].invert_yaxis()
plt.show()

# %% [markdown]
# *Figure: two bar charts for the CIFAR net. The parameters grow about fourfold from stage to stage, and `layer4` holds
# three quarters of them. The MACs are spread almost evenly, about a quarter in each stage, a little more in `layer1`.*
#
# <details><summary>What happened</summary>
#
# A convolution's parameters, $9\, C_{in} C_{out}$, grow fourfold when the channels double. Its MACs are that times $H
# \cdot W$, and stay. So the last stage stores most of the net and works no more than the others. `layer1` works a bit
# more, because all of its four convolutions read 64 full channels. In the other stages the first convolution reads only
# half the channels of those that follow.
#
# This is worth knowing. Want a smaller file? Look at `layer4`. Want a faster net? It doesn't matter much where you cut.
# </details>

# %% [markdown]
# ### Predict, then run: the wrong stem
#
# Someone takes the ImageNet net as it is and feeds it CIFAR images. Nothing crashes.
#
# **Guess first:** how large is the map behind each stage for a 32x32 image? What can `layer4` still say about *where*
# something is?


# %%
def maps(model, image):
    """The map behind each part of the net, averaged over its channels, by the part's name."""
    seen = {}
    names = ("bn1", "layer1", "layer2", "layer3", "layer4")
    hooks = [
        model.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: seen.update({name: output[0].relu().mean(dim=0)})
        )
        for name in names
    ]
    with torch.no_grad():
        model.eval()(image)
    for hook in hooks:
        hook.remove()
    return seen


photo = plt.imread(cbook.get_sample_data("grace_hopper.jpg"))[:480, 16:496]  # (480, 480, 3)
photo = photo.reshape(32, 15, 32, 15, 3).mean(axis=(1, 3)) / 255  # a CIFAR-sized image, (32, 32, 3)
image = torch.tensor(photo, dtype=torch.float32).permute(2, 0, 1)[None] * 4 - 2  # (1, 3, 32, 32), roughly mean 0

torch.manual_seed(0)
figure, axes = plt.subplots(2, 6, figsize=(10.5, 4.2))
for row, stem in zip(axes, ("cifar", "imagenet"), strict=True):
    model = ResNet18(stem=stem)
    row[0].imshow(photo)
    row[0].set_title("image\n32 × 32", fontsize=9)
    row[0].set_ylabel(f'stem="{stem}"')
    for ax, (name, seen) in zip(row[1:], maps(model, image).items(), strict=True):
        ax.imshow(seen, cmap="gray", vmin=0)
        ax.set_title(f"{'conv1' if name == 'bn1' else name}\n{seen.shape[0]} × {seen.shape[1]}", fontsize=9)
    macs = sum(work for *_, work in layer_table(model, image))
    print(f"{stem:9} {macs / 1e6:6.1f} million MACs for one 32 × 32 image")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
plt.show()

# %% [markdown]
# *Figure: a portrait of 32 × 32 pixels and the maps of an untrained net, averaged over channels. Upper row, CIFAR stem:
# the face is easy to see behind `conv1` and `layer1` (32 × 32), still there at 16 × 16 and 8 × 8, and `layer4` has
# 4 × 4 values. Lower row, ImageNet stem: 16 × 16 behind `conv1`, 8 × 8 behind `layer1`, then 4 × 4, 2 × 2, and a single
# value behind `layer4`. The face is gone behind `layer1`.*
#
# <details><summary>What happened</summary>
#
# The ImageNet stem throws away 15 of 16 places before the first block. Most of the net then works on maps of a few
# pixels. In a 3x3 convolution on a 1x1 map, eight of the nine weights meet nothing but padding. So in nearly all of
# `layer4`, which holds three quarters of your parameters, one weight in nine does anything. What you get for it is
# speed, as the printed MACs show, and that is the tempting part: the net trains quickly. Section 7 shows how it ends.
# </details>

# %% [markdown]
# ### Is it the same net?
#
# You have the right number of parameters and the right names. Are the *numbers* right, too? Take torchvision's net,
# move its running statistics away from their start with a batch in training mode, hand its state dict to yours, and
# compare in float64. For CIFAR, torchvision's net first gets the other stem.
#
# (Why float64? Two correct programs may add in a different order, and in float32 rounding then shows in the sixth or
# seventh digit. In float64 there is no such excuse.)


# %%
def difference_to_torchvision(stem, num_classes, size):
    """The largest difference between the logits of torchvision's net and of yours with the same weights, in float64."""
    from torchvision.models import resnet18  # takes a second, so only here

    theirs = resnet18(num_classes=num_classes)
    if stem == "cifar":
        theirs.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        theirs.maxpool = nn.Identity()
    images = torch.randn(4, 3, *size)
    theirs.train()(images)  # moves the running statistics
    yours = ResNet18(num_classes, stem)
    print(f"{stem:9}", yours.load_state_dict(theirs.state_dict(), strict=True), end=", ")
    theirs.double().eval()
    yours.double().eval()
    with torch.no_grad():
        return (yours(images.double()) - theirs(images.double())).abs().max().item()


torch.manual_seed(0)
print(f"largest difference {difference_to_torchvision('cifar', 10, (32, 24)):.1e}")
print(f"largest difference {difference_to_torchvision('imagenet', 1000, (72, 56)):.1e}")

# %% [markdown]
# If the differences are tiny or zero, weights that someone trained for days on ImageNet run in your net:
# `torchvision.models.resnet18(weights="DEFAULT").state_dict()` is all you need (45 MB to download, so not today).
#
# ## 5. What one output sees
#
# A value behind a 3x3 convolution depends on 3x3 pixels. Put a second one behind it: its value depends on 3x3 values,
# and these on 5x5 pixels. The square of input pixels that can reach a value is its **receptive field**.
#
# Every layer adds its kernel less one, since neighbouring windows overlap. But it adds them in *steps of its own
# input*. Behind a stride of 2, one step on the map is two pixels of the image. Behind two such strides it is four. For
# layers with kernels $k_1, \dots, k_L$ and strides $s_1, \dots, s_L$ (Araujo et al. 2019):
#
# $$r = 1 + \sum_{l=1}^{L} (k_l - 1) \prod_{i=1}^{l-1} s_i$$
#
# | symbol | what it is |
# |---|---|
# | $r$ | side of the receptive field, in input pixels |
# | $k_l$, $s_l$ | kernel size and stride of layer $l$, counted from the input |
# | $\prod_{i<l} s_i$ | how many input pixels apart two neighbours are in front of layer $l$; 1 for the first layer |
#
# **By hand:** three 3x3 convolutions with strides 2, 2, 1. Start at $r = 1$. The first adds $2 \cdot 1$: $r = 3$. In
# front of the second neighbours are 2 pixels apart, so it adds $2 \cdot 2$: $r = 7$. In front of the third they are
# $2 \cdot 2 = 4$ apart, so it adds $2 \cdot 4$: $r = 15$. The stride of the third never mattered.
#
# ### Exercise: `receptive_field`
#
# Write the formula as a function that takes the layers one by one.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Go from the input to the output and keep two numbers: the size so far, and how many pixels apart two neighbours are.
# What are both before the first layer?
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# For each pair, first add `(kernel_size - 1)` steps to the size. Only then does the layer's own stride widen the steps
# of those that follow.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# size, jump = 1, 1
# for kernel_size, stride in layers:
#     ...  # refuse what is below 1
#     size += ...
#     jump *= ...
# return size
# ```
# </details>


# %%
def receptive_field(layers: list[tuple[int, int]]) -> int:
    """Side of the smallest square that holds all input pixels on which one output value depends.

    Args:
        layers: a pair (kernel_size, stride) for each convolution or pooling, from the input to the output;
            left unchanged.

    Returns:
        The receptive field in input pixels, an `int`; 1 where there are no layers.

    Raises:
        ValueError: a kernel size or a stride is less than 1; the message names both numbers of that pair.

    Source: Araujo et al. 2019, section "Computing receptive field size".
    """
    ### BEGIN SOLUTION
    size, jump = 1, 1  # jump: how many input pixels apart two neighbouring values are
    for kernel_size, stride in layers:
        if kernel_size < 1 or stride < 1:
            raise ValueError(f"kernel_size and stride must be at least 1, got ({kernel_size}, {stride})")
        size += (kernel_size - 1) * jump
        jump *= stride
    return size
    ### END SOLUTION


# %%
check("receptive_field", points=2)

# %% [markdown]
# ### Predict, then run: how much of the image is in view?
#
# **Guess first:** a CIFAR image is 32 pixels wide. In which stage does a single value see all of it? And with the
# ImageNet stem and 224 pixels?


# %%
def main_path(stem):
    """Name, kernel size and stride of each layer on the main path, from the image to `layer4`."""
    path = [("stem", 3, 1)] if stem == "cifar" else [("stem", 7, 2), ("stem", 3, 2)]
    for stage, stride in enumerate((1, 2, 2, 2), start=1):
        path += [(f"layer{stage}", 3, stride), *[(f"layer{stage}", 3, 1)] * 3]
    return path


figure, axes = plt.subplots(1, 2, figsize=(10, 3.8))
for ax, stem, width, colour in zip(axes, ("cifar", "imagenet"), (32, 224), (BLUE, VERMILION), strict=True):
    path = main_path(stem)
    fields = [receptive_field([(k, s) for _, k, s in path[: i + 1]]) for i in range(len(path))]
    ends = {name: i for i, (name, _, _) in enumerate(path)}  # the last layer of each part
    ax.plot(fields, "o-", color=colour, markersize=4)
    ax.axhline(width, color="black", linestyle="--", linewidth=1)
    ax.text(0, width * 1.04, f"width of the image, {width} pixels", va="bottom", fontsize=9)
    ax.set_xticks(list(ends.values()), [f"end of\n{name}" for name in ends], fontsize=9)
    ax.set(title=f'stem="{stem}"', ylabel="receptive field (pixels)")
    print(f"{stem:9}", ", ".join(f"{name} {fields[i]}" for name, i in ends.items()))
figure.tight_layout()
plt.show()

# %% [markdown]
# *Figure: the receptive field behind each layer on the main path, for both stems, with the width of the image as a
# dashed line. Both curves get steeper behind the first convolution of each stage that strides. With the CIFAR stem the
# curve crosses 32 pixels in `layer3`. With the ImageNet stem it crosses 224 pixels in `layer4`.*
#
# The formula gives the pixels that *can* have an influence. How strong is it? Ask autograd: the gradient of one value
# of a map with respect to the image says how much each pixel counts. Here it is for an untrained CIFAR net and the
# value in the middle of each stage's last map, on an image of noise that is large enough to show the whole field.


# %%
def influence(model, image):
    """|gradient| with respect to the image of one value in the middle of each stage's output, by the stage's name."""
    image = image.clone().requires_grad_()
    h = torch.relu(model.bn1(model.conv1(image)))
    strength = {}
    for name in ("layer1", "layer2", "layer3", "layer4"):
        h = model.get_submodule(name)(h)
        middle = h[0, :, h.shape[2] // 2, h.shape[3] // 2]  # (C,)
        signs = torch.randn(len(middle))  # a random mixture of the channels
        (gradient,) = torch.autograd.grad(middle @ signs, image, retain_graph=True)
        strength[name] = gradient[0].square().sum(dim=0).sqrt()  # (H, W)
    return strength


torch.manual_seed(0)
model = ResNet18().eval().requires_grad_(False)
side = 128
path = main_path("cifar")
figure, axes = plt.subplots(1, 4, figsize=(10.5, 3))
for ax, (name, strength) in zip(axes, influence(model, torch.randn(1, 3, side, side)).items(), strict=True):
    ax.imshow(strength.sqrt(), cmap="magma")  # the root shows weak pixels, too
    last = max(i for i, layer in enumerate(path) if layer[0] == name)
    field = receptive_field([(k, s) for _, k, s in path[: last + 1]])
    rows, columns = strength.nonzero().T  # pixels with any influence at all
    top, left = rows.min().item(), columns.min().item()
    height, width = rows.max().item() - top + 1, columns.max().item() - left + 1
    frame = plt.Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor="#56B4E9", linewidth=2)
    ax.add_patch(frame)
    ax.set(title=f"{name}: {height} × {width} pixels", xticks=[], yticks=[])
    shares = strength.flatten().sort(descending=True).values.cumsum(0) / strength.sum()
    half = ((shares < 0.5).sum().item() + 1) / field**2
    print(f"{name}: formula {field:3}, measured {height:3} × {width:3}; half of the influence in {half:.0%} of it")
figure.tight_layout()
plt.show()

# %% [markdown]
# *Figure: four black squares of 128 × 128 pixels, one per stage, bright where a pixel influences the value in the
# middle of the stage's map. A blue frame shows the receptive field: small in the middle for `layer1`, and larger with
# each stage, until it nearly fills the image at `layer4`. In each frame the middle glows and the corners are dark.*
#
# <details><summary>What happened</summary>
#
# The measured squares have the size that your formula gives. But a pixel in the middle reaches the output on many
# paths, and one in a corner on a single path. So the influence looks like a bell: the *effective* receptive field is
# much smaller than the formula says (Luo et al. 2016, sections 2 and 3). When a net seems blind to something far away,
# this is one place to look.
# </details>

# %% [markdown]
# ## 6. All of it your own
#
# Two of PyTorch's layers in this net you have written yourself, in lessons 1 and 2: the convolution and the norm. So
# take yours. The next cell replaces every `nn.Conv2d` and every `nn.BatchNorm2d` by yours, with the same weights. Then
# both nets take one step of training on the same images.
#
# **Guess first:** by how much do the logits differ, in float64? And how much slower is yours?

# %%
Conv2d = carry("lesson_01", "Conv2d")
BatchNorm2d = carry("lesson_02", "BatchNorm2d")


def with_own_layers(net):
    """A copy of the net in which every convolution and every norm is your own, with the same weights."""
    net = copy.deepcopy(net)
    for parent in list(net.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Conv2d):
                sizes = layer.kernel_size[0], layer.stride[0], layer.padding[0]
                own = Conv2d(layer.in_channels, layer.out_channels, *sizes, bias=False)
            elif isinstance(layer, nn.BatchNorm2d):
                own = BatchNorm2d(layer.num_features, layer.eps, layer.momentum)
            else:
                continue
            own.to(layer.weight.dtype).load_state_dict(layer.state_dict())
            setattr(parent, name, own)
    return net


def train_once(net, images, labels):
    """Loss before, and logits after, one step of gradient descent, with the seconds that the step took."""
    start = time.perf_counter()
    loss = F.cross_entropy(net.train()(images), labels)
    loss.backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= 0.01 * parameter.grad
    seconds = time.perf_counter() - start
    with torch.no_grad():
        return loss.item(), net.eval()(images), seconds


torch.manual_seed(0)
theirs = ResNet18().double()
own = with_own_layers(theirs)
kinds = sorted({type(module).__module__.partition(".")[0] + "." + type(module).__name__ for module in own.modules()})
print("made of:", ", ".join(kinds))

images, labels = torch.randn(8, 3, 16, 16, dtype=torch.float64), torch.randint(10, (8,))
own_loss, own_logits, own_seconds = train_once(own, images, labels)
loss, logits, seconds = train_once(theirs, images, labels)
print(f"loss {own_loss:.12f} with your layers, {loss:.12f} with PyTorch's")
print(f"largest difference of the logits after one step: {(own_logits - logits).abs().max():.1e}")
print(f"one step: {own_seconds:.2f} s with your layers, {seconds:.2f} s with PyTorch's")

# %% [markdown]
# <details><summary>What happened</summary>
#
# The loss before the step and the logits after it agree to the last digits: your gradients are right, too. And yours
# may not be slower at all. On a CPU, PyTorch's fast convolution kernels are made for float32. In float64 a convolution
# is patches and a matrix product on both sides. Try `images.float()` and `ResNet18()` without `.double()`, and the
# picture changes.
# </details>
#
# Look at the list of parts once more. What is left of PyTorch's modules is a linear layer, an identity and a container.
# Below them are matrix products and autograd. Every other line of this net you wrote.
#
# ## 7. What broke, what it means
#
# Three mistakes that raise no error. Each gets a small net of your own stages, and a small problem: find out which of
# four tiny shapes, each 3x3 pixels, is hidden somewhere in a noisy 16x16 image.

# %%
SHAPES = torch.tensor(
    [
        [[0.0, 1, 0], [1, 1, 1], [0, 1, 0]],
        [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
        [[1, 1, 1], [1, 0, 1], [1, 1, 1]],
        [[0, 1, 0], [1, 0, 1], [0, 1, 0]],
    ]
)


def hidden_shapes(n, generator):
    """A batch of images (n, 3, 16, 16) and the numbers of the shapes in them, (n,)."""
    labels = torch.randint(4, (n,), generator=generator)
    images = 0.3 * torch.randn(n, 3, 16, 16, generator=generator)
    places = torch.randint(13, (n, 2), generator=generator).tolist()
    for image, label, (row, column) in zip(images, labels, places, strict=True):
        image[:, row : row + 3, column : column + 3] += SHAPES[label]
    return images, labels


class SmallNet(nn.Module):
    """A ResNet of two narrow stages, right or with one of three mistakes."""

    def __init__(self, mistake=""):
        super().__init__()
        self.mistake = mistake
        stem = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        if mistake == "ImageNet's stem":
            stem = [nn.Conv2d(3, 16, 7, 2, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        self.body = nn.Sequential(*stem, make_stage(16, 16, 1, stride=1), make_stage(16, 32, 1, stride=2))
        self.fc = nn.Linear(32, 4)

    def forward(self, x):
        logits = self.fc(self.body(x).mean(dim=(2, 3)))
        if self.mistake == "softmax in the net":
            return logits.softmax(dim=1)
        return logits.relu() if self.mistake == "ReLU on the logits" else logits


def learning_curve(mistake, steps):
    """Loss and accuracy on each new batch."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    net = SmallNet(mistake).apply(init_weights)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    history = []
    for _ in range(steps):
        images, labels = hidden_shapes(32, generator)
        logits = net(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append((loss.item(), (logits.argmax(dim=1) == labels).float().mean().item()))
    return np.array(history)


steps = 150
mistakes = {"": BLUE, "softmax in the net": ORANGE, "ReLU on the logits": VERMILION, "ImageNet's stem": GREEN}
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8))
for mistake, colour in mistakes.items():
    history = learning_curve(mistake, steps)
    smooth = np.array([history[max(i - 9, 0) : i + 1].mean(axis=0) for i in range(steps)])  # over ten batches
    for ax, values in zip(axes, (smooth[:, 0], 100 * smooth[:, 1]), strict=True):
        ax.plot(values, color=colour, label=mistake or "as it should be")
    print(f"{mistake or 'as it should be':20} last ten batches: loss {smooth[-1, 0]:.2f}, accuracy {smooth[-1, 1]:.0%}")
floor = math.log(math.e + 3) - 1  # cross-entropy of the probabilities (1, 0, 0, 0), taken for logits
axes[0].axhline(floor, color=ORANGE, linestyle=":", linewidth=1)
axes[0].text(steps, floor + 0.02, "no lower with a softmax", fontsize=8, ha="right")
axes[0].axhline(math.log(4), color="black", linestyle=":", linewidth=1)
axes[0].text(steps, math.log(4) + 0.02, "guessing", fontsize=8, ha="right")
axes[0].set(xlabel="step", ylabel="loss (nats)", ylim=(0, 1.7))
axes[1].axhline(25, color="black", linestyle=":", linewidth=1)
axes[1].set(xlabel="step", ylabel="accuracy (%)", ylim=(0, 102))
axes[1].text(steps, 16, "guessing", fontsize=8, ha="right")
figure.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="upper center", ncol=4)
plt.show()

# %% [markdown]
# *Figure: loss and accuracy over 150 steps. As it should be: the loss falls towards zero, the accuracy climbs towards
# 100 %. Softmax in the net: the loss lies flat at first, falls slowly, and stays above a dotted floor at 0.74; the
# accuracy lags far behind. ReLU on the logits: both curves stay where guessing is. ImageNet's stem: as quick as the
# right one at first, then it falls behind in both.*
#
# | what you see | what it may mean | look at |
# |---|---|---|
# | a slow start, a loss that stops far from 0 | softmax in the net *and* in the loss | is `logits.sum(dim=1)` all 1? |
# | loss and accuracy stay at guessing | a ReLU on the logits: no gradient below zero | is `logits.min()` exactly 0? |
# | all is well, but ends several points short | too much downsampling, too early | how large is `layer1`'s map? |
#
# The floor is worth a moment of thought. Cross-entropy applies a softmax itself. Give it probabilities, and the best
# that it can get is one 1 and three 0s. It takes these for logits: $-\log \frac{e}{e + 3} \approx 0.74$. For the ten
# classes of CIFAR it is $-\log \frac{e}{e + 9} \approx 1.46$. If your loss stops there, you know where to look.

# %% [markdown]
# ## Where to go
#
# - He, Zhang, Ren, Sun 2015, *Deep Residual Learning for Image Recognition*: table 1 is this net, section 3.3 its
#   rules, section 3.4 how it was trained. The nets of section 4.2 for CIFAR-10 are other, thinner ones.
# - He, Zhang, Ren, Sun 2015b, *Delving Deep into Rectifiers*: section 2.2 derives where weights start.
# - Glorot and Bengio 2010, *Understanding the difficulty of training deep feedforward neural networks*: section 4.2,
#   the same question before ReLU.
# - Zhang, Dauphin, Ma 2019, *Fixup Initialization*: section 3, deep residual nets without norms.
# - Araujo, Norris, Sim 2019, *Computing Receptive Fields of Convolutional Neural Networks*: also where the field lies,
#   and nets with several paths.
# - Luo, Li, Urtasun, Zemel 2016, *Understanding the Effective Receptive Field in Deep Convolutional Neural Networks*:
#   sections 2 and 3.
#
# The net is finished. It knows nothing yet. Next you give it something to look at: lesson 5 reads CIFAR-10.
