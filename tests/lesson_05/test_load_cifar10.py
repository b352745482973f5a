"""load_cifar10: five files of training images, one of test images."""

import shutil
import tempfile
from pathlib import Path

import torch

from course.data import make_stand_in, unpickle

TRAIN = [f"data_batch_{number}" for number in range(1, 6)]


def make_files(folder):
    """Small files, and a copy of one of them that somebody has left there."""
    make_stand_in(folder, per_batch=4)
    shutil.copy(Path(folder) / "data_batch_2", Path(folder) / "data_batch_2 (copy)")


def answers(load, inside="cifar-10-batches-py"):
    """What `load` gives for a folder with small files, or for a folder inside of which they lie."""
    with tempfile.TemporaryDirectory() as root:
        make_files(Path(root) / inside)
        try:
            return load(root)
        except FileNotFoundError as error:
            return f"looked for {Path(error.filename or '').relative_to(root).as_posix()}"


def by_hand(folder, files):
    values = [unpickle(Path(folder) / file) for file in files]
    images = [torch.from_numpy(v[b"data"]).reshape(-1, 3, 32, 32) for v in values]
    return torch.cat(images), torch.cat([torch.tensor(v[b"labels"]) for v in values])


def test_joins_the_five_files_of_training_images_in_order(student):
    student.returns(
        lambda lesson: answers(lambda root: lesson.load_cifar10(root)),
        lambda: answers(lambda root: by_hand(f"{root}/cifar-10-batches-py", TRAIN)),
    )


def test_reads_the_test_images_where_they_are_asked_for(student):
    def probe(lesson):
        return {
            "train=False": answers(lambda root: lesson.load_cifar10(root, train=False)),
            "train=True": answers(lambda root: len(lesson.load_cifar10(root, train=True)[0])),
        }

    def expected():
        test = answers(lambda root: by_hand(f"{root}/cifar-10-batches-py", ["test_batch"]))
        return {"train=False": test, "train=True": 20}

    student.returns(probe, expected)


def test_takes_the_folder_of_the_files_itself_as_well(student):
    student.returns(
        lambda lesson: answers(lambda root: lesson.load_cifar10(Path(root))[0].shape[-3:], inside="."),
        lambda: (3, 32, 32),
    )


def test_does_not_go_without_one_of_the_five_files(student):
    def probe(lesson):
        with tempfile.TemporaryDirectory() as root:
            make_files(root)
            (Path(root) / "data_batch_3").unlink()
            return "a file that is missing is passed over", len(lesson.load_cifar10(root)[0])

    student.raises(probe, FileNotFoundError)
