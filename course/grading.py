"""nbgrader's autograding: answers recorded in a sandbox, judged outside of it, with a seed no student has seen.

No cell of a submission runs in nbgrader's own kernel, so nothing that it prints, returns or replaces can be mistaken
for a score (nbgrader gives full marks to a test cell that shows `True`, `nan`, a tensor or nothing at all).
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.converters.autograde import Autograde
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution

from course import sandbox
from course.answers import Answers, record
from course.build import source_notebook
from course.checking import judge
from course.lesson import all_exercises
from course.report import Report
from course.student import forget_outcomes


class Restore(NbGraderPreprocessor):
    """Gives every cell the role that it was released with, and brings back check cells that are gone.

    Copies of a cell, and cells that a student has made or marked otherwise, have no role; nbgrader would stop at them.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        released = source_notebook(resources["nbgrader"]["assignment"]).cells
        known = {cell.metadata.nbgrader.grade_id: cell for cell in released if "nbgrader" in cell.metadata}
        for cell in nb.cells:
            cell.source = cell.source.encode("utf-8", "replace").decode()  # half a surrogate can't be written
            role = cell.metadata.pop("nbgrader", None)
            name = role.get("grade_id") if isinstance(role, dict) else None
            if isinstance(name, str) and name in known:
                cell.metadata["nbgrader"] = known.pop(name).metadata.nbgrader
        nb.cells += [cell for cell in known.values() if is_grade(cell)]
        return nb, resources


class Judge(NbGraderPreprocessor):
    """Puts into every test cell the report and the score of its exercise, as if it had run."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        seed = secrets.randbits(31)
        if sandbox.kind() == "limits only":
            self.log.warning(sandbox.UNCONFINED)
        with tempfile.TemporaryDirectory() as folder:
            submission = Path(folder) / "submission.ipynb"
            nbformat.write(nb, submission)
            answers = record(resources["nbgrader"]["assignment"], submission, seed)
        forget_outcomes()  # no other submission is judged with this seed
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = _outputs(cell, answers, seed) if is_grade(cell) and not is_solution(cell) else []
        return nb, resources


def _outputs(cell: NotebookNode, answers: dict[str, Answers], seed: int) -> list[NotebookNode]:
    """What the test cell of an exercise shows: its report, and the score as the one result."""
    exercise = all_exercises()[cell.metadata.nbgrader.grade_id.removeprefix("check-")]
    tally = judge(exercise, answers[exercise.name], seed)
    points = float(cell.metadata.nbgrader.points)
    report = Report(exercise, tally, points)
    text = f"{report}\nJudged with --seed {seed}.\n"
    score = new_output("execute_result", {"text/plain": repr(report.earned)}, execution_count=1)
    return [new_output("stream", name="stdout", text=text), score]


def sanitizers() -> list[type[NbGraderPreprocessor]]:
    """nbgrader's own steps from what was submitted to what is graded, after the cells have their roles back."""
    return [Restore, *Autograde.sanitize_preprocessors.default_args[0]]


def preprocessors() -> list[type[NbGraderPreprocessor]]:
    """nbgrader's own steps of autograding, with the judge in place of the kernel."""
    steps = Autograde.autograde_preprocessors.default_args[0]
    return [Judge if step is Execute else step for step in steps]
