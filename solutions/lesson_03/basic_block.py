# %% [markdown]
# # Lesson 3: the basic block

# %%
import torch
from torch import nn

from course import check

# %% [markdown]
# ## Exercise: a plain block

# %%
class PlainBlock(nn.Module):
    """Two 3x3 convolutions, each followed by batch normalisation and ReLU.

    Args:
        in_channels, out_channels: number of channels in and out.
        stride: of the first convolution.

    Shapes: (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)).
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
        out = torch.relu(self.bn1(self.conv1(x)))  # (N, out_channels, H', W')
        return torch.relu(self.bn2(self.conv2(out)))
        ### END SOLUTION


# %%
check("PlainBlock", points=2)
