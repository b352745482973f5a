"""save_checkpoint: a whole new file in place of the old one, or the old one as it was, and nothing beside it."""

import os
import tempfile
from collections import OrderedDict
from pathlib import Path

import torch

from course.student import randn

FORMAT = "resnet18-from-scratch checkpoint 1"


class Unpicklable:
    """Fails in the middle of being saved, after what comes before it has been written."""

    def __reduce__(self):
        raise RuntimeError("this value can't be saved")


class Witness:
    """Looks at the checkpoint while the next one is being put together."""

    def __init__(self, path, seen):
        self.path, self.seen = path, seen

    def __reduce__(self):
        self.seen.append(read(self.path))
        return (OrderedDict, ())


def read(path):
    """What lies at a path: the values without those of a witness, "nothing", or "damaged"."""
    try:
        return torch.load(path, weights_only=True)
    except FileNotFoundError:
        return "nothing"
    except Exception:
        return "damaged"


def tried(save, *args, **values):
    """The kind of error that saving ends in; an OSError of whatever sort counts as one."""
    try:
        save(*args, **values)
    except NotImplementedError:
        raise
    except OSError:
        return "OSError"
    except Exception:
        return "another error"
    return "no error"


def test_writes_all_values_and_the_format(student):
    weights, velocity = randn(3, 4), randn(2)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            lesson.save_checkpoint(
                path, model={"w": weights}, optimizer={"state": {0: velocity}}, step=7, rows=[{"a": 0.5}]
            )
            lesson.save_checkpoint(str(path.with_name("other.pt")), config={"name": "x", "none": None})
            return read(path), read(path.with_name("other.pt"))

    def expected():
        first = {"model": {"w": weights}, "optimizer": {"state": {0: velocity}}, "step": 7, "rows": [{"a": 0.5}]}
        return {"format": FORMAT} | first, {"format": FORMAT, "config": {"name": "x", "none": None}}

    student.returns(probe, expected)


def test_replaces_the_old_checkpoint_and_leaves_nothing_beside_it(student):
    old, new = randn(3), randn(3)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            path.with_name("checkpoint.pt.unfinished").write_bytes(b"what a killed run has left")
            lesson.save_checkpoint(path, value=old)
            os.link(path, path.with_name("second name of the old file"))
            lesson.save_checkpoint(path, value=new)
            return {name: read(path.with_name(name)) for name in sorted(os.listdir(folder))}

    def expected():
        values = {"checkpoint.pt": new, "second name of the old file": old}
        return {name: {"format": FORMAT, "value": value} for name, value in values.items()}

    student.returns(probe, expected)


def test_leaves_the_old_checkpoint_if_a_value_cannot_be_saved(student):
    old, new = randn(3), randn(3)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            lesson.save_checkpoint(path, value=old)
            error = tried(lesson.save_checkpoint, path, value=new, bad=Unpicklable())
            return {"failed": error != "no error", "there": read(path), "files": sorted(os.listdir(folder))}

    student.returns(
        probe, lambda: {"failed": True, "there": {"format": FORMAT, "value": old}, "files": ["checkpoint.pt"]}
    )


def test_keeps_the_old_checkpoint_whole_until_the_new_one_takes_its_place(student):
    old, new = randn(3), randn(3)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path, seen = Path(folder) / "checkpoint.pt", []
            lesson.save_checkpoint(path, value=old)
            lesson.save_checkpoint(path, value=new, witness=Witness(path, seen))
            return seen[-1], read(path)["value"]

    student.returns(probe, lambda: ({"format": FORMAT, "value": old}, new))


def test_says_so_with_an_os_error_if_the_file_cannot_be_written(student):
    value = randn(3)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            occupied = Path(folder) / "checkpoint.pt"
            (occupied / "a folder in its place").mkdir(parents=True)
            nowhere = Path(folder) / "no such folder" / "checkpoint.pt"
            errors = [tried(lesson.save_checkpoint, path, value=value) for path in (occupied, nowhere)]
            return {"errors": errors, "files": sorted(os.listdir(folder))}

    student.returns(probe, lambda: {"errors": ["OSError", "OSError"], "files": ["checkpoint.pt"]})
