# %% [markdown]
# # Lesson 4: ResNet18

# %%
import torch
from torch import nn

from course import carry, check

BasicBlock = carry("lesson_03", "BasicBlock")

# %% [markdown]
# ## Exercise 1: make_stage


# %%
def make_stage(in_channels: int, out_channels: int, num_blocks: int, stride: int) -> nn.Sequential:
    """Stack BasicBlocks of one width; the first one changes channels and size, the others keep both.

    Args:
        in_channels: channels of the stage's input; only the first block sees them.
        out_channels: channels of every block's output.
        num_blocks: how many blocks, at least 1; each has weights of its own.
        stride: of the first block in pixels; all others have stride 1.

    Returns:
        An `nn.Sequential` of `num_blocks` BasicBlocks, named `0`, `1`, … as `nn.Sequential` does by itself.

    Shape:
        of the stage: (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)), dtype kept.

    Raises:
        ValueError: `num_blocks` is less than 1; the message names it.

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
# ## Exercise 2: count_parameters


# %%
def count_parameters(model: nn.Module) -> int:
    """Count the numbers that a model's parameters hold.

    A parameter that several submodules share counts once. A frozen one (`requires_grad=False`) counts like any other.
    Buffers, such as running statistics, are no parameters.

    Args:
        model: any module.

    Returns:
        The number of elements of all parameters together, an `int`.
    """
    ### BEGIN SOLUTION
    return sum(parameter.numel() for parameter in model.parameters())
    ### END SOLUTION


# %%
check("count_parameters", points=1)

# %% [markdown]
# ## Exercise 3: init_weights


# %%
def init_weights(module: nn.Module) -> None:
    """Give one module its initial values, in place; `model.apply(init_weights)` calls it for every module of a model.

    - `nn.Conv2d`: the weight is drawn from a normal distribution of mean 0 and variance 2 / fan_out, where
      fan_out = out_channels * kernel height * kernel width.
    - `nn.BatchNorm2d`: weight 1, bias 0; the running statistics stay as they are.
    - Everything else, `nn.Linear` too, stays as it is.

    Args:
        module: a layer or any other module. Its parameters keep their dtype and go on requiring gradients.

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
# ## Exercise 4: ResNet18


# %%
class ResNet18(nn.Module):
    """ResNet18 with torchvision's attribute names, so that the state dict is torchvision's.

    `conv1` (no bias), `bn1`, ReLU and, on the ImageNet stem only, max pooling; the stages `layer1` to `layer4` of two
    BasicBlocks each, 64, 128, 256 and 512 channels wide, the last three with stride 2; the mean over height and width;
    `fc`, a linear layer with bias. Every module has been given its values by `init_weights`.

    Args:
        num_classes: size of the output, at least 1.
        stem: `"cifar"`: `conv1` is 3x3 with stride 1 and padding 1, and nothing is pooled before `layer1`;
            `"imagenet"`: `conv1` is 7x7 with stride 2 and padding 3, and a 3x3 max pooling with stride 2 and padding 1
            follows the ReLU.

    Shape:
        images (N, 3, H, W) of any height and width -> logits (N, num_classes), without softmax; dtype kept.

    Raises:
        ValueError: `num_classes` is less than 1 (the message names it), or `stem` is an unknown word (the message names
            it and both that are allowed). `forward` raises it for an x that is not (N, 3, H, W), naming its shape.

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

# %% [markdown]
# ## Exercise 5: receptive_field


# %%
def receptive_field(layers: list[tuple[int, int]]) -> int:
    """Side of the smallest square that holds all input pixels on which one output value depends.

    Args:
        layers: a pair (kernel_size, stride) for each convolution or pooling, from the input to the output.

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
