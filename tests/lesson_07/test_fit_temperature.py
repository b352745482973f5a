"""fit_temperature: what to divide the logits by so that confidence means what it says."""

import math

import torch

from course.student import randn


def with_best_temperature(best):
    """Logits, some rows far too confident, and targets, whose loss is smallest at this temperature."""
    logits = randn(400, 5, dtype=torch.float64) * randn(400, 1, dtype=torch.float64).exp()
    drawn = (logits / (1 + torch.rand(400, 1))).softmax(1).multinomial(1).flatten()
    targets = torch.where(torch.rand(400) < 0.1, torch.randint(5, (400,)), drawn)

    def slope(inverse):
        """Of the loss at the inverse of a temperature: grows with it."""
        mean = ((inverse * logits).softmax(1) * logits).sum(1)
        return (mean - logits[torch.arange(400), targets]).mean()

    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return logits * best * low, targets


def rounded(temperature, zero=1.0):
    """A temperature in steps of 1/35 of an octave, 2 %: what each way that is right to 1 % agrees on."""
    steps = round(35 * math.log2(temperature / zero))
    return {"is a float": isinstance(temperature, float), "35ths of an octave": steps}


def test_finds_the_temperature_with_the_smallest_loss(student):
    networks = [with_best_temperature(2 ** (steps / 35)) for steps in (36, 39)]
    student.returns(
        lambda lesson: [rounded(lesson.fit_temperature(logits, targets)) for logits, targets in networks],
        lambda: [rounded(2 ** (steps / 35)) for steps in (36, 39)],
    )


def test_finds_a_temperature_below_1_for_a_network_that_is_too_modest(student):
    logits, targets = with_best_temperature(1 / 32)
    student.returns(
        lambda lesson: rounded(lesson.fit_temperature(logits, targets)),
        lambda: {"is a float": True, "35ths of an octave": -175},
    )


def test_takes_logits_in_the_thousands(student):
    logits, targets = with_best_temperature(64)
    logits += 3000
    student.returns(
        lambda lesson: rounded(lesson.fit_temperature(logits, targets)),
        lambda: {"is a float": True, "35ths of an octave": 210},
    )


def test_leaves_the_logits_unchanged(student):
    logits, targets = with_best_temperature(4)

    def probe(lesson):
        found = lesson.fit_temperature(logits, targets)
        return {"logits": logits, "35ths of an octave": rounded(found)["35ths of an octave"]}

    student.returns(probe, lambda: {"logits": logits, "35ths of an octave": 70})


def test_gives_the_end_of_its_range_where_the_best_lies_beyond(student):
    logits, targets = torch.eye(4) / 20, torch.arange(4)

    def probe(lesson):
        ends = {"all right": (targets, 0.01), "all wrong": (targets.flip(0), 100.0)}
        return {name: rounded(lesson.fit_temperature(logits, y), end) for name, (y, end) in ends.items()}

    student.returns(probe, lambda: {name: rounded(1.0) for name in ("all right", "all wrong")})
