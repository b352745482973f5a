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


def test_flight_recorder_of_twenty_steps(student):
    images, labels = pictures()
    student.returns(lambda lesson: recorded(lesson, images, labels), lambda: written_down(images, labels))


@pytest.mark.hollow
def test_leaves_a_model_in_eval_mode_there(student):
    images, labels = pictures(8)

    def probe(lesson):
        model = network().eval()
        lesson.update(model, Descent(model.parameters()), images, labels)
        return {"training": model.training, "running mean": model[1].running_mean}

    student.returns(probe, lambda: {"training": False, "running mean": network()[1].running_mean})


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
        model = fill_(nn.Sequential(nn.Flatten(), nn.Linear(192, 8))).double()
        update(model, Descent(model.parameters()), 100 * images, labels)
        return model.state_dict()

    def right(model, optimizer, images, labels):
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    student.returns(lambda lesson: stepped(lesson.update), lambda: stepped(right))
