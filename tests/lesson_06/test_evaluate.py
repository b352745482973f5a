"""evaluate: the mean loss and the accuracy over all images, in evaluation mode."""

import torch
import torch.nn.functional as F
from torch import nn

from course.student import fill_, randn


class Notes(list):
    """What a network notes; a copy of the network writes into the same list."""

    def __deepcopy__(self, memo):
        return self


class Watched(nn.Module):
    """A network with a norm and dropout, which notes how it was called."""

    def __init__(self):
        super().__init__()
        layers = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(12, 4)
        self.layers, self.seen = fill_(nn.Sequential(*layers)), Notes()

    def forward(self, x):
        self.seen.append((self.training, torch.is_grad_enabled(), len(x)))
        return 3 * self.layers(x)


def batches_of(*sizes):
    """Images (N, 2, 4, 4) and labels, of four classes in disorder."""
    return [(2 * randn(size, 2, 4, 4) + 1, (torch.arange(size) * 7 // 3 + size) % 4) for size in sizes]


def numbers(values):
    """Loss and accuracy, of whatever kind, as a tensor."""
    return torch.tensor([float(value) for value in values])


def measured(batches):
    """Loss and accuracy over all images at once, as tensors: float32 is enough."""
    model = Watched().eval()
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    with torch.no_grad():
        logits = model(images)
    return torch.stack([F.cross_entropy(logits, labels), (logits.argmax(1) == labels).float().mean()])


def test_weighs_every_image_the_same(student):
    batches = batches_of(5, 5, 1)
    student.returns(lambda lesson: numbers(lesson.evaluate(Watched(), batches)), lambda: measured(batches))


def test_gives_two_numbers_of_python(student):
    batches = batches_of(5, 2)

    def probe(lesson):
        results = lesson.evaluate(Watched(), batches)
        return ["float" if isinstance(value, float) else type(value).__name__ for value in results]

    student.returns(probe, lambda: ["float", "float"])


def test_switches_to_evaluation_and_gradients_off_and_all_back_again(student):
    batches = batches_of(5, 2)

    def probe(lesson):
        seen = {}
        for mode in (True, False):
            model = Watched().train(mode)
            lesson.evaluate(model, batches)
            before = "training" if mode else "evaluation"
            calls = sorted({(training, gradients) for training, gradients, _ in model.seen})
            seen[before] = {"calls": calls, "mode afterwards": model.training, "of its norm": model.layers[1].training}
        with torch.no_grad():
            lesson.evaluate(Watched(), batches)
            inside = torch.is_grad_enabled()
        return seen, {"gradients where they were on": torch.is_grad_enabled(), "where they were off": inside}

    def expected():
        calls = [(False, False)]
        return {
            name: {"calls": calls, "mode afterwards": mode, "of its norm": mode}
            for name, mode in (("training", True), ("evaluation", False))
        }, {"gradients where they were on": True, "where they were off": False}

    student.returns(probe, expected)


def test_takes_batches_that_can_be_walked_through_only_once(student):
    batches = batches_of(4, 4)
    student.returns(lambda lesson: numbers(lesson.evaluate(Watched(), iter(batches))), lambda: measured(batches))


def test_computes_the_loss_of_logits_of_sixteen_bits_in_float32(student):
    logits = (4 * randn(40, 3)).bfloat16()
    labels = torch.arange(40) % 3
    model = nn.Identity()
    model.scale = nn.Parameter(torch.ones(()))  # whoever asks a parameter for its device gets an answer
    student.returns(
        lambda lesson: numbers(lesson.evaluate(model, [(logits[:20], labels[:20]), (logits[20:], labels[20:])])),
        lambda: torch.stack([F.cross_entropy(logits.float(), labels), (logits.argmax(1) == labels).float().mean()]),
    )


def test_counts_one_answer_an_image_even_where_all_logits_are_equal(student):
    logits, labels = torch.zeros(8, 4), torch.arange(8) % 4  # each class twice: it doesn't matter which is the answer
    model = nn.Identity()
    model.scale = nn.Parameter(torch.ones(()))
    student.returns(lambda lesson: float(lesson.evaluate(model, [(logits, labels)])[1]), lambda: 0.25)
