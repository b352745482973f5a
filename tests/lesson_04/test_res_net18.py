"""ResNet18: stem, four stages, mean over the map, linear layer."""

import copy
import math
from collections import OrderedDict
from functools import cache

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from course.lesson import Lesson
from course.student import fill_, randn, refuses

WIDTHS = {"layer1": (64, 64, 1), "layer2": (64, 128, 2), "layer3": (128, 256, 2), "layer4": (256, 512, 2)}


class SmallDraws(TorchFunctionMode):
    """Skip the random values of large tensors, which take most of the time that it takes to make the net."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func.__name__.endswith(("normal_", "uniform_")):
            tensor = args[0] if args else kwargs["tensor"]
            if tensor.numel() > self.most:
                return tensor
        return func(*args, **kwargs)


def build(lesson, *args, drawn=50_000, **kwargs):
    """A student's net, of whose larger tensors no values are drawn; a part that is torchvision's is refused."""
    with SmallDraws(drawn):
        net = lesson.ResNet18(*args, **kwargs)
    kinds = {kind for module in net.modules() for kind in type(module).__mro__}
    if borrowed := sorted(kind.__name__ for kind in kinds if kind.__module__.startswith("torchvision")):
        raise TypeError(f"{', '.join(borrowed)} is torchvision's; here you build it from scratch")
    return net


@cache
def basic_block():
    return Lesson.from_solution("lesson_03").BasicBlock


def oracle(num_classes=10, stem="cifar"):
    """The net of table 1 in He et al. 2015 as one chain."""
    block = basic_block()
    with SmallDraws(0):
        stems = {
            "cifar": (nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()),
            "imagenet": (nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), nn.MaxPool2d(3, stride=2, padding=1)),
        }
        conv1, maxpool = stems[stem]
        parts = OrderedDict(conv1=conv1, bn1=nn.BatchNorm2d(64), relu=nn.ReLU(), maxpool=maxpool)
        for name, (before, width, stride) in WIDTHS.items():
            parts[name] = nn.Sequential(block(before, width, stride), block(width, width))
        parts.update(avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(512, num_classes))
        return nn.Sequential(parts)


def anatomy(net):
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


def can_be_copied(net):
    shared = {id(tensor): tensor for tensor in [*net.parameters(), *net.buffers()]}  # or it would take 90 MB
    try:
        return copy.deepcopy(net, shared) is not net
    except RuntimeError:  # of a tensor that autograd has made
        return False


def learn(net, x):
    """Logits, gradients from the last layer to the image, and what is left, after one step in training mode."""
    fill_(net).double().train()
    wanted = ["conv1.weight", "bn1.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.bias", "fc.weight"]
    sources = {"x": x.clone().requires_grad_(), **{name: net.get_parameter(name) for name in wanted}}
    logits = net(sources["x"])
    gradients = torch.autograd.grad(logits.square().sum(), list(sources.values()), allow_unused=True)
    left = {"running_var": net.get_buffer("layer4.1.bn2.running_var"), "can be copied": can_be_copied(net)}
    return {"logits": logits, **dict(zip(sources, gradients, strict=True)), **left}


def test_has_the_names_and_shapes_of_torchvisions_state_dict(student):
    student.returns(lambda lesson: anatomy(build(lesson, 7)), lambda: anatomy(oracle(7)))


def test_computes_the_logits_of_small_images_of_any_size_even_of_a_single_one(student):
    x = randn(2, 3, 9, 14)

    def logits(net):
        return [fill_(net).eval()(images) for images in (x, x[:1])]

    student.returns(lambda lesson: logits(build(lesson)), lambda: logits(oracle()))


def test_computes_the_logits_of_large_images_with_the_imagenet_stem(student):
    x = randn(2, 3, 33, 28)
    student.returns(
        lambda lesson: fill_(build(lesson, stem="imagenet")).eval()(x),
        lambda: fill_(oracle(stem="imagenet")).eval()(x),
    )


def test_learns_in_every_part_in_float64_even_from_single_pixels_and_can_be_copied_afterwards(student):
    x = randn(4, 3, 1, 1, dtype=torch.float64)
    student.returns(lambda lesson: learn(build(lesson), x), lambda: learn(oracle(), x))


def test_starts_from_the_values_of_init_weights(student):
    fans = {"conv1": 64 * 3 * 3, "layer1.0.conv1": 64 * 3 * 3, "layer1.0.conv2": 64 * 3 * 3}
    fans |= {"layer1.1.conv1": 64 * 3 * 3, "layer1.1.conv2": 64 * 3 * 3, "layer2.0.conv1": 128 * 3 * 3}
    fans |= {"layer2.0.downsample.0": 128, "layer4.0.downsample.0": 512}

    def norms(net):
        return {name: tensor for name, tensor in net.named_parameters() if "bn" in name or "downsample.1" in name}

    def probe(lesson):
        net = build(lesson, drawn=140_000)
        weights = {name: net.get_parameter(f"{name}.weight") for name in fans}
        return {
            "std / He's": {
                name: round(2 * w.std().item() / math.sqrt(2 / fans[name])) / 2 for name, w in weights.items()
            },
            "conv1 has a tail": bool(weights["conv1"].abs().max() > 2 * weights["conv1"].std()),
            "fc": round(net.fc.weight.std().item() * math.sqrt(3 * 512), 1),
            "its bias is 0": not net.fc.bias.any().item(),
            **norms(net),
        }

    def expected():
        start = {name: torch.full_like(tensor, name.endswith("weight")) for name, tensor in norms(oracle()).items()}
        he = {"std / He's": dict.fromkeys(fans, 1.0), "conv1 has a tail": True}
        return he | {"fc": 1.0, "its bias is 0": False} | start

    student.returns(probe, expected)


def test_starts_from_random_weights_of_its_own(student):
    def probe(lesson):
        states = []
        for _ in range(2):
            net = build(lesson)
            states.append(torch.get_rng_state())
        return {"the second net draws what the first drew": states[0].equal(states[1]), "fc": net.fc.weight.shape}

    student.returns(probe, lambda: {"the second net draws what the first drew": False, "fc": (10, 512)})


def test_refuses_grey_images(student):
    x = randn(2, 1, 9, 8)
    student.raises(lambda lesson: fill_(build(lesson))(x), ValueError, naming=[x.shape])


def test_refuses_a_single_image_without_a_batch(student):
    x = randn(3, 3, 8)  # as many rows as channels: a check of the second number alone lets it pass
    student.raises(lambda lesson: fill_(build(lesson)).eval()(x), ValueError, naming=[x.shape])


def test_refuses_five_dimensions_as_it_refuses_grey_images(student):
    given = {"grey": randn(2, 1, 9, 8), "five dimensions": randn(2, 3, 4, 9, 8)}

    def probe(lesson):
        net = build(lesson)
        return {name: refuses(net, x) for name, x in given.items()}

    student.returns(probe, lambda: dict.fromkeys(given, True))


def test_refuses_an_unknown_stem(student):
    student.raises(lambda lesson: build(lesson, stem="mnist"), ValueError, naming=["mnist", "cifar", "imagenet"])


def test_refuses_a_net_without_classes(student):
    student.raises(lambda lesson: build(lesson, num_classes=0), ValueError, naming=[0])
    student.raises(lambda lesson: build(lesson, num_classes=-5), ValueError, naming=[-5])
