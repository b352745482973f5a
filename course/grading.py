"""What a score is, and making nbgrader believe nothing else.

nbgrader gives full marks to a test cell that shows `True`, `nan`, a tensor or nothing at all, and zero to one that
prints a warning. Here a test cell scores if, and only if, it shows exactly one finite number from 0 to its points.
"""

from __future__ import annotations

import math
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.converters.autograde import Autograde
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution


def score(cell: NotebookNode) -> float:
    """The score that an executed test cell shows.

    Raises:
        ValueError: it shows anything but one finite number from 0 to the points of the cell, or it failed.
    """
    points = float(cell.metadata.nbgrader.points)
    if errors := [output for output in cell.outputs if output.output_type == "error"]:
        raise ValueError(f"the cell failed with {errors[0].ename}: {errors[0].evalue}")
    shown = [output.data.get("text/plain", "") for output in cell.outputs if output.output_type == "execute_result"]
    if len(shown) != 1:
        raise ValueError(f"the cell shows {len(shown)} results, a score is exactly one")
    try:
        value = float(shown[0])
    except ValueError:
        raise ValueError(f"the cell shows {shown[0][:80]!r}, a score is a number") from None
    if not (math.isfinite(value) and 0 <= value <= points):
        raise ValueError(f"the cell shows {value:g}, a score lies between 0 and {points:g}")
    return value


class ScoresOnly(NbGraderPreprocessor):
    """Leaves in each test cell what nbgrader reads as the cell's true score: one number, or an error for zero."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        if not is_grade(cell) or is_solution(cell) or cell.cell_type != "code":
            return cell, resources
        for output in cell.outputs:
            if output.output_type == "stream":
                output.name = "stdout"  # nbgrader takes anything on stderr for a failure
        try:
            score(cell)
        except ValueError as error:
            kept = [output for output in cell.outputs if output.output_type in ("stream", "display_data")]
            message = f"No points: {error}."
            cell.outputs = [*kept, new_output("error", ename="NoScore", evalue=message, traceback=[message])]
        return cell, resources


def preprocessors() -> list[type[NbGraderPreprocessor]]:
    """nbgrader's own steps of autograding, with only true scores let through after the run."""
    steps = list(Autograde.autograde_preprocessors.default_args[0])
    steps.insert(steps.index(Execute) + 1, ScoresOnly)
    return steps
