"""update: one step on one batch; a flight recorder over twenty of them shows what went wrong, and when."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course.student import fill_, randn


class Descent:
    """Momentum and decay; the tests bring their own optimizer, so that a mistake in SGD costs no points here."""

    def __init__(self, params, lr=0.1, momentum=0.5, weight_decay=0.1):
        self.param_groups = [{"params": list(params), "lr": lr, "momentum": momentum, "weight_decay": weight_decay}]
        self.velocities = {}

    def parameters(self):
        return self.param_groups[0]["params"]

    def zero_grad(self, set_to_none=False):
        for p in self.param_groups[0]["params"]:
            p.grad = None if set_to_none else torch.zeros_like(p)

    @torch.no_grad()
    def step(self):
        group = self.param_groups[0]
        for k, p in enumerate(group["params"]):
            if p.grad is not None:
                gradient = p.grad + group["weight_decay"] * p
                self.velocities[k] = group["momentum"] * self.velocities.get(k, 0) + gradient
                p -= group["lr"] * self.velocities[k]


def network():
    """A convolution, a norm, a linear layer, 8 logits: twenty steps take a few milliseconds."""
    layers = nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(36, 8)
    return fill_(nn.Sequential(*layers)).double()


def pictures(count=40):
    """Stripes in three directions under noise, float64 (count, 3, 8, 8), and which: the stand-in of a stand-in."""
    labels = torch.arange(count) % 3
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    stripes = torch.stack([x % 2, y % 2, (x + y) % 2]).double() - 0.5  # (3, 8, 8)
    return stripes[labels][:, None] + 0.5 * randn(count, 3, 8, 8, dtype=torch.float64), labels


def written_down(images, labels):
    """What twenty right steps give, in plain torch."""
    model = network()
    optimizer = Descent(model.parameters())
    losses, right = [], []
    for step in range(20):
        batch = slice(8 * (step % 5), 8 * (step % 5) + 8)
        logits = model(images[batch])
        loss = F.cross_entropy(logits, labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        right.append((logits.argmax(dim=1) == labels[batch]).sum())
    return {"losses": losses, "right": right, "network": model.state_dict()}


def recorded(lesson, images, labels):
    """What twenty steps of the lesson give; there are old gradients before the first."""
    model = network()
    optimizer = Descent(model.parameters())
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    losses, right = [], []
    for step in range(20):
        batch = slice(8 * (step % 5), 8 * (step % 5) + 8)
        loss, hits = lesson.update(model, optimizer, images[batch], labels[batch])
        losses.append(loss)
        right.append(hits)
    return {"losses": losses, "right": right, "network": model.state_dict()}


def linear_network():
    return fill_(nn.Sequential(nn.Flatten(), nn.Linear(192, 8))).double()


def right_step(model, optimizer, images, labels):
    """A step in plain torch, on fresh gradients."""
    F.cross_entropy(model(images), labels).backward()
    optimizer.step()


def test_flight_recorder_of_twenty_steps(student):
    images, labels = pictures()
    student.returns(lambda lesson: recorded(lesson, images, labels), lambda: written_down(images, labels))


@pytest.mark.hollow
def test_leaves_a_model_in_eval_mode_there_and_a_frozen_norm_too(student):
    images, labels = pictures(8)

    def probe(lesson):
        left = {}
        for name, mode in {"all in eval mode": False, "only the norm": True}.items():
            model = network().train(mode)
            model[1].eval()
            lesson.update(model, Descent(model.parameters()), images, labels)
            modes = {"model": model.training, "norm": model[1].training}
            left[name] = {"training": modes, "running mean": model[1].running_mean}
        return left

    def expected():
        mean = network()[1].running_mean
        return {
            "all in eval mode": {"training": {"model": False, "norm": False}, "running mean": mean},
            "only the norm": {"training": {"model": True, "norm": False}, "running mean": mean},
        }

    student.returns(probe, expected)


def test_takes_a_batch_of_a_single_image(student):
    images, labels = pictures(1)

    def probe(lesson):
        model = network()
        return lesson.update(model, Descent(model.parameters()), images, labels)

    def expected():
        logits = network()(images)
        return F.cross_entropy(logits, labels).detach(), (logits.argmax(1) == labels).sum()

    student.returns(probe, expected)


def test_counts_one_answer_an_image_even_where_all_logits_are_equal(student):
    images = randn(8, 192, dtype=torch.float64)
    labels = torch.arange(8)  # each class once, so it doesn't matter which of them is the answer

    def probe(lesson):
        model = nn.Linear(192, 8).double()
        nn.init.zeros_(model.weight)
        nn.init.zeros_(model.bias)
        return lesson.update(model, Descent(model.parameters()), images, labels)[1]

    student.returns(probe, lambda: torch.tensor(1))


def test_hides_no_loss_that_is_not_a_number(student):
    images, labels = pictures(8)
    broken = torch.cat([images[:7], images[7:] * float("nan")])

    def probe(lesson):
        model = linear_network()
        optimizer = Descent(model.parameters())
        lesson.update(model, optimizer, images, labels)
        before = [p.detach().clone() for p in model.parameters()]
        loss, _ = lesson.update(model, optimizer, broken, labels)
        return {
            "before": before,
            "loss": loss,
            "weights not finite": [not p.isfinite().any() for p in model.parameters()],
        }

    def expected():
        model = linear_network()
        right_step(model, Descent(model.parameters()), images, labels)
        loss = torch.tensor(float("nan"), dtype=torch.float64)
        return {"before": list(model.parameters()), "loss": loss, "weights not finite": [True, True]}

    student.returns(probe, expected)


def test_keeps_no_graph_in_what_it_returns(student):
    images, labels = pictures(8)

    def probe(lesson):
        model = network()
        loss, right = lesson.update(model, Descent(model.parameters()), images, labels)
        return {"loss has a graph": loss.requires_grad, "right answers have a graph": right.requires_grad}

    student.returns(probe, lambda: {"loss has a graph": False, "right answers have a graph": False})


def test_follows_a_steep_gradient_all_the_way(student):
    images, labels = pictures(8)

    def stepped(update):
        """The weights of a linear network after a step whose gradient has a norm of hundreds."""
        model = linear_network()
        update(model, Descent(model.parameters()), 100 * images, labels)
        return model.state_dict()

    student.returns(lambda lesson: stepped(lesson.update), lambda: stepped(right_step))
