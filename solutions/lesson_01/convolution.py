# %% [markdown]
# # Lesson 1: convolution

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from course import check


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
        ValueError: the stride is below 1, the padding below 0, or the kernel is longer than the padded axis;
            the message then names the kernel's length and the padded one.
    """
    ### BEGIN SOLUTION
    padded = size + 2 * padding
    if stride < 1 or padding < 0:
        raise ValueError(f"a stride of {stride} and a padding of {padding} make no sense")
    if kernel_size > padded:
        raise ValueError(f"a kernel of length {kernel_size} does not fit into a padded length of {padded}")
    return (padded - kernel_size) // stride + 1
    ### END SOLUTION


# %%
check("output_size", points=1)


# %%
def cross_correlate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Slide a kernel over an image without padding and sum the products at every position ("valid" cross-correlation).

    Args:
        image: shape (H, W), of floats or integers; left unchanged.
        kernel: shape (KH, KW); left unchanged and not flipped.

    Returns:
        float64 array of shape (H - KH + 1, W - KW + 1).

    Raises:
        ValueError: the kernel is larger than the image; the message names both shapes.
    """
    ### BEGIN SOLUTION
    (height, width), (kernel_height, kernel_width) = image.shape, kernel.shape
    if kernel_height > height or kernel_width > width:
        raise ValueError(f"a kernel of shape {kernel.shape} does not fit into an image of shape {image.shape}")
    out = np.zeros((output_size(height, kernel_height), output_size(width, kernel_width)))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            window = image[i : i + kernel_height, j : j + kernel_width]  # (KH, KW)
            out[i, j] = (window * kernel).sum()
    return out
    ### END SOLUTION


# %%
check("cross_correlate", points=2)


# %%
def pad2d(x: torch.Tensor, padding: int) -> torch.Tensor:
    """Surround every channel of every image with zeros; without F.pad, and differentiable.

    Args:
        x: shape (N, C, H, W); left unchanged.
        padding: rows of zeros above and below, and columns left and right; 0 adds none.

    Returns:
        Shape (N, C, H + 2 * padding, W + 2 * padding), with the dtype and the device of `x`.

    Raises:
        ValueError: the padding is below 0; the message names it.
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


# %%
def conv2d(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None, stride: int = 1, padding: int = 0
) -> torch.Tensor:
    """The convolution of deep learning, as one matrix product and without the library's (Chellapilla et al. 2006).

    Args:
        x: shape (N, C, H, W), contiguous in memory or not; left unchanged.
        weight: shape (O, C, KH, KW), not flipped.
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


# %%
def conv2d_backward(
    grad_output: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: int = 1, padding: int = 0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of `conv2d`, by formula: autograd is not asked, so it works under `torch.inference_mode()`.

    Args:
        grad_output: gradient of the loss with respect to conv2d's output, shape (N, O, H', W').
        x: shape (N, C, H, W), as it went into conv2d; left unchanged, as is `weight`.
        weight: shape (O, C, KH, KW).
        stride, padding: as they were in conv2d.

    Returns:
        (grad_x, grad_weight, grad_bias), of shapes (N, C, H, W), (O, C, KH, KW) and (O,), with the dtype of `x`.

    Raises:
        ValueError: grad_output has not the shape of conv2d's output; the message names both shapes.
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
