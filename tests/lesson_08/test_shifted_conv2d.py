"""ShiftedConv2d: the convolution and its gradients, on maps large enough for shifted slices and on small ones."""

import pytest
import torch
from torch import nn

from course.student import fill_, randn

LIBRARY = ["convolution", "im2col"]
SETTINGS = {
    "a large map": (3, 1, 1, 14, 13),
    "a small map": (3, 1, 1, 4, 5),
    "a map smaller than the kernel": (3, 1, 1, 2, 2),
    "stride 2": (3, 2, 1, 14, 13),
    "stride 3": (2, 3, 1, 11, 9),
    "one tap": (1, 1, 0, 5, 4),
    "one tap with stride 2": (1, 2, 0, 5, 6),
    "a wide kernel": (5, 1, 2, 30, 27),
    "more padding than it needs": (2, 1, 2, 6, 5),
}
CASES = pytest.mark.parametrize(("size", "stride", "padding", "height", "width"), SETTINGS.values(), ids=SETTINGS)


def gradients(layer, x):
    """Gradients of a layer with known weights; a product with fixed values makes a number of the output."""
    layer = fill_(layer).double()
    x = x.clone().requires_grad_()
    out = layer(x)
    (out * torch.arange(out.numel(), dtype=out.dtype).cos().view(out.shape)).sum().backward()
    return {"x": x.grad, "weight": layer.weight.grad}


def in_bfloat16(layer, x):
    with torch.autocast("cpu", torch.bfloat16):
        return fill_(layer)(x)


def dtype_under_autocast(layer, x, dtype):
    """The dtype of the output, or the kind of error that comes instead."""
    try:
        with torch.autocast("cpu", dtype):
            return str(layer(x).dtype)
    except NotImplementedError:
        raise
    except Exception as error:
        return type(error).__name__


def in_both_layouts(layer, x):
    """What a layer with known weights makes of images that are contiguous, of the same channels-last, and of one."""
    layer, x_last = fill_(layer).double(), x.contiguous(memory_format=torch.channels_last)
    found = {"contiguous": layer(x), "channels-last": layer(x_last), "one image": layer(x[:1])}
    return found | {"the layer channels-last, too": layer.to(memory_format=torch.channels_last)(x_last)}


def gradients_in_bfloat16(layer, x):
    """Gradients by a forward pass under autocast: float32, rounded here to what they are good for."""
    x = x.clone().requires_grad_()
    out = in_bfloat16(layer, x).float()
    (out * torch.arange(out.numel()).cos().view(out.shape)).sum().backward()
    found = {"x": x.grad, "weight": layer.weight.grad}
    return {name: None if g is None else (g.dtype, g.bfloat16()) for name, g in found.items()}


def error_of(layer, x):
    """The kind of error that an input meets, or `none`."""
    try:
        layer(x)
    except NotImplementedError:
        raise
    except Exception as error:
        return type(error).__name__
    return "none"


@CASES
def test_gives_the_output_of_a_convolution(student, size, stride, padding, height, width):
    x = randn(2, 3, height, width, dtype=torch.float64)
    student.returns(
        lambda lesson: in_both_layouts(lesson.ShiftedConv2d(3, 4, size, stride, padding), x),
        lambda: in_both_layouts(nn.Conv2d(3, 4, size, stride, padding, bias=False), x),
        without=LIBRARY,
    )


@CASES
def test_gives_its_gradients(student, size, stride, padding, height, width):
    x = randn(2, 3, height, width, dtype=torch.float64)
    student.returns(
        lambda lesson: gradients(lesson.ShiftedConv2d(3, 3, size, stride, padding), x),
        lambda: gradients(nn.Conv2d(3, 3, size, stride, padding, bias=False), x),
        without=LIBRARY,
    )


def test_computes_in_the_precision_of_autocast(student):
    x = randn(2, 3, 14, 13)
    student.returns(
        lambda lesson: in_bfloat16(lesson.ShiftedConv2d(3, 3, 3, padding=1), x),
        lambda: in_bfloat16(nn.Conv2d(3, 3, 3, padding=1, bias=False), x),
    )


def test_computes_in_float16_where_that_is_asked_for(student):
    x, dtypes = randn(2, 3, 14, 13), [torch.bfloat16, torch.float16]

    def probe(lesson):
        one, two = lesson.ShiftedConv2d(3, 3, 3, padding=1), lesson.ShiftedConv2d(3, 4, 3, padding=1)
        layers = {"one layer": one, "two in a row": nn.Sequential(one, two)}
        return {name: [dtype_under_autocast(net, x, dtype) for dtype in dtypes] for name, net in layers.items()}

    student.returns(probe, lambda: {name: [str(dtype) for dtype in dtypes] for name in ("one layer", "two in a row")})


def test_learns_under_autocast(student):
    x = randn(2, 3, 14, 13)
    student.returns(
        lambda lesson: gradients_in_bfloat16(lesson.ShiftedConv2d(3, 3, 3, padding=1), x),
        lambda: gradients_in_bfloat16(nn.Conv2d(3, 3, 3, padding=1, bias=False), x),
    )


def test_takes_part_in_a_network_whose_state_it_shares(student):
    x = randn(2, 3, 13, 14)

    def network(layer):
        net = fill_(nn.Sequential(layer, nn.BatchNorm2d(4), nn.ReLU()))
        before = x.clone()
        return {"output": net(x), "state": net.state_dict(), "the images are left unchanged": x.equal(before)}

    student.returns(
        lambda lesson: network(lesson.ShiftedConv2d(3, 4, 3, padding=1)),
        lambda: network(nn.Conv2d(3, 4, 3, padding=1, bias=False)),
    )


def test_refuses_another_number_of_channels(student):
    x = randn(2, 5, 6, 7)
    student.raises(lambda lesson: lesson.ShiftedConv2d(3, 4, 3)(x), ValueError, naming=[x.shape, (4, 3, 3, 3)])


def test_refuses_an_image_smaller_than_the_kernel_or_without_a_batch(student):
    images = {
        "5 channels for 3": randn(2, 5, 6, 7),
        "2 columns for 3": randn(2, 3, 6, 2),
        "2 rows for 3": randn(2, 3, 2, 6),
        "no batch": randn(3, 3, 7),
    }
    student.returns(
        lambda lesson: {name: error_of(lesson.ShiftedConv2d(3, 4, 3), x) for name, x in images.items()},
        lambda: dict.fromkeys(images, "ValueError"),
    )
