"""save_checkpoint: a whole new file in place of the old one, or the old one as it was, and nothing beside it."""

import errno
import os
import resource
import tempfile
from collections import OrderedDict
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest import mock

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


@contextmanager
def no_room():
    """In the block no file can become larger than 4,096 bytes: writing on fails as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def disk_of_its_own(folder):
    """In the block nothing can be moved into this folder from elsewhere, as if it lay on another disk."""

    def only_within(move):
        def moved(source, target, *, src_dir_fd=None, **options):
            within = os.fsdecode(os.path.realpath(source)).startswith(os.path.realpath(folder) + os.sep)
            if src_dir_fd is None and not within:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), os.fspath(source))
            return move(source, target, src_dir_fd=src_dir_fd, **options)

        return moved

    with mock.patch.multiple(os, replace=only_within(os.replace), rename=only_within(os.rename)):
        yield


@contextmanager
def moves_that_end_in(error):
    """In the block every move raises this error."""
    with mock.patch.multiple(os, replace=mock.Mock(side_effect=error), rename=mock.Mock(side_effect=error)):
        yield


def kinds_of_keys(value):
    """The types of all keys of dicts within dicts."""
    if not isinstance(value, dict):
        return set()
    return {type(key).__name__ for key in value}.union(*map(kinds_of_keys, value.values()))


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
    weights, velocity, count = randn(3, 4), randn(2, dtype=torch.float64), torch.tensor(2**40 + 1)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            lesson.save_checkpoint(
                path, model={"w": weights, "n": count}, optimizer={"state": {0: velocity}}, step=7, rows=[{"a": 0.5}]
            )
            other = path.with_name("other.pt")
            try:
                lesson.save_checkpoint(str(other), config={"name": "x", "none": None})
            except (AttributeError, TypeError):
                return read(path), "a path that is a string is refused"
            return read(path), read(other), sorted(kinds_of_keys(read(path)))

    def expected():
        first = {"model": {"w": weights, "n": count}, "optimizer": {"state": {0: velocity}}, "step": 7}
        second = {"format": FORMAT, "config": {"name": "x", "none": None}}
        return {"format": FORMAT, "rows": [{"a": 0.5}], **first}, second, ["int", "str"]

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


def test_leaves_nothing_beside_the_old_checkpoint_if_the_move_fails_or_ctrl_c_comes(student):
    old, new = randn(3), randn(3)

    def probe(lesson):
        answers = {}
        for name, error in {
            "move": OSError("no move"),
            "value": OSError("no move"),
            "Ctrl-C": KeyboardInterrupt(),
        }.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "checkpoint.pt"
                lesson.save_checkpoint(path, value=old)
                bad = {"bad": Unpicklable()} if name == "value" else {}
                with moves_that_end_in(error), suppress(Exception, KeyboardInterrupt):
                    lesson.save_checkpoint(path, value=new, **bad)
                answers[name] = sorted(os.listdir(folder))
        return answers

    student.returns(probe, lambda: {name: ["checkpoint.pt"] for name in ("move", "value", "Ctrl-C")})


def test_keeps_the_old_checkpoint_whole_until_the_new_one_takes_its_place(student):
    old, new = randn(3), randn(3)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path, seen = Path(folder) / "checkpoint.pt", []
            lesson.save_checkpoint(path, value=old)
            lesson.save_checkpoint(path, value=new, witness=Witness(path, seen))
            return seen[-1], read(path)["value"]

    student.returns(probe, lambda: ({"format": FORMAT, "value": old}, new))


def test_says_so_with_an_os_error_if_the_file_cannot_be_written_and_leaves_nothing_there(student):
    old, large = randn(3), torch.zeros(100_000)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            occupied = Path(folder) / "checkpoint.pt"
            (occupied / "a folder in its place").mkdir(parents=True)
            nowhere = Path(folder) / "no such folder" / "checkpoint.pt"
            errors = [tried(lesson.save_checkpoint, path, value=old) for path in (occupied, nowhere)]
            answer = {"errors": errors, "files": sorted(os.listdir(folder))}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            lesson.save_checkpoint(path, value=old)
            with no_room():
                error = tried(lesson.save_checkpoint, path, value=large)
            answer["full disk"] = {"error": error, "there": read(path), "files": sorted(os.listdir(folder))}
        return answer

    def expected():
        full = {"error": "OSError", "there": {"format": FORMAT, "value": old}, "files": ["checkpoint.pt"]}
        return {"errors": ["OSError", "OSError"], "files": ["checkpoint.pt"], "full disk": full}

    student.returns(probe, expected)


def test_writes_the_new_file_on_the_same_disk_as_the_old(student):
    old, new = randn(3), randn(3)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            lesson.save_checkpoint(path, value=old)
            with disk_of_its_own(folder):
                error = tried(lesson.save_checkpoint, path, value=new)
            return {"error": error, "there": read(path)}

    student.returns(probe, lambda: {"error": "no error", "there": {"format": FORMAT, "value": new}})
