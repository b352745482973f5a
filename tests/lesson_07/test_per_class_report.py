"""per_class_report: precision, recall, F1 and support."""

from contextlib import suppress

import torch


def counts(empty_rows=(), empty_columns=()):
    """A confusion matrix of six classes, mostly right, with classes that never occur or are never predicted."""
    matrix = torch.randint(1, 9, (6, 6)) + torch.diag(torch.randint(10, 30, (6,)))
    matrix[list(empty_rows)] = 0
    matrix[:, list(empty_columns)] = 0
    return matrix


def report(matrix):
    rows = matrix.tolist()
    result = {"precision": [], "recall": [], "f1": []}
    for c in range(len(rows)):
        hits, predicted, there = rows[c][c], sum(row[c] for row in rows), sum(rows[c])
        result["precision"].append(hits / predicted if predicted else 0.0)
        result["recall"].append(hits / there if there else 0.0)
        result["f1"].append(2 * hits / (predicted + there) if predicted + there else 0.0)
    return {key: torch.tensor(values, dtype=torch.float64) for key, values in result.items()} | {
        "support": torch.tensor([sum(row) for row in rows])
    }


def test_gives_precision_recall_f1_and_support_of_every_class(student):
    matrix = counts()
    student.returns(
        lambda lesson: {"report": lesson.per_class_report(matrix), "matrix": matrix},
        lambda: {"report": report(matrix), "matrix": matrix},
    )


def test_gives_0_where_there_is_nothing_to_divide_by(student):
    matrix = counts(empty_rows=(1, 4), empty_columns=(3, 4))  # class 4 neither occurs nor is predicted
    student.returns(lambda lesson: lesson.per_class_report(matrix), lambda: report(matrix))


def test_refuses_a_matrix_that_is_not_square(student):
    matrix = torch.ones(3, 4, dtype=torch.int64)
    others = {"2 x 2 x 3": torch.ones(2, 2, 3, dtype=torch.int64), "a single row": torch.ones(2, dtype=torch.int64)}

    def probe(lesson):
        for name, table in {"3 x 4": matrix, **others}.items():
            with suppress(ValueError):
                return f"{name} is not refused", lesson.per_class_report(table)
        return lesson.per_class_report(matrix)

    student.raises(lambda lesson: lesson.per_class_report(matrix), ValueError, naming=[matrix.shape])
    student.raises(probe, ValueError)
