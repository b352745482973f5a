"""What a test says to a lesson: `returns` and `raises`, inputs for them, and the report of a mismatch.

A probe is a function of the lesson. It is run on the student's definitions, and again on every misconception when the
answer is wrong, so it uses nothing that another probe returned. Everything that it closes over is copied for each run.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import math
import re
import textwrap
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

from course.diagnosis import Misconception, beliefs
from course.divergence import first_divergence
from course.lesson import Exercise, Lesson, LessonError
from course.outcome import Outcome, Probe, difference, kind_of, plain, run, shortly


def randn(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Standard normal values of this shape; `--seed` and the test's name decide which."""
    return torch.randn(*shape, dtype=torch.float64).to(dtype)


def refuses(module: torch.nn.Module, x: torch.Tensor) -> bool:
    """Whether a module refuses an input by itself, with a `ValueError`, not a layer inside with a `RuntimeError`."""
    try:
        module(x)
    except ValueError:
        return True
    except RuntimeError:
        pass
    return False


def fill_(module: torch.nn.Module) -> torch.nn.Module:
    """Give every parameter and buffer of a module a value that depends on its name and shape alone, and return it.

    Two modules with the same state-dict keys then hold the same weights, whatever the order in which they made them.
    Scales are those of a trained net: weights of variance 1 / fan-in, norms around 1, running variances positive.
    """
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        count = min(tensor.numel(), 10_007)  # repeated in larger tensors: drawing ResNet18's 11 million takes 0.25 s
        values = _normal(name, count)
        if name.endswith("running_var"):
            values = values.square() + 0.5
        elif tensor.dim() > 1:
            values = values / math.sqrt(tensor[0].numel())
        elif name.endswith("weight"):
            values = 1 + 0.3 * values
        with torch.no_grad():
            repeats = math.ceil(tensor.numel() / max(count, 1))
            tensor.copy_(values.to(tensor.dtype).repeat(repeats)[: tensor.numel()].view(tensor.shape))
    return module


@cache
def _normal(name: str, count: int) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())), dtype=torch.float64)


MOST = 2000  # characters of a part of a message
_OUTCOMES: dict[tuple[object, ...], Outcome] = {}  # what each belief gives for each probe, once it has been asked


def forget_outcomes() -> None:
    """Free what the beliefs gave; it is of use only as long as the seed stays the same."""
    _OUTCOMES.clear()


@dataclass
class Student:
    """The definitions under test, as a test sees them.

    Attributes:
        exercise: the stub that the test belongs to.
        seed: what the random generator starts from in the test, in `expected` and in every run of a probe.
        answer: gives the outcome of a probe, by running it on a lesson or from an answer file; the second argument
            says whether the kernels that run matter.
    """

    exercise: Exercise
    seed: int
    answer: Callable[[Probe, bool], Outcome]
    asked: int = 0

    def returns(self, probe: Probe, expected: Callable[[], Any], /, *, without: Sequence[str] = ()) -> None:
        """Fail the test unless the probe gives what `expected` gives.

        Args:
            probe: a function of the lesson; gives tensors, arrays, numbers, strings, or dicts, lists, tuples of them.
            expected: gives the right answer; called before the probe, so that no lesson can spoil its inputs.
            without: parts of names of ATen kernels (`convolution`, `batch_norm`) that the answer must not use.
        """
        torch.default_generator.manual_seed(self.seed)
        want = plain(expected())
        got = self._outcome(probe, bool(without))
        used = sorted(kernel for kernel in got.kernels if any(part in kernel for part in without))
        if got.error:
            self._differs(probe, got, f"raised {got.error}, expected {shortly(want)}")
        elif used:
            self._fail(f"calls the library's own {', '.join(used)}; here you build it from scratch", described(probe))
        elif mismatch := difference(got.value, want):
            self._differs(probe, got, mismatch)

    def raises(
        self, probe: Probe, error: type[Exception], /, *, naming: Sequence[int | Sequence[int] | str] = ()
    ) -> None:
        """Fail the test unless the probe raises this error, with a message that names these shapes, numbers or words.

        `(2, 3, 9, 7)` is named by `(2, 3, 9, 7)`, `torch.Size([2, 3, 9, 7])` and `2 x 3 x 9 x 7` alike, a few words
        between the numbers or not; a word in capitals or not.
        """
        got = self._outcome(probe)
        asked = f"expected {error.__name__}" + (f" naming {' and '.join(map(_item, naming))}" if naming else "")
        if got.error is None:
            self._differs(probe, got, f"returned {shortly(got.value)}, {asked}")
        elif kind_of(error) not in got.error.kinds:
            self._differs(probe, got, f"raised {got.error}, {asked}")
        elif missing := [item for item in naming if not re.search(_pattern(item), got.error.message)]:
            self._fail(f"the message lacks {' and '.join(map(_item, missing))}: {got.error}", described(probe))

    def _outcome(self, probe: Probe, watch: bool = False) -> Outcome:
        """The student's outcome; fails the test in one line where there is none to speak of."""
        outcome = self.answer(probe, watch)
        self.asked += 1
        torch.default_generator.manual_seed(self.seed + self.asked)  # wherever the answer has left it
        if outcome.error and kind_of(NotImplementedError) in outcome.error.kinds:
            stub = re.fullmatch(r"(?:lesson \d+: (.+))?", outcome.error.message)
            cell = re.search(r"cell [^,]+", outcome.error.place)
            at = f"lesson {int(self.exercise.lesson[-2:])}" + (f", {cell[0]}" if cell else "")
            if stub:  # torch raises such errors, too, and says what isn't implemented
                self._fail(f"not implemented yet: {stub[1] or self.exercise.name} ({at})")
        if outcome.error and kind_of(LessonError) in outcome.error.kinds:
            self._fail(outcome.error.message)
        return outcome

    def _differs(self, probe: Probe, outcome: Outcome, mismatch: str) -> NoReturn:
        """Fail with what differs, where, what was called, and what it is consistent with or where modules part."""
        lines = [mismatch]
        if outcome.error and outcome.error.place:
            lines.append(f"at {outcome.error.place}")
        lines.append(described(probe))
        if belief := self._diagnose(probe, outcome):
            lines += [belief.verdict, f"Question to ask yourself: {belief.question}"]
        elif outcome.calls and (parting := self._divergence(probe, outcome)):
            lines.append(parting)
        self._fail(*lines)

    def _fail(self, *lines: str) -> NoReturn:
        """Fail with these lines; what a student's code says in them can neither flood nor steer a terminal."""
        text = "\n".join(line[:MOST] for line in lines)
        pytest.fail(
            "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text), pytrace=False
        )

    def _diagnose(self, probe: Probe, outcome: Outcome) -> Misconception | None:
        """The one misconception whose answer to this probe is the student's, if there is exactly one."""
        matching = []
        for belief in beliefs(self.exercise):
            key = (belief.exercise, belief.id, probe.__code__, self.seed, self.asked)
            if key not in _OUTCOMES:
                _OUTCOMES[key] = run(probe, belief.lesson, self.seed)
            if _OUTCOMES[key].same_as(outcome):
                matching.append(belief)
        return matching[0] if len(matching) == 1 else None

    def _divergence(self, probe: Probe, outcome: Outcome) -> str | None:
        """Where the student's modules part from the reference's, if they hold the same weights."""
        reference = run(probe, Lesson.from_solution(self.exercise.lesson), self.seed)
        return first_divergence(outcome.calls, reference.calls)


def described(probe: Probe) -> str:
    """What a probe calls, in the words of the test, with the shapes of what it passes."""
    code = probe.__code__
    tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    node = next(
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Lambda | ast.FunctionDef)
        and n.lineno == code.co_firstlineno
        and [a.arg for a in n.args.args] == list(code.co_varnames[: code.co_argcount])
    )
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    text = "\n".join(ast.unparse(line) for line in body).replace("lesson.", "")
    inputs = [
        f"{name}: {shortly(plain(value))}"
        for name, value in inspect.getclosurevars(probe).nonlocals.items()
        if isinstance(value, torch.Tensor | np.ndarray | int | float | str | tuple | list)
    ]
    called = f"called: {text}" if "\n" not in text else "called:\n" + textwrap.indent(text, "    ")
    return "\n".join([called, *([f"with {', '.join(inputs)}"] if inputs else [])])


def _item(item: int | Sequence[int] | str) -> str:
    return str(item if isinstance(item, int | str) else tuple(item))


def _pattern(item: int | Sequence[int] | str) -> str:
    if isinstance(item, str):
        return "(?i)" + re.escape(item)
    numbers = [item] if isinstance(item, int) else item
    written = [f"{number:,}".replace(",", ",?") for number in numbers]
    return r"(?<!\d)(?<!\d\.)" + r"\D{1,40}".join(written) + r"(?!\d)"
