"""Wrong beliefs as executable variants of the reference: what makes an autograder tell which belief a student holds."""

from __future__ import annotations

import ast
import runpy
from dataclasses import dataclass
from functools import cache, cached_property

from course.lesson import ROOT, Exercise, Lesson, LessonError, all_exercises


@dataclass(frozen=True)
class Misconception:
    """A belief about one exercise, and the reference edited as little as it takes to hold it.

    Attributes:
        id: kebab-case name, unique in its lesson.
        exercise: the name of the stub that the belief is about.
        belief: what the student believes, in one sentence, unique for the exercise.
        edits: pairs (text in the reference's definition of the exercise, what stands there instead); each text
            must occur exactly once in that definition.
        question: leads the student to see it without giving it away.
        explanation: two lines that say what is true, with a pointer into the lesson.
        seen_in: a published implementation or paper that holds or discusses the belief, where one is known.
    """

    id: str
    exercise: str
    belief: str
    edits: tuple[tuple[str, str], ...]
    question: str
    explanation: str
    seen_in: str = ""

    @property
    def verdict(self) -> str:
        """The line of a report that names the belief."""
        return f"Consistent with: {self.belief}"

    @cached_property
    def lesson(self) -> Lesson:
        """The lesson of somebody who holds this belief."""
        return Lesson.from_solution(self._lesson_name, self._edit)

    @property
    def _lesson_name(self) -> str:
        return all_exercises()[self.exercise].lesson

    def _edit(self, source: str) -> str:
        definition = next(
            node
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == self.exercise
        )
        lines = source.splitlines(keepends=True)
        start, end = definition.lineno - 1, definition.end_lineno
        text = "".join(lines[start:end])
        for old, new in self.edits:
            if text.count(old) != 1:
                raise LessonError(
                    f"misconception {self.id}: {old!r} occurs {text.count(old)} times in {self.exercise}, not once"
                )
            text = text.replace(old, new)
        return "".join([*lines[:start], text, *lines[end:]])


@cache
def misconceptions(lesson: str) -> tuple[Misconception, ...]:
    """The misconceptions of a lesson, from `tests/<lesson>/misconceptions.py`; none where there is no such file."""
    path = ROOT / "tests" / lesson / "misconceptions.py"
    if not path.exists():
        return ()
    return tuple(runpy.run_path(str(path))["MISCONCEPTIONS"])


def beliefs(exercise: Exercise) -> list[Misconception]:
    """The wrong beliefs about one exercise."""
    return [belief for belief in misconceptions(exercise.lesson) if belief.exercise == exercise.name]


@dataclass(frozen=True)
class Accepted:
    """A correct but unusual implementation of an exercise, which every test must let pass.

    Attributes:
        exercise: the name of the stub.
        name: what is unusual about it, unique for the exercise.
        source: Python that defines it anew, as in a cell at the end.
    """

    exercise: str
    name: str
    source: str

    @property
    def lesson(self) -> Lesson:
        """The reference lesson with this definition in place of its own."""
        return Lesson.from_solution(all_exercises()[self.exercise].lesson, lambda source: source + self.source)
