"""Correct but unusual answers to lesson 3."""

from course.diagnosis import Accepted

ACCEPTED = [
    Accepted(
        exercise="PlainBlock",
        name="nn.ReLU in place, parts made in another order",
        source="""
class PlainBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=(3, 3), padding="same", bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, (3, 3), (stride, stride), (1, 1), bias=False)

    def forward(self, x):
        if x.ndim != 4 or x.size(1) != self.conv1.in_channels:
            raise ValueError(f"{x.shape} does not fit {self.conv1.weight.shape}")
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
""",
    ),
    Accepted(
        exercise="PlainBlock",
        name="a Sequential with named parts",
        source="""
from collections import OrderedDict


def half(number, in_channels, out_channels, stride):
    return [
        (f"conv{number}", nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)),
        (f"bn{number}", nn.BatchNorm2d(out_channels)),
        (f"relu{number}", nn.ReLU()),
    ]


class PlainBlock(nn.Sequential):
    def __init__(self, in_channels, out_channels, stride=1):
        parts = half(1, in_channels, out_channels, stride) + half(2, out_channels, out_channels, 1)
        super().__init__(OrderedDict(parts))

    def forward(self, x):
        expect_input(x, self.conv1)
        return super().forward(x)
""",
    ),
    Accepted(
        exercise="PlainBlock",
        name="functional, with explicit padding and norms by hand",
        source="""
class PlainBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self._stride = stride
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def _norm(self, bn, x):
        if bn.training:
            var, mean = torch.var_mean(x, dim=(0, 2, 3), unbiased=False)
            count = x.numel() / x.shape[1]
            with torch.no_grad():
                bn.running_mean.lerp_(mean, bn.momentum)
                bn.running_var.lerp_(var * count / (count - 1), bn.momentum)
                bn.num_batches_tracked += 1
        else:
            mean, var = bn.running_mean, bn.running_var
        scale = bn.weight / torch.sqrt(var + bn.eps)
        return x * scale[:, None, None] + (bn.bias - mean * scale)[:, None, None]

    def forward(self, x):
        expect_input(x, self.conv1)
        for conv, bn, stride in ((self.conv1, self.bn1, self._stride), (self.conv2, self.bn2, 1)):
            padded = nn.functional.pad(x, (1, 1, 1, 1))
            x = nn.functional.conv2d(padded, conv.weight, stride=stride)
            x = self._norm(bn, x).clamp(min=0)
        return x
""",
    ),
    Accepted(
        exercise="make_downsample",
        name="a subclass of Sequential",
        source="""
class Projection(nn.Sequential):
    def __init__(self, in_channels, out_channels, stride):
        conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=(stride, stride), padding=0, bias=False)
        super().__init__(conv, nn.BatchNorm2d(out_channels, eps=1e-5, momentum=0.1))


def make_downsample(in_channels, out_channels, stride):
    for number in (in_channels, out_channels, stride):
        if number < 1:
            raise ValueError(f"got in_channels={in_channels}, out_channels={out_channels}, stride={stride}")
    agrees = (in_channels, 1) == (out_channels, stride)
    return None if agrees else Projection(in_channels, out_channels, stride)
""",
    ),
    Accepted(
        exercise="make_downsample",
        name="built part by part",
        source="""
def make_downsample(in_channels: int, out_channels: int, stride: int):
    if in_channels <= 0 or out_channels <= 0 or stride <= 0:
        raise ValueError("need positive numbers, got {}, {}, {}".format(in_channels, out_channels, stride))
    projection = None
    if stride != 1 or in_channels != out_channels:
        projection = nn.Sequential()
        projection.append(nn.Conv2d(in_channels, out_channels, 1, bias=False))
        projection.append(nn.BatchNorm2d(out_channels))
        projection[0].stride = (stride, stride)
    return projection
""",
    ),
    Accepted(
        exercise="make_downsample",
        name="slices pixels and mixes channels with einsum",
        source="""
class Mix(nn.Module):
    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1) / in_channels**0.5)

    def forward(self, x):
        return torch.einsum("nchw,oc->nohw", x[:, :, :: self.stride, :: self.stride], self.weight[:, :, 0, 0])


def make_downsample(in_channels, out_channels, stride):
    if not all(number >= 1 for number in (in_channels, out_channels, stride)):
        raise ValueError(f"{in_channels} to {out_channels} channels, stride {stride}")
    if stride > 1 or in_channels != out_channels:
        return nn.Sequential(Mix(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))
""",
    ),
    Accepted(
        exercise="BasicBlock",
        name="adds in place into its own branch",
        source="""
class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.downsample = make_downsample(in_channels, out_channels, stride)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.stride = stride

    def forward(self, x):
        expect_input(x, self.conv1)
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)
""",
    ),
    Accepted(
        exercise="BasicBlock",
        name="a subclass of the plain block",
        source="""
class BasicBlock(PlainBlock):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__(in_channels, out_channels, stride)
        self.downsample = make_downsample(in_channels, out_channels, stride)
        self._shortcuts = [self.downsample or nn.Identity()]

    def forward(self, x):
        if x.dim() != 4 or x.shape[1] != self.conv1.in_channels:
            raise ValueError(f"no batch for {tuple(self.conv1.weight.shape)}: {list(x.shape)}")
        parts = (self.conv1, self.bn1, nn.ReLU(), self.conv2, self.bn2)
        branch = x
        for part in parts:
            branch = part(branch)
        shortcut = self._shortcuts[0](x)
        return (shortcut + branch).clamp_min(0)
""",
    ),
    Accepted(
        exercise="BasicBlock",
        name="computes in float64, shortcut last",
        source="""
class BasicBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        for number, width in ((1, in_channels), (2, out_channels)):
            conv = nn.Conv2d(width, out_channels, 3, stride if number == 1 else 1, 1, bias=False)
            self.add_module(f"conv{number}", conv)
            self.add_module(f"bn{number}", nn.BatchNorm2d(out_channels))
        self.downsample = None
        if in_channels != out_channels or stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )
        self.register_buffer("_calls", torch.zeros(()), persistent=False)

    def _conv(self, conv, x):
        return nn.functional.conv2d(x.double(), conv.weight.double(), None, conv.stride, conv.padding).to(x.dtype)

    def forward(self, x):
        expect_input(x, self.conv1)
        branch = self._conv(self.conv2, nn.functional.relu(self.bn1(self._conv(self.conv1, x))))
        total = torch.stack([self.bn2(branch), self.downsample(x) if self.downsample else x]).sum(0)
        return torch.where(total > 0, total, torch.zeros_like(total))
""",
    ),
    Accepted(
        exercise="gradient_norms",
        name="backward hooks on the outputs, gradients put back",
        source="""
def gradient_norms(blocks, x):
    if len(blocks) == 0:
        raise ValueError(f"no blocks for {x.shape}")
    parameters = [p for block in blocks for p in block.parameters()]
    before = [p.grad for p in parameters]
    for p in parameters:
        p.grad = None
    norms = [0.0] * len(blocks)
    out = x.detach().requires_grad_()
    for index, block in enumerate(blocks):
        out = block(out)
        out.register_hook(lambda grad, index=index: norms.__setitem__(index, float(grad.pow(2).sum() ** 0.5)))
    (out**2).mean().backward()
    for p, grad in zip(parameters, before):
        p.grad = grad
    return norms
""",
    ),
    Accepted(
        exercise="gradient_norms",
        name="the chain rule block by block",
        source="""
def gradient_norms(blocks, x):
    if not blocks:
        raise ValueError("nothing to run x of shape %s through" % (tuple(x.shape),))
    inputs, outputs = [], []
    out = x
    for block in blocks:
        inputs.append(out.detach().requires_grad_(True))
        out = block(inputs[-1])
        outputs.append(out)
    grad = 2 * out.detach() / out.numel()
    norms = []
    for inp, output in zip(reversed(inputs), reversed(outputs)):
        norms.insert(0, torch.linalg.vector_norm(grad).item())
        (grad,) = torch.autograd.grad(output, inp, grad)
    return norms
""",
    ),
    Accepted(
        exercise="gradient_norms",
        name="retained gradients on a deep copy, in NumPy",
        source="""
import copy

import numpy as np


def gradient_norms(blocks, x):
    if not len(blocks):
        raise ValueError(f"x {tuple(x.shape)} has nowhere to go")
    outputs = [x.detach().clone().requires_grad_()]
    for block in copy.deepcopy(list(blocks)):
        outputs.append(block(outputs[-1]))
        outputs[-1].retain_grad()
    torch.mean(outputs[-1] * outputs[-1]).backward()
    return [float(np.sqrt(np.square(output.grad.numpy()).sum())) for output in outputs[1:]]
""",
    ),
]
