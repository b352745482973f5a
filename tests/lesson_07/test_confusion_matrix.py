"""confusion_matrix: how often each class was called each name."""

from contextlib import suppress

import pytest
import torch


def test_counts_in_row_i_and_column_j_what_is_i_and_was_called_j(student):
    predictions, targets = torch.randint(4, (60,)), torch.randint(3, (60,))  # class 4 never occurs

    def expected():
        pairs = list(zip(targets.tolist(), predictions.tolist(), strict=True))
        return torch.tensor([[pairs.count((i, j)) for j in range(5)] for i in range(5)])

    student.returns(lambda lesson: lesson.confusion_matrix(predictions, targets, 5), expected)


@pytest.mark.hollow
def test_refuses_a_class_that_there_is_not_and_names_it(student):
    known = torch.tensor([1, 2, 4])

    def refusal(lesson, unknown, *classes):
        try:
            lesson.confusion_matrix(*classes, 5)
        except NotImplementedError:
            raise
        except Exception as error:
            named = "names it" if str(unknown) in str(error) else "doesn't name it"
            return f"{type(error).__name__} that {named}"
        return "no error"

    def probe(lesson):
        return {
            f"{unknown} is refused by": [
                refusal(lesson, unknown, torch.tensor([0, unknown, 4]), known),
                refusal(lesson, unknown, known, torch.tensor([0, unknown, 4])),
            ]
            for unknown in (7, -1)
        }

    student.returns(
        probe, lambda: {f"{unknown} is refused by": ["ValueError that names it"] * 2 for unknown in (7, -1)}
    )


def test_refuses_predictions_that_do_not_fit_the_targets(student):
    single, targets = torch.tensor([1]), torch.tensor([0, 1, 2, 1, 1, 0])
    column = targets[:, None]

    def probe(lesson):
        with suppress(ValueError):
            return "one for all is not refused", lesson.confusion_matrix(single, targets, 3)
        return "a column is not refused", lesson.confusion_matrix(targets, column, 3)

    student.raises(
        lambda lesson: lesson.confusion_matrix(single, targets, 3), ValueError, naming=[single.shape, targets.shape]
    )
    student.raises(probe, ValueError, naming=[targets.shape, column.shape])


def test_counts_nothing_where_there_are_no_images(student):
    none = torch.tensor([], dtype=torch.int64)
    student.returns(lambda lesson: lesson.confusion_matrix(none, none, 3), lambda: torch.zeros(3, 3, dtype=torch.int64))
