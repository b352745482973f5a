# %% [markdown]
# # Lesson 2: batch normalisation

# %%
import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from course import check


# %%
def batch_statistics(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of every channel over the batch and over all pixels (Ioffe & Szegedy 2015, section 3.2).

    Args:
        x: shape (N, C, H, W); left unchanged.

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

    Args:
        x: shape (N, C, H, W); left unchanged, as are the others.
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
    mean, var, weight, bias = (vector[:, None, None] for vector in (mean, var, weight, bias))  # (C, 1, 1)
    x_hat = (x - mean) / torch.sqrt(var + eps)  # (N, C, H, W)
    return weight * x_hat + bias
    ### END SOLUTION


# %%
check("batch_norm", points=2)


# %%
def batch_norm_backward(
    grad_output: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, eps: float = 1e-5
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of batch norm in training, where mean and variance depend on `x` (Ioffe & Szegedy 2015, section 3).

    By hand: it works where autograd is switched off. The output was batch_norm(x, *batch_statistics(x), weight, bias,
    eps); the bias isn't needed here.

    Args:
        grad_output: shape (N, C, H, W), the loss's gradient with respect to the output; left unchanged.
        x: shape (N, C, H, W), the input of the forward pass; left unchanged.
        weight: shape (C,), the scale gamma; left unchanged.
        eps: as in the forward pass.

    Returns:
        (grad_x, grad_weight, grad_bias) of shapes (N, C, H, W), (C,) and (C,), of the dtype of `x`.

    Raises:
        ValueError: grad_output and x differ in shape, or weight isn't of shape (C,); the message names both shapes.
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


# %%
class BatchNorm2d(nn.Module):
    """Batch normalisation with running statistics, interchangeable with torch.nn.BatchNorm2d.

    In training mode a batch is normalised with its own mean and biased variance, and moves the running statistics:
    new = (1 - momentum) * old + momentum * batch, where `running_var` takes the batch's unbiased variance. In eval mode
    the running statistics normalise, and nothing changes. Only `self.training` tells the two apart.

    Args:
        num_features: number of channels C.
        eps: added to the variance that normalises.
        momentum: weight of the NEW batch in the running statistics.

    Attributes:
        weight, bias: parameters of shape (C,), one and zero at first.
        running_mean, running_var: buffers of shape (C,), zero and one at first; they never require a gradient.
        num_batches_tracked: buffer, an int64 scalar, the number of batches seen in training mode.
        num_features, eps, momentum: as given.

    Shapes: (N, C, H, W) -> (N, C, H, W); the input is left unchanged.

    Raises:
        ValueError: the input isn't of shape (N, num_features, H, W), or there is only one value per channel
            (N * H * W == 1) in training mode; the message names the input's shape, and num_features if that differs.
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
                self.running_var += self.momentum * (var * count / (count - 1) - self.running_var)
                self.num_batches_tracked += 1
        else:
            mean, var = self.running_mean, self.running_var
        return batch_norm(x, mean, var, self.weight, self.bias, self.eps)
        ### END SOLUTION


# %%
check("BatchNorm2d", points=4)


# %%
def fold_batch_norm(conv: nn.Conv2d, bn: nn.Module) -> nn.Conv2d:
    """One convolution that computes what `conv` followed by `bn` in eval mode does (Jacob et al. 2018, section 3.2).

    Args:
        conv: with a bias or without; left unchanged.
        bn: a BatchNorm2d, yours or torch's, in either mode: its running statistics count; left unchanged.

    Returns:
        A new convolution with a bias; stride, padding, dilation, groups and dtype are those of `conv`.

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
    return folded
    ### END SOLUTION


# %%
check("fold_batch_norm", points=3)
