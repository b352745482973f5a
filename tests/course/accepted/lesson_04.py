"""Correct but unusual answers to lesson 4, which every test must let pass."""

from course.diagnosis import Accepted

ACCEPTED = [
    # make_stage
    Accepted(
        exercise="make_stage",
        name="a loop over strides, as torchvision has it",
        source="""
def make_stage(in_channels, out_channels, num_blocks, stride):
    if num_blocks <= 0:
        raise ValueError("a stage of %d blocks is none" % num_blocks)
    stage = nn.Sequential()
    for step in [stride] + [1] * (num_blocks - 1):
        stage.append(BasicBlock(in_channels, out_channels, step))
        in_channels = out_channels
    return stage
""",
    ),
    Accepted(
        exercise="make_stage",
        name="a subclass of nn.Sequential with an attribute more",
        source="""
class Stage(nn.Sequential):
    def __init__(self, in_channels, out_channels, num_blocks, stride):
        if num_blocks < 1:
            raise ValueError(f"num_blocks={num_blocks}")
        super().__init__()
        for i in reversed(range(num_blocks)):
            first = i == 0
            block = BasicBlock(in_channels if first else out_channels, out_channels, stride if first else 1)
            self.add_module(str(i), block)
        self._modules = dict(sorted(self._modules.items()))
        self.width = out_channels


make_stage = Stage
""",
    ),
    Accepted(
        exercise="make_stage",
        name="recursion",
        source="""
from collections import OrderedDict


def make_stage(in_channels, out_channels, num_blocks, stride):
    if num_blocks < 1:
        raise ValueError(f"expected one block or more, not {num_blocks}")
    if num_blocks == 1:
        return nn.Sequential(BasicBlock(in_channels, out_channels, stride))
    shorter = make_stage(in_channels, out_channels, num_blocks - 1, stride)
    last = {str(num_blocks - 1): BasicBlock(out_channels, out_channels)}
    return nn.Sequential(OrderedDict(shorter.named_children()) | last)
""",
    ),
    # count_parameters
    Accepted(
        exercise="count_parameters",
        name="products of shapes",
        source="""
import math


def count_parameters(model):
    return sum(math.prod(tensor.shape) for _, tensor in model.named_parameters())
""",
    ),
    Accepted(
        exercise="count_parameters",
        name="recursion over children with a set of tensors seen",
        source="""
def count_parameters(model, seen=None):
    seen = set() if seen is None else seen
    total = 0
    for tensor in model.parameters(recurse=False):
        if id(tensor) not in seen:
            seen.add(id(tensor))
            total += len(tensor.flatten())
    return total + sum(count_parameters(child, seen) for child in model.children())
""",
    ),
    Accepted(
        exercise="count_parameters",
        name="one long NumPy array",
        source="""
import numpy as np


def count_parameters(model):
    return int(np.concatenate([np.zeros(0), *(np.empty(p.shape).ravel() for p in set(model.parameters()))]).size)
""",
    ),
    # init_weights
    Accepted(
        exercise="init_weights",
        name="a standard deviation by hand, drawn in place",
        source="""
import math


@torch.no_grad()
def init_weights(module):
    kind = type(module).__name__
    if "Conv2d" in kind:
        out_channels, _, height, width = module.weight.shape
        module.weight.normal_(0.0, math.sqrt(2.0 / (out_channels * height * width)))
        if module.bias is not None:
            module.bias.zero_()
    elif "BatchNorm2d" in kind:
        module.weight.fill_(1.0)
        module.bias.fill_(0.0)
""",
    ),
    Accepted(
        exercise="init_weights",
        name="values of NumPy in float64 copied into data",
        source="""
import numpy as np

rng = np.random.default_rng(7)


def init_weights(module):
    match module:
        case nn.Conv2d():
            fan_out = module.weight[:, 0].numel()
            module.weight.data.copy_(torch.from_numpy(rng.normal(0, np.sqrt(2 / fan_out), module.weight.shape)))
        case nn.BatchNorm2d():
            module.weight.data = torch.ones_like(module.weight)
            module.bias.data *= 0
        case _:
            return None
""",
    ),
    Accepted(
        exercise="init_weights",
        name="every submodule by itself, and as often as asked",
        source="""
def init_weights(module):
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(layer.weight)
            with torch.no_grad():
                layer.weight.copy_(torch.randn_like(layer.weight) * (2 / fan_out) ** 0.5)
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.constant_(layer.weight, 1)
            nn.init.constant_(layer.bias, 0)
    return module
""",
    ),
    # ResNet18
    Accepted(
        exercise="ResNet18",
        name="functional, with ReLU in place and attributes in another order",
        source="""
import torch.nn.functional as F


class ResNet18(nn.Module):
    def __init__(self, num_classes=10, stem="cifar"):
        if num_classes <= 0 or stem not in {"imagenet", "cifar"}:
            raise ValueError(f"{num_classes} classes, stem {stem}: must be > 0, and imagenet or cifar")
        super().__init__()
        self._large = stem == "imagenet"
        self.fc = nn.Linear(512, num_classes)
        self.layer4 = make_stage(256, 512, 2, 2)
        self.layer3 = make_stage(128, 256, 2, 2)
        self.layer2 = make_stage(64, 128, 2, 2)
        self.layer1 = make_stage(64, 64, 2, 1)
        self.bn1 = nn.BatchNorm2d(64)
        kernel = 7 if self._large else 3
        self.conv1 = nn.Conv2d(3, 64, kernel, 1 + self._large, kernel // 2, bias=False)
        for module in self.modules():
            init_weights(module)

    def forward(self, x):
        if len(x.shape) != 4 or x.size(1) != 3:
            raise ValueError(f"{x.shape} is no batch of RGB images")
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        if self._large:
            x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        x = F.adaptive_avg_pool2d(x, (1, 1))
        return self.fc(torch.flatten(x, 1))
""",
    ),
    Accepted(
        exercise="ResNet18",
        name="one nn.Sequential of named parts",
        source="""
from collections import OrderedDict


class ResNet18(nn.Sequential):
    STEMS = {
        "cifar": lambda: (nn.Conv2d(3, 64, 3, padding="same", bias=False), nn.Identity()),
        "imagenet": lambda: (nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.MaxPool2d(3, 2, 1)),
    }

    def __init__(self, num_classes=10, stem="cifar"):
        if stem not in self.STEMS:
            raise ValueError(f"unknown stem {stem}, known: {', '.join(self.STEMS)}")
        if num_classes < 1:
            raise ValueError(f"cannot tell {num_classes} classes apart")
        conv1, pool = self.STEMS[stem]()
        parts = OrderedDict(conv1=conv1, bn1=nn.BatchNorm2d(64), relu=nn.ReLU(inplace=True), maxpool=pool)
        for i in range(4):
            width = 64 * 2**i
            parts[f"layer{i + 1}"] = make_stage(max(width // 2, 64), width, 2, 1 if i == 0 else 2)
        parts.update(avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(512, num_classes))
        super().__init__(parts)
        self.apply(init_weights)

    def forward(self, x):
        if x.ndim != 4 or x.shape[1] != 3:
            raise ValueError(f"images (N, 3, H, W) wanted, these are {list(x.shape)}")
        return super().forward(x)
""",
    ),
    Accepted(
        exercise="ResNet18",
        name="norm and fc by matrix products, pooling by einsum",
        source="""
class Stem(nn.Conv2d):
    def forward(self, x):
        kernel, padding, stride = self.kernel_size[0], self.padding[0], self.stride[0]
        height, width = ((size + 2 * padding - kernel) // stride + 1 for size in x.shape[2:])
        patches = nn.functional.unfold(x, kernel, padding=padding, stride=stride)
        return (self.weight.flatten(1) @ patches).unflatten(2, (height, width))


class ResNet18(nn.Module):
    def __init__(self, num_classes=10, stem="cifar"):
        super().__init__()
        if not num_classes > 0:
            raise ValueError(f"num_classes is {num_classes}")
        try:
            kernel, stride = {"cifar": (3, 1), "imagenet": (7, 2)}[stem]
        except KeyError:
            raise ValueError(f"stem {stem!r} is neither cifar nor imagenet") from None
        self.conv1 = Stem(3, 64, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.pool = [] if stem == "cifar" else [nn.MaxPool2d(3, 2, 1)]
        self.stages = []
        for i, (before, width) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)], start=1):
            setattr(self, f"layer{i}", make_stage(before, width, 2, min(i, 2)))
        self.fc = nn.Linear(512, num_classes)
        self.register_buffer("seen", torch.zeros(()), persistent=False)
        self.apply(init_weights)

    def forward(self, x):
        if x.dim() - 4 or x.shape[1] - 3:
            raise ValueError(" x ".join(map(str, x.shape)) + " pixels are no batch of colour images")
        x = self.bn1(self.conv1(x)).clamp_min(0)
        for pool in self.pool:
            x = pool(x)
        for i in range(1, 5):
            x = getattr(self, f"layer{i}")(x)
        pooled = torch.einsum("nchw->nc", x) / x[0, 0].numel()
        return torch.einsum("nc,kc->nk", pooled, self.fc.weight) + self.fc.bias
""",
    ),
    # receptive_field
    Accepted(
        exercise="receptive_field",
        name="from the output back to the input",
        source="""
def receptive_field(layers):
    size = 1
    for pair in layers:
        if min(pair) < 1:
            raise ValueError(f"{pair} is no layer")
    for kernel, stride in layers[::-1]:
        size = (size - 1) * stride + kernel
    return size
""",
    ),
    Accepted(
        exercise="receptive_field",
        name="the closed form with products of strides",
        source="""
import math


def receptive_field(layers):
    if bad := [layer for layer in layers if layer[0] <= 0 or layer[1] <= 0]:
        raise ValueError(f"kernel {bad[0][0]}, stride {bad[0][1]}")
    return 1 + sum((k - 1) * math.prod(s for _, s in layers[:i]) for i, (k, _) in enumerate(layers))
""",
    ),
    Accepted(
        exercise="receptive_field",
        name="recursion on the rest of the net",
        source="""
def receptive_field(layers):
    if not layers:
        return 1
    (kernel, stride), *rest = layers
    if kernel < 1 or stride < 1:
        raise ValueError(f"bad layer: kernel {kernel} stride {stride}")
    return kernel + stride * (receptive_field(rest) - 1)
""",
    ),
    Accepted(
        exercise="receptive_field",
        name="NumPy's cumulative product",
        source="""
import numpy as np


def receptive_field(layers):
    kernels, strides = np.array(layers, dtype=np.int64).reshape(-1, 2).T
    for kernel, stride in zip(kernels, strides):
        if kernel < 1 or stride < 1:
            raise ValueError(f"expected positive numbers, got [{kernel}, {stride}]")
    jumps = np.cumprod(np.concatenate([[1], strides]))[:-1]
    return int(1 + (kernels - 1) @ jumps)
""",
    ),
]
