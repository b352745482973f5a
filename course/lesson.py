"""What a lesson is, and loading one from a notebook, a source script or a live kernel.

A lesson is a namespace: the definitions of one lesson. Loading starts from the names of the exercises and executes the
imports, functions, classes and assignments that these refer to, and what those refer to in turn. Plots, loops and
training runs are left out, so that a test starts in a moment and a half-finished demo can't break it.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from course.statements import needed, parsed

if os.name == "nt":
    raise ImportError("On Windows the course runs inside WSL: see the README.")

ROOT = Path(os.environ.get("COURSE_ROOT", Path(__file__).resolve().parents[1]))
KERNEL = "this notebook's kernel"
LOAD_SECONDS = 30  # a definition cell that takes longer than this to run is taken for an endless loop

carries_own: ContextVar[bool] = ContextVar("carries_own", default=True)
"""Whether `carry` may give a student's own definitions; off while a lesson is loaded to be tested or graded."""


class LessonError(Exception):
    """A lesson can't be read, or lacks a definition; the message is one sentence that says where and what to do."""


@dataclass(frozen=True)
class Exercise:
    """One stub: the name it defines, the lesson it belongs to, and the points its check cell gives."""

    lesson: str
    name: str
    points: float

    @property
    def test_module(self) -> Path:
        """The pytest module that judges this exercise."""
        folder = ROOT / "tests" / self.lesson
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).lower()
        clash = self.name != snake and any(e.name == snake for e in exercises(self.lesson).values())
        return folder / f"test_{snake}{'_module' if clash else ''}.py"


def scripts() -> list[Path]:
    """The source scripts of all lessons, in order."""
    return sorted((ROOT / "solutions").glob("lesson_*/*.py"))


@cache
def script_of(lesson: str) -> Path:
    """The source script of a lesson such as `lesson_03`.

    Raises:
        LessonError: there is no such lesson.
    """
    found = [path for path in scripts() if path.parent.name == lesson]
    if len(found) != 1:
        known = ", ".join(path.parent.name for path in scripts())
        raise LessonError(f"There is no lesson called {lesson!r}; there are: {known}.")
    return found[0]


def notebook_of(lesson: str) -> Path:
    """Where the student's notebook of a lesson lies."""
    return ROOT / "lessons" / lesson / f"{script_of(lesson).stem}.ipynb"


@cache
def exercises(lesson: str) -> Mapping[str, Exercise]:
    """The exercises of a lesson in the order of its check cells, by name, read from `check("Name", points=2)` calls."""
    found = {}
    for statement in ast.parse(script_of(lesson).read_text(encoding="utf-8")).body:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id="check"), args=[ast.Constant(value=str(name))]) as call):
                points = {k.arg: ast.literal_eval(k.value) for k in call.keywords}.get("points", 1)
                found[name] = Exercise(lesson, name, points)
    return found


def all_exercises() -> dict[str, Exercise]:
    """Every exercise of every released lesson (one whose source has check cells), by name."""
    return {name: e for path in scripts() for name, e in exercises(path.parent.name).items()}


def released() -> list[str]:
    """The lessons that have check cells, in order; a source without any isn't released yet."""
    return [path.parent.name for path in scripts() if exercises(path.parent.name)]


@dataclass
class Lesson:
    """The definitions of one lesson, as attributes; `origin` names the file or kernel they come from.

    An attribute that is missing raises a `LessonError` that names the cell whose fault it is. A definition that no
    exercise refers to is loaded when it is asked for.
    """

    name: str
    origin: str
    namespace: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    later: list[tuple[str, ast.Module]] = field(default_factory=list, repr=False)  # what has not been executed, by cell
    carrying: bool = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self.namespace:
            self._execute({name})
        if name in self.namespace:
            return self.namespace[name]
        if self.problems:
            raise LessonError(f"{name} could not be loaded. " + "\n".join(self.problems))
        if self.origin == KERNEL and (saved := saved_definition(self.name, name)):
            raise LessonError(f"{self.origin} defines no {name}. Run cell {saved[0]}, which defines it, and then this.")
        raise LessonError(
            f"{self.origin} defines no {name}. Run or restore the cell that defines it; "
            f"the original stands in `git show HEAD:lessons/{self.name}/{script_of(self.name).stem}.ipynb`."
        )

    @classmethod
    def from_notebook(cls, name: str, path: Path | None = None, carrying: bool = False) -> Lesson:
        """Load the definitions of a student's notebook; a cell that fails is noted and the others still load.

        Args:
            name: e.g. `lesson_03`.
            path: another file than the student's notebook in `lessons/`.
            carrying: whether `carry` in it gives the student's own definitions; off for tests and grading.

        Raises:
            LessonError: the file is missing or is no notebook.
        """
        path = path or notebook_of(name)
        shown = _shown(path)
        lesson = cls(name, shown, {"__name__": name}, carrying=carrying)
        for number, source in _code_cells(path):
            cell = f"{shown}, cell {number}"
            linecache.cache[cell] = (len(source), None, source.splitlines(keepends=True), cell)  # to quote from
            try:
                lesson.later.append((cell, parsed(source)))
            except SyntaxError as error:
                line = (error.text or "").strip()
                lesson.problems.append(f"SyntaxError: {error.msg}, at {cell}, line {error.lineno}: {line}")
            except (ValueError, RecursionError, MemoryError) as error:  # a null byte, nesting without end
                lesson.problems.append(f"{type(error).__name__}: {error}, at {cell}")
        lesson._execute(set(exercises(name)))
        return lesson

    @classmethod
    def from_solution(cls, name: str, edit: Callable[[str], str] = lambda source: source) -> Lesson:
        """Load the reference of a lesson, after `edit` has had its way with the source text (see misconceptions)."""
        path = script_of(name)
        source = edit(path.read_text(encoding="utf-8"))
        lesson = cls(name, _shown(path), {"__name__": name}, later=[(str(path), ast.parse(source))])
        lesson._execute(set(exercises(name)))
        if lesson.problems:
            raise LessonError("\n".join(lesson.problems))
        return lesson

    @classmethod
    def from_kernel(cls, name: str, namespace: dict[str, Any]) -> Lesson:
        """Wrap the live definitions of a running notebook."""
        return cls(name, KERNEL, namespace)

    def place(self, error: BaseException) -> str:
        """Where in this lesson's code an error came up: `file, cell 9, line 3: the source line`; "" if elsewhere."""
        frames = [(f, line) for f, line in traceback.walk_tb(error.__traceback__) if f.f_globals is self.namespace]
        if not frames:
            return ""
        filename, line = frames[-1][0].f_code.co_filename, frames[-1][1]
        source = linecache.getline(filename, line).strip()
        return f"{self._cell_shown(filename)}, line {line}" + (f": {source}" if source else "")

    def _cell_shown(self, filename: str) -> str:
        """A live cell by its execution count, as the notebook shows it; any other file by its name."""
        shell = self.namespace.get("get_ipython", lambda: None)()
        count = getattr(getattr(shell, "compile", None), "_filename_map", {}).get(filename)
        return filename if count is None else f"cell In [{count}]"

    def _execute(self, wanted: set[str]) -> None:
        chosen = needed(self.later, wanted, set(self.namespace))
        done = {s for _, tree in chosen for s in tree.body if getattr(s, "module", "") != "__future__"}
        self.later = [(f, ast.Module([s for s in tree.body if s not in done], [])) for f, tree in self.later]
        may_carry = carries_own.set(self.carrying)
        module = ModuleType(self.name)
        module.__dict__.update(self.namespace)
        before, sys.modules[self.name] = sys.modules.get(self.name), module  # a dataclass looks for its module there
        try:
            for filename, tree in chosen:
                try:
                    with time_limit(LOAD_SECONDS):
                        exec(compile(tree, filename, "exec", dont_inherit=True), self.namespace)
                except (Exception, SystemExit) as error:
                    self.problems.append(f"{type(error).__name__}: {error}, at {self.place(error) or filename}")
        finally:
            carries_own.reset(may_carry)
            del sys.modules[self.name]
            if before:
                sys.modules[self.name] = before


class _OutOfTime(BaseException):
    """Passes through every `except Exception` of the student's."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in the block after this long (in the main thread; elsewhere never)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, frame: FrameType | None) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _OutOfTime as error:
        said = f"no answer after {seconds:g} s; is there a loop that never ends?"
        raise TimeoutError(said).with_traceback(error.__traceback__) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, before)


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _code_cells(path: Path) -> Iterator[tuple[int, str]]:
    """The code cells of a notebook with their numbers; every cell counts, from 1 at the top."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except FileNotFoundError:
        raise LessonError(f"There is no {_shown(path)}; `make lessons` writes it.") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LessonError(
            f"{_shown(path)} is not a notebook ({type(error).__name__}: {error}). "
            f"Copy it if it holds work of yours; `git checkout -- ':/{_shown(path)}'` then brings the original back."
        ) from None
    return ((number, source) for number, (kind, source) in enumerate(sources, start=1) if kind == "code")


def saved_definition(lesson: str, name: str) -> tuple[int, ast.stmt] | None:
    """A function or class of the student's saved notebook: the number of its cell, and its syntax tree.

    None where no notebook that can be read defines it.
    """
    found = None
    with suppress(LessonError):
        for number, source in _code_cells(notebook_of(lesson)):
            with suppress(SyntaxError, ValueError):
                found = next(((number, s) for s in parsed(source).body if getattr(s, "name", "") == name), found)
    return found
