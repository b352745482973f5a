"""What a check cell shows: a line a test, and for a failure what was called, what differs, and what it may mean."""

from __future__ import annotations

import ast
import html
import linecache
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FunctionType

from course.lesson import ROOT, Exercise, Lesson, saved_definition
from course.plots import GREEN, GREY, VERMILION
from course.tally import Tally, Verdict

BELIEF = ("Consistent with: ", "Question to ask yourself: ")
PASS, FAIL, OPEN = "✓ pass", "✗ FAIL", "○ to do"
HOLLOW = "An answer that does nothing passes these tests, too. They earn their points as soon as another one passes."
EDGE = {PASS: GREEN, FAIL: VERMILION, OPEN: GREY}  # the words say the same


@dataclass
class Report:
    """A check cell's report, as HTML where a notebook shows it and as plain text everywhere else.

    Attributes:
        exercise: the stub.
        tally: what its tests said.
        points: what the check cell gives if all of them pass.
        note: what else the student must know.
    """

    exercise: Exercise
    tally: Tally
    points: float
    note: str = ""

    @property
    def earned(self) -> float:
        """The points earned, of those that the check cell gives."""
        return round(self.tally.points(self.exercise) / self.exercise.points * self.points, 4)

    @property
    def _headline(self) -> str:
        return f"{self.exercise.name}: {self.tally.status(self.exercise)}, {self.earned:g} of {self.points:g} points"

    @cached_property
    def _explanations(self) -> dict[str, str]:
        from course.diagnosis import beliefs

        return {belief.verdict: belief.explanation for belief in beliefs(self.exercise)}

    @property
    def _rows(self) -> Iterable[tuple[str, Verdict]]:
        """A mark and a verdict a test; what has been shown once, a message or a belief's question, is not repeated."""
        seen: set[str] = set()
        for verdict in [v for verdicts in self.tally.verdicts.values() for v in verdicts]:
            mark = PASS if verdict.passed else OPEN if verdict.untouched else FAIL
            lines = [] if verdict.message in seen else verdict.message.splitlines()
            lines = [line for line in lines if not (line in seen and line.startswith(BELIEF))]
            yield mark, Verdict(verdict.sentence, verdict.passed, "\n".join(lines))
            seen |= {verdict.message, *lines}

    @property
    def _notes(self) -> list[str]:
        hollow = any(v.passed for v in self.tally.verdicts.get(self.exercise.name, [])) and self.earned == 0
        return [HOLLOW] * hollow + [self.note] * bool(self.note)

    def __repr__(self) -> str:
        lines = [self._headline]
        for mark, row in self._rows:
            lines.append(f"  {mark}  {row.sentence}")
            lines += [f"          {line}" for line in row.message.splitlines()]
        return "\n".join([*lines, *self._notes])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<li style='border-left: 3px solid {EDGE[mark]}; margin: 2px 0; padding-left: 8px'>"
            f"<b>{mark}</b> {html.escape(row.sentence)}{self._details(row.message)}</li>"
            for mark, row in self._rows
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self._notes)
        return (
            f"<p><b>{html.escape(self._headline)}</b></p>"
            f"<ul style='list-style: none; margin: 0; padding: 0'>{rows}</ul>{notes}"
        )

    def _details(self, message: str) -> str:
        """A message as HTML, with the explanation of the belief that it names folded below it."""
        if not message:
            return ""
        known = [self._explanations[line] for line in message.splitlines() if line in self._explanations]
        folded = "".join(
            f"<details><summary>What is true instead</summary>{html.escape(text)}</details>" for text in known
        )
        text = html.escape(message).replace("\n", "<br>").replace("  ", "&nbsp; ")
        return f"<div style='margin: 2px 0 6px 1em; overflow-wrap: anywhere'>{text}{folded}</div>"

    def show(self) -> None:
        """Display the report in a notebook, print it elsewhere."""
        from IPython.display import display

        display(self)


def unsaved(exercise: Exercise, live: Lesson) -> str:
    """A sentence if the live definition is another than that in the notebook on disk, which pytest tests; else ""."""
    if not Path.cwd().is_relative_to(ROOT):  # in Colab the notebook lies elsewhere, and pytest doesn't test it
        return ""
    source = _live_source(live.namespace.get(exercise.name))
    saved = saved_definition(exercise.lesson, exercise.name)
    if source is None or saved is None or ast.dump(source) == ast.dump(saved[1]):
        return ""
    return f"Unsaved changes: the saved notebook holds another {exercise.name}. Save it, so that pytest sees this one."


def _live_source(definition: object) -> ast.stmt | None:
    """The syntax tree of a function or class that a notebook's cell has defined."""
    functions = [definition, *vars(definition).values()] if isinstance(definition, type) else [definition]
    for function in functions:
        if isinstance(function, FunctionType):
            try:
                tree = ast.parse("".join(linecache.getlines(function.__code__.co_filename)))
            except (SyntaxError, ValueError):  # a file that was edited since
                return None
            name = getattr(definition, "__name__", "")
            return next((s for s in tree.body if getattr(s, "name", None) == name), None)
    return None
