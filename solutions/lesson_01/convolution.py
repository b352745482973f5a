# %% [markdown]
# # Lesson 1: convolution
#
# ResNet18 holds twenty convolutions, as many batch normalisations, and hardly anything else. In this lesson you build
# a convolution, first with two loops that you could run by hand, then as a single matrix product, and then backwards.
#
# **When you are done, you can**
#
# 1. say what size comes out of any convolution, and what every number in its weight does;
# 2. write the layer without a loop over pixels, and derive its three gradients on paper;
# 3. look at a training curve and suspect the right line of a broken layer.
#
# **Time:** 75 to 90 minutes. **You need:** Python, NumPy, a first acquaintance with PyTorch's tensors and autograd
# (`requires_grad`, `backward`), and a rough idea of what a loss and a learning rate are.
#
# The lesson asks you to *predict* before you *run*. Do write your guess down: a wrong guess that you remember teaches
# more than a right answer that you have read.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.cbook import get_sample_data
from torch import nn

from course import check
from course.plots import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, set_style

set_style()

# %% [markdown]
# ## 1. A window that slides
#
# Take a small image and an even smaller *kernel*. Lay the kernel over the top left corner of the image. Multiply every
# pixel by the number that lies on it, add the products up, and write the sum down. Move the kernel one pixel to the
# right and do it again; at the end of the row, start over one row further down. What you have written down is a new
# image, and that is all that a convolution does.
#
# In symbols, for an image of $H \times W$ pixels and a kernel of $K_h \times K_w$ numbers:
#
# $$\text{out}[i, j] = \sum_{u=0}^{K_h-1} \; \sum_{v=0}^{K_w-1} \text{image}[i + u,\; j + v] \cdot \text{kernel}[u, v]$$
#
# $i$ and $u$ count rows, downwards. $j$ and $v$ count columns, to the right. Rows always come first, in this formula
# and in an array's `shape`: (height, width).
#
# ### By hand
#
# Here is an image of $3 \times 4$ pixels and a kernel of $2 \times 2$. The first two windows are worked out in the
# figure.


# %%
def draw_grid(ax, values, left=0.0, top=0.0, fill=None):
    """Draw a matrix of numbers as boxes; `fill` maps (row, column) to a colour."""
    for (i, j), value in np.ndenumerate(np.asarray(values, dtype=object)):
        colour = (fill or {}).get((i, j), "white")
        ax.add_patch(plt.Rectangle((left + j, top + i), 1, 1, facecolor=colour, edgecolor="black"))
        ax.text(left + j + 0.5, top + i + 0.5, value, ha="center", va="center")


def blank_axes(width, height, scale=0.5):
    """Axes without ticks whose unit is one box, with rows counted downwards."""
    _, ax = plt.subplots(figsize=(width * scale, height * scale))
    ax.set(xlim=(-0.1, width), ylim=(height, -0.1), aspect="equal")
    ax.axis("off")
    return ax


def window_at(i, j, height, width, colour):
    """The boxes of one window, as `draw_grid` wants them."""
    return {(i + u, j + v): colour for u in range(height) for v in range(width)}


small_image = np.array([[1, 2, 0, 1], [0, 3, 1, 2], [2, 1, 0, 1]])
small_kernel = np.array([[1, 0], [-1, 2]])

ax = blank_axes(21, 7.6, scale=0.46)
for row, (j, colour, sum_of_products) in enumerate(
    [(0, SKY, "1·1 + 2·0 + 0·(−1) + 3·2 = 7"), (1, ORANGE, "2·1 + 0·0 + 3·(−1) + 1·2 = 1")]
):
    top = 0.6 + 3.8 * row
    draw_grid(ax, small_image, 0, top, window_at(0, j, 2, 2, colour))
    ax.text(5, top + 1.5, "⋆", ha="center", va="center", fontsize=18)
    draw_grid(ax, small_kernel, 6, top + 0.5, window_at(0, 0, 2, 2, colour))
    ax.text(9, top + 1.5, "→", ha="center", va="center", fontsize=18)
    out = np.full((2, 3), "?", dtype=object)
    out[0, : j + 1] = [7, 1][: j + 1]
    draw_grid(ax, out, 10, top + 0.5, {(0, j): colour})
    ax.text(14, top + 1.5, sum_of_products, va="center")
for left, title in ((0, "image"), (6, "kernel"), (10, "out")):
    ax.text(left, 0.3, title, weight="bold")
plt.show()

# %% [markdown]
# *Figure: cross-correlation, for which ⋆ stands. A 3 × 4 image with its top left 2 × 2 window in blue, times the
# kernel (1, 0; −1, 2), gives 7, the first output. The window one pixel further right, in orange, gives 1, the second.
# Four outputs are still question marks.*
#
# **Your turn, with a pencil:** fill in the other four. You will check them with your own code in ten minutes.
#
# Note what you did *not* do. You did not turn the kernel around, as mathematics' convolution would. The operation is
# properly called *cross-correlation*; deep learning says convolution anyway (Goodfellow et al. 2016, section 9.1).
# Remember it, for in section 6 the turned kernel comes in by the back door.

# %% [markdown]
# ## 2. How large is the output?
#
# Your small output is $2 \times 3$, smaller than the image. Before writing any loop you have to know how far it runs.
# Rows and columns don't mix here, so one axis is enough: $L$ pixels and a kernel of $K$.
#
# Two more knobs, and you have every convolution of ResNet18:
#
# - **padding** $p$: that many zeros are added at *each* of the two ends, so the axis becomes $L + 2p$ long;
# - **stride** $s$: the kernel moves $s$ pixels at a time instead of one.


# %%
def draw_positions(ax, length, kernel_size, stride, padding, top):
    """One axis as a row of boxes, with the kernel's positions as bars below it."""
    padded = length + 2 * padding
    values = ["0" if not padding <= k < padding + length else "" for k in range(padded)]
    draw_grid(ax, [values], 0, top, {(0, k): "#DDDDDD" for k in range(padded) if values[k] == "0"})
    starts = [start for start in range(0, padded, stride) if start + kernel_size <= padded]
    for number, start in enumerate(starts):
        y, colour = top + 1.35 + 0.4 * number, [BLUE, VERMILION, GREEN, PURPLE, ORANGE][number]
        ax.plot([start + 0.1, start + kernel_size - 0.1], [y, y], lw=5, color=colour, solid_capstyle="butt")
    ax.text(10.5, top + 0.7, f"L = {length}, K = {kernel_size}, s = {stride}, p = {padding}", va="center")
    ax.text(10.5, top + 1.7, f"{len(starts)} positions", va="center", weight="bold")


ax = blank_axes(17, 13.5, scale=0.45)
draw_positions(ax, 7, 3, 1, 0, top=0)
draw_positions(ax, 7, 3, 2, 1, top=4)
draw_positions(ax, 8, 3, 2, 1, top=7.5)
draw_positions(ax, 8, 3, 3, 0, top=11)
plt.show()

# %% [markdown]
# *Figure: four rows of pixels with the kernel's positions as bars below them. Seven pixels and a kernel of 3 leave
# five positions at stride 1. With a stride of 2 and one grey zero at each end there are four, for seven pixels and for
# eight: with eight, the last zero is never reached. Eight pixels and a stride of 3 leave two positions and two unused
# pixels.*
#
# Now derive the formula; it takes three steps.
#
# 1. Position $i$ begins at pixel $i \cdot s$ and ends just before pixel $i \cdot s + K$.
# 2. It exists as long as it does not run over the end: $i \cdot s + K \le L + 2p$.
# 3. So $i$ can be $0, 1, 2, \dots$ up to the last whole number below or at $(L + 2p - K) / s$. And since counting
#    starts at 0, there is one position more than that:
#
# $$L' = \left\lfloor \frac{L + 2p - K}{s} \right\rfloor + 1$$
#
# This is the general case of Dumoulin & Visin (2016, section 2.4). The brackets round *down*: a step that would run
# over the end is not made. The $+1$ is the place where the kernel stands before its first step.
#
# ### Exercise: `output_size`
#
# Write it down, and refuse what makes no sense. A good error says what was asked for, in the caller's own numbers.
#
# <details><summary>Hint 1: a nudge</summary>
#
# The formula is one line. Which of Python's two divisions rounds down and gives an `int`?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Compute the padded length first. You need it three times: in the formula, in the check that the kernel fits, and in
# the error message.
#
# </details>
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# padded = size + 2 * padding
# if kernel_size > padded:
#     raise ValueError(f"... {kernel_size} ... {padded}")
# return (padded - kernel_size) // stride + 1
# ```
#
# One more check is missing here: which strides and paddings would make this formula lie or crash?
#
# </details>


# %%
def output_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0) -> int:
    """How many positions a kernel takes along one axis (Dumoulin & Visin 2016, section 2.4).

    Args:
        size: length of the axis in pixels, before padding.
        kernel_size: length of the kernel in pixels.
        stride: step from one position to the next, in pixels.
        padding: zeros added at each of the two ends.

    Returns:
        The number of positions as an `int`; a last step that would run over the end is not made.

    Raises:
        ValueError: the stride is below 1 or the padding below 0, with the word "stride" or "padding" in the message;
            or the kernel is longer than the padded axis, and the message gives both lengths.
    """
    ### BEGIN SOLUTION
    padded = size + 2 * padding
    if stride < 1 or padding < 0:
        raise ValueError(f"stride must be at least 1 and padding at least 0, got {stride} and {padding}")
    if kernel_size > padded:
        raise ValueError(f"a kernel of length {kernel_size} does not fit into a padded length of {padded}")
    return (padded - kernel_size) // stride + 1
    ### END SOLUTION


# %%
check("output_size", points=1)

# %% [markdown]
# Here are the four kinds of layer that ResNet18 is made of, with your function.

# %%
for name, size, kernel_size, stride, padding in [
    ("first layer", 224, 7, 2, 3),
    ("inside a stage", 56, 3, 1, 1),
    ("first of a stage", 56, 3, 2, 1),
    ("shortcut", 56, 1, 2, 0),
]:
    after = output_size(size, kernel_size, stride, padding)
    print(f"{name:17} {size:3} pixels, kernel {kernel_size}, stride {stride}, padding {padding}: {after:3} pixels")

# %% [markdown]
# Notice the pattern: the padding is always $(K - 1) / 2$. With stride 1 that keeps the size, with stride 2 it halves
# it. It is a habit of this one architecture, not a law: `padding=0` is the default, and your function must not assume
# otherwise.

# %% [markdown]
# ## 3. Loops first
#
# Now the sliding itself. Use NumPy and two `for` loops, one over output rows and one over output columns. It will be
# slow, and it will be the version that you trust when a fast one disagrees.
#
# Two traps lie here. A slice like `image[0:2, 0:2]` is a *view*: write into it and you write into the image. And a
# photo is made of `uint8`, whole numbers from 0 to 255, which can hold neither fractions, nor anything negative, nor
# anything above 255.
#
# ### Exercise: `cross_correlate`
#
# <details><summary>Hint 1: a nudge</summary>
#
# You know the output's size, so begin with an array of zeros. Which dtype does `np.zeros(shape)` give?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# For every output pixel (i, j): cut out the window whose top left pixel is (i, j) and which is as large as the kernel,
# multiply it with the kernel number by number, and sum.
#
# </details>
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# kernel = kernel.astype(np.float64)
# for i in range(out.shape[0]):
#     for j in range(out.shape[1]):
#         window = image[i : i + kernel_height, j : j + ...]
#         out[i, j] = (window * kernel).sum()
# ```
#
# </details>


# %%
def cross_correlate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Slide a kernel over an image without padding and sum the products at every position ("valid" cross-correlation).

    By hand, without the library's convolution.

    Args:
        image: shape (H, W), of floats or integers, possibly a view of another array; left unchanged.
        kernel: shape (KH, KW), likewise; left unchanged and not flipped.

    Returns:
        Array of shape (H - KH + 1, W - KW + 1), float64 whatever the dtype of the image.

    Raises:
        ValueError: the kernel is larger than the image; the message names both shapes.
    """
    ### BEGIN SOLUTION
    (height, width), (kernel_height, kernel_width) = image.shape, kernel.shape
    if kernel_height > height or kernel_width > width:
        raise ValueError(f"a kernel of shape {kernel.shape} does not fit into an image of shape {image.shape}")
    out = np.zeros((output_size(height, kernel_height), output_size(width, kernel_width)))
    kernel = kernel.astype(np.float64)  # the product of two uint8 would wrap around at 256
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            window = image[i : i + kernel_height, j : j + kernel_width]  # (KH, KW)
            out[i, j] = (window * kernel).sum()
    return out
    ### END SOLUTION


# %%
check("cross_correlate", points=2)

# %% [markdown]
# Time to check your pencil.

# %%
print(cross_correlate(small_image, small_kernel))

# %% [markdown]
# ### Predict, then run: four kernels, four pictures
#
# A kernel is a question that is asked at every place of an image. Here are four of them:
#
# | kernel | numbers |
# |---|---|
# | **1** | a 5 × 5 square of 1/25 |
# | **2** | rows (−1, 0, 1), (−2, 0, 2), (−1, 0, 1) |
# | **3** | rows (−1, −2, −1), (0, 0, 0), (1, 2, 1) |
# | **4** | rows (0, 1, 0), (1, −4, 1), (0, 1, 0) |
#
# The next cell slides them over a photo of Grace Hopper, who wrote one of the first compilers, and shows the results
# in *another* order. Which kernel is blind to a flat area? Which to a horizontal line, which to a vertical one? Which
# of them gives negative numbers? Write down what each picture will look like, then run the cell and match 1–4 with
# A–D.

# %%
photo = plt.imread(get_sample_data("grace_hopper.jpg", asfileobj=False)).mean(axis=2)[::3, ::3] / 255  # (200, 171)
blur = np.full((5, 5), 1 / 25)
sobel_x = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
laplacian = np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])

_, axes = plt.subplots(1, 5, figsize=(13, 3.6), constrained_layout=True)
pictures = [photo, *(cross_correlate(photo, kernel) for kernel in (sobel_x.T, laplacian, blur, sobel_x))]
for ax, picture, title in zip(axes, pictures, ["the photo", "A", "B", "C", "D"], strict=True):
    limit = np.abs(picture).max() * (0.5 if picture.min() < 0 else 1)
    shown = ax.imshow(picture, cmap="gray", vmin=-limit if picture.min() < 0 else 0, vmax=limit)
    ax.set_title(f"{title}\n{picture.min():.2f} to {picture.max():.2f}")
    ax.axis("off")
plt.show()

# %% [markdown]
# *Figure: a portrait in grey and four filtered versions, with the range of their values above them. A is grey with
# bright and dark lines along horizontal edges, such as brows, mouth and shoulders; B is grey with thin outlines on all
# edges; C is the portrait, out of focus; D has lines along vertical edges, such as the stripes of the flag. In A, B
# and D mid-grey stands for zero.*
#
# <details><summary>Which is which, and why</summary>
#
# - **C is kernel 1.** All its numbers are positive and sum to 1, so every pixel becomes the mean of its neighbourhood:
#   a blur.
# - **D is kernel 2**, the Sobel filter. It subtracts what is left from what is right. Where nothing changes from left
#   to right, in flat areas and along horizontal lines, the two sides cancel.
# - **A is kernel 3**, its transpose: it subtracts what is above from what is below.
# - **B is kernel 4**, the Laplacian: four neighbours minus four times the middle. It has no direction.
#
# The numbers of kernels 2, 3 and 4 sum to zero. That is why flat areas vanish, whatever their brightness. Nobody will
# set such numbers by hand in ResNet18: training finds them, and the first layer of a trained net is full of edge
# filters.
#
# </details>

# %% [markdown]
# ### Predict, then run: turn the kernel
#
# Two questions about direction.
#
# 1. The image is black but for one single bright pixel in the middle. The kernel is a small picture of the letter L.
#    What does the output look like?
# 2. You turn kernel 2 by 180° (both axes reversed) before you slide it over the photo. What changes in picture D? And
#    what would change in picture C if you turned kernel 1?

# %%
letter = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]])
single_pixel = np.zeros((7, 7))
single_pixel[3, 3] = 1
face = photo[20:110, 40:140]

_, axes = plt.subplots(1, 6, figsize=(14, 2.9), constrained_layout=True)
for ax, (title, picture) in zip(
    axes,
    {
        "the image": single_pixel,
        "the kernel L": np.pad(letter, 1),
        "image ⋆ L": cross_correlate(single_pixel, letter),
        "image ⋆ turned L": cross_correlate(single_pixel, letter[::-1, ::-1]),
        "photo ⋆ Sobel": cross_correlate(face, sobel_x),
        "photo ⋆ turned Sobel": cross_correlate(face, sobel_x[::-1, ::-1]),
    }.items(),
    strict=True,
):
    height, width = picture.shape
    ax.imshow(picture, cmap="gray", vmin=-2 if picture.min() < 0 else 0, vmax=2 if picture.min() < 0 else 1)
    if height < 10:
        ax.set(xticks=np.arange(0.5, width - 1), yticks=np.arange(0.5, height - 1))
        ax.grid(color="gray")
    ax.tick_params(length=0, labelleft=False, labelbottom=False)
    ax.set_title(title)
plt.show()

# %% [markdown]
# *Figure: one white pixel in the middle of a black image; a white letter L, the kernel; the output, in which the L
# stands on its head and looks like a 7; the output for the turned kernel, an upright L; and two pictures of the
# vertical edges of a face in which black and white are exchanged.*
#
# <details><summary>What happened, and why it matters later</summary>
#
# The output is the L *turned by 180°*. The bright pixel meets the kernel's last number in the first window that
# contains it, and the kernel's first number in the last one. Turn the kernel beforehand, and the L comes out upright:
# that is mathematics' convolution, and this tidy behaviour is why mathematicians prefer it.
#
# Turning the Sobel kernel gives its negative, so black and white change places. A blur is the same from both sides, so
# nothing changes. A net does not care either way, because it learns whichever kernel it needs. You care as soon as you
# compare numbers with another library: SciPy's `convolve2d` turns the kernel, PyTorch's `conv2d` does not.
#
# Keep the picture of the single pixel in mind. In section 6 gradients travel from single outputs back to the input,
# and the turned kernel comes back with them.
#
# </details>

# %% [markdown]
# ## 4. Padding
#
# Every layer so far takes $K - 1$ pixels off each axis. Seventeen layers of 3 × 3 would eat up a CIFAR image of 32
# pixels and ask for two more. So we surround the image with a frame of zeros first.
#
# From here on we use PyTorch, and whole batches: `x` has shape (N, C, H, W), for N images of C channels. Padding adds
# `padding` rows above and below and as many columns left and right, of every channel of every image; the axes N and C
# stay as they are.
#
# ### Exercise: `pad2d`
#
# Build it from zeros and an assignment. `nn.functional.pad` is out of bounds here, but feel free to compare with it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Make the large tensor of zeros first, then put `x` into its middle. Autograd follows such an assignment.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# `torch.zeros` does not know about `x`: it gives float32 on the CPU. `x.new_zeros(shape)` takes dtype and device from
# `x`.
#
# </details>
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# n, c, h, w = x.shape
# padded = x.new_zeros(n, c, h + 2 * padding, ...)
# padded[:, :, padding : padding + h, ...] = x
# ```
#
# Why not the shorter slice `padding:-padding`? Try it with a padding of 0.
#
# </details>


# %%
def pad2d(x: torch.Tensor, padding: int) -> torch.Tensor:
    """Surround every channel of every image with zeros; without nn.functional.pad, and differentiable.

    Args:
        x: shape (N, C, H, W), contiguous in memory or not; left unchanged.
        padding: rows of zeros above and below, and columns left and right; 0 adds none.

    Returns:
        Shape (N, C, H + 2 * padding, W + 2 * padding), with the dtype and the device of `x`.

    Raises:
        ValueError: the padding is below 0; the message gives its value.
    """
    ### BEGIN SOLUTION
    if padding < 0:
        raise ValueError(f"padding must be at least 0, got {padding}")
    n, c, h, w = x.shape
    padded = x.new_zeros(n, c, h + 2 * padding, w + 2 * padding)
    padded[:, :, padding : padding + h, padding : padding + w] = x
    return padded
    ### END SOLUTION


# %%
check("pad2d", points=2)

# %% [markdown]
# ## 5. Channels and batches
#
# A layer has more to it than one kernel. Its input has $C$ channels, three colours at first and up to 512 later on.
# Its output has $O$ channels. For *every pair* of an input and an output channel there is a kernel of its own:
#
# $$\text{out}[n, o, i, j] \;=\; b[o] \;+\; \sum_{c=0}^{C-1} \sum_{u=0}^{K_h-1} \sum_{v=0}^{K_w-1}
# x_p[n,\; c,\; s\,i + u,\; s\,j + v] \cdot w[o, c, u, v]$$
#
# | symbol | meaning | shape |
# |---|---|---|
# | $x_p$ | the input with its frame of zeros | $(N,\; C,\; H + 2p,\; W + 2p)$ |
# | $w$ | weight: $O \cdot C$ kernels | $(O,\; C,\; K_h,\; K_w)$ |
# | $b$ | bias: one number per output channel | $(O,)$ |
# | out | output, its size by your `output_size` | $(N,\; O,\; H',\; W')$ |
# | $s,\ p$ | stride and padding, the same for both axes | numbers |
#
# Read it slowly, because each part is somebody's bug. The sum runs over *all* input channels, and it is a sum, not a
# mean. The bias stands outside the sum, so it is added once. The stride multiplies $i$ and $j$ but not $u$ and $v$: it
# spaces the windows, not the pixels inside one. And neither the weight nor the bias depends on $i$, $j$ or $n$. The
# same few numbers serve every place of every image, which is the whole trick (LeCun et al. 1998, section II).

# %%
for name, n, c, o, k, size in [
    ("first layer on CIFAR-10", 1, 3, 64, 3, 32),
    ("a layer of the last stage", 1, 512, 512, 3, 4),
]:
    weights, products = o * c * k * k, n * o * size * size * c * k * k
    print(f"{name:26} {weights:9,} weights, {products:11,} products for one image")

# %% [markdown]
# ### From windows to one matrix product
#
# Loops over pixels in Python are hopeless for such numbers. But look at the formula again: for a fixed $n$ it
# multiplies a row of $C \cdot K_h \cdot K_w$ weights with as many pixels of a window, and sums. That is one entry of a
# matrix product. So: write every window as a *column*, stand the columns side by side, and multiply once. The trick is
# called **im2col**, image to columns (Chellapilla, Puri & Simard 2006). Here it is for the example that you did by
# hand.

# %%
places = [(i, j) for i in range(2) for j in range(3)]
colours = dict(zip(places, [SKY, ORANGE, "#8FD9C4", "#F2B48A", "#E6BCD3", "#F0E442"], strict=True))
columns = [[small_image[i + u, j + v] for i, j in places] for u in range(2) for v in range(2)]  # (4, 6)
column_fill = {(row, place): colours[i, j] for place, (i, j) in enumerate(places) for row in range(4)}

ax = blank_axes(27, 6.2, scale=0.45)
draw_grid(ax, small_image, 0, 1.5, window_at(0, 0, 2, 2, SKY) | window_at(1, 2, 2, 2, "#F0E442"))
ax.text(5.25, 3, "im2col →", ha="center", va="center")
draw_grid(ax, [small_kernel.ravel()], 7, 2.5)
ax.text(11.5, 3, "@", ha="center", va="center", fontsize=14)
draw_grid(ax, columns, 12, 1, column_fill)
ax.text(18.75, 3, "=", ha="center", va="center", fontsize=16)
draw_grid(
    ax, small_kernel.reshape(1, 4) @ columns, 19.5, 2.5, {(0, p): colours[place] for p, place in enumerate(places)}
)
for left, title in ((0, "image"), (7, "kernel as a row"), (12, "one column per window"), (19.5, "out as a row")):
    ax.text(left, 0.5, title, weight="bold")
plt.show()

# %% [markdown]
# *Figure: the 3 × 4 image with its first window in blue and its last in yellow; the kernel written as a row of four; a
# 4 × 6 matrix with one coloured column per window; their product, the row 7, 1, 3, 0, 2, 3. It is your output, read
# row by row.*
#
# How do you get the columns without a loop? In memory an image is one long line of numbers, and a tensor is a way to
# walk along it: its *strides* say how many numbers to skip for one step along each axis. (They have nothing to do with
# the stride of a convolution; the word is just popular.) Walk the same line with other steps, and you see windows:

# %%
line = torch.arange(12)
image_view = line.view(3, 4)
window_view = image_view.unfold(0, 2, 1).unfold(1, 2, 1)  # axis, window size, step: (2, 3, 2, 2)
for name, view in (("image", image_view), ("windows", window_view)):
    same = view.data_ptr() == line.data_ptr()
    print(f"{name:8} shape {tuple(view.shape)!s:14} strides {view.stride()!s:14} same memory: {same}")

ax = blank_axes(17, 4.6, scale=0.55)
for row, (i, j) in enumerate([(0, 0), (1, 2)]):
    cells = {(0, k): colours[i, j] for k in window_view[i, j].flatten().tolist()}
    draw_grid(ax, [small_image.ravel()], 0, 0.8 + 2.2 * row, cells)
    ax.text(12.4, 1.3 + 2.2 * row, f"window ({i}, {j}) begins at {4 * i + j}", va="center")
    for k in (0, 4, 8):
        ax.text(k + 0.1, 0.6 + 2.2 * row, f"row {k // 4}", fontsize=9)
plt.show()

# %% [markdown]
# *Figure: the twelve pixels of the image in one line, as they lie in memory, twice. Above, the four pixels of window
# (0, 0) are marked: places 0, 1, 4 and 5. Below, those of window (1, 2): places 6, 7, 10 and 11. Within a window, one
# step to the right is one place, and one step down is four; from window to window the steps are the same.*
#
# `Tensor.unfold(axis, size, step)` makes such a view without copying a number, and autograd understands it. Its *step*
# is the convolution's stride. The copy comes afterwards, when you `reshape` the view into columns: overlapping windows
# repeat their pixels, and a matrix must have them all. That is the price of im2col:

# %%
x_bytes = 128 * 64 * 32 * 32 * 4
print(f"128 images of 64 x 32 x 32 in float32: {x_bytes / 1e6:.0f} MB; as 3 x 3 columns: {9 * x_bytes / 1e6:.0f} MB")

# %% [markdown]
# One warning before you start. `reshape` never sorts anything: it reads the numbers in the order of the axes as they
# stand, and cuts them up anew. Axes that are to be merged must be neighbours, in the right order, and `permute` is
# what moves them. If you forget it, all shapes fit and all numbers are wrong.
#
# ### Exercise: `conv2d`
#
# <details><summary>Hint 1: a nudge</summary>
#
# Pad, then `unfold` axis 2 and axis 3. What is the shape of the result? Write it as a comment at the end of the line;
# do so for every line of this exercise.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# The windows have shape (N, C, H', W', KH, KW). You want columns of shape (N, C·KH·KW, H'·W'), so C, KH and KW must
# stand side by side, and H' and W' behind them. The weight becomes a matrix (O, C·KH·KW); `@` takes care of the batch.
#
# For the errors: compare `x.shape[1]` with `weight.shape[1]`, and the shape of the bias with `weight.shape[0]`.
#
# </details>
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# windows = pad2d(x, padding).unfold(2, kernel_h, stride).unfold(3, ...)  # (N, C, H', W', KH, KW)
# columns = windows.permute(0, 1, 4, ...).reshape(n, -1, out_h * out_w)   # (N, C·KH·KW, H'·W')
# out = weight.reshape(out_channels, -1) @ columns                        # (N, O, H'·W')
# ```
#
# The bias has shape (O,) and broadcasting lines it up with the *last* axis. Which axis should it be?
#
# </details>


# %%
def conv2d(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None, stride: int = 1, padding: int = 0
) -> torch.Tensor:
    """The convolution of deep learning, as one matrix product and without the library's (Chellapilla et al. 2006).

    Args:
        x: shape (N, C, H, W), contiguous in memory or not; left unchanged, as are weight and bias.
        weight: shape (O, C, KH, KW), contiguous in memory or not; not flipped.
        bias: shape (O,), one number per output channel, or None.
        stride: step of the kernel along both axes, in pixels.
        padding: zeros added on all four sides, in pixels.

    Returns:
        Shape (N, O, output_size(H, KH, stride, padding), output_size(W, KW, stride, padding)), with the dtype of `x`
        and gradients for x, weight and bias.

    Raises:
        ValueError: x and weight disagree about C, or weight and bias about O; the message names both shapes.
    """
    ### BEGIN SOLUTION
    (n, channels, h, w), (out_channels, in_channels, kernel_h, kernel_w) = x.shape, weight.shape
    if channels != in_channels:
        raise ValueError(f"x of shape {tuple(x.shape)} and weight of shape {tuple(weight.shape)} differ in channels")
    if bias is not None and bias.shape != (out_channels,):
        raise ValueError(f"bias of shape {tuple(bias.shape)} does not fit weight of shape {tuple(weight.shape)}")
    out_h, out_w = output_size(h, kernel_h, stride, padding), output_size(w, kernel_w, stride, padding)
    windows = pad2d(x, padding).unfold(2, kernel_h, stride).unfold(3, kernel_w, stride)  # (N, C, H', W', KH, KW)
    columns = windows.permute(0, 1, 4, 5, 2, 3).reshape(n, -1, out_h * out_w)  # (N, C * KH * KW, H' * W')
    out = weight.reshape(out_channels, -1) @ columns  # (N, O, H' * W')
    if bias is not None:
        out = out + bias[:, None]
    return out.reshape(n, out_channels, out_h, out_w)
    ### END SOLUTION


# %%
check("conv2d", points=4)

# %% [markdown]
# ### Predict, then run: how much faster?
#
# Take a small layer: one image of 3 × 64 × 64 pixels, 8 output channels, 3 × 3 kernels, padding 1. It can be done in
# three ways: with your `cross_correlate` for every pair of channels, with your `conv2d`, and with PyTorch's own.
#
# How many times faster is the second than the first, in powers of ten? And PyTorch than yours? Does the answer to the
# last question change for a layer of ResNet's first stage, 64 channels in and 64 out?


# %%
def seconds(function, repeats):
    """The shortest of several runs: what the machine can do when nothing else disturbs it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def conv2d_with_loops(x, weight):
    """One image, stride 1, padding 1, by cross_correlate for every pair of channels."""
    image, kernels = pad2d(x, 1)[0].numpy(), weight.numpy()
    return np.stack([sum(cross_correlate(image[c], kernel[c]) for c in range(len(image))) for kernel in kernels])


x, weight = torch.randn(1, 3, 64, 64), torch.randn(8, 3, 3, 3)
x_64, weight_64 = torch.randn(8, 64, 32, 32), torch.randn(64, 64, 3, 3)
print("largest difference:", np.abs(conv2d_with_loops(x, weight) - conv2d(x, weight, padding=1)[0].numpy()).max())

timed = {
    "loops in NumPy, 3 → 8 channels": seconds(lambda: conv2d_with_loops(x, weight), 2),
    "your conv2d, 3 → 8 channels": seconds(lambda: conv2d(x, weight, padding=1), 50),
    "PyTorch's, 3 → 8 channels": seconds(lambda: nn.functional.conv2d(x, weight, padding=1), 50),
    "your conv2d, 64 → 64 channels": seconds(lambda: conv2d(x_64, weight_64, padding=1), 10),
    "PyTorch's, 64 → 64 channels": seconds(lambda: nn.functional.conv2d(x_64, weight_64, padding=1), 10),
}
loops, yours, torchs, yours_64, torchs_64 = timed.values()
print(f"3 → 8 channels:   loops / yours = {loops / yours:.0f},  yours / PyTorch's = {yours / torchs:.1f}")
print(f"64 → 64 channels: yours / PyTorch's = {yours_64 / torchs_64:.1f}")

_, ax = plt.subplots(figsize=(9, 3), constrained_layout=True)
milliseconds = [1e3 * value for value in timed.values()]
bars = ax.barh(list(timed), milliseconds, color=[VERMILION, BLUE, GREEN, BLUE, GREEN])
ax.bar_label(bars, labels=[f" {value:.3g} ms" for value in milliseconds])
ax.set(xscale="log", xlabel="milliseconds for one forward pass, logarithmic")
ax.set_xlim(min(milliseconds) / 2, max(milliseconds) * 10)
ax.invert_yaxis()
plt.show()

# %% [markdown]
# *Figure: five bars on a logarithmic axis. The NumPy loops take longest by far, although theirs is the small layer;
# your conv2d takes a tiny fraction of that. PyTorch's own is of the same order of magnitude as yours, and usually the
# faster one.*
#
# <details><summary>What to make of it</summary>
#
# The loops do the same multiplications. What they pay for is Python: several microseconds of interpreter and NumPy
# calls for every window of nine numbers. Your matrix product hands all of them to a tuned routine at once.
#
# PyTorch's kernel does not need the columns. It reads the windows while it multiplies and so spares the memory traffic
# that im2col costs. It is a factor that you can live with: in lesson 4 a whole ResNet18 will run on *your* layer.
#
# </details>

# %% [markdown]
# ## 6. Gradients on paper
#
# Autograd already differentiates your `conv2d`. This section is about knowing what it does, because you can't debug
# what you can't derive.
#
# Let $\mathcal{L}$ be the loss, one number. From the layers above comes
# $G = \partial \mathcal{L} / \partial\, \text{out}$, of the shape of the output: how much the loss grows for each
# output pixel. You want the same for $w$, $b$ and $x$.
#
# Look at the formula of section 5 as a long list of products. Every product joins three partners: one weight
# $w[o, c, u, v]$, one pixel $x_p[n, c, s\,i + u, s\,j + v]$ and one output $\text{out}[n, o, i, j]$. If the weight
# grows by a little, that output grows by the pixel times as much. So, through this one product,
#
# - the **weight** gets $G[n, o, i, j]$ times the pixel,
# - the **pixel** gets $G[n, o, i, j]$ times the weight.
#
# Each of them takes part in many products, and the chain rule *adds* their effects. It never averages:
#
# $$\frac{\partial \mathcal{L}}{\partial w[o, c, u, v]} = \sum_{n, i, j} G[n, o, i, j] \; x_p[n, c, s\,i + u, s\,j + v]
# \qquad
# \frac{\partial \mathcal{L}}{\partial b[o]} = \sum_{n, i, j} G[n, o, i, j]$$
#
# $$\frac{\partial \mathcal{L}}{\partial x_p[n, c, r, t]} = \sum_{o} \;
# \sum_{\substack{i, u \\ s\,i + u = r}} \; \sum_{\substack{j, v \\ s\,j + v = t}} G[n, o, i, j] \; w[o, c, u, v]$$
#
# Finally, the frame of zeros is nobody's variable: cut it off $\partial \mathcal{L} / \partial x_p$, and what remains
# has the shape of $x$.
#
# ### By hand
#
# One axis, one channel, stride 1: $x = (1, 2, 3, 4)$ and $w = (1, -1)$ give $\text{out} = (-1, -1, -1)$. Say that
# $G = (1, 0, 2)$ comes back.
#
# - $w_0$ met $x_0, x_1, x_2$, so its gradient is $1 \cdot 1 + 0 \cdot 2 + 2 \cdot 3 = 7$. And $w_1$ met
#   $x_1, x_2, x_3$: $1 \cdot 2 + 0 \cdot 3 + 2 \cdot 4 = 10$.
# - $x_1$ met $w_1$ in the first output and $w_0$ in the second: $1 \cdot (-1) + 0 \cdot 1 = -1$. Work out the other
#   three.
# - The bias took part in all three outputs: $1 + 0 + 2 = 3$.
#
# ### The turned kernel
#
# For $s = 1$ put $i = r - u$ and $j = t - v$ into the last formula: $G[n, o, r - u, t - v] \; w[o, c, u, v]$. The
# minus signs are the point. Where the forward pass reads its input *forwards* along the kernel, the way back reads $G$
# *backwards*: a true convolution, or, if you like, a correlation of $G$ with the kernel turned by 180° and with the
# channels' roles exchanged (Dumoulin & Visin 2016, section 4). It is the single bright pixel of section 3 again.
#
# You don't need that to program it, and with larger strides it gets awkward. There is a simpler way to see it. Fix one
# place $(u, v)$ *in the kernel* and ask which pixels it meets while the kernel slides. It is a regular grid: a slice.

# %%
_, axes = plt.subplots(1, 3, figsize=(11, 3.6), constrained_layout=True)
for ax, (u, v), colour in zip(axes, [(0, 0), (0, 1), (2, 2)], [SKY, ORANGE, PURPLE], strict=True):
    ax.set(xlim=(-0.1, 7.1), ylim=(7.1, -0.1), aspect="equal")
    ax.set_title(f"weight[:, :, {u}, {v}] meets\nx_p[:, :, {u}:{u + 6}:2, {v}:{v + 6}:2]")
    ax.axis("off")
    met = {(2 * i + u, 2 * j + v): (i, j) for i in range(3) for j in range(3)}
    labels = [[f"{met[a, b][0]},{met[a, b][1]}" if (a, b) in met else "" for b in range(7)] for a in range(7)]
    draw_grid(ax, labels, fill=dict.fromkeys(met, colour))
    ax.add_patch(plt.Rectangle((0, 0), 3, 3, fill=False, edgecolor="black", lw=3))
plt.show()

# %% [markdown]
# *Figure: a padded input of 7 × 7 pixels under a 3 × 3 kernel with stride 2, three times; the first window has a bold
# frame. The pixels that one place of the kernel meets form a grid of 3 × 3 with gaps. Each is labelled with the output
# pixel (i, j) that it went into. The grids of other places are the same, shifted by (u, v).*
#
# So for every place (u, v) of the kernel there is one slice of $x_p$, of shape (N, C, H', W'), just as many pixels as
# there are outputs. The gradient of $w[:, :, u, v]$ needs this slice of $x_p$. And $G$, times $w[:, :, u, v]$, is
# *added* to the same slice of the gradient of $x_p$. A 3 × 3 kernel makes it a loop of nine rounds, whatever the size
# of the image.
#
# ### Exercise: `conv2d_backward`
#
# No autograd in here: only your formulas. `torch.einsum` writes such sums almost as they stand on paper: indices that
# appear in the inputs but not after the arrow are summed over.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Begin with the bias: over which three axes of `grad_output` is the sum? Then the weight, then x. The check tells you
# which of them is right.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Start with zeros: one tensor like the padded input, one like the weight. Loop over u and v. In each round take the
# slice `[:, :, u : u + stride * out_h : stride, v : ...]` of the padded input; write one (O, C) matrix into the
# gradient of the weight, and add to the same slice of the gradient of the padded input. Crop at the end, counting from
# the front.
#
# </details>
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# seen = padded[:, :, rows, columns]                                             # (N, C, H', W')
# grad_weight[:, :, u, v] = torch.einsum("nohw,nchw->oc", grad_output, seen)
# grad_padded[:, :, rows, columns] += torch.einsum("nohw,oc->...", grad_output, weight[:, :, u, v])
# ```
#
# </details>


# %%
def conv2d_backward(
    grad_output: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: int = 1, padding: int = 0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of `conv2d`, by formula, without the library's convolution or its gradients.

    Autograd is not asked, so it works under `torch.inference_mode()`.

    Args:
        grad_output: gradient of the loss with respect to conv2d's output, shape (N, O, H', W').
        x: shape (N, C, H, W), as it went into conv2d; left unchanged, as are the other two, contiguous or not.
        weight: shape (O, C, KH, KW).
        stride, padding: as they were in conv2d.

    Returns:
        (grad_x, grad_weight, grad_bias), of shapes (N, C, H, W), (O, C, KH, KW) and (O,), with the dtype of `x`;
        tensors that autograd can go on with, so not computed under `torch.inference_mode()` here.

    Raises:
        ValueError: grad_output doesn't have the shape of conv2d's output; the message names both shapes.
    """
    ### BEGIN SOLUTION
    (n, _, h, w), (out_channels, _, kernel_h, kernel_w) = x.shape, weight.shape
    out_h, out_w = output_size(h, kernel_h, stride, padding), output_size(w, kernel_w, stride, padding)
    if grad_output.shape != (n, out_channels, out_h, out_w):
        expected = (n, out_channels, out_h, out_w)
        raise ValueError(f"grad_output of shape {tuple(grad_output.shape)}, but conv2d's output has shape {expected}")
    padded = pad2d(x, padding)
    grad_padded, grad_weight = torch.zeros_like(padded), torch.zeros_like(weight)
    for u in range(kernel_h):
        for v in range(kernel_w):
            rows, columns = slice(u, u + stride * out_h, stride), slice(v, v + stride * out_w, stride)
            seen = padded[:, :, rows, columns]  # (N, C, H', W'): what weight[:, :, u, v] was multiplied by
            grad_weight[:, :, u, v] = torch.einsum("nohw,nchw->oc", grad_output, seen)
            grad_padded[:, :, rows, columns] += torch.einsum("nohw,oc->nchw", grad_output, weight[:, :, u, v])
    grad_x = grad_padded[:, :, padding : padding + h, padding : padding + w]
    return grad_x, grad_weight, grad_output.sum(dim=(0, 2, 3))
    ### END SOLUTION


# %%
check("conv2d_backward", points=4)

# %% [markdown]
# Now compare with the three sums that you did by hand, with autograd, and with the claim about the turned kernel.

# %%
x, weight = torch.tensor([1.0, 2, 3, 4]).view(1, 1, 1, 4), torch.tensor([1.0, -1]).view(1, 1, 1, 2)
grad_x, grad_weight, grad_bias = conv2d_backward(torch.tensor([1.0, 0, 2]).view(1, 1, 1, 3), x, weight)
print(
    "by hand:  grad_x",
    grad_x.flatten().tolist(),
    " grad_w",
    grad_weight.flatten().tolist(),
    " grad_b",
    grad_bias.tolist(),
)

x = torch.randn(2, 3, 8, 6, dtype=torch.float64, requires_grad=True)
weight = torch.randn(4, 3, 3, 3, dtype=torch.float64, requires_grad=True)
out = conv2d(x, weight, padding=1)
grad_output = torch.randn_like(out)
by_autograd = torch.autograd.grad(out, (x, weight), grad_output)
with torch.no_grad():
    grad_x, grad_weight, _ = conv2d_backward(grad_output, x, weight, padding=1)
    turned = conv2d(grad_output, weight.flip(2, 3).transpose(0, 1), padding=3 - 1 - 1)  # K - 1 - p
for name, difference in [
    ("grad_x and autograd", grad_x - by_autograd[0]),
    ("grad_weight and autograd", grad_weight - by_autograd[1]),
    ("grad_x and the turned kernel", grad_x - turned),
]:
    print(f"{name}: they differ by at most {difference.abs().max():.1e}")

# %% [markdown]
# ### Predict, then run: who gets a gradient?
#
# Let all weights be 1 and let a gradient of 1 come back to every output. Then the gradient of a pixel is simply the
# number of windows that looked at it. Before you run the cell, sketch what it looks like for an image of 9 × 9 pixels
# and
#
# - **A**: a 3 × 3 kernel, stride 1, no padding;
# - **B**: the same with padding 1;
# - **C**: a 3 × 3 kernel, stride 2, padding 1;
# - **D**: a 1 × 1 kernel, stride 2. (ResNet18 has three of these. What does a pixel that nobody looks at learn?)

# %%
_, axes = plt.subplots(1, 4, figsize=(13, 3.7), constrained_layout=True)
for ax, letter, kernel_size, stride, padding in zip(
    axes, "ABCD", [3, 3, 3, 1], [1, 1, 2, 2], [0, 1, 1, 0], strict=True
):
    x, weight = torch.zeros(1, 1, 9, 9), torch.ones(1, 1, kernel_size, kernel_size)
    seen = conv2d_backward(torch.ones_like(conv2d(x, weight, None, stride, padding)), x, weight, stride, padding)[0][
        0, 0
    ]
    ax.imshow(seen, cmap="cividis", vmin=0, vmax=9)
    for (i, j), count in np.ndenumerate(seen.numpy()):
        ax.text(j, i, int(count), ha="center", va="center", color="white" if count < 5 else "black")
    unseen = (seen == 0).float().mean()
    ax.set_title(f"{letter}: K = {kernel_size}, s = {stride}, p = {padding}\nnever seen: {unseen:.0%} of the pixels")
    ax.axis("off")
plt.show()

# %% [markdown]
# *Figure: four 9 × 9 grids of counts. A rises from 1 in the corners to 9 in the middle. B has 4 in the corners, 6 on
# the edges and 9 elsewhere. C is a checkerboard of 1, 2 and 4. D has a 1 at every second pixel of every second row and
# 0 everywhere else.*
#
# <details><summary>What the pictures say</summary>
#
# **A**: without padding a corner pixel is looked at once and a middle pixel nine times, so the border counts for less
# in every layer. **B**: padding softens that. It is good for more than the size.
#
# **C**: where windows are two pixels apart, some pixels lie in one window and others in four. The gradient arrives in
# a checkerboard, and so do images that are generated by running such layers backwards (Odena, Dumoulin & Olah 2016).
#
# **D**: most of the pixels are never seen. They send nothing forwards and get no gradient back. ResNet's shortcuts do
# this at the start of every later stage; ResNet-D puts an average pooling in front of them for this reason (He et al.
# 2019, "Bag of Tricks", section 4). Note that these zeros *have a place* in the gradient: it has the shape of x,
# always.
#
# </details>

# %% [markdown]
# ## 7. A layer
#
# A function does not remember anything. A layer does: it holds weight and bias, hands them to the optimizer, saves and
# loads them, and moves to another device or dtype when told so. `nn.Module` does all of this for every attribute that
# is an `nn.Parameter`. A plain tensor as an attribute it does not even notice, and then the layer never learns.
#
# Call the parameters `weight` and `bias`, as `nn.Conv2d` does, and the two layers can load each other's state. In
# lesson 4 that lets you put your own layer into a whole ResNet18.
#
# **Where to begin?** If every layer began at zero, all output channels of a layer would be equal, get equal gradients
# and stay equal forever. So the weights are random, but how large? One output is a sum of $C \cdot K^2$ products, the
# layer's *fan-in*. If the weights are independent with mean 0 and variance $\sigma^2$, then
#
# $$\operatorname{Var}(\text{out}) = C K^2 \cdot \sigma^2 \cdot \operatorname{E}[x^2],$$
#
# which explodes or dies out, layer after layer, unless $\sigma^2$ is about $1 / \text{fan-in}$ (LeCun et al. 1998b,
# section 4.6). `nn.Conv2d` draws weight and bias uniformly from $\pm 1 / \sqrt{\text{fan-in}}$. The variance of that
# is a third of $1 / \text{fan-in}$, for historical reasons; in lesson 4 you replace it by a better one (He et al.
# 2015b).
#
# ### Exercise: `Conv2d`
#
# <details><summary>Hint 1: a nudge</summary>
#
# Everything was done in `conv2d`. `__init__` makes and remembers, `forward` calls.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# `nn.Parameter(torch.empty(shape))` and then `nn.init.uniform_(parameter, low, high)`. Without a bias, the attribute
# is `None`, so that `forward` can hand it on as it is.
#
# </details>
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# bound = (in_channels * kernel_size**2) ** -0.5
# self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
# nn.init.uniform_(self.weight, -bound, bound)
# self.bias = nn.Parameter(...) if bias else None
# ```
#
# </details>


# %%
class Conv2d(nn.Module):
    """A convolution layer whose parameters, initial values and state dict are those of `torch.nn.Conv2d`.

    Args:
        in_channels, out_channels: number of channels in and out (C and O).
        kernel_size: height and width of the square kernel (K), in pixels.
        stride, padding: as in `conv2d`.
        bias: whether there is one number per output channel to add.

    Attributes:
        weight: parameter of shape (O, C, K, K), uniform in ±1 / sqrt(C * K * K) at first.
        bias: parameter of shape (O,) from the same distribution, or None.

    Every layer draws values of its own from torch's generator, and keeps no tensor that it is given or computes.

    Shapes: (N, C, H, W) -> (N, O, H', W'), computed by this lesson's `conv2d`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ):
        super().__init__()
        ### BEGIN SOLUTION
        self.stride, self.padding = stride, padding
        bound = (in_channels * kernel_size**2) ** -0.5
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        return conv2d(x, self.weight, self.bias, self.stride, self.padding)
        ### END SOLUTION


# %%
check("Conv2d", points=2)

# %% [markdown]
# Your layer against PyTorch's, with each other's weights:

# %%
theirs = nn.Conv2d(3, 8, 3, stride=2, padding=1)
yours = Conv2d(3, 8, 3, stride=2, padding=1)
print(yours.load_state_dict(theirs.state_dict()))
x = torch.randn(4, 3, 11, 14)
print(f"largest difference between the outputs: {(yours(x) - theirs(x)).abs().max():.1e}")

# %% [markdown]
# ## 8. What broke, what it means
#
# You will write broken layers; everybody does. What does a training curve tell about them?
#
# Here is a small experiment. Two convolutions with a ReLU in between learn to say how strong the edges of the photo
# are, whatever their direction. All gradients come from `conv2d_backward`, so they can be spoilt on purpose:
#
# 1. **averaged once more**: the layer divides its gradients by the batch size, although the loss has done so already;
# 2. **grad_weight reversed**: turned by 180°, as happens when the two partners of its correlation are exchanged;
# 3. **grad_x with the kernel not turned**: the gradient that the upper layer sends to the lower one is wrong.
#
# Four curves: the right one and these three. Which of the mistakes will you see, and which not?


# %%
def train(mistake, steps=120, lr=0.06):
    """Teach two convolutions the strength of edges, with one mistake in the gradients; return every step's loss."""
    generator = torch.Generator().manual_seed(0)
    w1 = (torch.rand(8, 1, 3, 3, generator=generator) * 2 - 1) / 3
    w2 = (torch.rand(1, 8, 3, 3, generator=generator) * 2 - 1) / 72**0.5
    b1, b2 = torch.zeros(8), torch.zeros(1)
    losses = []
    for _ in range(steps):
        before = conv2d(patches, w1, b1)  # (9, 8, 22, 22)
        hidden = before.relu()
        error = conv2d(hidden, w2, b2) - edges  # (9, 1, 20, 20)
        losses.append(error.square().mean().item())
        grad_output = 2 * error / error.numel()  # the mean is the loss's business, and here it is
        grad_hidden, grad_w2, grad_b2 = conv2d_backward(grad_output, hidden, w2)
        if mistake == "grad_x with the kernel not turned":
            grad_hidden = conv2d_backward(grad_output, hidden, w2.flip(2, 3))[0]
        _, grad_w1, grad_b1 = conv2d_backward(grad_hidden * (before > 0), patches, w1)
        if mistake == "grad_weight reversed":
            grad_w1, grad_w2 = grad_w1.flip(2, 3), grad_w2.flip(2, 3)
        scale = lr / len(patches) if mistake == "averaged once more" else lr
        for parameter, grad in ((w1, grad_w1), (b1, grad_b1), (w2, grad_w2), (b2, grad_b2)):
            parameter -= scale * grad
    return losses


crop = torch.tensor(photo[40:112, 60:132], dtype=torch.float32)
patches = crop.unfold(0, 24, 24).unfold(1, 24, 24).reshape(9, 1, 24, 24)
patches = (patches - patches.mean()) / patches.std()
sobel = torch.tensor(np.stack([sobel_x, sobel_x.T])[:, None] / 4, dtype=torch.float32)  # (2, 1, 3, 3)
edges = conv2d(patches, sobel).square().sum(dim=1, keepdim=True).sqrt()[:, :, 1:-1, 1:-1]  # (9, 1, 20, 20)

styles = {
    "correct": (BLUE, "-"),
    "averaged once more": (ORANGE, "-."),
    "grad_weight reversed": (VERMILION, ":"),
    "grad_x with the kernel not turned": ("#000000", "--"),
}
_, ax = plt.subplots(figsize=(8, 4), constrained_layout=True)
for mistake, (colour, style) in styles.items():
    losses = train(mistake)
    ax.plot(losses, label=mistake, color=colour, linestyle=style, lw=2)
    print(f"{mistake:34} loss after {len(losses)} steps: {losses[-1]:.3f}")
ax.set(xlabel="training step", ylabel="mean squared error", yscale="log")
ax.legend()
plt.show()

# %% [markdown]
# *Figure: loss curves on a logarithmic axis. The correct one falls steadily. The one that is averaged once more falls
# steadily, too, but far more slowly. The one with the reversed grad_weight falls at first, climbs again until about the
# middle, falls once more, and ends at more than twice the loss of the correct one. The one with the kernel not turned
# lies almost on top of the correct one.*
#
# **Averaged once more** looks like a learning rate that is too small, and people do cure it by raising the rate. Then
# the next batch size breaks it again. A gradient is a sum; only the loss may average.
#
# **grad_weight reversed** looks like a learning rate that is too *large*: progress at first, then a step back. What a
# kernel has in common with its turned self still learns, everything else runs the wrong way, and an edge filter is all
# "everything else". A published course found this very bug in its own code after the recording: the net had seemed to
# do well (End-to-End Machine Learning, course 321, lecture 2.7, postscript).
#
# **grad_x with the kernel not turned** looks like nothing at all. The upper layer's gradient is right, and it makes
# the best of whatever the lower layer learns. You might lose some accuracy and never know why. No curve shows this; a
# comparison with autograd in float64, or with finite differences, shows it in a second. That is why the check cells do
# it.
#
# And one more, the most common of all: **the loss does not move.** Then no gradient arrives. Look for a `detach()`, a
# `.data`, a detour through NumPy, or a weight that is no `nn.Parameter`.

# %% [markdown]
# ## 9. Where to go
#
# You have built what ResNet18 mostly consists of. In lesson 2 you build what stands behind each of these layers, batch
# normalisation; in lesson 3 the two become a block.
#
# - Dumoulin & Visin (2016), *A guide to convolution arithmetic for deep learning*, arXiv 1603.07285. Section 2 derives
#   the sizes, section 4 the way back, section 5.1 dilation. Its pictures are the best there are.
# - Goodfellow, Bengio & Courville (2016), *Deep Learning*, chapter 9. Section 9.1 on convolution and
#   cross-correlation, section 9.2 on why weights are shared.
# - LeCun, Bottou, Bengio & Haffner (1998), *Gradient-based learning applied to document recognition*, section II:
#   LeNet-5, and the reasons for it.
# - LeCun, Bottou, Orr & Müller (1998b), *Efficient BackProp*, section 4.6: how large weights should be at first.
# - Chellapilla, Puri & Simard (2006), *High performance convolutional neural networks for document processing*:
#   im2col.
# - He, Zhang, Ren & Sun (2015b), *Delving deep into rectifiers*, section 2.2: initialisation for layers with ReLU.
#   Lesson 4.
# - Odena, Dumoulin & Olah (2016), *Deconvolution and checkerboard artifacts*, Distill.
# - He, Zhang, Zhang, Zhang, Xie & Li (2019), *Bag of tricks for image classification with convolutional neural
#   networks*, section 4: what the strided 1 × 1 shortcut throws away.
#
# **One more, if you like:** write `conv2d` a second time with `torch.einsum` on the six-dimensional windows, without
# permute and reshape. It is one line. Is it faster?
