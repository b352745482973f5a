"""What the tests of each exercise said, and the points that this is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from course.lesson import Exercise, Lesson

if TYPE_CHECKING:  # torch is slow to import
    from course.answers import Answers


@dataclass(frozen=True)
class Verdict:
    """What one test said: its name as a sentence, whether it passed, and its message if not.

    A `hollow` test is one that an answer which does nothing, or refuses everything, passes as well.
    """

    sentence: str
    passed: bool
    message: str = ""
    hollow: bool = False

    @property
    def untouched(self) -> bool:
        """Whether the test met a stub."""
        return self.message.startswith("not implemented yet")


@dataclass(eq=False)
class Tally:
    """A pytest plugin that collects the verdicts of every exercise whose test module runs.

    With a `source` the tests judge that lesson, or those recorded answers, instead of the notebook on disk.
    """

    source: Lesson | Answers | None = None
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        noted = dict(report.user_properties)
        exercise = noted.get("exercise")
        if exercise and (report.when == "call" or report.outcome != "passed"):
            sentence = report.nodeid.partition("::test_")[2].replace("_", " ")
            self.verdicts.setdefault(str(exercise), []).append(
                Verdict(sentence, report.outcome == "passed", report.longreprtext, bool(noted.get("hollow")))
            )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.verdicts.setdefault("", []).append(Verdict(report.nodeid, False, report.longreprtext))

    def points(self, exercise: Exercise) -> float:
        """The share of the exercise's points that its passed tests earn; 0.0 where none but hollow ones pass."""
        verdicts = self.verdicts.get(exercise.name, [])
        passed = [verdict for verdict in verdicts if verdict.passed]
        if all(verdict.hollow for verdict in passed):
            return 0.0
        return exercise.points * len(passed) / len(verdicts)

    def done(self, exercise: Exercise) -> bool:
        """Whether every test of the exercise ran and passed."""
        verdicts = self.verdicts.get(exercise.name, [])
        return bool(verdicts) and all(verdict.passed for verdict in verdicts)

    def status(self, exercise: Exercise) -> str:
        """`passed`, `not implemented yet`, `3 of 4 tests pass`, in the words of a summary."""
        verdicts = self.verdicts.get(exercise.name, [])
        if self.done(exercise):
            return "passed"
        if verdicts and all(v.untouched for v in verdicts if not v.passed):
            return "not implemented yet"
        return f"{sum(v.passed for v in verdicts)} of {len(verdicts)} tests pass"
