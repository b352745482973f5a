"""load_checkpoint: what was saved, where it is wanted; and a ValueError for anything else."""

import os
import tempfile
import zipfile
from pathlib import Path

import pytest
import torch

from course.student import randn

FORMAT = "resnet18-from-scratch checkpoint 1"


class Program:
    """A value whose unpickling makes a folder: any other call would do."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return (os.mkdir, (self.folder,))


def written(folder, **values):
    """A checkpoint with these values; its path."""
    path = Path(folder) / "checkpoint.pt"
    torch.save({"format": FORMAT, **values}, path)
    return path


def flip_a_bit(path):
    """Flip one bit in the last and largest part of a zip archive, where the weights lie."""
    with zipfile.ZipFile(path) as archive:
        part = max(archive.infolist(), key=lambda part: part.file_size)
    content = bytearray(path.read_bytes())
    content[part.header_offset + 400 + part.file_size // 2] ^= 1
    path.write_bytes(content)


def tried(load, path):
    """What loading gives; of an error whether it is a ValueError, and whether its message names the file."""
    try:
        return load(path)
    except NotImplementedError:
        raise
    except ValueError as error:
        return "a ValueError" + (" that names the file" if path.name in str(error) else "")
    except Exception:
        return "another error"


NAMED = "a ValueError that names the file"


def test_gives_back_all_that_was_saved(student):
    weights, velocity = randn(3, 4), randn(2, dtype=torch.float64)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path = written(folder, model={"w": weights}, optimizer={"state": {0: velocity}}, step=7)
            return lesson.load_checkpoint(path), lesson.load_checkpoint(str(path))["step"]

    def expected():
        return {"format": FORMAT, "model": {"w": weights}, "optimizer": {"state": {0: velocity}}, "step": 7}, 7

    student.returns(probe, expected)


def test_puts_the_tensors_where_they_are_wanted(student):
    weights = randn(3)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            deep = {"state": {0: {"v": weights}}, "param_groups": [{"lr": weights}]}
            path = written(folder, w=weights, model={"w": weights}, optimizer=deep)
            places = []
            for where in ((), ("cpu",), ("meta",)):
                values = lesson.load_checkpoint(path, *where)
                optimizer = values["optimizer"]
                found = {"w": values["w"], "model": values["model"]["w"], "optimizer": optimizer["state"][0]["v"]}
                found["in a list"] = optimizer["param_groups"][0]["lr"]
                places.append({name: tensor.device for name, tensor in found.items()})
            return places

    def expected():
        return [dict.fromkeys(("w", "model", "optimizer", "in a list"), place) for place in ("cpu", "cpu", "meta")]

    student.returns(probe, expected)


@pytest.mark.hollow
def test_runs_no_code_that_a_file_brings(student):
    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            trap = Path(folder) / "made by the checkpoint"
            result = tried(lesson.load_checkpoint, written(folder, step=3, program=Program(str(trap))))
            return {"it gives": result if isinstance(result, str) else "values", "the program ran": trap.exists()}

    student.returns(probe, lambda: {"it gives": NAMED, "the program ran": False})


@pytest.mark.hollow
def test_notices_a_single_flipped_bit(student):
    weights = randn(500)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path = written(folder, w=weights)
            flip_a_bit(path)
            return tried(lesson.load_checkpoint, path)

    student.returns(probe, lambda: NAMED)


@pytest.mark.hollow
def test_refuses_what_is_no_checkpoint_of_this_course(student):
    weights = randn(3)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            answers = []
            for foreign in ({"w": weights}, {"format": "another", "w": weights}, [weights], weights):
                torch.save(foreign, path)
                answers.append(tried(lesson.load_checkpoint, path))
            return answers

    student.returns(probe, lambda: [NAMED] * 4)


@pytest.mark.hollow
def test_names_the_file_that_is_missing_or_broken(student):
    weights = randn(50)

    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            missing = tried(lesson.load_checkpoint, Path(folder) / "missing.pt")
            path = written(folder, w=weights)
            whole = path.read_bytes()
            answers = []
            for content in (whole[: len(whole) // 2], b"no archive", b""):
                path.write_bytes(content)
                answers.append(tried(lesson.load_checkpoint, path))
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("notes/readme.txt", "no weights in here")
            return missing, [*answers, tried(lesson.load_checkpoint, path), tried(lesson.load_checkpoint, Path(folder))]

    student.returns(probe, lambda: (NAMED, [NAMED] * 5))


@pytest.mark.hollow
def test_has_one_kind_of_error_wherever_a_bit_is_flipped(student):
    def probe(lesson):
        with tempfile.TemporaryDirectory() as folder:
            path = written(folder, step=7)
            whole, answers = path.read_bytes(), {}
            for part, places in (("the first part's name", range(26, 42)), ("the archive's table", range(-50, -40))):
                seen = set()
                for place in places:
                    content = bytearray(whole)
                    content[place] ^= 1 << place % 8
                    path.write_bytes(content)
                    answer = tried(lesson.load_checkpoint, path)
                    if answer != {"format": FORMAT, "step": 7}:  # a bit that nobody reads does no harm
                        seen.add(str(answer))
                answers[part] = sorted(seen)
            return answers

    student.returns(probe, lambda: {"the first part's name": [NAMED], "the archive's table": [NAMED]})
