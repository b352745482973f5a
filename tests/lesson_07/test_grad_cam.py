"""grad_cam: where the network looks for a class."""

from contextlib import suppress

import pytest
import torch
from torch import nn

from course.student import fill_, randn


class Fails(nn.Module):
    """Raises on its way forward."""

    def forward(self, x):
        raise ArithmeticError("on purpose")


def unheard(module, inputs, output):
    """A hook of somebody else."""


def network(behind=nn.Tanh, places=20):
    """Six logits from images of 9 x 8 pixels; number 3 is the layer asked about, with maps of 5 x 4, 20 places."""
    block = nn.Sequential(nn.BatchNorm2d(4), nn.Dropout(0.5))
    layers = [nn.Conv2d(3, 4, 3, padding=1), block, nn.Tanh(), nn.Conv2d(4, 5, 3, stride=2, padding=1)]
    head = [behind(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(5 * places, 6)]
    return fill_(nn.Sequential(*layers, *head)).double()


def heat(model, image, target):
    """What the map should be: on the layer's output as it is, in evaluation mode."""
    model = model.eval()
    maps = model[:4](image[None]).detach().requires_grad_()  # (1, K, h, w)
    (gradient,) = torch.autograd.grad(model[4:](maps.clone())[0, target], maps)
    return torch.einsum("k,khw->hw", gradient[0].mean((1, 2)), maps[0].detach()).clamp(min=0)


def test_weighs_each_map_by_the_mean_gradient_of_the_logit(student):
    model, image = network().eval(), randn(3, 9, 8, dtype=torch.float64)
    flat, low = network(places=3).eval(), randn(3, 2, 6, dtype=torch.float64)  # maps of 1 x 3

    def probe(lesson):
        maps = [lesson.grad_cam(model, image, target, model[3]) for target in range(6)]
        return [*maps, lesson.grad_cam(flat, low, 2, flat[3])]

    student.returns(probe, lambda: [*(heat(model, image, target) for target in range(6)), heat(flat, low, 2)])


def test_looks_in_evaluation_mode_and_leaves_every_mode_as_it_was(student):
    model, image = network(), randn(3, 9, 8, dtype=torch.float64)
    model.train()
    model[1][0].eval()  # a norm that is frozen, in a block that trains
    model[5].eval()

    def probe(lesson):
        found = lesson.grad_cam(model, image, 2, model[3])
        return {"heat": found, "modes": [part.training for part in model.modules()], "state": model.state_dict()}

    def expected():
        modes, state = [part.training for part in model.modules()], model.state_dict()
        return {"heat": heat(network(), image, 2), "modes": modes, "state": state}

    student.returns(probe, expected)


def test_leaves_gradients_and_what_requires_them_as_they_were(student):
    model, image = network().eval(), randn(3, 9, 8, dtype=torch.float64)
    model[0].weight.requires_grad_(False)
    before = randn(6, dtype=torch.float64)

    def state(model, found):
        return {
            "heat": found,
            "asks for a gradient": found.requires_grad,
            "requires_grad": [p.requires_grad for p in (*model.parameters(), image)],
            "grad": [p.grad for p in (*model.parameters(), image)],
        }

    def probe(lesson):
        model[7].bias.grad = before.clone()
        return state(model, lesson.grad_cam(model, image, 2, model[3]))

    def expected():
        after = state(model, heat(network(), image, 2))
        return after | {"grad": [None] * 7 + [before, None]}

    student.returns(probe, expected)


@pytest.mark.hollow
def test_leaves_the_network_as_it_was_even_if_it_fails_or_the_class_is_refused(student):
    image, calls = randn(3, 9, 8, dtype=torch.float64), {}
    for case, behind, target in (("it works", nn.Tanh, 2), ("it fails", Fails, 2), ("no such class", nn.Tanh, -1)):
        model = network(behind).train()
        model[1][0].eval()
        model[0].weight.requires_grad_(False)
        model[3].register_forward_hook(unheard)
        calls[case] = model, target

    def state(model):
        kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        return {
            "hooks": sum(len(getattr(part, kind)) for part in model.modules() for kind in kinds),
            "modes": [part.training for part in model.modules()],
            "requires_grad": [p.requires_grad for p in model.parameters()],
        }

    def probe(lesson):
        after = {}
        for case, (model, target) in calls.items():
            with suppress(ArithmeticError, ValueError):
                lesson.grad_cam(model, image, target, model[3])
            after[case] = state(model)
        return after

    student.returns(probe, lambda: {case: state(model) for case, (model, _) in calls.items()})


def test_works_for_a_network_whose_parameters_are_frozen(student):
    model, image = network().eval().requires_grad_(False), randn(3, 9, 8, dtype=torch.float64)
    student.returns(lambda lesson: lesson.grad_cam(model, image, 2, model[3]), lambda: heat(model, image, 2))


def test_sees_the_maps_before_a_module_behind_the_layer_changes_them_in_place(student):
    model, image = network(behind=lambda: nn.ReLU(inplace=True)).eval(), randn(3, 9, 8, dtype=torch.float64)
    student.returns(lambda lesson: lesson.grad_cam(model, image, 2, model[3]), lambda: heat(model, image, 2))


def test_refuses_a_batch_and_a_class_that_there_is_not(student):
    model, image = network().eval(), randn(3, 9, 8, dtype=torch.float64)
    student.raises(lambda lesson: lesson.grad_cam(model, image, -1, model[3]), ValueError, naming=["-1", 6])
    batch = randn(2, 3, 9, 8, dtype=torch.float64)
    student.raises(lambda lesson: lesson.grad_cam(model, batch, 2, model[3]), ValueError, naming=[batch.shape])


def test_refuses_a_class_behind_the_last(student):
    model, image = network().eval(), randn(3, 9, 8, dtype=torch.float64)

    def probe(lesson):
        with suppress(ValueError):
            return "class -1 is not refused", lesson.grad_cam(model, image, -1, model[3])
        return "class 6 is not refused", lesson.grad_cam(model, image, 6, model[3])

    student.raises(probe, ValueError, naming=[6])


@pytest.mark.hollow
def test_refuses_an_image_without_channels(student):
    model = network().eval()
    images = {"a batch": randn(2, 3, 9, 8, dtype=torch.float64), "one channel": randn(9, 8, dtype=torch.float64)}

    def refusal(lesson, image):
        try:
            lesson.grad_cam(model, image, 2, model[3])
        except NotImplementedError:
            raise
        except Exception as error:
            return type(error).__name__
        return "no error"

    student.returns(
        lambda lesson: {name: refusal(lesson, image) for name, image in images.items()},
        lambda: dict.fromkeys(images, "ValueError"),
    )
