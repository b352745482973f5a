"""The kill matrix: which test catches which wrong belief, and which tests could go without anybody noticing."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from course.checking import judge
from course.diagnosis import Misconception, misconceptions
from course.lesson import Exercise


@dataclass(frozen=True)
class Kills:
    """What became of the beliefs about one exercise.

    Attributes:
        exercise: the stub.
        tests: the names of its tests, in order.
        failed: for each belief the tests that it fails.
        told: the beliefs that the first failing report names.
    """

    exercise: Exercise
    tests: list[str]
    failed: dict[Misconception, set[str]]
    told: set[Misconception]

    @classmethod
    def of(cls, exercise: Exercise, seed: int = 0) -> Kills:
        """Run the tests of an exercise on every belief about it."""
        tests: list[str] = []
        failed, told = {}, set()
        for belief in (m for m in misconceptions(exercise.lesson) if m.exercise == exercise.name):
            verdicts = judge(exercise, belief.lesson, seed).verdicts[exercise.name]
            tests = [verdict.sentence for verdict in verdicts]
            lost = [verdict for verdict in verdicts if not verdict.passed]
            failed[belief] = {verdict.sentence for verdict in lost}
            if lost and f"Consistent with: {belief.belief}" in lost[0].message:
                told.add(belief)
        return cls(exercise, tests, failed, told)

    @property
    def untold(self) -> list[Misconception]:
        """Beliefs whose first failing report doesn't name them."""
        return [belief for belief in self.failed if belief not in self.told]

    @property
    def spare(self) -> list[str]:
        """Tests that catch no belief which no other test catches."""
        needed = {next(iter(tests)) for tests in self.failed.values() if len(tests) == 1}
        return [test for test in self.tests if test not in needed]

    def show(self, console: Console) -> None:
        """Print the matrix: a row a belief, a column a test."""
        table = Table(title=f"{self.exercise.lesson} · {self.exercise.name}", title_justify="left", show_edge=False)
        table.add_column("belief", overflow="fold")
        for number, _ in enumerate(self.tests, start=1):
            table.add_column(str(number), justify="center")
        for belief, failed in self.failed.items():
            mark = "" if belief in self.told else " [bold red](not told)[/]"
            table.add_row(belief.id + mark, *("✗" if test in failed else "·" for test in self.tests))
        console.print(table)
        for number, test in enumerate(self.tests, start=1):
            spare = "  [dim](catches nothing that no other test catches)[/]" if test in self.spare else ""
            console.print(f"{number:3} {test}{spare}")
        console.print()
