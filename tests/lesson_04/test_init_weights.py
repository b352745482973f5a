"""init_weights: He's normal distribution for convolutions, one and zero for norms, nothing else."""

import math

import torch
from torch import nn

from course.student import fill_


def spread(weight, fan_out):
    """Moments and tail of He-normalised weights, rounded so that chance can't change them."""
    values = weight.detach().double() / math.sqrt(2 / fan_out)
    mean, std = values.mean(), values.std()
    tail = ((values - mean).abs() > 1.75 * std).double().mean()  # 8 % of a normal, 0 % of a uniform distribution
    far = ((values - mean).abs() > 2.5 * std).double().mean()  # 1.2 % of a normal one, 0 % if it is cut off
    moments = {"mean": round(float(mean), 1), "std / He's": round(float(std), 1)}
    return moments | {"tail": round(float(tail), 1), "far out": bool(far > 0.005)}


def test_draws_convolutions_from_the_normal_distribution_of_he(student):
    def probe(lesson):
        found = {}
        for groups in (1, 4):
            conv = nn.Conv2d(24, 96, (3, 5), groups=groups)
            lesson.init_weights(conv)
            found[f"groups={groups}"] = spread(conv.weight, fan_out=96 * 3 * 5)
        return found

    def expected():
        he = {"mean": 0.0, "std / He's": 1.0, "tail": 0.1, "far out": True}
        return {"groups=1": he, "groups=4": he}

    student.returns(probe, expected)


def test_starts_norms_as_the_identity_and_keeps_everything_else_of_them(student):
    def probe(lesson):
        bn = fill_(nn.BatchNorm2d(6))
        lesson.init_weights(bn)
        return bn.state_dict() | {"eps": bn.eps, "momentum": bn.momentum}

    def expected():
        bn = fill_(nn.BatchNorm2d(6))
        changed = {"weight": torch.ones(6), "bias": torch.zeros(6)}
        return bn.state_dict() | changed | {"eps": bn.eps, "momentum": bn.momentum}

    student.returns(probe, expected)


def test_leaves_linear_and_other_layers_alone(student):
    def others_filled():
        norms = [nn.GroupNorm(2, 4), nn.BatchNorm1d(4), nn.LayerNorm(4), nn.InstanceNorm2d(4, affine=True)]
        return [fill_(layer) for layer in (*norms, nn.Conv1d(2, 3, 2), nn.ConvTranspose2d(3, 4, 2))]

    def probe(lesson):
        conv, fc = (fill_(layer) for layer in (nn.Conv2d(3, 4, 2), nn.Linear(5, 7)))
        others = others_filled()
        before = conv.weight.detach().clone()
        nn.Sequential(conv, nn.Sequential(fc), *others).apply(lesson.init_weights)
        states = [other.state_dict() for other in others]
        return {
            "fc": fc.state_dict(),
            "other layers": states,
            "the convolution's weight has changed": not conv.weight.equal(before),
        }

    def expected():
        states = [other.state_dict() for other in others_filled()]
        return {
            "fc": fill_(nn.Linear(5, 7)).state_dict(),
            "other layers": states,
            "the convolution's weight has changed": True,
        }

    student.returns(probe, expected)


def test_draws_every_layer_anew(student):
    def probe(lesson):
        first, second = (fill_(nn.Conv2d(4, 5, 3, bias=False)) for _ in range(2))
        nn.Sequential(first, second).apply(lesson.init_weights)
        return {"two layers hold the same weights": first.weight.equal(second.weight)}

    student.returns(probe, lambda: {"two layers hold the same weights": False})


def test_fills_the_parameters_in_place_and_leaves_gradients_switched_on(student):
    def probe(lesson):
        model = fill_(nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3)).double())
        before = dict(model.named_parameters())
        values = {name: parameter.detach().clone() for name, parameter in before.items()}
        model.apply(lesson.init_weights)
        after = dict(model.named_parameters())
        return {"gradients are switched on": torch.is_grad_enabled()} | {
            name: {
                "same parameter": after[name] is before[name],
                "new values": not after[name].equal(values[name]),
                "dtype": after[name].dtype,
                "requires_grad": after[name].requires_grad,
            }
            for name in values
        }

    def expected():
        each = {"same parameter": True, "new values": True, "dtype": torch.float64, "requires_grad": True}
        return {"gradients are switched on": True, "0.weight": each, "1.weight": each, "1.bias": each}

    student.returns(probe, expected)
