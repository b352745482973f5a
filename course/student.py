"""What a test says to a lesson: `returns` and `raises`, the comparison behind them, and the report of a mismatch.

A probe is a function of the lesson. It is run on the student's definitions, and again on every misconception when the
answer is wrong, so it uses nothing that another probe returned. Everything that it closes over is copied for each run.
"""

from __future__ import annotations

import ast
import copy
import inspect
import linecache
import math
import re
import textwrap
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from course.diagnosis import Misconception, misconceptions
from course.lesson import Exercise, Lesson, LessonError, time_limit

PROBE_SECONDS = 20
TOLERANCE = {torch.float64: 1e-7, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}
"""Relative and absolute tolerance of a comparison, by the dtype that is expected."""

Probe = Callable[[Lesson], Any]


def randn(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Standard normal values of this shape; `--seed` and the test's name decide which."""
    return torch.randn(*shape, dtype=torch.float64).to(dtype)


def fill_(module: torch.nn.Module) -> torch.nn.Module:
    """Give every parameter and buffer of a module a value that depends on its name and shape alone, and return it.

    Two modules with the same state-dict keys then hold the same weights, whatever the order in which they made them.
    Scales are those of a trained net: weights of variance 1 / fan-in, norms around 1, running variances positive.
    """
    for name, tensor in module.state_dict().items():
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        if not tensor.is_floating_point():
            continue
        values = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        if name.endswith("running_var"):
            values = values.square() + 0.5
        elif tensor.dim() > 1:
            values /= math.sqrt(tensor[0].numel())
        elif name.endswith("weight"):
            values = 1 + 0.3 * values
        with torch.no_grad():
            tensor.copy_(values)
    return module


@dataclass(frozen=True)
class Outcome:
    """What a probe gave: a plain value, or the error that it raised and where."""

    value: Any = None
    error: BaseException | None = None
    kernels: frozenset[str] = frozenset()

    def same_as(self, other: Outcome) -> bool:
        """Whether a test can't tell the two apart."""
        if self.error or other.error:
            return type(self.error) is type(other.error)
        return difference(self.value, other.value) is None


@dataclass
class Student:
    """The definitions under test, as a test sees them."""

    lesson: Lesson
    exercise: Exercise
    seed: int = 0
    evidence: list[tuple[Probe, Outcome]] = field(default_factory=list)

    def returns(self, probe: Probe, expected: Callable[[], Any], *, without: Sequence[str] = ()) -> None:
        """Fail the test unless the probe gives what `expected` gives.

        Args:
            probe: a function of the lesson; gives tensors, arrays, numbers, strings, or dicts, lists, tuples of them.
            expected: gives the right answer; called before the probe, so that no lesson can spoil its inputs.
            without: parts of names of ATen kernels (`convolution`, `batch_norm`) that the answer must not use.
        """
        torch.manual_seed(self.seed)
        want = plain(expected())
        got = self._run(probe)
        if got.error:
            self._fail(probe, got, f"raised {_named(got.error)}, expected {_shortly(want)}")
        used = sorted(kernel for kernel in got.kernels if any(part in kernel for part in without))
        if used:
            self._fail(probe, got, f"calls the library's own {', '.join(used)}; here you build it from scratch")
        if mismatch := difference(got.value, want):
            self._fail(probe, got, mismatch)

    def raises(self, probe: Probe, error: type[Exception], *, naming: Sequence[int | Sequence[int] | str] = ()) -> None:
        """Fail the test unless the probe raises this error, with a message that names these shapes, numbers or words.

        `(2, 3, 9, 7)` is named by `(2, 3, 9, 7)`, `torch.Size([2, 3, 9, 7])` and `2 x 3 x 9 x 7` alike.
        """
        got = self._run(probe)
        asked = f"expected {error.__name__}" + (f" naming {' and '.join(map(_item, naming))}" if naming else "")
        if got.error is None:
            self._fail(probe, got, f"returned {_shortly(got.value)}, {asked}")
        elif not isinstance(got.error, error):
            self._fail(probe, got, f"raised {_named(got.error)}, {asked}")
        elif missing := [item for item in naming if not re.search(_pattern(item), str(got.error))]:
            self._fail(probe, got, f"the message lacks {' and '.join(map(_item, missing))}: {_named(got.error)}")

    def _run(self, probe: Probe) -> Outcome:
        outcome = run(probe, self.lesson, self.seed)
        match outcome.error:
            case NotImplementedError() as error:
                stub = re.fullmatch(r"lesson (\d+): (.+)", str(error))
                name, cell = stub[2] if stub else self.exercise.name, re.search(r"cell [^,]+", self.lesson.place(error))
                at = f"lesson {int(self.exercise.lesson[-2:])}" + (f", {cell[0]}" if cell else "")
                pytest.fail(f"not implemented yet: {name} ({at})", pytrace=False)
            case LessonError() as error:
                pytest.fail(str(error), pytrace=False)
        return outcome

    def _fail(self, probe: Probe, outcome: Outcome, mismatch: str) -> None:
        lines = [mismatch]
        if outcome.error and (place := self.lesson.place(outcome.error)):
            lines.append(f"at {place}")
        lines.append(described(probe))
        if belief := self._diagnose(probe, outcome):
            lines += [f"Consistent with: {belief.belief}", f"Question to ask yourself: {belief.question}"]
        pytest.fail("\n".join(lines), pytrace=False)

    def _diagnose(self, probe: Probe, outcome: Outcome) -> Misconception | None:
        """The one misconception whose answer to this probe is the student's, if there is exactly one."""
        matching = [
            m
            for m in misconceptions(self.exercise.lesson)
            if m.exercise == self.exercise.name and run(probe, m.lesson, self.seed).same_as(outcome)
        ]
        return matching[0] if len(matching) == 1 else None


def run(probe: Probe, lesson: Lesson, seed: int) -> Outcome:
    """Run a probe on a lesson with its own copies of the test's inputs, the same random numbers and a time limit."""
    originals = [cell.cell_contents for cell in probe.__closure__ or ()]
    torch.manual_seed(seed)
    try:
        for cell in probe.__closure__ or ():
            cell.cell_contents = copy.deepcopy(cell.cell_contents)
        with time_limit(PROBE_SECONDS), _Kernels() as kernels:
            value = plain(probe(lesson))
        return Outcome(value, kernels=frozenset(kernels.seen))
    except (Exception, SystemExit) as error:
        return Outcome(error=error)
    finally:
        for cell, original in zip(probe.__closure__ or (), originals, strict=True):
            cell.cell_contents = original


class _Kernels(TorchDispatchMode):
    """Notes the name of every ATen kernel that runs in the block, in the backward pass too."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Opaque:
    """Stands for a value that is no tensor, array, number, string or container of them."""

    kind: str


def plain(value: Any) -> Any:
    """A detached copy of a value on the CPU, made of exact base types only."""
    match value:
        case torch.Tensor():
            with torch._C.DisableTorchFunctionSubclass():  # a subclass might answer for itself
                return torch.Tensor.as_subclass(torch.Tensor.detach(value), torch.Tensor).cpu().clone()
        case np.ndarray():
            return np.array(value, subok=False)
        case np.generic():
            return value.item()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case tuple():
            return tuple(plain(item) for item in value)
        case torch.Size():
            return tuple(value)
        case torch.dtype() | torch.device():
            return str(value)
    return value if type(value) in (type(None), bool, int, float, str) else Opaque(type(value).__name__)


def difference(got: Any, want: Any, at: str = "") -> str | None:
    """How two plain values differ, in one line for a student, or None; `at` names the place in a container."""
    here = f"{at}: " if at else ""
    if isinstance(want, torch.Tensor | np.ndarray):
        return _array_difference(got, want, here)
    if isinstance(want, float) and isinstance(got, int | float) and not isinstance(got, bool):
        close = math.isclose(got, want, rel_tol=1e-6, abs_tol=1e-9) or (math.isnan(got) and math.isnan(want))
        return None if close else f"{here}got {got:.8g}, expected {want:.8g}"
    if type(got) is not type(want):
        return f"{here}got {_shortly(got)}, expected {_shortly(want)}"
    if isinstance(want, dict):
        if got.keys() != want.keys():
            return f"{here}got the names {', '.join(got)}, expected {', '.join(want)}"
        pairs = [(got[key], want[key], f"{at}.{key}" if at else key) for key in want]
    elif isinstance(want, list | tuple):
        if len(got) != len(want):
            return f"{here}got {len(got)} values, expected {len(want)}"
        pairs = [(g, w, f"{at}[{i}]") for i, (g, w) in enumerate(zip(got, want, strict=True))]
    else:
        return None if got == want else f"{here}got {_shortly(got)}, expected {_shortly(want)}"
    return next((found for found in (difference(*pair) for pair in pairs) if found), None)


def _array_difference(got: Any, want: torch.Tensor | np.ndarray, here: str) -> str | None:
    if type(got) is not type(want):
        return f"{here}got {_shortly(got)}, expected {_shortly(want)}"
    if tuple(got.shape) != tuple(want.shape):
        return f"{here}shape {tuple(got.shape)}, expected {tuple(want.shape)}"
    if isinstance(want, torch.Tensor) and got.dtype != want.dtype:
        return f"{here}dtype {got.dtype}, expected {want.dtype}"
    g, w = torch.as_tensor(got), torch.as_tensor(want)
    tolerance = TOLERANCE.get(w.dtype, 0.0)
    g, w = g.double(), w.double()
    wrong = ~torch.isclose(g, w, rtol=tolerance, atol=tolerance, equal_nan=True)
    if not wrong.any():
        return None
    index = tuple(wrong.nonzero()[0].tolist())
    return (
        f"{here}{int(wrong.sum())} of {wrong.numel()} elements differ, by at most {(g - w).abs().max():.3g}; "
        f"the first at {list(index)}: got {g[index]:.6g}, expected {w[index]:.6g}"
    )


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
        f"{name}: {_shortly(plain(value))}"
        for name, value in inspect.getclosurevars(probe).nonlocals.items()
        if isinstance(value, torch.Tensor | np.ndarray | int | float | str | tuple | list)
    ]
    called = f"called: {text}" if "\n" not in text else "called:\n" + textwrap.indent(text, "    ")
    return "\n".join([called, *([f"with {', '.join(inputs)}"] if inputs else [])])


def _shortly(value: Any) -> str:
    match value:
        case torch.Tensor():
            return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}"
        case np.ndarray():
            return f"a {value.dtype} array of shape {value.shape}"
        case Opaque():
            return f"a {value.kind}"
        case dict() | list() | tuple() if len(value) > 4 or any(isinstance(v, torch.Tensor) for v in value):
            return f"a {type(value).__name__} of {len(value)}"
    return repr(value)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _item(item: int | Sequence[int] | str) -> str:
    return str(item if isinstance(item, int | str) else tuple(item))


def _pattern(item: int | Sequence[int] | str) -> str:
    if isinstance(item, str):
        return re.escape(item)
    numbers = [item] if isinstance(item, int) else list(item)
    return r"(?<![\d.])" + r"\D{1,4}".join(map(str, numbers)) + r"(?![\d])"
