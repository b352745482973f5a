"""What this machine has for the course, a line each: what is there, or what to do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course.lesson import ROOT

GB = 1e9


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: what was looked at, whether it is well, and what was found or is to be done."""

    subject: str
    well: bool
    said: str


def examine() -> Iterator[Finding]:
    """Look at everything that the course needs, one after the other."""
    version = platform.python_version()
    fits = (3, 11) <= sys.version_info < (3, 14)
    yield Finding("Python", fits, version if fits else f"{version}: the course needs 3.11 to 3.13")
    yield from map(_package, ("torch", "torchvision", "nbgrader", "jupyterlab", "pytest"))
    yield _device()
    yield _kernel()
    yield _data()
    yield _sandbox()
    free = shutil.disk_usage(ROOT).free / GB
    enough = free > 1
    yield Finding("disk", enough, f"{free:.1f} GB free" + ("" if enough else ": a run and the data need 1 GB"))


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, f"not installed here ({sys.prefix}): run `pip install --editable {ROOT}`")


def _device() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("device", False, f"torch can't be imported: {error}")
    if torch.cuda.is_available():
        half = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
        return Finding("device", True, f"{torch.cuda.get_device_name()}, fastest in {half}: `course train --full`")
    if torch.backends.mps.is_available():
        return Finding("device", True, "Apple GPU, in float32")
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    has = [flag for flag in ("amx_bf16", "avx512_bf16") if flag in flags]
    speed = f"multiplies in bfloat16 ({', '.join(has)})" if has else "float32 (no bfloat16 instructions seen)"
    return Finding("device", True, f"CPU, {os.cpu_count()} cores, {speed}: `course train --budget 15min`")


def _kernel() -> Finding:
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Finding("kernel", False, f"no Jupyter here: run `pip install --editable {ROOT}`")
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Finding("kernel", False, "Jupyter has no python3 kernel: run `python -m ipykernel install --sys-prefix`")
    here = shutil.which(command) or command
    same = Path(here).name.startswith("python") and (
        command in ("python", "python3") or Path(here).parent == Path(sys.executable).parent
    )
    wrong = f"Jupyter's python3 kernel is {here}: run `python -m ipykernel install --sys-prefix`"
    return Finding("kernel", same, "python3, in this environment" if same else wrong)


def _data() -> Finding:
    from course.data import FOLDER, DataError, verify

    named = os.environ.get("CIFAR10_ROOT")
    root = Path(named) if named else ROOT / "data"
    if not named and not (root / FOLDER).exists():
        return Finding("CIFAR-10", False, "not here yet: `course data` downloads it, or set $CIFAR10_ROOT")
    try:
        source = verify(root, "correct $CIFAR10_ROOT" if named else f"delete {root / FOLDER}, then run `course data`")
    except DataError as error:
        return Finding("CIFAR-10", False, str(error))
    return Finding("CIFAR-10", source.is_cifar10, f"{source.name} in {source.folder}")


def _sandbox() -> Finding:
    from course import sandbox

    kind = sandbox.kind()
    alone = "limits only: enough for your own work; graders install bubblewrap (`apt install bubblewrap`)"
    return Finding("sandbox", True, alone if kind == "limits only" else kind)
