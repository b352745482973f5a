"""What the tests of each exercise said, and the points that this is worth."""

from __future__ import annotations

import re
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

    def complete(self, exercise: Exercise) -> bool:
        """Whether every test function of the exercise ran, and not only a selection."""
        there = re.findall(r"^def test_(\w+)", exercise.test_module.read_text(encoding="utf-8"), re.MULTILINE)
        ran = {verdict.sentence.partition("[")[0] for verdict in self.verdicts.get(exercise.name, [])}
        return ran == {name.replace("_", " ") for name in there}

    def done(self, exercise: Exercise) -> bool:
        """Whether every test of the exercise ran and passed."""
        return self.complete(exercise) and all(verdict.passed for verdict in self.verdicts[exercise.name])

    def status(self, exercise: Exercise) -> str:
        """`passed`, `not implemented yet`, `3 of 4 tests pass`, in the words of a summary."""
        verdicts = self.verdicts.get(exercise.name, [])
        failed = [verdict for verdict in verdicts if not verdict.passed]
        if self.done(exercise):
            return "passed"
        if verdicts and all(verdict.untouched for verdict in verdicts):
            return "not implemented yet"
        tests = "tests" if self.complete(exercise) else "that ran"
        return f"{len(verdicts) - len(failed)} of {len(verdicts)} {tests} pass"
