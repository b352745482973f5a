"""Where two modules that hold the same weights part: what each submodule was given, and what it gave."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

MOST_CALLS = 200  # that are followed in one run; a gradcheck makes thousands
TOLERANCE = 1e-5  # of a tensor's norm

Fingerprint = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Call:
    """One call of a module: its name, and fingerprints of its own parameters, what it was given, and what it gave."""

    name: str
    held: Fingerprint
    given: Fingerprint
    gave: Fingerprint


class Calls:
    """Follows the calls of modules in the block; a submodule is named from the module that was called from outside."""

    def __init__(self) -> None:
        self.seen: list[Call] = []
        self.names: dict[int, str] = {}
        self.known: list[nn.Module] = []  # kept alive, so that no other module is given its id
        self.given: dict[int, Fingerprint] = {}

    def __enter__(self) -> Calls:
        self.handles = [register_module_forward_pre_hook(self._before), register_module_forward_hook(self._after)]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self.handles:
            handle.remove()

    def _before(self, module: nn.Module, inputs: Any) -> None:
        if id(module) not in self.names:
            for name, part in module.named_modules(prefix=type(module).__name__):
                self.names.setdefault(id(part), name)
                self.known.append(part)
        if len(self.seen) < MOST_CALLS:
            self.given[id(module)] = fingerprint(inputs)

    def _after(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if len(self.seen) < MOST_CALLS:
            held = fingerprint(module._parameters.values(), most=1000)
            call = Call(self.names[id(module)], held, self.given[id(module)], fingerprint([output]))
            self.seen.append(call)


def fingerprint(values: Iterable[Any], most: int | None = None) -> Fingerprint:
    """Norm, a projection and shape of each real tensor among the values: alike for equal tensors, hardly for others."""
    found = []
    for value in values:
        if isinstance(value, torch.Tensor) and not value.is_complex():
            try:
                flat = value.detach().reshape(-1)[:most].cpu().double().numpy()  # of weights the first will do
            except (RuntimeError, NotImplementedError):  # on the meta device or inside of vmap there are no numbers
                continue
            direction = np.linspace(0.1, 1, flat.size)
            projection = float(flat @ direction) / max(math.sqrt(direction @ direction), TOLERANCE)
            found.append((math.sqrt(flat @ flat), projection, *map(float, value.shape)))
    return tuple(found)


def _alike(a: Fingerprint, b: Fingerprint) -> bool:
    return len(a) == len(b) and all(map(_same, a, b))


def _same(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[2:] == b[2:] and all(abs(x - y) <= TOLERANCE * b[0] for x, y in zip(a[:2], b[:2], strict=True))


def first_divergence(got: Iterable[Call], want: Iterable[Call]) -> str | None:
    """The first call whose output differs where both hold the same weights, in one line for a student; else None."""
    wanted = defaultdict(list)
    for call in want:
        wanted[call.name].append(call)
    for call in got:
        if not wanted[call.name]:
            continue
        right = wanted[call.name].pop(0)
        if not _alike(call.held, right.held):
            return None
        if not _alike(call.gave, right.gave):
            if "." not in call.name:
                why = "although all of its submodules give what they should"
            elif _alike(call.given, right.given):
                why = "although it is given what it should be"
            else:
                why = "because it is given something else"
            return f"With the same weights, the first module whose output differs is {call.name}, {why}."
    return None
