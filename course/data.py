"""Where CIFAR-10 is, how its files are verified, and the stand-in for machines that can't get it.

CIFAR-10 (Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009) is looked for in
`$CIFAR10_ROOT`, then in `data/`, then downloaded by torchvision. Without a network a stand-in is drawn in the very
same file format; it lives in a folder of its own, its `batches.meta` says what it is, and no number from it may be
called CIFAR-10.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import pickle
import queue
import socket
import struct
import tempfile
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from course.lesson import ROOT

FOLDER = "cifar-10-batches-py"
MD5 = {  # of the official files; torchvision.datasets.CIFAR10 checks the same
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
STAND_IN = "procedural stand-in, not CIFAR-10"
SHAPES: dict[str, Callable[[Any, Any], Any]] = {  # the stand-in's classes: which points (u, v) around the centre belong
    "disc": lambda u, v: np.hypot(u, v) < 1,
    "ring": lambda u, v: abs(np.hypot(u, v) - 0.8) < 0.2,
    "square": lambda u, v: np.maximum(abs(u), abs(v)) < 0.9,
    "frame": lambda u, v: abs(np.maximum(abs(u), abs(v)) - 0.75) < 0.2,
    "triangle": lambda u, v: (v < 0.8) & (2 * abs(u) - 0.9 < v),
    "cross": lambda u, v: (np.minimum(abs(u), abs(v)) < 0.25) & (np.maximum(abs(u), abs(v)) < 1),
    "diagonal cross": lambda u, v: (abs(abs(u) - abs(v)) < 0.35) & (np.maximum(abs(u), abs(v)) < 0.85),
    "bars": lambda u, v: (np.sin(8 * v) > 0) & (np.maximum(abs(u), abs(v)) < 1),
    "columns": lambda u, v: (np.sin(8 * u) > 0) & (np.maximum(abs(u), abs(v)) < 1),
    "checkerboard": lambda u, v: (np.sin(6 * u) * np.sin(6 * v) > 0) & (np.maximum(abs(u), abs(v)) < 1),
}
UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}
PATIENCE = 4.0  # seconds that the download's server has to answer before we go on without a network


class DataError(Exception):
    """The data can't be used; the message is what to tell the user: which file, what is wrong, and the way out."""


@dataclass(frozen=True)
class Source:
    """Verified data: the folder that holds `data_batch_1` …, and what it is."""

    folder: Path
    is_cifar10: bool

    @property
    def name(self) -> str:
        """What every report must call it."""
        return "CIFAR-10" if self.is_cifar10 else STAND_IN

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, by label."""
        return [name.decode() for name in unpickle(self.folder / "batches.meta")[b"label_names"]]

    @property
    def fingerprint(self) -> str:
        """Equal for equal data: the md5 of `batches.meta`, which in a stand-in holds those of all files."""
        return _md5(self.folder / "batches.meta")


def find_data(where: str | Path | None = None, say: Callable[[str], None] = print) -> Source:
    """Find CIFAR-10 and verify it, downloading it if need be; where it can't be had, draw the stand-in and say so.

    Args:
        where: a folder that must hold the data; `"stand-in"` for the stand-in; None to look in all the usual places.
        say: gets the lines that the user must read.

    Raises:
        DataError: a named folder holds no CIFAR-10, or a file of it is missing, damaged or foreign.
    """
    if where == "stand-in":
        return _stand_in()
    if where is not None:
        return verify(where, "Name the folder that holds it, or leave the option away to look for it elsewhere")
    if root := os.environ.get("CIFAR10_ROOT"):
        return verify(root, "$CIFAR10_ROOT names that folder: correct it, or unset it to look for the data elsewhere")
    data = ROOT / "data"
    if not (data / FOLDER).exists():
        try:
            _download(data, say)
        except (OSError, HTTPException, RuntimeError) as error:  # torchvision's RuntimeError: the md5 is wrong
            if getattr(error, "errno", None) in UNWRITABLE:
                raise DataError(
                    f"CIFAR-10 can't be stored in {data}: {error}. Mend that, or set $CIFAR10_ROOT."
                ) from None
            source = _stand_in()
            say(f"CIFAR-10 could not be downloaded ({error}).")
            say(f"USING THE {STAND_IN.upper()}: shapes in {source.folder}. Accuracy on it says nothing of CIFAR-10.")
            say("For the real data set $CIFAR10_ROOT to a folder with cifar-10-batches-py, or connect and run again.")
            return source
    return verify(data, f"Delete {data / FOLDER} and run again to download it anew")


def verify(root: str | Path, way_out: str) -> Source:
    """Check every file's md5 before anything is unpickled.

    Args:
        root: the folder that holds `cifar-10-batches-py`, or that folder itself, or one of a stand-in.
        way_out: ends every error: what the user can do.

    Raises:
        DataError: a file is missing, or its md5 is neither the official one nor, in a stand-in, the one written.
    """
    root = Path(root)
    folder = root / FOLDER if os.path.isdir(root / FOLDER) else root  # Path.is_dir raises where one may not look
    expected = MD5
    try:
        meta = folder / "batches.meta"
        if _md5(meta) != MD5["batches.meta"]:
            expected = _stand_in_md5s(meta)
        for file, md5 in expected.items():
            if (found := _md5(folder / file)) != md5:
                size = (folder / file).stat().st_size
                raise DataError(
                    f"{folder / file} is damaged or not CIFAR-10: expected md5 {md5}, found {found} ({size:,} bytes). "
                    f"{way_out}."
                )
    except FileNotFoundError as error:
        raise DataError(f"There is no CIFAR-10 in {root}: {error.filename} is missing. {way_out}.") from None
    except OSError as error:
        raise DataError(f"{error.filename} can't be read: {error.strerror}. {way_out}.") from None
    return Source(folder, expected is MD5)


def unpickle(path: str | Path) -> dict[bytes, Any]:
    """Read one file of CIFAR-10, which is a pickle of Python 2, without letting it run code.

    A pickle is a program: loading one can call any function it names. This loads plain values and NumPy arrays only.

    Returns:
        The file's dictionary; its keys are bytes, such as `b"data"`.

    Raises:
        pickle.UnpicklingError: the file names anything but an array, or is no pickle.
    """
    raw = Path(path).read_bytes()
    try:
        values = _ArraysOnly(io.BytesIO(raw), encoding="bytes").load()
    except Exception as error:  # a damaged pickle fails in as many ways as there are opcodes
        raise pickle.UnpicklingError(f"{path} is damaged or no file of CIFAR-10: {error}") from None
    if not isinstance(values, dict):
        raise pickle.UnpicklingError(f"{path} holds a {type(values).__name__}, not a dictionary")
    return values


def make_stand_in(folder: str | Path, per_batch: int = 2000, seed: int = 0) -> Source:
    """Draw the stand-in: six files in CIFAR-10's format with `per_batch` images each, and its own `batches.meta`.

    Ten classes of shapes in random colours, places, sizes and turns on a wavy ground, with noise over all: a
    convolutional network learns them well, a linear classifier doesn't. The same arguments give the same images.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = list(SHAPES)
    md5s = {}
    for number, file in enumerate(sorted(MD5.keys() - {"batches.meta"})):
        rng = np.random.default_rng([seed, number])
        labels = rng.permutation(np.arange(per_batch) % 10)
        batch = {
            b"batch_label": f"{file} of the {STAND_IN}".encode(),
            b"labels": labels.tolist(),
            b"data": _draw(labels, rng).reshape(per_batch, 3 * 32 * 32),  # a row: 1024 red, 1024 green, 1024 blue
            b"filenames": [f"{names[k]} {i}.png".encode() for i, k in enumerate(labels)],
        }
        md5s[file] = _write(folder / file, batch)
    meta = {
        b"label_names": [name.encode() for name in names],
        b"num_cases_per_batch": per_batch,
        b"num_vis": 3 * 32 * 32,
        b"stand_in": STAND_IN.encode(),
        b"md5": {file.encode(): md5.encode() for file, md5 in md5s.items()},
    }
    _write(folder / "batches.meta", meta)  # last: a stand-in without it is unfinished
    return Source(folder, is_cifar10=False)


def _stand_in() -> Source:
    folder = ROOT / "data" / "stand-in"
    try:
        if not (folder / "batches.meta").exists():
            return make_stand_in(folder)
    except OSError as error:
        raise DataError(f"The stand-in can't be written to {folder}: {error.strerror}. Make room there.") from None
    return verify(folder, f"Delete {folder} and run again to draw it anew")


def _download(root: Path, say: Callable[[str], None]) -> None:
    """Let torchvision download, verify and unpack in a folder of its own, then move the finished data into place."""
    from torchvision.datasets import CIFAR10

    _reach(CIFAR10.url)
    say(f"CIFAR-10 is downloaded from {CIFAR10.url} to {root} (170 MB, once).")
    os.makedirs(root, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="download-") as unfinished:
        socket.setdefaulttimeout(30)  # a line that falls silent in the middle must not wait for ever
        try:
            CIFAR10(unfinished, download=True)
        finally:
            socket.setdefaulttimeout(None)
        if not (root / FOLDER).exists():  # another process may have been faster
            os.replace(Path(unfinished, FOLDER), root / FOLDER)


def _reach(url: str) -> None:
    """Raise if the server can't be reached within `PATIENCE`; in a thread, since looking up a name knows no timeout."""
    answers: queue.Queue[Exception | None] = queue.Queue()

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE):
                answers.put(None)
        except (OSError, HTTPException) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        error = answers.get(timeout=PATIENCE)
    except queue.Empty:
        raise TimeoutError(f"no answer from {url} within {PATIENCE:g} s") from None
    if error:
        raise error


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _stand_in_md5s(meta: Path) -> dict[str, str]:
    """What a stand-in's own `batches.meta` says of its files; the official md5s if it is no stand-in's."""
    try:
        values = unpickle(meta)
        if values[b"stand_in"] != STAND_IN.encode() or len(values[b"md5"]) != len(MD5) - 1:
            return MD5
        return {file.decode(): md5.decode() for file, md5 in values[b"md5"].items()}
    except (pickle.UnpicklingError, KeyError, AttributeError, TypeError, UnicodeDecodeError):
        return MD5


class _ArraysOnly(pickle.Unpickler):
    ALLOWED: ClassVar = {  # what an array's pickle names, in NumPy 1's place or NumPy 2's
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"the file asks to run {module}.{name}, which no array needs")
        return self.ALLOWED[module, name]


class _Python2Pickler(pickle._Pickler):
    """Writes `bytes` as Python 2 wrote `str`, which is what the official files hold."""

    dispatch: ClassVar[dict[Any, Any]] = pickle._Pickler.dispatch.copy()

    def save_bytes(self, value: bytes) -> None:
        opcode = pickle.BINSTRING + struct.pack("<i", len(value))
        self.write(opcode + value)  # type: ignore[attr-defined]

    dispatch[bytes] = save_bytes


def _write(path: Path, values: dict[bytes, Any]) -> str:
    """Write one file of the stand-in and return its md5."""
    buffer = io.BytesIO()
    _Python2Pickler(buffer, protocol=2).dump(values)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")  # another process may draw or read the same file
    unfinished.write_bytes(buffer.getvalue())
    os.replace(unfinished, path)
    return hashlib.md5(buffer.getbuffer()).hexdigest()


def _draw(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One image of 32x32 pixels for each label: (N,) -> uint8 (N, 3, 32, 32)."""
    n = len(labels)

    def draw(low: float, high: float, *shape: int) -> np.ndarray:
        return rng.uniform(low, high, (n, *shape)).astype(np.float32)

    y, x = np.mgrid[-15.5:16, -15.5:16].astype(np.float32)  # (32, 32) each, the image's middle at 0
    angle, size = draw(-0.3, 0.3, 1, 1), draw(6, 13, 1, 1)
    dx, dy = x - draw(-6, 6, 1, 1), y - draw(-6, 6, 1, 1)  # (N, 32, 32)
    u = (np.cos(angle) * dx + np.sin(angle) * dy) / size
    v = (np.cos(angle) * dy - np.sin(angle) * dx) / size
    inside = np.zeros((n, 1, 32, 32), bool)
    for label, shape in enumerate(SHAPES.values()):
        inside[labels == label, 0] = shape(u[labels == label], v[labels == label])
    waves = np.sin(draw(-0.6, 0.6, 3, 1, 1) * x + draw(-0.6, 0.6, 3, 1, 1) * y + draw(0, 6.3, 3, 1, 1))
    images = np.where(inside, draw(0, 255, 3, 1, 1), draw(40, 215, 3, 1, 1) + 40 * waves)  # (N, 3, 32, 32)
    images += rng.normal(0, 25, images.shape).astype(np.float32)
    return images.clip(0, 255).astype(np.uint8)
