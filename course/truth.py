"""The kill matrix: which test catches which wrong belief, and which tests could go without anybody noticing."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course.checking import judge
from course.diagnosis import Misconception, beliefs
from course.lesson import Exercise, Lesson
from course.student import forget_outcomes
from course.tally import Verdict


def first_seeds(count: int) -> list[int]:
    """So many seeds, always the same: 0, and numbers of the size that autograding draws."""
    drawn = random.Random(0)
    return [0, *(drawn.getrandbits(31) for _ in range(count - 1))]


def names(belief: Misconception, verdicts: list[Verdict]) -> bool:
    """Whether the first of these verdicts that failed tells the student of this belief."""
    lost = [verdict for verdict in verdicts if not verdict.passed]
    return bool(lost) and belief.verdict in lost[0].message


def wrongs(exercise: Exercise, seed: int) -> list[str]:
    """Every wrong verdict on the reference and on the beliefs about one exercise, under one seed, in one line each."""
    found = refused(exercise, seed)
    for belief in beliefs(exercise):
        verdicts = judge(exercise, belief.lesson, seed, to_first_failure=True).verdicts[exercise.name]
        if not names(belief, verdicts):
            found.append(_wrong(belief, seed, missed=all(verdict.passed for verdict in verdicts)))
    forget_outcomes()  # the next seed gives others
    return found


def forget_lessons(exercise: Exercise) -> None:
    """Free the lessons of those who hold beliefs about an exercise, megabytes each; they load again when needed."""
    for belief in beliefs(exercise):
        vars(belief).pop("lesson", None)


def refused(exercise: Exercise, seed: int) -> list[str]:
    """A line if the reference does not pass every test of an exercise under a seed."""
    reference = judge(exercise, Lesson.from_solution(exercise.lesson), seed)
    return [] if reference.done(exercise) else [f"{exercise.name}, seed {seed}: the reference is refused"]


def _wrong(belief: Misconception, seed: int, missed: bool) -> str:
    return f"{belief.id}, seed {seed}: {'passes every test' if missed else 'is not named'}"


@dataclass(frozen=True)
class Kills:
    """What became of the beliefs about one exercise, under seed 0.

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
    def of(cls, exercise: Exercise) -> Kills:
        """Run the tests of an exercise on every belief about it."""
        tests: list[str] = []
        failed, told = {}, set()
        for belief in beliefs(exercise):
            verdicts = judge(exercise, belief.lesson).verdicts[exercise.name]
            tests = [verdict.sentence for verdict in verdicts]
            failed[belief] = {verdict.sentence for verdict in verdicts if not verdict.passed}
            if names(belief, verdicts):
                told.add(belief)
        return cls(exercise, tests, failed, told)

    @property
    def wrongs(self) -> list[str]:
        """What `wrongs` says under seed 0, without judging the beliefs again."""
        untold = [belief for belief in self.failed if belief not in self.told]
        return refused(self.exercise, 0) + [_wrong(belief, 0, missed=not self.failed[belief]) for belief in untold]

    @property
    def spare(self) -> list[str]:
        """Tests that catch no belief which no other test catches."""
        needed = {next(iter(tests)) for tests in self.failed.values() if len(tests) == 1}
        return [test for test in self.tests if test not in needed]

    def show(self, console: Console) -> None:
        """Print the matrix: a row a belief, a mark a test."""
        table = Table(title=f"{self.exercise.lesson} · {self.exercise.name}", title_justify="left", show_edge=False)
        table.add_column("belief", overflow="fold")
        table.add_column("".join(str(number % 10) for number, _ in enumerate(self.tests, start=1)), no_wrap=True)
        for belief, failed in self.failed.items():
            mark = "" if belief in self.told else " [bold red](not told)[/]"
            table.add_row(belief.id + mark, "".join("✗" if test in failed else "·" for test in self.tests))
        console.print(table)
        for number, test in enumerate(self.tests, start=1):
            spare = "  [dim](others catch all that it catches)[/]" if test in self.spare else ""
            console.print(f"{number:3} {escape(test)}{spare}", soft_wrap=True)
        console.print()
