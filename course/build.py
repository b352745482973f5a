"""solutions → lessons: jupytext makes a notebook of the source script, nbgrader's preprocessors make it the student's.

Metadata is derived, never typed: a cell with a solution marker becomes an answer named after what it defines, a cell
that calls `check("Name", points=3)` a locked test cell worth 3 points.
"""

from __future__ import annotations

import ast
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode
from nbgrader.converters.generate_assignment import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions, InstantiateTests, NbGraderPreprocessor, SaveCells
from nbgrader.utils import is_solution
from traitlets import default

from course.lesson import ROOT, LessonError, exercises, notebook_of, released, script_of

SOURCES = ROOT / "build" / "source"  # where nbgrader looks for what it releases
FETCH = """
# Where the course isn't installed, in Colab for instance, this cell fetches it. Where it is, it does nothing.
import importlib.util
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("course") is None:
    above = [folder for folder in Path.cwd().parents if (folder / "course" / "lesson.py").exists()]
    home = above[0] if above else Path("resnet18-from-scratch").resolve()
    if not home.exists():
        repository = "{repository}"
        subprocess.run(["git", "clone", "--quiet", "--depth=1", repository, home], check=True)
    sys.path.insert(0, str(home))
"""  # not by pip: a newer Jupyter could break the one that the notebook runs in, and Colab has all that a lesson needs


class NamedStubs(ClearSolutions):
    """Clears solutions as nbgrader does, and says in every stub's error which definition it stands for."""

    @default("code_stub")
    def _code_stub_default(self) -> dict[str, str]:
        return {"python": "raise NotImplementedError()"}

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        nb, resources = super().preprocess(nb, resources)
        number = int(resources["nbgrader"]["assignment"].removeprefix("lesson_"))
        for cell in filter(is_solution, nb.cells):
            lines = cell.source.split("\n")
            for name, line in _stubs(cell.source):
                lines[line - 1] = lines[line - 1].replace("()", f'("lesson {number}: {name}")')
            cell.source = "\n".join(lines)
        return nb, resources


class Seal(NbGraderPreprocessor):
    """Notes in the notebook what it was released with, so that a student's changes are known for what they are."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        nb.metadata["course"] = {"released": _fingerprint(nb)}
        return nb, resources


def preprocessors() -> list[type[NbGraderPreprocessor]]:
    """nbgrader's own steps from a source notebook to a release, with the stubs named and a seal at the end."""
    steps = [step for step in GenerateAssignment.preprocessors.default_args[0] if step is not InstantiateTests]
    return [*(NamedStubs if step is ClearSolutions else step for step in steps), Seal]


def source_notebook(lesson: str) -> NotebookNode:
    """The source script of a lesson as a notebook with nbgrader's metadata; the same bytes give the same notebook.

    Raises:
        LessonError: an exercise has a stub but no check cell, or the other way round.
    """
    notebook = jupytext.read(script_of(lesson), fmt="py:percent")
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    graded = exercises(lesson)
    answers = set()
    for number, cell in enumerate(notebook.cells):
        cell.id = hashlib.sha256(f"{lesson} {number}".encode()).hexdigest()[:8]
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type != "code":
            continue
        checked = [name for name in graded if f'check("{name}"' in cell.source]
        if "### BEGIN SOLUTION" in cell.source:
            name = _defined(cell.source, lesson)
            answers.add(name)
            cell.metadata["nbgrader"] = _role(name, solution=True)
        elif checked:
            cell.metadata["nbgrader"] = _role(f"check-{checked[0]}", points=graded[checked[0]].points)
    fetch = FETCH.strip().format(repository=repository())
    notebook.cells.insert(1, nbformat.v4.new_code_cell(fetch, id="fetch"))  # below the title
    if unmatched := answers ^ set(graded):
        raise LessonError(
            f"{script_of(lesson).name}: {', '.join(sorted(unmatched))} needs both a cell with "
            '### BEGIN SOLUTION and a cell that calls check("…", points=…).'
        )
    return notebook


def repository() -> str:
    """Where the course can be cloned from."""
    project = Path(__file__).resolve().parents[1] / "pyproject.toml"
    return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["urls"]["Repository"])


def release(lesson: str) -> str:
    """The text of the student's notebook: solutions cleared, stubs named, test cells locked."""
    notebook = source_notebook(lesson)
    resources = {"nbgrader": {"assignment": lesson, "notebook": script_of(lesson).stem}}
    for step in preprocessors():
        if step is not SaveCells:  # the gradebook is nbgrader's affair
            notebook, resources = step().preprocess(notebook, resources)
    return _text(notebook)


def build(force: bool = False) -> list[Path]:
    """Write every released lesson's notebook; return those that changed.

    Args:
        force: overwrite notebooks that hold a student's work, too.

    Raises:
        LessonError: a notebook holds work and `force` is off; nothing has been written then.
    """
    texts = {notebook_of(lesson): release(lesson) for lesson in released()}
    changed = {p: text for p, text in texts.items() if not p.exists() or p.read_text(encoding="utf-8") != text}
    if not force and (held := [str(path.relative_to(ROOT)) for path in changed if holds_work(path)]):
        raise LessonError(
            f"{', '.join(held)} would be overwritten, and what was written there lost. "
            "Copy what you want to keep, then run `course build --force`."
        )
    for path, text in changed.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(changed)


def write_sources() -> None:
    """Write what nbgrader releases from, `build/source/<lesson>/<notebook>.ipynb`, wherever it is out of date."""
    for lesson in released():
        path = SOURCES / lesson / f"{script_of(lesson).stem}.ipynb"
        text = _text(source_notebook(lesson))
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def holds_work(path: Path) -> bool:
    """Whether a notebook's cells hold anything but what they were released with; outputs don't count."""
    if not path.exists():
        return False
    try:
        notebook = nbformat.read(path, as_version=4)
        return bool(notebook.metadata["course"]["released"] != _fingerprint(notebook))
    except (ValueError, KeyError, AttributeError):  # no notebook, or one that a tool has stripped: better ask
        return True


def _fingerprint(notebook: NotebookNode) -> str:
    sources = json.dumps([[cell.cell_type, cell.source] for cell in notebook.cells])
    return hashlib.sha256(sources.encode()).hexdigest()


def _role(name: str, solution: bool = False, points: float | None = None) -> dict[str, Any]:
    role = {"grade": not solution, "grade_id": name, "locked": not solution, "schema_version": 3}
    role |= {"solution": solution, "task": False}
    return role if points is None else role | {"points": points}


def _defined(source: str, lesson: str) -> str:
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.name in exercises(lesson):
            return statement.name
    raise LessonError(f"{script_of(lesson).name}: a cell with ### BEGIN SOLUTION defines no exercise:\n{source}")


def _stubs(source: str) -> list[tuple[str, int]]:
    """The qualified name and line of every definition that raises a bare `NotImplementedError()`."""
    found = []

    def visit(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef() | ast.ClassDef():
                    visit(child, f"{name}.{child.name}" if name else child.name)
                case ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError"), args=[])):
                    found.append((name, child.lineno))
                case _:
                    visit(child, name)

    visit(ast.parse(source), "")
    return found


def _text(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook)) + "\n"
