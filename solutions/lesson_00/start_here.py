# %% [markdown]
# # Lesson 0: start here
#
# **Time:** about 15 minutes. **You need:** a little Python, and curiosity.
#
# After this lesson you can
#
# 1. fill in a stub, check it, and read what the check says about a mistake;
# 2. do the same from a terminal, start an exercise afresh, and see how far you are;
# 3. say what your machine can do, and what the big run at the end will cost it.
#
# In the eight lessons that follow you build every part of one network, ResNet18, and in the end you train it on
# photographs. Nothing is hidden: each part is a function or a class that you write yourself. This lesson builds
# something much smaller, to show you how that goes.

# %%
import statistics
import time

import matplotlib.pyplot as plt
import numpy as np
import torch

from course import check
from course.plots import BLUE, ORANGE, VERMILION, set_style

set_style()

# %% [markdown]
# ## One number for many
#
# How far from zero are the numbers of a tensor, taken together? A plain mean can't tell: −3 and 3 cancel. The **mean
# of squares** can:
#
# $$ m(x) = \frac{1}{n} \sum_{i=1}^{n} x_i^2 $$
#
# where $x_1, \dots, x_n$ are all the elements of the tensor $x$, whatever its shape, and $n$ is how many there are. You
# will meet it all the time: it is a loss, it is the heart of a variance, and it says how strong a signal is inside a
# network.
#
# **By hand.** Take $x = (1, -2, 3)$. The squares are $1, 4, 9$, their sum is $14$, and $m(x) = 14 / 3 \approx 4.67$.

# %%
x = np.array([1.0, -2.0, 3.0])
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
positions = np.arange(len(x))
ax.bar(positions - 0.2, x, width=0.38, color=BLUE, label="x")
ax.bar(positions + 0.2, x**2, width=0.38, color=ORANGE, label="x squared")
ax.axhline(np.mean(x), color=BLUE, ls="--", label=f"mean of x: {np.mean(x):.2f}")
ax.axhline(np.mean(x**2), color=ORANGE, ls="--", label=f"mean of squares: {np.mean(x**2):.2f}")
ax.axhline(0, color="black", lw=0.8)
ax.set(xticks=positions, xticklabels=["x₁", "x₂", "x₃"], ylabel="value")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# *Figure: three numbers, 1, −2 and 3, as blue bars, and their squares 1, 4 and 9 as orange bars. A dashed line marks
# the mean of each: 0.67 for the numbers, 4.67 for their squares.*

# %% [markdown]
# ## Your first exercise
#
# The cell below holds a **stub**: a signature, a docstring that promises something, and a line that says that nothing
# is there yet. Replace that line. The docstring is the contract: everything that is tested is written there,
# and everything else is yours to decide.
#
# First, leave the stub as it is, run it, and run the check cell below it. See what a check says before you begin.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Square first, then take the mean. The other way round is another number: try it on (1, −2, 3).
# </details>
#
# <details><summary>Hint 2: the idea</summary>
#
# Every tensor has `.square()` (or `x * x`), and `.mean()` without arguments goes over all elements. An empty tensor has
# `x.numel() == 0`.
# </details>
#
# <details><summary>Hint 3: almost the code</summary>
#
# ```python
# if x.numel() == 0:
#     raise ValueError(f"… {tuple(x.shape)}")
# return x.square()…
# ```
# </details>


# %%
def mean_of_squares(x: torch.Tensor) -> torch.Tensor:
    """The mean of the squares of all elements.

    Args:
        x: a tensor of floating-point numbers, of any shape, with at least one element; left unchanged.

    Returns:
        A tensor of shape (), of the dtype of `x`, with a gradient for `x`.

    Raises:
        ValueError: `x` has no elements; the message names its shape.
    """
    ### BEGIN SOLUTION
    if x.numel() == 0:
        raise ValueError(f"the mean of no elements is undefined: x has shape {tuple(x.shape)}")
    return x.square().mean()
    ### END SOLUTION


# %%
check("mean_of_squares", points=1)

# %% [markdown]
# ## Predict, then run: make a mistake on purpose
#
# The tests of this course don't only say *wrong*. For every exercise we have collected what people tend to believe
# instead, and each of these beliefs is kept as running code. If your answer behaves like one of them, you are told
# which. It says *consistent with*, since two roads can lead to the same number.
#
# **Guess first.** What will the check say if you return `x.mean() ** 2`, the square of the mean? Put it into the stub,
# run both cells, and read the question that it asks you. Then put your answer back.
#
# <details><summary>What you should see</summary>
#
# A test fails, says which call gave what, and what was expected. Below that: *Consistent with: the square of the mean
# is the mean of the squares*, a question, and, folded, what is true instead.
# </details>
#
# And here is how far apart the two are, for a thousand random numbers that are shifted further and further from zero.

# %%
torch.manual_seed(0)
noise = torch.randn(1000)
shifts = torch.linspace(-3, 3, 61)
of_squares = [(noise + shift).square().mean().item() for shift in shifts]
of_mean = [(noise + shift).mean().square().item() for shift in shifts]
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(shifts, of_squares, color=BLUE, label="mean of squares")
ax.plot(shifts, of_mean, color=VERMILION, ls="--", label="square of the mean")
ax.set(xlabel="shift", ylabel="value", ylim=(0, None))
ax.legend()
plt.show()
print(f"they differ by {of_squares[0] - of_mean[0]:.3f} at every shift; the variance is {noise.var(correction=0):.3f}")

# %% [markdown]
# *Figure: the mean of squares (blue, solid) and the square of the mean (red, dashed) of shifted random numbers. Both
# are parabolas; the blue one lies above the other by the same amount everywhere, about 1.*
#
# That amount is the **variance**. Lesson 2 is built on it.

# %% [markdown]
# ## Four commands
#
# Save the notebook, open a terminal in the course's folder, and type `source .venv/bin/activate` (conda:
# `conda activate resnet18`). Then try them:
#
# | command | what it does |
# |---|---|
# | `pytest tests/lesson_00` | runs the tests of the check cells on the notebook as it was saved |
# | `course watch lesson_00` | does so after every save, one exercise at a time |
# | `course progress` | shows all exercises, your points, and what comes next |
# | `course reset lesson_00 mean_of_squares` | gives the stub back, and keeps yours in a copy |
#
# A few things are good to know:
#
# - Add cells, helpers and imports wherever you like. The tests load your definitions with what they refer to, not
#   your plots, loops and experiments. So compute a constant in a function, not in a loop of its own.
# - Run the cells from top to bottom once after you open a notebook. A check tells you if one is missing.
# - Your own parts come along: lesson 4 uses the block that you wrote in lesson 3, as soon as it passes its tests. If it
#   doesn't, you get the reference and can go on all the same.
# - Nobody sees your hints. Open them when you have been stuck for five minutes.

# %% [markdown]
# ## What can your machine do?
#
# Training a network is mostly multiplying matrices. So that is what we measure: how many billion additions and
# multiplications a second (GFLOP/s), in 32-bit numbers and in the shorter bfloat16, which some machines multiply
# faster and others slower.
#
# **Guess first:** is the shorter format faster on yours?


# %%
def gflops(dtype, n=1024, rounds=5):
    """Billions of operations a second in a product of two n x n matrices: n³ multiplications and as many additions."""
    a, b = torch.randn(n, n, dtype=dtype), torch.randn(n, n, dtype=dtype)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - began)
    return 2 * n**3 / statistics.median(times) / 1e9


speeds = {"float32": gflops(torch.float32), "bfloat16": gflops(torch.bfloat16)}
fig, ax = plt.subplots(figsize=(6, 1.8), layout="constrained")
bars = ax.barh(list(speeds), list(speeds.values()), color=[BLUE, ORANGE])
ax.bar_label(bars, fmt="%.0f", padding=3)
ax.set(xlabel="GFLOP/s", xlim=(0, 1.15 * max(speeds.values())))
plt.show()

# %% [markdown]
# *Figure: two horizontal bars, the speed of this machine's matrix products in float32 and in bfloat16, in GFLOP/s.*

# %%
best = max(speeds, key=speeds.get)
seconds = 50_000 * 3.33 / speeds[best]  # lesson 8 counts the 3.33 GFLOP
print(f"Faster here: {best}. One look at each of CIFAR-10's 50,000 training images costs ResNet18 3.33 GFLOP an image,")
print(f"so at the very least {seconds / 60:.1f} minutes on this machine. A graphics card does it in seconds.")
print(f"CUDA: {torch.cuda.is_available()}   Apple GPU: {torch.backends.mps.is_available()}")

# %% [markdown]
# If the number looks long: you don't need a graphics card for this course. Every exercise is checked in seconds on a
# laptop, and lesson 8 shows how far a quarter of an hour can take you. `course doctor` looks at the rest of your
# set-up.
#
# ## What broke, what it means
#
# | you see | it means |
# |---|---|
# | `○ to do` | the stub hasn't been replaced yet |
# | `defines no mean_of_squares. Run cell …` | the cell of your answer hasn't been run (cells of text count, too) |
# | `raised NameError: …` | a name that no cell has defined yet: is it spelt right, and has its cell been run? |
# | `Unsaved changes` | pytest would test the notebook as it was last saved |
#
# A report also says what the test called. `fill_` in there gives the weights of a module fixed values; you get it with
# `from course.student import fill_`. Other names that you don't know are defined in the test's own file, such as
# `tests/lesson_03/test_basic_block.py`.
#
# ## Where to go
#
# Lesson 1, [convolution](../lesson_01/convolution.ipynb). The network itself is described in He, Zhang, Ren & Sun
# (2015), *Deep Residual Learning for Image Recognition*. You don't need to read it now. After lesson 4 you will read
# it with new eyes.
