"""step_flops: multiply-adds counted by hooks, twice each, three times for forward and backward."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.modules import module as modules

from course.student import randn


def unheard(module, inputs, output):
    """A hook of somebody else."""


class Own(nn.Conv2d):
    """A convolution of a class of one's own."""


class Net(nn.Module):
    """Layers at three depths, some of them in eval mode, one with a hook; `shared` is called twice."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, (3, 5), stride=2, padding=1)
        self.body = nn.Sequential(nn.BatchNorm2d(4), nn.Sequential(nn.Conv2d(4, 6, 1, groups=2), nn.PReLU()))
        self.shared = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.fc = nn.Linear(6, 10)
        self.fc.register_forward_hook(unheard)
        self.body[1].eval()
        self.fc.eval()

    def forward(self, x):
        x = self.body(self.stem(x))
        return self.fc(self.shared(self.shared(x)).mean((2, 3)))


def state(model):
    """Everything of a model that counting could disturb."""
    return {
        "modes": [module.training for module in model.modules()],
        "weights": copy.deepcopy(model.state_dict()),
        "gradients": [p.grad is not None for p in model.parameters()],
        "gradients are on": torch.is_grad_enabled(),
        "hooks": sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()),
    }


def around(lesson, x):
    """What `after` says in a program that has gradients on, and in one that has switched them off."""
    found = {}
    for name, on in (("with gradients", True), ("without", False)):
        with torch.set_grad_enabled(on):
            found[name] = after(lesson, x)
    return found


def after(lesson, x):
    """A model after its count, or after one that failed, and how many hooks for all modules it has brought."""
    torch.manual_seed(0)
    model, before = Net(), len(modules._global_forward_hooks)
    try:
        failed = lesson.step_flops(model, x) is None
    except NotImplementedError:
        raise
    except RuntimeError:
        failed = True
    return state(model) | {"failed": failed, "hooks for all modules": len(modules._global_forward_hooks) - before}


def untouched(failed):
    torch.manual_seed(0)
    same = state(Net()) | {"failed": failed, "hooks for all modules": 0}
    return {name: same | {"gradients are on": on} for name, on in (("with gradients", True), ("without", False))}


def test_counts_a_convolution(student):
    x = randn(5, 3, 9, 8)
    student.returns(
        lambda lesson: lesson.step_flops(nn.Sequential(nn.Conv2d(3, 4, (3, 5), stride=2, padding=1)), x),
        lambda: 6 * (5 * 4 * 5 * 3) * (3 * 3 * 5),  # output values (N, O, H', W') times weights of a filter
    )


def test_counts_every_layer_at_every_depth_as_often_as_it_is_used(student):
    x = randn(5, 3, 9, 8)

    def expected():
        places = 5 * 5 * 3
        stem, grouped, shared = places * 4 * (3 * 3 * 5), places * 6 * (2 * 1 * 1), places * 6 * (6 * 3 * 3)
        return 6 * (stem + grouped + 2 * shared + 5 * 6 * 10)

    student.returns(lambda lesson: lesson.step_flops(Net(), x), expected)


def test_counts_a_linear_layer_at_every_place(student):
    x = randn(4, 3, 9, 8)  # 27 rows of 8 numbers for each of 4 images
    student.returns(
        lambda lesson: lesson.step_flops(nn.Sequential(nn.Flatten(1, 2), nn.Linear(8, 5)), x),
        lambda: 6 * 4 * 27 * 8 * 5,
    )


@pytest.mark.hollow
def test_leaves_the_model_as_it_was(student):
    x = randn(5, 3, 9, 8)
    student.returns(lambda lesson: around(lesson, x), lambda: untouched(failed=False))


@pytest.mark.hollow
def test_leaves_the_model_as_it_was_where_the_images_do_not_fit(student):
    x = randn(5, 5, 9, 8)
    student.returns(lambda lesson: around(lesson, x), lambda: untouched(failed=True))


def test_counts_anew_at_every_call(student):
    x = randn(4, 3, 9, 8)

    def probe(lesson):
        model = nn.Sequential(nn.Flatten(), nn.Linear(216, 5))
        return [lesson.step_flops(model, x[:2]), lesson.step_flops(model, x)]

    student.returns(probe, lambda: [6 * 2 * 216 * 5, 6 * 4 * 216 * 5])


def test_counts_a_layer_that_two_parts_hold_and_one_of_a_class_of_its_own(student):
    x = randn(4, 3, 9, 8)

    def probe(lesson):
        layer = nn.Conv2d(3, 3, 1)
        twice, own = nn.Sequential(nn.Sequential(layer), nn.Sequential(layer)), nn.Sequential(Own(3, 5, 1))
        return {"called twice": lesson.step_flops(twice, x), "a class of its own": lesson.step_flops(own, x)}

    student.returns(probe, lambda: {"called twice": 6 * 2 * 4 * 72 * 3 * 3, "a class of its own": 6 * 4 * 72 * 5 * 3})
