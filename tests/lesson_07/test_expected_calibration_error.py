"""expected_calibration_error: the gap between confidence and accuracy, bin by bin."""

from contextlib import suppress

import torch

from course.student import randn


def calibration_error(probabilities, targets, bins):
    images = [
        (max(row), row.index(max(row)) == target)
        for row, target in zip(probabilities.tolist(), targets.tolist(), strict=True)
    ]
    gap = 0.0
    for b in range(bins):
        inside = [(confidence, right) for confidence, right in images if b / bins < confidence <= (b + 1) / bins]
        gap += abs(sum(right - confidence for confidence, right in inside))
    return gap / len(images)


def rows(confidences):
    """Probabilities of three classes in which the first has this confidence."""
    confidence = torch.tensor(confidences, dtype=torch.float64)
    return torch.stack([confidence, (1 - confidence) / 2, (1 - confidence) / 2], dim=1)


def test_weighs_the_gap_of_each_bin_by_the_images_in_it(student):
    probabilities = (2 * randn(300, 4, dtype=torch.float64)).softmax(1)
    targets = torch.where(torch.rand(300) < 0.4, probabilities.argmax(1), torch.randint(4, (300,)))
    alike, each = torch.full((10, 10), 0.1, dtype=torch.float64), torch.arange(10)  # one of ten is right
    student.returns(
        lambda lesson: [
            lesson.expected_calibration_error(probabilities, targets, bins=7),
            lesson.expected_calibration_error(alike, each),
        ],
        lambda: [calibration_error(probabilities, targets, 7), 0.0],
    )


def test_counts_a_confidence_on_an_edge_to_the_bin_below_it_and_1_to_the_last(student):
    probabilities = rows([0.5, 0.4375, 0.75, 0.625, 0.875, 1.0, 1.0, 1.0])
    targets = torch.tensor([0, 1, 2, 0, 0, 0, 1, 1])
    tenths, classes = rows([0.65, 0.7, 0.75]), torch.tensor([0, 1, 1])
    student.returns(
        lambda lesson: [
            lesson.expected_calibration_error(probabilities, targets, bins=4),
            lesson.expected_calibration_error(tenths, classes, bins=10),
        ],
        lambda: [calibration_error(probabilities, targets, 4), calibration_error(tenths, classes, 10)],
    )


def test_refuses_logits(student):
    logits, targets = 5 * randn(9, 4), torch.randint(4, (9,))
    student.raises(
        lambda lesson: lesson.expected_calibration_error(logits, targets), ValueError, naming=["probabilities"]
    )


def test_refuses_logarithms_per_cents_and_rows_that_only_sum_to_1(student):
    logits, targets = 5 * randn(9, 4), torch.randint(4, (9,))
    wrong = {"logits": logits, "logarithms": logits.log_softmax(1), "per cents": 100 * logits.softmax(1)}
    outside = torch.tensor([1.5, -0.5, 0.0, 0.0]).expand(9, 4)

    def probe(lesson):
        for name, values in wrong.items():
            with suppress(ValueError):
                return f"{name} are not refused", lesson.expected_calibration_error(values, targets)
        return "1.5 and -0.5 are not refused", lesson.expected_calibration_error(outside, targets)

    student.raises(probe, ValueError, naming=["probabilities"])
