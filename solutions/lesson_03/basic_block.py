# %% [markdown]
# # Lesson 3: the basic block

# %%
import torch
from torch import nn

from course import check


# %%
def expect_input(x: torch.Tensor, conv: nn.Module) -> None:
    """Raise a `ValueError` that names both shapes unless x is a batch of images that fits this convolution."""
    if x.dim() != 4 or x.shape[1] != conv.weight.shape[1]:
        shapes = f"x {tuple(x.shape)} does not fit the weight {tuple(conv.weight.shape)}"
        raise ValueError(f"{shapes}: expected (N, {conv.weight.shape[1]}, H, W)")


# %%
class PlainBlock(nn.Module):
    """Two 3x3 convolutions without bias, each followed by batch normalisation and ReLU; no shortcut.

    The stride belongs to the first convolution. Its parts are called `conv1`, `bn1`, `conv2` and `bn2`, and have no
    parameters but those of `nn.Conv2d` and `nn.BatchNorm2d`. The input is left as it was.

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


# %%
def make_downsample(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """The projection that brings a block's input to the shape of its output, or None where the two agree already.

    Args:
        in_channels: channels of the block's input.
        out_channels: channels of the block's output.
        stride: the block's step in pixels.

    Returns:
        None if `stride` is 1 and the channels agree. Otherwise an `nn.Sequential` of two: a 1x1 convolution without
        bias that takes the stride, then batch normalisation. Its state dict has the keys `0.weight`, `1.weight`,
        `1.bias`, `1.running_mean`, `1.running_var` and `1.num_batches_tracked`.

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


# %%
class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation, and a shortcut added before the last ReLU.

    The parts are called `conv1`, `bn1`, `conv2`, `bn2` and `downsample`, so that the state dict is torchvision's.
    `downsample` is None where input and output have the same shape. The input is left as it was.

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


# %%
def gradient_norms(blocks: list[nn.Module], x: torch.Tensor) -> list[float]:
    """How strongly the loss depends on what each block of a stack puts out.

    The blocks run one after the other, the first on x and every other on the output of the one before it, in the
    mode (train or eval) that they are in. The loss is the mean of the squares of the last output.

    Args:
        blocks: modules, in the order in which they run; each takes what the one before gives.
        x: input of the first block.

    Returns:
        One number a block, in the same order: the L2 norm (the root of the sum of squares over all elements) of the
        loss's gradient with respect to that block's output. No `.grad` is left on x or on any parameter, one that
        was there before is unchanged, and so is `x.requires_grad`.

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
