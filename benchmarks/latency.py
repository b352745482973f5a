"""How long a student waits: for a check cell in a warm kernel, and for `course watch` after a save.

    python benchmarks/latency.py

Both as seconds, and as a ratio to `import torch, pytest` in the same run. A check runs on the reference; the median of
three counts, after one to warm up. The save replaces a notebook of lesson 1, in a copy of the course, by one in which
one more exercise is solved; the verdict is the line that says so.
"""

import io
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

import nbformat
import torch

from course import check
from course.build import release, source_notebook
from course.lesson import ROOT, Lesson, exercises, notebook_of, released
from course.notebooks import answer, write

CHECK_LIMIT = 0.5  # seconds, for lessons 1 to 4
WATCH_LIMIT = 1.0
RUNS = 5


def import_seconds() -> float:
    """Wall time of importing torch and pytest in a new process."""
    command = [sys.executable, "-c", "import torch, pytest"]
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, check=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def check_seconds(lesson: str) -> dict[str, float]:
    """The time of each exercise's check cell, run by `check` on the reference's definitions."""
    namespace = Lesson.from_solution(lesson).namespace | {"check": check}
    medians = {}
    for name in exercises(lesson):
        times = []
        for _ in range(4):
            began = time.perf_counter()
            with redirect_stdout(io.StringIO()):
                eval(f"check({name!r}, points=1)", namespace)
            times.append(time.perf_counter() - began)
        medians[name] = statistics.median(times[1:])
    return medians


def watch_seconds() -> list[float]:
    """From a save of lesson 1's notebook to the verdict on the exercise that it solves, for its first exercises."""
    lesson = "lesson_01"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("solutions", "tests"):
            shutil.copytree(ROOT / part / lesson, copy / part / lesson)
        shutil.copy(ROOT / "tests" / "conftest.py", copy / "tests")
        path = copy / notebook_of(lesson).relative_to(ROOT)
        path.parent.mkdir(parents=True)
        path.write_text(release(lesson), encoding="utf-8")
        notebook, reference = nbformat.read(path, as_version=4), source_notebook(lesson)
        command = [sys.executable, "-u", "-c", "from course.cli import app; app()", "watch", lesson]
        with subprocess.Popen(
            command, env=os.environ | {"COURSE_ROOT": folder}, cwd=copy, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True,
        ) as watching:  # fmt: skip
            times = []
            names = list(exercises(lesson))
            _said(watching, f"○ {names[0]}")
            for name, following in itertools.pairwise(names):
                answer(notebook, name).source = answer(reference, name).source
                write(path, notebook)
                began = time.perf_counter()
                _said(watching, f"✓ {name}: passed")
                times.append(time.perf_counter() - began)
                _said(watching, f"○ {following}")
            watching.kill()
    return times


def _said(process: subprocess.Popen, words: str) -> None:
    for line in process.stdout:
        if words in line:
            return
    raise RuntimeError(f"course watch ended before it said {words!r}")


def main() -> None:
    """Print a line a measurement, and fail if one is over its limit."""
    torch.set_num_threads(1)
    base = import_seconds()
    print(f"import torch, pytest: {base:.2f} s")
    over = False
    for lesson in released():
        times = check_seconds(lesson)
        slowest = max(times, key=times.get)
        limited = "lesson_01" <= lesson <= "lesson_04"
        print(
            f"{lesson}: a check takes {statistics.median(times.values()):.2f} s, {slowest} the longest with "
            f"{times[slowest]:.2f} s: ratio {times[slowest] / base:.2f}" + f" (limit {CHECK_LIMIT} s)" * limited
        )
        over |= limited and times[slowest] > CHECK_LIMIT
    times = watch_seconds()
    print(
        f"course watch: {statistics.median(times):.2f} s from save to verdict, the longest {max(times):.2f} s: "
        f"ratio {max(times) / base:.2f} (limit {WATCH_LIMIT} s)"
    )
    sys.exit(over or max(times) > WATCH_LIMIT)


if __name__ == "__main__":
    main()
