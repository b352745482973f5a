"""How long a lesson's tests take, as a ratio to importing torch and pytest, measured in turn in the same run.

python benchmarks/startup.py
"""

import os
import statistics
import subprocess
import sys
import time

from course.lesson import ROOT, released

LIMIT = 1.6
RUNS = 5
BASE = [sys.executable, "-c", "import torch, pytest"]


def seconds(command: list[str]) -> float:
    """Wall time of a command, in seconds, on one thread."""
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    return time.perf_counter() - began


def main() -> None:
    """Print a line a lesson, and fail if one is over the limit."""
    over = False
    for lesson in released():
        tests = [sys.executable, "-m", "pytest", f"tests/{lesson}", "--solutions"]
        seconds(BASE), seconds(tests)  # warm the disk's cache
        pairs = [(seconds(tests), seconds(BASE)) for _ in range(RUNS)]
        ratio = statistics.median(ours / base for ours, base in pairs)
        ours, base = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{lesson}: {ours:.2f} s against {base:.2f} s for import torch, pytest: ratio {ratio:.2f} (limit {LIMIT})"
        )
        over |= ratio > LIMIT
    sys.exit(over)


if __name__ == "__main__":
    main()
