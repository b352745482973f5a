"""Record, then judge: a student's answers, taken in a sandbox and read where no line of the student's ever runs.

The recorder (`python -m course.answers`, confined) runs the probes of one exercise's tests and writes what they gave
as lines of JSON, arrays as base64 with dtype and shape. The judge reads them back and compares. The recorder is given
the test module without what it expects, so the right answers aren't there to be read.
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch

from course import probes, sandbox
from course.divergence import Call, Fingerprint
from course.lesson import ROOT, Lesson, LessonError, exercises, notebook_of, script_of, scripts
from course.outcome import Opaque, Outcome, Probe, Raised, comparable, kind_of, run

MAX_DEPTH = 8
MOST_ANSWERS = 10_000  # that are read
MOST_PARTS = 100_000  # lists and dicts in one
STARTED = "/started"  # the key of the answer that says that a recorder ran at all
DTYPES = {
    **{f"float{bits}": getattr(torch, f"float{bits}") for bits in (64, 32, 16)},
    **{f"int{bits}": getattr(torch, f"int{bits}") for bits in (64, 32, 16, 8)},
    "bfloat16": torch.bfloat16,
    "uint8": torch.uint8,
    "bool": torch.bool,
}


def encode(value: Any) -> Any:
    """A plain value as JSON; arrays as dtype, shape and base64."""
    match value:
        case torch.Tensor():
            raw = value.clone(memory_format=torch.contiguous_format).reshape(-1).view(torch.uint8).numpy().tobytes()
            return {"tensor": [str(value.dtype).removeprefix("torch."), list(value.shape), _text(raw)]}
        case np.ndarray():
            return {"array": [value.dtype.str, list(value.shape), _text(np.ascontiguousarray(value).tobytes())]}
        case dict():
            return {"dict": {key: encode(item) for key, item in value.items()}}
        case list() | tuple():
            return {type(value).__name__: [encode(item) for item in value]}
        case Opaque():
            return {"opaque": value.kind}
    return value


def decode(data: Any, depth: int = 0) -> Any:
    """The plain value that `encode` wrote.

    Raises:
        ValueError: the data is anything else; nothing has been executed or allocated beyond its own size.
    """
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    match data:
        case None | bool() | int() | float() | str():
            return data
        case {"tensor": [str(dtype), list(shape), str(text)], **rest} if not rest and dtype in DTYPES:
            raw = _bytes(text, shape, DTYPES[dtype].itemsize)
            flat = torch.frombuffer(bytearray(raw), dtype=DTYPES[dtype]) if raw else torch.empty(0, dtype=DTYPES[dtype])
            return flat.reshape(shape)
        case {"array": [str(dtype), list(shape), str(text)], **rest} if not rest:
            kind = np.dtype(dtype)
            if not comparable(kind):
                raise ValueError(f"arrays of {kind} are not numbers that can be compared")
            return np.frombuffer(bytearray(_bytes(text, shape, kind.itemsize)), kind).reshape(shape)
        case {"dict": dict(items), **rest} if not rest:
            return {str(key): decode(item, depth + 1) for key, item in items.items()}
        case {"list": list(items), **rest} if not rest:
            return [decode(item, depth + 1) for item in items]
        case {"tuple": list(items), **rest} if not rest:
            return tuple(decode(item, depth + 1) for item in items)
        case {"opaque": str(kind), **rest} if not rest:
            return Opaque(kind[:100])
    raise ValueError(f"no answer looks like this: {str(data)[:80]}")


@dataclass(frozen=True)
class Answers:
    """What the recorder wrote, by exercise, test and probe; `trouble` says why there is no more."""

    outcomes: dict[str, Outcome]
    trouble: str = ""

    def part(self, exercise: str) -> Answers:
        """The answers to one exercise, keyed by test and probe."""
        mine = {key.partition("/")[2]: o for key, o in self.outcomes.items() if key.partition("/")[0] == exercise}
        ended = mine.pop("", None)
        said = ended.value if ended and isinstance(ended.value, str) else ""
        return Answers(mine, said[:200] or self.trouble)

    def replay(self, test: str) -> Callable[[Probe, bool], Outcome]:
        """Gives the outcomes of a test's probes in their order; where one is missing, an error that says why."""
        count = itertools.count()
        reason = self.trouble or "the recorder ended before this test"
        missing = Outcome(error=Raised((kind_of(LessonError),), f"no answer was recorded: {reason}"))
        return lambda probe, watch: self.outcomes.get(f"{test}#{next(count)}", missing)

    @classmethod
    def parse(cls, output: bytes, trouble: str = "") -> Answers:
        """Read an answer file; of each probe the first answer counts, and a malformed line counts for nothing."""
        outcomes: dict[str, Outcome] = {}
        for line in filter(None, output.split(b"\n", MOST_ANSWERS)[:MOST_ANSWERS]):
            try:
                if line.count(b"[") + line.count(b"{") > MOST_PARTS:
                    raise ValueError("an answer of too many parts")
                match json.loads(line):
                    case {"key": str(key), "value": value, "kernels": list(kernels), "calls": list(calls), **rest} if (
                        not rest
                    ):
                        made = tuple(Call(str(name), *map(_fingerprint, prints)) for name, *prints in calls)
                        outcome = Outcome(decode(value), None, tuple(map(str, kernels)), made)
                    case {
                        "key": str(key),
                        "kinds": list(kinds),
                        "message": str(message),
                        "place": str(place),
                        **rest,
                    } if not rest:
                        outcome = Outcome(error=Raised(tuple(map(str, kinds)) or ("",), message[:2000], place[:500]))
                    case _:
                        raise ValueError("not an answer")
            except Exception as error:  # whatever a forged line leads the libraries to
                trouble = trouble or f"the answer file is malformed ({error})"[:200]
                continue
            outcomes.setdefault(key, outcome)
        return cls(outcomes, trouble)


def record(
    lesson: str,
    notebook: Path,
    seed: int,
    wanted: Collection[str] | None = None,
    limits: sandbox.Limits = sandbox.Limits(),  # noqa: B008  (frozen)
) -> dict[str, Answers]:
    """Take a submission's answers in a sandbox, each exercise in a process of its own.

    The sandbox holds the notebook, the probes, and the references of earlier lessons (which `carry` gives); of this
    lesson's reference it knows only the names of the exercises.

    Args:
        lesson: e.g. `lesson_03`.
        notebook: the submission.
        seed: what the random inputs are drawn from.
        wanted: names of exercises; all of the lesson's if left out.
        limits: of the whole sandbox, but `seconds` for each exercise.

    Returns:
        The answers to each wanted exercise, by its name.

    Raises:
        LessonError: the notebook can't be read.
    """
    try:
        text = notebook.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LessonError(f"{notebook} can't be read: {error}") from None
    every = exercises(lesson)
    modules = {name: every[name].test_module for name in wanted or every}
    files = {notebook_of(lesson): text, script_of(lesson): "\n".join(f'check("{name}")' for name in every)}
    files |= {path: path.read_text(encoding="utf-8") for path in scripts() if path.parent.name < lesson}
    files |= {path: probes.without_expected(path.read_text(encoding="utf-8")) for path in modules.values()}
    job = {
        "lesson": lesson,
        "seed": seed,
        "seconds": limits.seconds,
        "files": {_inside(path): text for path, text in files.items()},
        "modules": {name: _inside(path) for name, path in modules.items()},
    }
    result = sandbox.run("course.answers", job, replace(limits, seconds=limits.seconds * (len(modules) + 1)))
    answers = Answers.parse(result.output, result.trouble)
    if STARTED not in answers.outcomes:
        raise LessonError(f"The recorder could not start, which is not the student's fault: {result.trouble}.")
    return {name: answers.part(name) for name in modules}


class Recorder:
    """A pytest plugin that gives tests a `student` who runs probes, writes down the outcomes, and judges nothing."""

    def __init__(self, exercise: str, lesson: Lesson, seed: int, out: BinaryIO) -> None:
        self.exercise, self.lesson, self.seed, self.out = exercise, lesson, seed, out

    @pytest.fixture
    def student(self, request: pytest.FixtureRequest) -> Any:
        """Stands for the judge's student in the sandbox."""
        name = probes.name_of(request.node)
        seed = probes.seed_of(name, self.seed)
        torch.default_generator.manual_seed(seed)
        return _Recording(self, name, seed)


def write_answer(out: BinaryIO, key: str, outcome: Outcome) -> None:
    """Append one answer to the answer file at once, so that a later crash doesn't cost it."""
    error = outcome.error
    answer: dict[str, Any] = {"key": key}
    if error:
        answer |= {"kinds": error.kinds, "message": error.message, "place": error.place}
    else:
        answer |= {"value": _readable(outcome.value), "kernels": outcome.kernels}
        answer |= {"calls": [dataclasses.astuple(call) for call in outcome.calls]}
    out.write(json.dumps(answer).encode() + b"\n")
    out.flush()


@dataclass
class _Recording:
    recorder: Recorder
    test: str
    seed: int
    count: int = 0

    def returns(self, probe: Probe, expected: None, /, *, without: bool = False, naming: None = None) -> None:
        torch.default_generator.manual_seed(self.seed)
        key = f"{self.recorder.exercise}/{self.test}#{self.count}"
        write_answer(self.recorder.out, key, run(probe, self.recorder.lesson, self.seed, watch=without))
        self.count += 1
        torch.default_generator.manual_seed(self.seed + self.count)

    raises = returns


def main() -> None:
    """Record the answers to a lesson's exercises, inside the sandbox; only children ever run the student's code."""
    here = sandbox.confined()
    job = here.job
    torch.set_num_threads(1)
    for name, text in job["files"].items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    here.in_child(lambda: None, 10)  # where no process may be started, nothing has been
    write_answer(here.output, STARTED, Outcome())
    for exercise, module in job["modules"].items():
        work = partial(_record_one, job, exercise, ROOT / module, here.output)
        trouble = here.in_child(work, job["seconds"])
        write_answer(here.output, f"{exercise}/", Outcome(trouble))


def _record_one(job: dict[str, Any], exercise: str, module: Path, out: BinaryIO) -> None:
    try:
        lesson = Lesson.from_notebook(job["lesson"])
    except LessonError as error:
        return write_answer(out, f"{exercise}/", Outcome(str(error)))
    recorder = Recorder(exercise, lesson, job["seed"], out)
    options = ["--import-mode=importlib", "-p", "no:terminal", "-p", "no:cacheprovider", "--capture=no"]
    code = pytest.main([str(module), f"--rootdir={ROOT}", *options], plugins=[recorder])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        trouble = f"the tests could not be run in the sandbox: pytest ended with {code!r}"
        write_answer(out, f"{exercise}/", Outcome(trouble))


def _readable(value: Any) -> Any:
    """The value as JSON if the judge will be able to read it, else what kind of thing it is."""
    try:
        data = json.loads(json.dumps(encode(value)))
        decode(data)
    except Exception:  # whatever a student's object does
        return encode(Opaque(type(value).__name__))
    return data


def _fingerprint(data: Any) -> Fingerprint:
    return tuple(tuple(map(float, numbers)) for numbers in data)


def _inside(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str, shape: list[Any], itemsize: int) -> bytes:
    if not all(type(size) is int and 0 <= size < 2**40 for size in shape) or len(shape) > 16:
        raise ValueError(f"no array has the shape {str(shape)[:80]}")
    raw = base64.b64decode(text, validate=True)
    if len(raw) != math.prod(shape) * itemsize:
        raise ValueError(f"{len(raw)} bytes are no array of shape {shape}")
    return raw


if __name__ == "__main__":
    main()
