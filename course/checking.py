"""pytest inside a notebook: `check` judges the live definitions, `carry` brings a student's own into a later lesson."""

from __future__ import annotations

import html
import io
import os
import sys
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from course.lesson import ROOT, Exercise, Lesson, LessonError, all_exercises, carries_own, exercises

if TYPE_CHECKING:  # torch is slow to import
    from course.answers import Answers


@dataclass(frozen=True)
class Verdict:
    """What one test said: its name as a sentence, whether it passed, and its message if not."""

    sentence: str
    passed: bool
    message: str = ""


@dataclass(eq=False)
class Tally:
    """A pytest plugin that collects the verdicts of every exercise whose test module runs.

    With a `source` the tests judge that lesson, or those recorded answers, instead of the notebook on disk.
    """

    source: Lesson | Answers | None = None
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        exercise = dict(report.user_properties).get("exercise")
        if exercise and (report.when == "call" or report.outcome != "passed"):
            sentence = report.nodeid.partition("::test_")[2].replace("_", " ")
            self.verdicts.setdefault(str(exercise), []).append(
                Verdict(sentence, report.outcome == "passed", report.longreprtext)
            )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.verdicts.setdefault("", []).append(Verdict(report.nodeid, False, report.longreprtext))

    def points(self, exercise: Exercise) -> float:
        """The share of the exercise's points that its passed tests earn; 0.0 if none ran."""
        verdicts = self.verdicts.get(exercise.name, [])
        passed = sum(verdict.passed for verdict in verdicts)
        return exercise.points * passed / len(verdicts) if verdicts else 0.0

    def done(self, exercise: Exercise) -> bool:
        """Whether every test of the exercise ran and passed."""
        verdicts = self.verdicts.get(exercise.name, [])
        return bool(verdicts) and all(verdict.passed for verdict in verdicts)

    def status(self, exercise: Exercise) -> str:
        """`passed`, `not implemented yet`, `3 of 4 tests pass`, in the words of a summary."""
        verdicts = self.verdicts.get(exercise.name, [])
        if self.done(exercise):
            return "passed"
        if verdicts and all(v.message.startswith("not implemented yet") for v in verdicts if not v.passed):
            return "not implemented yet"
        return f"{sum(v.passed for v in verdicts)} of {len(verdicts)} tests pass"


def judge(exercise: Exercise, source: Lesson | Answers, seed: int = 0, to_first_failure: bool = False) -> Tally:
    """Run the tests of one exercise on a lesson or on recorded answers, in this process and without any output.

    Args:
        exercise: whose tests.
        source: what is judged.
        seed: decides the random inputs.
        to_first_failure: leave out the tests after the first that fails.

    Raises:
        LessonError: the tests could not be run to their end.
    """
    tally = Tally(source)
    options = [f"--rootdir={ROOT}", f"--seed={seed}", "--capture=sys", "-o", "addopts=--import-mode=importlib"]
    options += ["--maxfail=1"] * to_first_failure
    for plugin in ("terminal", "cacheprovider", "unraisableexception"):  # the last collects garbage for 0.4 s
        options += ["-p", f"no:{plugin}"]
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = pytest.main([str(exercise.test_module), *options], plugins=[tally])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        broken = [verdict.message for verdict in tally.verdicts.get("", [])]
        raise LessonError("\n".join([f"The tests of {exercise.name} could not be run.", *broken, said.getvalue()]))
    return tally


def check(exercise: str, points: float = 1) -> float:
    """Run an exercise's tests on the definitions of the notebook or script that calls this, and show a report.

    Args:
        exercise: the name of the stub, e.g. `"BasicBlock"`.
        points: what all tests passing is worth.

    Returns:
        The points earned, which nbgrader reads as partial credit: with 3 of 4 tests passing, 3/4 of `points`.

    Raises:
        LessonError: there is no exercise of this name.
    """
    if exercise not in all_exercises():
        raise LessonError(f"There is no exercise called {exercise!r}; there are: {', '.join(all_exercises())}.")
    known = all_exercises()[exercise]
    tally = judge(known, Lesson.from_kernel(known.lesson, sys._getframe(1).f_globals))
    report = Report(known, tally, points)
    _show(report)
    return report.earned


def carry(lesson: str, name: str) -> Any:
    """A definition of an earlier lesson: the student's own once it passes its tests, else the reference.

    Says in one line which it gave and why. While a lesson is tested or graded it is always the reference, so that one
    lesson's mistake never costs points in the next.

    Raises:
        LessonError: there is no such lesson or definition.
    """
    reference = getattr(Lesson.from_solution(lesson), name)
    if not carries_own.get() or os.environ.get("NBGRADER_EXECUTION"):
        return reference
    try:
        own = Lesson.from_notebook(lesson)
        exercise = exercises(lesson)[name]
        tally = judge(exercise, own)
        if tally.done(exercise):
            print(f"{name}: your own, from {own.origin}")
            return getattr(Lesson.from_notebook(lesson, carrying=True), name)  # what it stands on is the student's, too
        reason = f"yours: {tally.status(exercise)}"
    except (LessonError, KeyError) as error:
        reason = "it is no exercise" if isinstance(error, KeyError) else str(error)
    print(f"{name}: the reference ({reason})")
    return reference


@dataclass
class Report:
    """A check cell's report, as HTML where a notebook shows it and as plain text everywhere else."""

    exercise: Exercise
    tally: Tally
    points: float

    @property
    def earned(self) -> float:
        """The points earned, of those that the check cell gives."""
        return round(self.tally.points(self.exercise) / self.exercise.points * self.points, 4)

    @property
    def _headline(self) -> str:
        return f"{self.exercise.name}: {self.tally.status(self.exercise)}, {self.earned:g} of {self.points:g} points"

    @property
    def _rows(self) -> Iterable[Verdict]:
        seen = set()
        for verdict in [v for verdicts in self.tally.verdicts.values() for v in verdicts]:
            repeated = verdict.message in seen
            seen.add(verdict.message)
            yield Verdict(verdict.sentence, verdict.passed, "" if repeated else verdict.message)

    def __repr__(self) -> str:
        lines = [self._headline]
        for row in self._rows:
            lines.append(f"  {'✓ pass' if row.passed else '✗ FAIL'}  {row.sentence}")
            lines += [f"          {line}" for line in row.message.splitlines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<li><b>{'✓ pass' if row.passed else '✗ FAIL'}</b> {html.escape(row.sentence)}"
            + (f"<pre>{html.escape(row.message)}</pre>" if row.message else "")
            + "</li>"
            for row in self._rows
        )
        return f"<p><b>{html.escape(self._headline)}</b></p><ul style='list-style:none'>{rows}</ul>"


def _show(report: Report) -> None:
    """Display the report in a notebook, print it elsewhere."""
    try:
        from IPython.display import display
    except ImportError:
        print(report)
    else:
        display(report)
