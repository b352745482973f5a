"""fold_batch_norm: a convolution and its norm as one convolution."""

import copy
import sys

import torch
from torch import nn

from course.student import fill_, randn

LIBRARY = ["batch_norm", "layer_norm", "group_norm"]


class Norm(nn.Module):
    """What exercise 4's BatchNorm2d holds, and nothing else; it isn't run."""

    def __init__(self, num_features, eps):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, 0.1
        self.weight, self.bias = nn.Parameter(torch.ones(num_features)), nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))


def pair(*args, **kwargs):
    """A convolution and a norm in training mode that fits behind it, with an eps large enough to see."""
    conv = nn.Conv2d(*args, **kwargs)
    return fill_(conv), fill_(nn.BatchNorm2d(conv.out_channels, eps=0.4))


def in_turn(conv, bn, x):
    """The convolution, then the norm in eval mode."""
    with torch.no_grad():
        return copy.deepcopy(bn).eval()(conv(x))


def test_gives_one_convolution_that_computes_what_the_two_compute(student):
    x, (conv, bn) = randn(2, 4, 9, 7, dtype=torch.float64), pair(4, 4, (3, 2), stride=(2, 1), padding=(0, 1))
    conv, bn = conv.double(), bn.double()

    def probe(lesson):
        folded = lesson.fold_batch_norm(conv, bn)
        parameters = {name: tuple(parameter.shape) for name, parameter in folded.named_parameters()}
        return {"is a Conv2d": isinstance(folded, nn.Conv2d), "out": folded(x), "parameters": parameters}

    def expected():
        return {
            "is a Conv2d": True,
            "out": in_turn(conv, bn, x),
            "parameters": {"weight": (4, 4, 3, 2), "bias": (4,)},
        }

    student.returns(probe, expected, without=LIBRARY)


def test_takes_a_convolution_without_a_bias(student):
    x, (conv, bn) = randn(2, 3, 5, 6), pair(3, 4, 3, padding=1, bias=False)
    student.returns(lambda lesson: lesson.fold_batch_norm(conv, bn)(x), lambda: in_turn(conv, bn, x), without=LIBRARY)


def test_keeps_dilation_groups_and_padding_mode(student):
    x, (conv, bn) = randn(2, 4, 9, 7), pair(4, 2, 3, padding=2, dilation=2, groups=2, padding_mode="circular")
    student.returns(lambda lesson: lesson.fold_batch_norm(conv, bn)(x), lambda: in_turn(conv, bn, x), without=LIBRARY)


def test_takes_a_norm_that_is_not_torchs(student):
    x, (conv, bn) = randn(2, 3, 5, 6), pair(3, 4, 3)
    own = Norm(4, eps=0.4)
    own.load_state_dict(bn.state_dict())
    student.returns(lambda lesson: lesson.fold_batch_norm(conv, own)(x), lambda: in_turn(conv, bn, x), without=LIBRARY)


def test_is_folded_without_torchs_own_fusion(student):
    x, (conv, bn) = randn(2, 3, 5, 6), pair(3, 4, 3)

    def probe(lesson):
        borrowed, before = set(), sys.getprofile()

        def note(frame, event, argument):
            if frame.f_globals.get("__name__") == "torch.nn.utils.fusion":
                borrowed.add(frame.f_code.co_name)

        sys.setprofile(note)
        try:
            folded = lesson.fold_batch_norm(conv, bn)
        finally:
            sys.setprofile(before)
        return {"functions of torch.nn.utils.fusion that ran": sorted(borrowed), "out": folded(x)}

    student.returns(
        probe, lambda: {"functions of torch.nn.utils.fusion that ran": [], "out": in_turn(conv, bn, x)}, without=LIBRARY
    )


def test_runs_neither_the_convolution_nor_the_norm(student):
    x, (conv, bn) = randn(2, 3, 5, 6), pair(3, 4, 3)

    def probe(lesson):
        ran = []
        for module in (conv, bn):
            module.register_forward_pre_hook(lambda module, given: ran.append(type(module).__name__))
        folded = lesson.fold_batch_norm(conv, bn)
        return {"ran": list(ran), "out": folded(x)}

    student.returns(probe, lambda: {"ran": [], "out": in_turn(conv, bn, x)}, without=LIBRARY)


def test_leaves_convolution_norm_and_autograd_as_they_were(student):
    x, (conv, bn) = randn(2, 3, 5, 6), pair(3, 4, 3)

    def probe(lesson):
        out, on = lesson.fold_batch_norm(conv, bn)(x), torch.is_grad_enabled()
        held = {"conv": conv.state_dict(), "bn": bn.state_dict(), "bn.training": bn.training}
        return {"out": out, **held, "gradients are on": on}

    def expected():
        held = {"conv": conv.state_dict(), "bn": bn.state_dict(), "bn.training": True}
        return {"out": in_turn(conv, bn, x), **held, "gradients are on": True}

    student.returns(probe, expected)


def test_keeps_the_dtype_of_the_convolution_whatever_that_of_the_norm(student):
    conv, bn = pair(3, 4, 3)

    def probe(lesson):
        folded = lesson.fold_batch_norm(conv, bn.double()), lesson.fold_batch_norm(conv.bfloat16(), bn.float())
        return [parameter.dtype for layer in folded for parameter in layer.parameters()]

    student.returns(probe, lambda: [torch.float32] * 2 + [torch.bfloat16] * 2)


def test_refuses_a_norm_of_another_number_of_channels(student):
    (conv, _), bn = pair(3, 4, (5, 2)), fill_(nn.BatchNorm2d(1))
    student.raises(
        lambda lesson: lesson.fold_batch_norm(conv, bn), ValueError, naming=[conv.weight.shape, bn.weight.shape]
    )
