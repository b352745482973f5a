"""What a probe gave: running it on a lesson, holding the result as plain data, and telling two results apart."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from course.divergence import Call, Calls
from course.lesson import Lesson, time_limit

PROBE_SECONDS = 20
SHORT = 200  # characters
HUGE = 10**300  # larger integers have no float
TOLERANCE = {torch.float64: 1e-7, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}
"""Relative and absolute tolerance of a comparison, by the dtype that is expected."""

Probe = Callable[[Lesson], Any]


@dataclass(frozen=True)
class Raised:
    """An error as plain data: the names of its class and that class's bases, its message, and where it came up."""

    kinds: tuple[str, ...]
    message: str
    place: str = ""

    @classmethod
    def by(cls, lesson: Lesson, error: BaseException) -> Raised:
        """The error that the code of a lesson raised; a name may be missing because its cell could not be loaded."""
        message = str(error)
        if isinstance(error, NameError) and lesson.problems:
            message += "; could not be loaded: " + "; ".join(lesson.problems)
        return cls(tuple(map(kind_of, type(error).__mro__[:-1])), message, lesson.place(error))

    def same_as(self, other: Raised) -> bool:
        """Whether the two are of one kind, and of the same words where one kind stands for a hundred mistakes."""
        vague = {kind_of(RuntimeError), kind_of(LookupError)} & set(self.kinds)
        return self.kinds == other.kinds and (not vague or self.message == other.message)

    def __str__(self) -> str:
        return f"{self.kinds[0].rpartition('.')[2]}: {self.message}"


def kind_of(error: type[BaseException]) -> str:
    """The full name of an exception class, so that nobody's own `ValueError` passes for the builtin one."""
    return f"{error.__module__}.{error.__qualname__}"


@dataclass(frozen=True)
class Outcome:
    """What a probe gave: a plain value or an error; the ATen kernels that ran, and the calls of modules."""

    value: Any = None
    error: Raised | None = None
    kernels: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()

    def same_as(self, other: Outcome) -> bool:
        """Whether a test can't tell the two apart."""
        if self.error or other.error:
            return bool(self.error and other.error and self.error.same_as(other.error))
        return difference(self.value, other.value) is None


def run(probe: Probe, lesson: Lesson, seed: int, watch: bool = False) -> Outcome:
    """Run a probe on a lesson with its own copies of the test's inputs, the same random numbers and a time limit.

    Args:
        probe: a function of the lesson.
        lesson: what it is run on.
        seed: what the random generator starts from.
        watch: note the kernels that run, which makes the run slower.
    """
    originals, gradients = [cell.cell_contents for cell in probe.__closure__ or ()], torch.is_grad_enabled()
    torch.default_generator.manual_seed(seed)
    try:
        for cell in probe.__closure__ or ():
            cell.cell_contents = copy.deepcopy(cell.cell_contents)
        kernels = _Kernels()
        with time_limit(PROBE_SECONDS), Calls() as calls, kernels if watch else nullcontext():
            value = plain(probe(lesson))
        return Outcome(value, None, tuple(sorted(kernels.seen)), tuple(calls.seen))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Outcome(error=Raised.by(lesson, error))
    finally:
        torch.set_grad_enabled(gradients)  # an answer may have left them off
        for cell, original in zip(probe.__closure__ or (), originals, strict=True):
            cell.cell_contents = original


class _Kernels(TorchDispatchMode):
    """Notes the name of every ATen kernel that runs in the block, in the backward pass too."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or the first kernel would import the compiler, for more than a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Opaque:
    """Stands for a value that is no tensor, array, number, string or container of them."""

    kind: str


def comparable(kind: np.dtype[Any]) -> bool:
    """Whether arrays of a dtype hold numbers that torch can take."""
    return kind.kind in "fiub" and kind.itemsize <= 8 and kind.isnative


def plain(value: Any) -> Any:
    """A detached copy of a value on the CPU, made of exact base types only."""
    match value:
        case torch.Tensor():
            with torch._C.DisableTorchFunctionSubclass():  # a subclass might answer for itself
                return torch.Tensor.as_subclass(torch.Tensor.detach(value), torch.Tensor).cpu().clone()
        case np.ndarray() if not comparable(value.dtype):
            return Opaque(f"{value.dtype} array of shape {value.shape}")
        case np.ndarray():
            return np.array(value, order="C", subok=False)
        case np.generic() if type(value).__module__ == "numpy" and not isinstance(value.item(), np.generic):
            return plain(value.item())
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case tuple():
            return tuple(plain(item) for item in value)
        case torch.dtype() | torch.device():
            return str(value)
    return value if type(value) in (type(None), bool, int, float, str) else Opaque(type(value).__name__)


def _some(names: Collection[str]) -> str:
    """The first names in alphabetical order, and how many more there are."""
    shown = sorted(names)[:5]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def difference(got: Any, want: Any, at: str = "") -> str | None:
    """How two plain values differ, in one line for a student, or None; `at` names the place in a container."""
    here = f"{at}: " if at else ""
    if isinstance(want, torch.Tensor | np.ndarray):
        return _array_difference(got, want, here)
    if isinstance(want, float) and isinstance(got, int | float) and not isinstance(got, bool):
        close = abs(got) < HUGE and math.isclose(got, want, rel_tol=1e-6, abs_tol=1e-9)
        same = close or got == want or (got != got and want != want)
        return None if same else f"{here}got {shortly(got)}, expected {shortly(want)}"
    if type(got) is not type(want):
        return f"{here}got {shortly(got)}, expected {shortly(want)}"
    if isinstance(want, dict):
        if got.keys() != want.keys():
            lacking, extra = want.keys() - got.keys(), got.keys() - want.keys()
            parts = [f"missing: {_some(lacking)}"] * bool(lacking) + [f"not expected: {_some(extra)}"] * bool(extra)
            return here + "; ".join(parts)
        pairs = [(got[key], want[key], f"{at}.{key}" if at else key) for key in want]
    elif isinstance(want, list | tuple):
        if len(got) != len(want):
            return f"{here}got {len(got)} values, expected {len(want)}"
        pairs = [(g, w, f"{at}[{i}]") for i, (g, w) in enumerate(zip(got, want, strict=True))]
    else:
        return None if got == want else f"{here}got {shortly(got)}, expected {shortly(want)}"
    return next((found for found in (difference(*pair) for pair in pairs) if found), None)


def _array_difference(got: Any, want: torch.Tensor | np.ndarray, here: str) -> str | None:
    if type(got) is not type(want):
        return f"{here}got {shortly(got)}, expected {shortly(want)}"
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
        f"{here}{int(wrong.sum())} of {wrong.numel()} elements differ, by at most {(g - w)[wrong].abs().max():.3g}; "
        f"the first at {list(index)}: got {g[index]:.6g}, expected {w[index]:.6g}"
    )


def shortly(value: Any) -> str:
    """A value in a few words: a tensor by dtype and shape, a container by what it holds, a number as it is."""
    match value:
        case torch.Tensor():
            return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}"
        case np.ndarray():
            return f"a {value.dtype} array of shape {value.shape}"
        case Opaque():
            return f"a {value.kind}"
        case dict():
            text = "{" + ", ".join(f"{key}: {shortly(item)}" for key, item in value.items()) + "}"
        case list():
            text = "[" + ", ".join(map(shortly, value)) + "]"
        case tuple():
            text = "(" + ", ".join(map(shortly, value)) + ("," if len(value) == 1 else "") + ")"
        case float():
            text = repr(float(f"{value:.8g}"))
        case int() if abs(value) >= HUGE:
            text = "an integer of more than 300 digits"
        case _:
            text = repr(value)
    return text if len(text) <= SHORT else f"{text[:SHORT]} …"
