"""pytest inside a notebook: `check` judges the live definitions, `carry` brings a student's own into a later lesson."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from course.lesson import ROOT, Exercise, Lesson, LessonError, all_exercises, carries_own, exercises
from course.report import Report, unsaved
from course.tally import Tally

if TYPE_CHECKING:  # torch is slow to import
    from course.answers import Answers


def judge(exercise: Exercise, source: Lesson | Answers, seed: int = 0, to_first_failure: bool = False) -> Tally:
    """Run the tests of one exercise on a lesson or on recorded answers, in this process and without any output.

    Args:
        exercise: whose tests.
        source: what is judged.
        seed: decides the random inputs.
        to_first_failure: leave out the tests after the first that fails.

    Raises:
        LessonError: the tests could not be run to their end.
        KeyboardInterrupt: Ctrl-C, which pytest would keep to itself.
    """
    tally = Tally(source)
    options = [f"--rootdir={ROOT}", f"--seed={seed}", "--capture=sys", "-o", "addopts=--import-mode=importlib"]
    options += ["--maxfail=1"] * to_first_failure
    for plugin in ("terminal", "cacheprovider", "unraisableexception"):  # the last collects garbage for 0.4 s
        options += ["-p", f"no:{plugin}"]
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said), pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # a verdict depends on nobody's settings
        for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
            environment.delenv(name, raising=False)
        code = pytest.main([str(exercise.test_module), *options], plugins=[tally])
    broken = [verdict.message for verdict in tally.verdicts.get("", [])]
    if code == pytest.ExitCode.INTERRUPTED and not broken:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
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
    live = Lesson.from_kernel(known.lesson, sys._getframe(1).f_globals)
    report = Report(known, judge(known, live), points, note=unsaved(known, live))
    report.show()
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
    reason = "it is no exercise"
    if exercise := exercises(lesson).get(name):
        try:
            own = Lesson.from_notebook(lesson)
            tally = judge(exercise, own)
            if tally.done(exercise):
                print(f"{name}: your own, from {own.origin}")
                return getattr(Lesson.from_notebook(lesson, carrying=True), name)  # what it stands on is theirs, too
            reason = f"yours: {tally.status(exercise)}"
        except LessonError as error:
            reason = str(error)
    print(f"{name}: the reference ({reason})")
    return reference
