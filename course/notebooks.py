"""Changing a student's notebook without losing a line of theirs: giving a stub back, bringing a new release in."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.lesson import ROOT, LessonError, exercises, notebook_of, released
from course.statements import parsed


def read(path: Path) -> NotebookNode:
    """A notebook.

    Raises:
        LessonError: the file is missing or is no notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError) as error:
        raise LessonError(
            f"{path.relative_to(ROOT)} can't be read as a notebook ({type(error).__name__}: {error})."
        ) from None


def write(path: Path, notebook: NotebookNode) -> None:
    """Replace a notebook in one move, so that an interruption leaves the old one."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


def backup(path: Path) -> Path:
    """Copy a notebook beside itself, under a name with the time."""
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    copy = path.with_name(f"{path.stem}.backup_{stamp}.ipynb")
    copy.write_bytes(path.read_bytes())
    return copy


def answer(notebook: NotebookNode, name: str) -> NotebookNode | None:
    """The cell that holds an exercise's answer: the one released for it, else the last that defines its name."""
    named = [cell for cell in notebook.cells if _role(cell) == name]
    defining = [cell for cell in notebook.cells if name in _defined(cell)]
    return named[0] if named else defining[-1] if defining else None


def reset(lesson: str, name: str | None = None) -> tuple[Path, list[str]]:
    """Give stubs back: that of one exercise, or those of the whole lesson. No other cell changes.

    Returns:
        the backup of the notebook as it was, and the names of the exercises that were reset.

    Raises:
        LessonError: there is no such lesson, exercise or notebook, or a second cell defines the exercise.
    """
    from course.build import release

    known = exercises(lesson)
    if name is not None and name not in known:
        raise LessonError(f"There is no exercise called {name!r} in {lesson}; there are: {', '.join(known)}.")
    path = notebook_of(lesson)
    own, new = read(path), nbformat.reads(release(lesson), as_version=4)
    names = [name] if name else list(known)
    for wanted in names:
        cell, stub = answer(own, wanted), next(cell for cell in new.cells if _role(cell) == wanted)
        if any(wanted in _defined(other) for other in own.cells if other is not cell):
            raise LessonError(f"Another cell of {path.relative_to(ROOT)} defines {wanted}, too: delete that one first.")
        if cell is None:  # deleted
            own.cells.insert(_place(new.cells[: new.cells.index(stub)], own), stub)
        else:  # text, too, if it was made one
            cell.update(cell_type="code", source=stub.source, outputs=[], execution_count=None)
    copy = backup(path)
    write(path, own)
    return copy, names


def update() -> Iterator[str]:
    """Fetch the newest release with git, and put the student's answers into its notebooks; yields what was done.

    Raises:
        LessonError: this is no clone with a branch to follow, or the release doesn't follow on this one; nothing has
            changed then.
    """
    if not (ROOT / ".git").exists():
        raise LessonError(
            "This copy of the course is no git clone, so it can't be updated: clone it anew beside this one."
        )
    _git("fetch", "--quiet")
    here, there = _git("rev-parse", "HEAD"), _git("rev-parse", "@{upstream}")
    common = _git("merge-base", here, there)
    if common == there:
        yield "Nothing newer: this is the latest release."
        return
    if common != here:
        raise LessonError(
            "This clone has commits of its own, so the new release doesn't follow on it: bring the two together with "
            "`git merge @{upstream}`, or clone the course anew and copy your answers over."
        )
    paths = [path for path in map(notebook_of, released()) if path.exists()]
    olds = {path: nbformat.reads(_git("show", f"{here}:{path.relative_to(ROOT)}"), as_version=4) for path in paths}
    owns = {path: path.read_bytes() for path in paths}
    touched = {path: own for path in paths if _sources(own := read(path)) != _sources(olds[path])}
    copies = {path: backup(path) for path in touched}
    _git("checkout", "--quiet", "HEAD", "--", *map(str, paths))
    try:
        _git("merge", "--quiet", "--ff-only", "@{upstream}")
    except BaseException:  # Ctrl-C, too
        for path, content in owns.items():
            path.write_bytes(content)
        raise
    yield f"Updated from {here[:8]} to {there[:8]}."
    for path, own in touched.items():
        shown = path.relative_to(ROOT)
        if not path.exists():
            yield f"{shown} is no longer part of the course; yours is {copies[path].name}."
            continue
        new = read(path)
        answers, added, left = carried_over(own, olds[path], new, path.parent.name)
        write(path, new)
        yield f"{shown}: carried over {', '.join(answers) or 'no answers'}, and {added} cells that you added."
        yield f"  as it was before{f', with {left} other cells that you changed' * bool(left)}: {copies[path].name}"
    if touched:
        yield "If a notebook is open, reload it from disk before you save it."


def carried_over(own: NotebookNode, old: NotebookNode, new: NotebookNode, lesson: str) -> tuple[list[str], int, int]:
    """Put a student's answers, and the cells that they added, into a new release of the notebook.

    Args:
        own: the student's.
        old: the release that it was made from.
        new: the newer release; changed in place.

    Returns:
        the names of the exercises whose answers were carried over, the number of cells that were, and that of given
        cells which the student had changed and the new release replaces.
    """
    answers, moved = [], []
    for name in exercises(lesson):
        mine, stub, target = answer(own, name), answer(old, name), answer(new, name)
        if mine is not None and target is not None and (stub is None or mine.source != stub.source):
            target.source = mine.source
            answers.append(name)
            moved.append(mine)
    known = {key for notebook in (old, new) for cell in notebook.cells for key in _keys(cell)}
    added = 0
    for number, cell in enumerate(own.cells):
        if not (_keys(cell) & known or any(cell is one for one in moved)):
            new.cells.insert(_place(own.cells[:number], new), cell)
            added += 1
    given = {cell.get("id"): cell.source for cell in old.cells}
    changed = [c for c in own.cells if given.get(c.get("id"), c.source) != c.source]
    return answers, added, sum(all(c is not one for one in moved) for c in changed)


def _place(before: list[NotebookNode], notebook: NotebookNode) -> int:
    """The place behind the last of these cells that the notebook has, too: by its role, or its text."""
    for cell in reversed(before):
        for place, other in enumerate(notebook.cells):
            if other.source == cell.source or (_role(cell) and _role(cell) == _role(other)):
                return place + 1
    return 0


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8")
    except FileNotFoundError:
        raise LessonError("Updating needs git, which is not installed here: install it, then run this again.") from None
    if result.returncode:
        raise LessonError(f"`git {' '.join(arguments[:3])}` failed: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout.rstrip("\n")


def _keys(cell: NotebookNode) -> set[str]:
    """What a cell is known by: its id, which some editors drop, and its text, which students change."""
    return {f"id {cell.get('id')}", f"text {cell.source}"} - {"id None"}


def _role(cell: NotebookNode) -> str | None:
    """What a cell was released as: the name of an exercise, or of its check; None for most."""
    role: str | None = cell.metadata.get("nbgrader", {}).get("grade_id")
    return role


def _sources(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells]


def _defined(cell: NotebookNode) -> list[str]:
    """The functions and classes that a cell defines; text and raw cells don't count."""
    try:
        statements = parsed(cell.source).body if cell.cell_type == "code" else []
        return [s.name for s in statements if isinstance(s, ast.FunctionDef | ast.ClassDef)]
    except (SyntaxError, ValueError):
        return []
