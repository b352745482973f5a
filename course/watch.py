"""Tests on every save: torch stays loaded here, and each verdict is found in a process that is forked from this one."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from course.lesson import Exercise, Lesson, LessonError, exercises, notebook_of

KEYS = "r: run all again   s: skip this exercise   q: quit"
POLL = 0.1  # seconds between two looks at the notebook and the keyboard


def watch(lesson: str, say: Callable[[str], None]) -> None:
    """Judge the first unfinished exercise of a lesson now and after every save of its notebook, until `q` or Ctrl-C.

    Raises:
        LessonError: there is no such lesson.
    """
    import torch

    from course.checking import judge

    torch.set_num_threads(1)  # a process that is forked from one with OpenMP threads may hang
    todo, path = list(exercises(lesson).values()), notebook_of(lesson)
    # load what a verdict needs, once for all the processes to come, and take no gradient: beside a GPU autograd starts
    # threads for it, and a process that is forked then can take none
    Lesson.from_solution(lesson)
    judge(todo[0], Lesson(lesson, "nothing", {}))
    place, judging, seen = 0, None, 0
    say(f"Watching {path}. {KEYS}")
    with keyboard() as pressed, ExitStack() as at_the_end:
        at_the_end.callback(lambda: judging and judging.kill())
        while (key := pressed()) != "q":
            saved = _saved(path)
            done = judging is not None and judging.exitcode == 0
            if saved == seen and not done and key not in ("r", "s"):
                continue
            if key == "r" or (saved != seen and place == len(todo)):
                place = 0
            elif done or key == "s":
                place = min(place + 1, len(todo))
            if judging:
                judging.kill()
            judging, seen = None, saved
            if place < len(todo):
                judging = _begin(todo[place])
            else:
                say(f"Every exercise of {lesson} is done or skipped. {KEYS}")


def _saved(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # gone, or being replaced at this moment
        return -1


def _begin(exercise: Exercise) -> multiprocessing.process.BaseProcess:
    """Judge one exercise in a process of its own, which prints the report and ends with 0 if every test passes."""
    context: Any = multiprocessing.get_context("fork")
    process: multiprocessing.process.BaseProcess = context.Process(target=_judge, args=(exercise,))
    process.start()
    return process


def _judge(exercise: Exercise) -> None:
    from course.checking import judge
    from course.report import Report

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that watches, which ends this one
    try:
        tally = judge(exercise, Lesson.from_notebook(exercise.lesson))
    except LessonError as error:
        print(error, flush=True)
        sys.exit(1)
    done, status = tally.done(exercise), tally.status(exercise)
    brief = f"{'✓' if done else '○'} {exercise.name}: {status}"  # an exercise that isn't begun has no errors to show
    begun = status != "not implemented yet"
    print(repr(Report(exercise, tally, exercise.points)) if begun and not done else brief, flush=True)
    sys.exit(not done)


@contextmanager
def keyboard() -> Iterator[Callable[[], str]]:
    """In the block, a function that waits a moment for a key and gives it, or "" if none was pressed."""
    if not sys.stdin.isatty():
        yield _wait
        return
    stdin = sys.stdin.fileno()
    before = termios.tcgetattr(stdin)
    tty.setcbreak(stdin)
    try:
        # past Python's buffer, in which `select` would not see a second key
        yield lambda: os.read(stdin, 1).decode(errors="ignore") if select.select([stdin], [], [], POLL)[0] else ""
    finally:
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)


def _wait() -> str:
    time.sleep(POLL)
    return ""
