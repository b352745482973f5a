# %% [markdown]
# # Lesson 3: the basic block
#
# You have a convolution and a norm. Stack many of them and you get a deep net, and for years that did not work: past
# some depth every further layer made things worse. In this lesson you build the block that ended it. It differs from
# what came before by one plus sign.
#
# **When you are done, you can**
#
# 1. build the block that ResNet18 repeats eight times, in torchvision's own layout;
# 2. say why the shortcut is a *sum*, when it needs a projection, and where the ReLU stands;
# 3. measure how gradients travel through a stack of layers, and not trust what everybody says about it.
#
# **Time:** 60 to 75 minutes. **You need:** lessons 1 and 2. From here on you use `nn.Conv2d` and `nn.BatchNorm2d`;
# you know what is in them.

# %%
import math

import matplotlib.pyplot as plt
import torch
from torch import nn

from course import check
from course.plots import BLUE, GREEN, ORANGE, PURPLE, VERMILION, set_style

set_style()

# %% [markdown]
# ## The idea
#
# Take a net of 18 layers that works. Put 16 more layers into it. What should happen to its *training* error?
#
# It should not rise. The new layers could simply hand on what they are given, each of them the identity, and the deep
# net would do exactly what the shallow one does. Everything better than that is a gain.
#
# Here is what He et al. (2015, table 2) found on ImageNet. A plain net of 34 layers had a validation error of 28.5 %,
# one of 18 layers 27.9 %. And this was no overfitting: the deeper net was worse on the *training* images, too, from
# the first epoch to the last (figure 4, left). A solution as good as the shallow net's exists. The optimizer does not
# find it.
#
# So identity, of all things, is hard to learn for a pile of convolutions and ReLUs. Then don't make them learn it.
# Let the layers compute only the *difference* from their input, and add the input by a wire of its own:
#
# $$\text{plain: } \; y = H(x) \qquad\qquad \text{residual: } \; y = F(x) + x$$
#
# The two can express the same thing, with $F(x) = H(x) - x$. But to be the identity, the residual layers only need
# $F = 0$, and small weights are easy. With this change the net of 34 layers came down to 25.0 %, and it was the
# *deeper* of the two that was better; with 18 layers it is 27.9 %.
#
# Here are the three blocks of this lesson.


# %%
def draw_block(ax, title, shortcut):
    """Draw the parts of a block from bottom to top; `shortcut` is None, "identity" or "projection"."""
    layers = ["conv1 3×3", "bn1", "ReLU", "conv2 3×3", "bn2"] + (["+"] if shortcut else []) + ["ReLU"]
    colours = {"c": BLUE, "b": ORANGE, "R": GREEN, "+": "white"}
    for height, layer in enumerate(layers, start=1):
        ax.annotate("", (0, height - 0.32), (0, height - 0.68), arrowprops={"arrowstyle": "->", "lw": 1.5})
        box = {"boxstyle": "circle" if layer == "+" else "round", "fc": colours[layer[0]], "ec": "black", "alpha": 0.75}
        ax.text(0, height, layer, ha="center", va="center", bbox=box)
    ax.annotate("", (0, len(layers) + 0.7), (0, len(layers) + 0.3), arrowprops={"arrowstyle": "->", "lw": 1.5})
    ax.text(0, 0.1, "x", ha="center", style="italic")
    ax.text(0, len(layers) + 0.75, "y", ha="center", style="italic")
    if shortcut:
        ax.plot([0, 1.5, 1.5], [0.45, 0.45, 6], color=VERMILION, lw=3)
        ax.annotate("", (0.2, 6), (1.55, 6), arrowprops={"arrowstyle": "->", "lw": 3, "color": VERMILION})
        ax.text(-1.25, 3, "F(x)", ha="center", style="italic")
    if shortcut == "projection":
        for height, layer in ((2.5, "conv 1×1"), (3.5, "bn")):
            ax.text(1.5, height, layer, ha="center", va="center", bbox={"boxstyle": "round", "fc": "white"})
    ax.set(xlim=(-1.8, 2.5), ylim=(0, 8.2), title=title)
    ax.axis("off")


_, axes = plt.subplots(1, 3, figsize=(9, 5), constrained_layout=True)
draw_block(axes[0], "PlainBlock", None)
draw_block(axes[1], "BasicBlock", "identity")
draw_block(axes[2], "BasicBlock with projection", "projection")
plt.show()

# %% [markdown]
# *Figure: three blocks, drawn from the input x at the bottom to the output y at the top. The plain block is a column of
# conv1, bn1, ReLU, conv2, bn2, ReLU. The basic block has the same column, but a red line leaves x, passes by the five
# layers called F(x), and meets them at a plus sign between bn2 and the last ReLU. In the third block a 1×1
# convolution and a norm sit on that red line.*

# %% [markdown]
# ## Why a sum
#
# Look at the way back. Leave the ReLU after the sum aside for a moment. One residual block has the derivative
#
# $$\frac{\partial y}{\partial x} = \frac{\partial F}{\partial x} + I$$
#
# where $x$ and $y$ are the block's input and output, read as long vectors of $d = C \cdot H \cdot W$ numbers, and
# $I$ is the identity matrix, $d \times d$. Write $J_l$ for the derivative of the layers of block number $l$, that is
# $\partial H / \partial x$ or $\partial F / \partial x$. The chain rule multiplies over all $L$ blocks:
#
# $$\text{plain: } \; \frac{\partial y_L}{\partial x_1} = J_L \cdots J_2 \, J_1 \qquad\qquad
# \text{residual: } \; \frac{\partial y_L}{\partial x_1} = (I + J_L) \cdots (I + J_1) = I + \sum_l J_l + \dots$$
#
# The plain product is at the mercy of every factor. If each one shrinks a vector to a half, 20 of them leave a
# millionth. If each one doubles it, 20 of them give a million. The residual product, multiplied out, has a term that
# depends on no block: the $I$ at its beginning, the gradient that comes straight down the wire.
#
# That is why it is a sum. A *product* with the input would put a factor in front of the wire. So would a *mean*: half
# of the input, 20 blocks in a row, is a millionth again. He et al. (2016, section 3.1, table 1) tried it with a net of
# 110 layers. With a half on its wires it did not converge well; with a half on wires *and* branches, which is the mean,
# its error on CIFAR-10 was 12.4 % instead of 6.6 %.
#
# ### By hand
#
# Three numbers go through one block. They come out of a ReLU, so none is negative:
#
# | | | | |
# |---|---|---|---|
# | input $x$ | 2 | 1 | 3 |
# | branch $F(x)$ | −1 | −2 | 0.5 |
# | sum $F(x) + x$ | 1 | −1 | 3.5 |
# | output $y = \text{ReLU}(F(x) + x)$ | 1 | 0 | 3.5 |
#
# Now backwards. Let the loss be the sum of the outputs, so that its gradient with respect to $y$ is $(1, 1, 1)$. The
# ReLU lets it pass where the sum was positive: $(1, 0, 1)$. And a sum hands what it gets to *both* its summands. So
# $(1, 0, 1)$ arrives at the branch, and the same $(1, 0, 1)$ arrives at $x$ over the wire, whatever the branch's
# weights are. Check it:

# %%
x = torch.tensor([2.0, 1.0, 3.0], requires_grad=True)
branch = torch.tensor([-1.0, -2.0, 0.5], requires_grad=True)
y = torch.relu(branch + x)
y.sum().backward()
print("y", y.tolist(), "  gradient over the wire", x.grad.tolist(), "  to the branch", branch.grad.tolist())

print("\nTwenty blocks of one number each, whose branches have the slope s:")
for slope in (-0.5, 0.1, 0.5, 2.0):
    print(f"s = {slope:4}:   plain s^20 = {slope**20:9.2g}    residual (1 + s)^20 = {(1 + slope) ** 20:9.2g}")

# %% [markdown]
# The last lines say two things. A plain chain keeps its gradient only if its slope happens to be 1. A residual chain
# keeps it if its *branches* are small. It does not forgive everything: a branch of 2 makes it explode, and a branch of
# −0.5 takes half away in every block. How large the branches are is up to the norm at their end, and we shall come
# back to it.

# %% [markdown]
# ## A plain block
#
# First the control of the experiment: a block without a shortcut. For an input of shape $(N, C_{in}, H, W)$ and stride
# $s$:
#
# | part | shape of its weight | shape of its output |
# |---|---|---|
# | `conv1`: 3×3, stride $s$, padding 1, no bias | $(C_{out}, C_{in}, 3, 3)$ | $(N, C_{out}, H', W')$ |
# | `bn1`, ReLU | $(C_{out})$ | the same |
# | `conv2`: 3×3, stride 1, padding 1, no bias | $(C_{out}, C_{out}, 3, 3)$ | the same |
# | `bn2`, ReLU | $(C_{out})$ | the same |
#
# with $H' = \lceil H/s \rceil$ and $W' = \lceil W/s \rceil$; the brackets round up.
#
# Two details are worth a thought. The convolutions have **no bias**: the norm behind them subtracts the mean of every
# channel, and with it any constant that was added before (Ioffe & Szegedy 2015, section 3.2). And **only `conv1`
# changes anything** about the shape. It takes the stride and the new number of channels; all that follows keeps both.
#
# Every block should refuse an input that does not fit, in one clear sentence. This helper does it for you. It is
# already written; run the cell and call it first thing in each `forward`.


# %%
def expect_input(x: torch.Tensor, conv: nn.Module) -> None:
    """Raise a `ValueError` that names both shapes unless x is a batch of images that fits this convolution."""
    if x.dim() != 4 or x.shape[1] != conv.weight.shape[1]:
        shapes = f"x {tuple(x.shape)} does not fit the weight {tuple(conv.weight.shape)}"
        raise ValueError(f"{shapes}: expected (N, {conv.weight.shape[1]}, H, W)")


# %% [markdown]
# ### Exercise: `PlainBlock`
#
# <details><summary>Hint 1: a nudge</summary>
#
# What has weights is made once, in `__init__`, as an attribute of `self`. What has none, like the ReLU, can be called
# in `forward` as `torch.relu`.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Four attributes, in the names of the table. `forward` is the table read from top to bottom: convolution, norm, ReLU,
# and the same once more.
#
# </details>
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# self.conv1 = nn.Conv2d(in_channels, ..., 3, stride, padding=1, bias=False)
# self.bn1 = nn.BatchNorm2d(...)
# ...
# expect_input(x, self.conv1)
# out = torch.relu(self.bn1(self.conv1(x)))
# return ...
# ```
#
# </details>


# %%
class PlainBlock(nn.Module):
    """Two 3x3 convolutions without bias, each followed by batch normalisation and ReLU; no shortcut.

    The stride belongs to the first convolution. The parts are called `conv1`, `bn1`, `conv2` and `bn2`; the block has
    no parameters but theirs, and the norms keep torch's eps and momentum. Each block draws its first weights anew. The
    input is left as it was, and of a call nothing stays on the block but running statistics.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output, and between the two convolutions.
        stride: step of the first convolution in pixels, for height and width alike.

    Shape:
        (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)), dtype kept.

    Raises:
        ValueError: x is no batch of `in_channels` channels; names the shapes of x and of `conv1.weight`.

    Source: the plain net of He et al. 2015, section 3.3.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        expect_input(x, self.conv1)
        out = torch.relu(self.bn1(self.conv1(x)))  # (N, out_channels, H', W')
        return torch.relu(self.bn2(self.conv2(out)))
        ### END SOLUTION


# %%
check("PlainBlock", points=2)

# %% [markdown]
# ## When shapes disagree
#
# A sum needs two summands of the same shape. In 5 of ResNet18's 8 blocks they have it. In the other three, at the
# beginning of a new stage, the branch halves the image and doubles the channels, and the input does not fit any more.
# He et al. (2015, section 3.3) name two ways out, and compare three (section 4.1, table 3; error of the 34-layer net
# on ImageNet):
#
# | option | the shortcut is | where | error |
# |---|---|---|---|
# | A | every second pixel, and channels of zeros to fill up | where shapes disagree | 25.0 % |
# | B | a learned projection | where shapes disagree | 24.5 % |
# | C | a learned projection | everywhere | 24.2 % |
#
# ResNet18 as torchvision has it is option B. C is a little better, but it puts weights on all eight wires instead of
# three, and a wire with weights is no longer the straight way down.
#
# The projection is a 1×1 convolution followed by a norm:
#
# $$S(x) = \text{BN}(W_s * x), \qquad W_s: (C_{out}, C_{in}, 1, 1)$$
#
# 1×1, because it only has to mix channels and skip pixels; looking around is the branch's work. And a norm, because
# the branch ends on one. Two summands should be of one size, or the larger drowns the smaller.
#
# ### Exercise: `make_downsample`
#
# When exactly do the shapes disagree? Try four cases on paper: same or new channels, stride 1 or 2.
#
# <details><summary>Hint 1: a nudge</summary>
#
# There is only one case of the four in which nothing needs to be done.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Refuse numbers below 1 first. Return `None` in the one case in which stride *and* channels leave the shape alone. In
# all others return an `nn.Sequential` of the two layers; the convolution takes the stride.
#
# </details>
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# if min(in_channels, out_channels, stride) < 1:
#     raise ValueError(f"... {in_channels} ... {out_channels} ... {stride} ...")
# if ... and ...:
#     return None
# return nn.Sequential(nn.Conv2d(..., 1, stride, bias=False), nn.BatchNorm2d(...))
# ```
#
# </details>


# %%
def make_downsample(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """The projection that brings a block's input to the shape of its output, or None where the two agree already.

    Args:
        in_channels: channels of the block's input.
        out_channels: channels of the block's output.
        stride: the block's step in pixels.

    Returns:
        None if `stride` is 1 and the channels agree. Otherwise an `nn.Sequential` of two: a 1x1 convolution without
        bias that takes the stride, then batch normalisation with torch's eps and momentum. Its state dict has the
        keys `0.weight`, `1.weight`, `1.bias`, `1.running_mean`, `1.running_var` and `1.num_batches_tracked`.

    Shape:
        of the projection: (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)).

    Raises:
        ValueError: a number is less than 1; the message names all three.

    Source: option B of He et al. 2015, section 3.3 and table 3.
    """
    ### BEGIN SOLUTION
    if min(in_channels, out_channels, stride) < 1:
        raise ValueError(f"channels {in_channels} -> {out_channels} at stride {stride}: all must be at least 1")
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))
    ### END SOLUTION


# %%
check("make_downsample", points=2)

# %% [markdown]
# ## The basic block
#
# Now put the two together. With $F$ for the branch and $S$ for the shortcut:
#
# $$y = \text{ReLU}\big(F(x) + S(x)\big), \qquad
# F(x) = \text{BN}_2\big(W_2 * \text{ReLU}(\text{BN}_1(W_1 * x))\big), \qquad
# S(x) = \begin{cases} x & \text{if the shapes agree} \\ \text{BN}_s(W_s * x) & \text{otherwise} \end{cases}$$
#
# $x$ has the shape $(N, C_{in}, H, W)$; $F(x)$, $S(x)$ and $y$ have the shape
# $(N, C_{out}, H', W')$. $W_1$ is $(C_{out}, C_{in}, 3, 3)$, $W_2$ is $(C_{out}, C_{out}, 3, 3)$, and $*$ is the
# convolution of lesson 1.
#
# ### Exercise: `BasicBlock`
#
# Use torchvision's names, `downsample` for the shortcut's projection among them, and your block will be able to load
# weights that somebody trained on a million images.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Compared with `PlainBlock`, one attribute is new in `__init__`, and `forward` has two lines more. The order of three
# things at its end is all that matters: norm, sum, ReLU.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Keep the shortcut in a local name before the branch begins: `x` itself, or what `self.downsample` makes of it. Don't
# change `x` in place; the caller may still need it, and so does the shortcut.
#
# </details>
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# self.downsample = make_downsample(...)
# ...
# shortcut = x if self.downsample is None else ...
# out = torch.relu(self.bn1(self.conv1(x)))
# out = self.bn2(...)  # no ReLU here
# return torch.relu(...)
# ```
#
# </details>


# %%
class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation, and a shortcut added before the last ReLU.

    The parts are called `conv1`, `bn1`, `conv2`, `bn2` and `downsample`, so that the state dict is torchvision's, and
    so is the output. `downsample` is what `make_downsample` gives: None where input and output have the same shape.
    Nothing of torchvision is used. Each block draws its first weights anew, and every norm starts at weight 1 and bias
    0. The input is left as it was, and of a call nothing stays on the block but running statistics, updated once.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output, and between the two convolutions.
        stride: step of the first convolution and of the projection in pixels.

    Shape:
        (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)), dtype kept.

    Raises:
        ValueError: x is no batch of `in_channels` channels; names the shapes of x and of `conv1.weight`.

    Source: He et al. 2015, section 3.2, equations 1 and 2, figure 5 left.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = make_downsample(in_channels, out_channels, stride)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        expect_input(x, self.conv1)
        shortcut = x if self.downsample is None else self.downsample(x)  # (N, out_channels, H', W')
        out = torch.relu(self.bn1(self.conv1(x)))  # (N, out_channels, H', W')
        out = self.bn2(self.conv2(out))
        return torch.relu(out + shortcut)
        ### END SOLUTION


# %%
check("BasicBlock", points=3)

# %% [markdown]
# Yours and torchvision's are now the same thing under two names. Give them the same weights and see:

# %%
from torchvision.models.resnet import BasicBlock as LibraryBlock

yours = BasicBlock(16, 32, stride=2).double()
theirs = LibraryBlock(16, 32, stride=2, downsample=make_downsample(16, 32, 2)).double()
theirs.load_state_dict(yours.state_dict())
images = torch.randn(4, 16, 15, 11, dtype=torch.float64)
print("largest difference:", (yours(images) - theirs(images)).abs().max().item())
for name, tensor in yours.state_dict().items():
    print(f"{name:34} {tuple(tensor.shape)}")

# %% [markdown]
# ## Where the ReLU stands
#
# The last ReLU comes *after* the sum. Why not before it, as the last step of the branch? Then the wire would be clean
# from the first block to the last, with nothing on it at all.
#
# ### Predict, then run: the ReLU before the sum
#
# Below, random images run through 20 basic blocks, and through 20 whose branch ends on the ReLU, so that
# $y = \text{ReLU}(F(x)) + x$. After every block the cell notes the mean of all values.
#
# **Before you run it:** sketch both curves. Does the mean stay, rise or fall from block to block, and in which of the
# two nets does it do so faster? Think of the sign of what is added.


# %%
class ReluBeforeSum(BasicBlock):
    """A basic block whose branch ends on the ReLU."""

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out))) + x


def means_by_depth(make_block, depth=20):
    """The mean of all values after each block of a fresh stack."""
    torch.manual_seed(0)
    x = torch.randn(16, 16, 16, 16).relu()
    means = []
    with torch.no_grad():
        for _ in range(depth):
            x = make_block(16, 16)(x)
            means.append(x.mean().item())
    return means


_, ax = plt.subplots(figsize=(7, 3.5), constrained_layout=True)
for make_block, label, colour, marker in (
    (BasicBlock, "ReLU after the sum", BLUE, "o"),
    (ReluBeforeSum, "ReLU before the sum", VERMILION, "s"),
):
    means = means_by_depth(make_block)
    ax.plot(range(1, 21), means, color=colour, marker=marker, label=label)
    print(f"{label:20} mean after block 1: {means[0]:.2f}, after block 20: {means[-1]:.2f}")
ax.set(xlabel="block", ylabel="mean of all values", xticks=range(1, 21, 2), ylim=(0, None))
ax.legend()
plt.show()

# %% [markdown]
# *Figure: the mean of all values after each of 20 blocks. With the ReLU before the sum it climbs on a straight line.
# With the ReLU after the sum it climbs, too, but bends, and ends at a fraction of that height.*
#
# <details><summary>What happened</summary>
#
# A branch that ends on a ReLU is never negative. It can add and never take away, so every value of the net can only
# grow from block to block, and their mean by the same amount each time: the line is straight. A branch that ends on a
# norm is centred: half of what it adds is negative. Values rise now only because the ReLU after the sum clips some of
# them at zero.
#
# He et al. (2016, section 4.1, figure 4c) trained a net of 110 layers both ways on CIFAR-10: 6.6 % error with the
# ReLU after the sum, 7.8 % with the ReLU before it. In the same paper they find a third place: norm and ReLU *before*
# each convolution, and nothing on the wire (figure 4e). That is ResNet v2, and 6.4 %. ResNet18 is v1, and so is your
# block.
#
# </details>

# %% [markdown]
# ## Measure it
#
# You have read that a plus sign lets gradients through. Don't believe it; measure it. Run a batch through a stack of
# blocks, compute a loss at the end, and ask for its gradient at the output of every block. Its length says how much
# that block's output matters to the loss. For a gradient $g$ with elements $g_i$, the length is the L2 norm:
#
# $$\lVert g \rVert = \sqrt{\textstyle\sum_i g_i^2}, \qquad
# \text{loss} = \frac{1}{n} \sum_{i=1}^{n} y_i^2$$
#
# where $y$ is the output of the last block, with $n$ elements.
#
# `loss.backward()` would do, but it writes a `.grad` onto every parameter and leaves it there, to be added to by
# whoever comes next. A measurement should leave no trace. `torch.autograd.grad(loss, tensors)` returns the gradients
# of one number with respect to the tensors that you name, and touches nothing else.
#
# ### Exercise: `gradient_norms`
#
# <details><summary>Hint 1: a nudge</summary>
#
# You need every block's output after the last block has run. Keep them in a list on the way.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Loop over the blocks, pass `x` on, append each output. Then one call to `torch.autograd.grad` with the whole list
# gives one gradient per output, in the list's order. `.norm()` is the L2 norm over all elements; `.item()` makes a
# Python number of it.
#
# </details>
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# if not blocks:
#     raise ValueError(f"... {tuple(x.shape)} ...")
# outputs = []
# for block in blocks:
#     x = ...
#     outputs.append(x)
# loss = ...
# return [... for gradient in torch.autograd.grad(loss, outputs)]
# ```
#
# </details>


# %%
def gradient_norms(blocks: list[nn.Module], x: torch.Tensor) -> list[float]:
    """How strongly the loss depends on what each block of a stack puts out.

    The blocks run one after the other, the first on x and every other on the output of the one before it, in the
    mode (train or eval) that they are in. The loss is the mean of the squares of the last output.

    Args:
        blocks: modules, in the order in which they run; each takes what the one before gives, and one module may
            stand there twice. The first holds a parameter that requires a gradient, or x requires one.
        x: input of the first block.

    Returns:
        One number per block, in the same order: the L2 norm (the root of the sum of squares over all elements) of the
        loss's gradient with respect to that block's output. No `.grad` is left on x or on any parameter, one that
        was there before is unchanged, and so is `requires_grad` of x and of every parameter. No hook stays.

    Raises:
        ValueError: there is no block; the message names the shape of x.
    """
    ### BEGIN SOLUTION
    if not blocks:
        raise ValueError(f"no block to run x {tuple(x.shape)} through")
    outputs = []
    for block in blocks:
        x = block(x)
        outputs.append(x)
    loss = x.square().mean()
    return [gradient.norm().item() for gradient in torch.autograd.grad(loss, outputs)]
    ### END SOLUTION


# %%
check("gradient_norms", points=2)

# %% [markdown]
# ### Predict, then run: twenty blocks, plain and residual
#
# Below are two pictures. On the left, all norms are taken out of the blocks; on the right they are in. In each, one
# line is for 20 plain blocks and one for 20 basic blocks, all freshly initialised. The lines show the gradient at each
# block's output, relative to the gradient at the last one. Block 1 is next to the input, so a gradient travels from
# right to left.
#
# **Before you run it,** answer for each picture: towards the input, does the plain line fall, stay or rise? You will
# have read that gradients *vanish* in deep plain nets. Write down your guess for both.


# %%
def without_norms(block):
    """The same block with its two norms taken out."""
    block.bn1, block.bn2 = nn.Identity(), nn.Identity()
    return block


def relative_norms(make_block, depth=20):
    """The gradient norm at every block's output, divided by that at the last."""
    torch.manual_seed(0)
    blocks = [make_block().double() for _ in range(depth)]  # float64: some numbers get very small
    norms = gradient_norms(blocks, torch.randn(16, 16, 16, 16, dtype=torch.float64))
    return [norm / norms[-1] for norm in norms]


def plot_norms(ax, make_block, label, colour, marker):
    """Draw one line and print its first point."""
    norms = relative_norms(make_block)
    ax.plot(range(1, len(norms) + 1), norms, color=colour, marker=marker, label=label)
    print(f"{label:32} block 1 has {norms[0]:8.2g} times the gradient of block 20")
    return norms


_, (left, right) = plt.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
plot_norms(left, lambda: without_norms(PlainBlock(16, 16)), "plain, no norms", VERMILION, "s")
plot_norms(left, lambda: without_norms(BasicBlock(16, 16)), "residual, no norms", BLUE, "o")
plain = plot_norms(right, lambda: PlainBlock(16, 16), "plain", VERMILION, "s")
plot_norms(right, lambda: BasicBlock(16, 16), "residual", BLUE, "o")
for ax, title in ((left, "without norms"), (right, "with norms")):
    ax.set(xlabel="block (1 is next to the input)", yscale="log", title=title, xticks=range(1, 21, 3))
    ax.axhline(1, color="black", lw=0.8, ls=":")
    ax.legend()
left.set_ylabel("gradient norm relative to block 20")
plt.show()
print(f"plain, with norms: each block multiplies the gradient by {plain[0] ** (1 / 19):.2f}")

# %% [markdown]
# *Figure: gradient norms through 20 blocks on a logarithmic scale. Without norms, the plain line falls on a straight
# line by many powers of ten from block 20 to block 1, while the residual one stays near 1. With norms, the plain line
# rises on a straight line to several hundred at block 1, while the residual one rises to about ten and bends: most of
# its rise happens in the first few blocks.*
#
# <details><summary>What happened</summary>
#
# **Without norms** it is as you have read. Each plain block shrinks the gradient, a straight line on a logarithmic axis
# means the same factor each time, and what arrives at the first block is nothing. The wire holds: the residual line
# is almost flat.
#
# **With norms** the plain net does the opposite. Its gradients *explode*, and it is the norm that makes them. You can
# compute the factor on paper. Say that $z$ comes out of a norm: mean 0, variance 1, roughly normal. A ReLU makes
# its mean square $\tfrac12$, of which $\tfrac{1}{2\pi}$ is the square of its mean. The next norm takes the mean away
# and divides what is left by its deviation, so the gradient's square is divided by $\tfrac12 - \tfrac{1}{2\pi}$. The
# ReLU, in turn, lets half of the gradient's square pass:
#
# $$\frac{1/2}{1/2 - 1/(2\pi)} = \frac{\pi}{\pi - 1} \approx 1.47 \;\text{ a layer for the square},
# \qquad\text{so } 1.47 \text{ a block of two layers for the norm.}$$
#
# The printed factor of your blocks is close to that; theory assumes wide layers, yours have 16 channels and zeros at
# the border. Yang et al. (2019) worked this out: a plain net with batch norm has exploding gradients, whatever the
# initialisation. He et al. (2015, section 4.1) had already checked that their plain nets' gradients did not vanish,
# and left the question of what was wrong with them open.
#
# **With norms and a wire** the growth is no longer exponential in the depth. The norm at the end of a branch always
# gives it the same size, while the wire collects more and more. Relative to the sum, branch number $l$ gets smaller and
# smaller, and deep blocks come close to the identity by themselves (De & Smith 2020).
#
# </details>

# %% [markdown]
# ### Predict, then run: who learns?
#
# Norms at initialisation are one thing, learning is another. Here is a task small enough for a few seconds: noisy
# stripes in four directions, drawn afresh for every step, so that there is nothing to overfit.


# %%
def stripes(n, generator, size=8):
    """Draw n noisy images of stripes, shape (n, 1, size, size), and their direction, 0 to 3, shape (n,)."""
    direction = torch.randint(0, 4, (n,), generator=generator)
    angle = direction[:, None, None] * math.pi / 4  # (n, 1, 1)
    phase = 2 * math.pi * torch.rand(n, 1, 1, generator=generator)
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    images = torch.sin(1.2 * (column * torch.cos(angle) + row * torch.sin(angle)) + phase)
    return (images + 0.5 * torch.randn(n, size, size, generator=generator))[:, None], direction


images, directions = stripes(64, torch.Generator().manual_seed(0))
_, axes = plt.subplots(1, 4, figsize=(8, 2.3), constrained_layout=True)
for direction, ax in enumerate(axes):
    ax.imshow(images[directions == direction][0, 0], cmap="gray")
    ax.set(title=f"class {direction}", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# *Figure: one noisy 8×8 image of each class. The stripes stand upright in class 0, rise to the right in class 1, lie in
# class 2, and fall to the right in class 3.*
#
# Four nets are trained on them: plain and residual, with 4 blocks and with 20. Everything else is the same: a
# convolution to 8 channels before the blocks, a mean over all pixels and a linear layer after them, SGD with momentum.
#
# **Before you run it:** rank the four by their loss after 80 steps. A net that only guesses has a loss of
# $\ln 4 \approx 1.39$.


# %%
class SmallNet(nn.Module):
    """A stack of blocks of 8 channels between a convolution and a linear layer."""

    def __init__(self, make_block, depth):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.blocks = nn.Sequential(*[make_block(8, 8) for _ in range(depth)])
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean(dim=(2, 3)))  # (N, 4)


def train(make_block, depth=20, lr=0.02, steps=80):
    """Train a small net on stripes; return its loss at every step."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    net = SmallNet(make_block, depth)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    losses = []
    for _ in range(steps):
        images, directions = stripes(32, generator)
        loss = nn.functional.cross_entropy(net(images), directions)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def plot_losses(ax, losses, label, colour, style="-"):
    """Draw a loss curve, each point the mean of up to five steps, and print where it ends."""
    smooth = [sum(losses[max(0, step - 4) : step + 1]) / min(step + 1, 5) for step in range(len(losses))]
    ax.plot(range(1, len(losses) + 1), smooth, label=label, color=colour, ls=style, lw=2)
    print(f"{label:34} loss: {smooth[0]:5.2f} at the first step, {smooth[-1]:5.2f} at the end")


def finish(ax):
    """Label the axes of a plot of loss curves."""
    ax.axhline(math.log(4), color="black", lw=0.8, ls=":")
    ax.text(ax.get_xlim()[1], math.log(4), "guessing ", ha="right", va="bottom", fontsize=9)
    ax.set(xlabel="training step", ylabel="cross-entropy, mean of 5 steps", ylim=(0, None))
    ax.legend()
    plt.show()


_, ax = plt.subplots(figsize=(8, 4), constrained_layout=True)
plot_losses(ax, train(PlainBlock, depth=4), "plain, 4 blocks", VERMILION, "--")
plot_losses(ax, train(PlainBlock, depth=20), "plain, 20 blocks", VERMILION)
plot_losses(ax, train(BasicBlock, depth=4), "residual, 4 blocks", BLUE, "--")
residual_losses = train(BasicBlock, depth=20)
plot_losses(ax, residual_losses, "residual, 20 blocks", BLUE)
finish(ax)

# %% [markdown]
# *Figure: training loss over 80 steps. Both residual nets, with 4 and with 20 blocks, come close to zero within the
# first half, although that of 20 starts well above guessing. The plain net of 4 blocks gets there later. The plain net
# of 20 blocks gets stuck at well over half of the loss of guessing.*
#
# <details><summary>What happened</summary>
#
# You have just reproduced figure 4 of He et al. (2015) in miniature. Five times as many blocks *hurt* the plain net,
# on data that it sees for the first time in every step. It is no overfitting, the net does not fit at all. The same
# 20 blocks with a plus sign in each are as good as 4 of them.
#
# On so small a task more depth has nothing to add. That it takes nothing away is the point: then you can have it where
# you need it.
#
# </details>

# %% [markdown]
# ## Starting at the identity
#
# If small branches are good, why not start with none? `bn2` multiplies by its weight, the $\gamma$ of lesson 2, which
# starts at 1, and adds its bias, which starts at 0. Set the weight to 0 in every block, and each branch gives exactly
# zero: $y = \text{ReLU}(x)$, and that is $x$, since $x$ comes out of the ReLU before (only the first block's $x$ may
# not). Your net of 20 blocks starts as a net of none. This is the zero-initialisation of Goyal et al. (2017, section
# 5.1); torchvision's nets do it if you ask for `zero_init_residual=True`.
#
# ### Predict, then run: zero gamma
#
# Three questions; write down an answer to each.
#
# 1. What will the line of gradient norms look like now?
# 2. If a branch is multiplied by 0, which of its parameters get a gradient at all in the first step?
# 3. Below, the learning rate is ten times as high as before. How do the first 16 steps of the two nets differ?


# %%
def zero_gamma(*args):
    """A basic block whose branch starts at zero."""
    block = BasicBlock(*args)
    nn.init.zeros_(block.bn2.weight)
    return block


block = zero_gamma(8, 8)
block(torch.randn(4, 8, 6, 6)).square().mean().backward()
print("gradient norms in one block:")
for name, parameter in block.named_parameters():
    print(f"    {name:14} {parameter.grad.norm():.3g}")

_, (left, right) = plt.subplots(1, 2, figsize=(11, 4), constrained_layout=True)
plot_norms(left, lambda: BasicBlock(16, 16), "gamma starts at 1", BLUE, "o")
plot_norms(left, lambda: zero_gamma(16, 16), "gamma starts at 0", GREEN, "^")
left.set(xlabel="block (1 is next to the input)", ylabel="gradient norm relative to block 20", yscale="log")
left.set(xticks=range(1, 21, 3))
left.legend()
plot_losses(right, train(BasicBlock, lr=0.2, steps=16), "gamma starts at 1", BLUE)
plot_losses(right, train(zero_gamma, lr=0.2, steps=16), "gamma starts at 0", GREEN)
finish(right)

# %% [markdown]
# *Figure, left: the gradient norms of 20 basic blocks once more, and those with gamma at 0, which are exactly the same
# at every block. Right: the training loss of the first 16 steps at a learning rate of 0.2. With gamma at 1 it leaps to
# more than twice the loss of guessing before it comes down. With gamma at 0 it starts at guessing and only falls.*
#
# <details><summary>What happened</summary>
#
# 1. The line is flat. Every block hands the gradient on as it is.
# 2. `bn2.weight` and `bn2.bias` get one: a weight of 0 still has a slope. Everything before them in the branch,
#    `conv1`, `bn1` and `conv2`, gets exactly zero, since it is multiplied by gamma on the way back. After one step
#    gamma is no longer 0, and they begin to learn.
# 3. With gamma at 1 all 20 branches take a large step at the same time, and the first steps throw the net off. With
#    gamma at 0 it sets out as a shallow net and lets its branches in little by little. That is what it is for: high
#    rates and large batches, at the *start* of training. It does not make a rate of 0.2 safe. Set `steps=60` and you
#    will see spikes in both curves; against those, lesson 6 lets the rate rise slowly and fall again.
#
# </details>

# %% [markdown]
# ## What broke, what it means
#
# Three mistakes in `forward`, each a change of a few characters, and each with correct shapes, so that no error
# message comes. Can you tell from the code which curve will be which?


# %%
class Multiplies(BasicBlock):
    """Branch times shortcut."""

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) * x)


class Averages(BasicBlock):
    """The mean of branch and shortcut."""

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu((self.bn2(self.conv2(out)) + x) / 2)


class Detaches(BasicBlock):
    """A shortcut for values only, none for gradients."""

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) + x.detach())


_, ax = plt.subplots(figsize=(8, 4), constrained_layout=True)
plot_losses(ax, residual_losses[:50], "correct", BLUE)
plot_losses(ax, train(Multiplies, steps=50), "multiplies", VERMILION, "--")
plot_losses(ax, train(Averages, steps=50), "averages", ORANGE, "-.")
plot_losses(ax, train(Detaches, steps=50), "detaches the shortcut", PURPLE, ":")
finish(ax)

# %% [markdown]
# *Figure: training loss of four nets of 20 blocks over 50 steps. The correct one falls close to zero. The one that
# multiplies stays on the line of guessing. The one that averages creeps down and is still far up at the end. The one
# that detaches its shortcut starts above guessing and creeps down as slowly.*
#
# **A curve that lies on the line of guessing** says that nothing of the input reaches the output, or nothing of the
# loss the weights. *Multiplies* does both: where one factor is small, the product is, and 20 blocks in a row make it
# nothing.
#
# **A curve that creeps** like that of a plain net says that your residual net *is* a plain net, at least on the way
# back. *Averages* halves the wire in every block. *Detaches* gives the right output, equal to the last digit, and no
# gradient over the wire: a test that only compares outputs never sees it. A measurement with `gradient_norms` does,
# in one line.
#
# **Two more that no curve shows so clearly.** An in-place operation on the input, `x.relu_()` or `x += out`, writes
# into the tensor that the shortcut, or the caller, still needs. Sometimes autograd notices and complains of a tensor
# "modified by an inplace operation"; sometimes you just get other numbers. And a projection made in `forward` instead
# of `__init__` is random anew in every step, and unknown to the optimizer. The loss falls a little and stays there.

# %% [markdown]
# ## Where to go
#
# You have the block. In lesson 4 you stack eight of them, put a stem before and a linear layer behind, and have
# ResNet18.
#
# - He, Zhang, Ren & Sun (2015), *Deep residual learning for image recognition*. Section 1 for the idea, 3.2 and 3.3 for
#   the block and the projection, 4.1 for the experiments on ImageNet, 4.2 for those on CIFAR-10. Twelve pages, and all
#   of them readable now.
# - He, Zhang, Ren & Sun (2016), *Identity mappings in deep residual networks*. Section 2 is "Why a sum" in full,
#   section 3 puts everything imaginable on the wire, section 4 moves the ReLU.
# - Goyal et al. (2017), *Accurate, large minibatch SGD*, section 5.1: zero gamma.
# - Yang et al. (2019), *A mean field theory of batch normalization*: why the plain line rises.
# - De & Smith (2020), *Batch normalization biases residual blocks towards the identity function in deep networks*,
#   section 2: why the residual line bends.
# - Balduzzi et al. (2017), *The shattered gradients problem*, section 2: what depth does to a gradient besides its
#   length.
# - Veit, Wilber & Belongie (2016), *Residual networks behave like ensembles of relatively shallow networks*: multiply
#   out the product of "Why a sum", and look at its $2^L$ terms.
#
# **One more, if you like:** measure `gradient_norms` through your `PlainBlock` after training it for a few steps. Yang
# et al. say that the picture changes within the very first ones. Does yours?
