"""How far a student is: every exercise with its points, remembered until the notebook or its tests change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from course.lesson import ROOT, Exercise, Lesson, LessonError, exercises, notebook_of, saved_definition, scripts

MEMORY = ROOT / ".course" / "progress.json"


@dataclass(frozen=True)
class Result:
    """What the tests said of one exercise in the student's saved notebook."""

    lesson: str
    name: str
    status: str
    earned: float
    points: float

    @property
    def done(self) -> bool:
        """Whether every test passes."""
        return self.status == "passed"

    @property
    def place(self) -> str:
        """Where to go on with it."""
        path = notebook_of(self.lesson).relative_to(ROOT)
        saved = saved_definition(self.lesson, self.name)
        return f"{path}, cell {saved[0]}" if saved else str(path)


def progress(lessons: Iterable[str], begin: Callable[[Exercise], None] = lambda exercise: None) -> list[Result]:
    """The results of all exercises of these lessons; those of a lesson that hasn't changed come from memory.

    Args:
        lessons: e.g. `["lesson_03"]`.
        begin: is called with each exercise that is judged anew.
    """
    try:
        memory = json.loads(MEMORY.read_text())
    except (OSError, ValueError):
        memory = {}
    results = []
    for lesson in lessons:
        key = fingerprint(lesson)
        if memory.get(lesson, {}).get("key") != key:
            memory[lesson] = {"key": key, "results": [asdict(_judged(e, begin)) for e in exercises(lesson).values()]}
            with suppress(OSError):  # a folder that can't be written costs time, not the answer
                MEMORY.parent.mkdir(exist_ok=True)
                MEMORY.write_text(json.dumps(memory, indent=1))
        results += [Result(**values) for values in memory[lesson]["results"]]
    return results


def fingerprint(lesson: str) -> str:
    """Changes with everything that a verdict on this lesson depends on: its cells, tests, and the code behind them."""
    parts: list[Path] = [*ROOT.glob("course/*.py"), *ROOT.glob(f"tests/{lesson}/*.py"), ROOT / "tests" / "conftest.py"]
    parts += [path for path in scripts() if path.parent.name <= lesson]
    digest = hashlib.sha256()
    for path in sorted(parts):
        digest.update(path.read_bytes())
    try:
        cells = json.loads(notebook_of(lesson).read_text(encoding="utf-8"))["cells"]
        digest.update(json.dumps([cell["source"] for cell in cells if cell["cell_type"] == "code"]).encode())
    except (OSError, ValueError, KeyError, TypeError) as error:
        digest.update(repr(error).encode())
    return digest.hexdigest()


def _judged(exercise: Exercise, begin: Callable[[Exercise], None]) -> Result:
    from course.checking import judge

    begin(exercise)
    try:
        tally = judge(exercise, Lesson.from_notebook(exercise.lesson))
    except LessonError as error:
        return Result(exercise.lesson, exercise.name, str(error).splitlines()[0], 0.0, exercise.points)
    status, earned = tally.status(exercise), tally.points(exercise)
    return Result(exercise.lesson, exercise.name, status, round(earned, 4), exercise.points)
