"""load_batch: one official file, byte by byte."""

import pickle
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from course.data import make_stand_in, unpickle


def official(read, count=12):
    """What `read` gives for the third of some small files of so many images each, in the official format."""
    with tempfile.TemporaryDirectory() as folder:
        make_stand_in(folder, per_batch=count)
        return read(Path(folder) / "data_batch_3")


def written(read, values):
    """What `read` gives for a file that holds these values."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data_batch_1"
        path.write_bytes(pickle.dumps(values, protocol=3))
        return read(path)


def downloaded(read, content):
    """What `read` gives for a file with these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data_batch_1"
        path.write_bytes(content)
        return read(path)


def images_by_hand(path):
    data = unpickle(path)[b"data"]
    images = np.empty((len(data), 3, 32, 32), np.uint8)
    for channel in range(3):
        for row in range(32):
            start = 1024 * channel + 32 * row
            images[:, channel, row] = data[:, start : start + 32]
    return torch.from_numpy(images)


class RunsCode:
    """Unpickled, it calls a function; a harmless one here."""

    def __reduce__(self):
        return np.zeros, ((4, 3072), "u1")


def test_reads_the_pixels_channel_by_channel_and_row_by_row(student):
    student.returns(
        lambda lesson: {f"a file of {n}": official(lesson.load_batch, n)[0] for n in (12, 1)},
        lambda: {f"a file of {n}": official(images_by_hand, n) for n in (12, 1)},
    )


def test_reads_one_label_for_each_image(student):
    def probe(lesson):
        labels = official(lesson.load_batch)[1]
        try:
            return labels, official(lambda path: lesson.load_batch(str(path)))[1]
        except (AttributeError, TypeError):
            return labels, "a path that is a string is refused"

    def expected():
        labels = torch.tensor(official(lambda path: unpickle(path)[b"labels"]))
        return labels, labels

    student.returns(probe, expected)


def test_refuses_rows_of_another_length(student):
    grey = {b"data": np.zeros((6, 1024), np.uint8), b"labels": [0, 1, 2, 3, 4, 5]}
    binary = {b"data": np.zeros((4, 3073), np.uint8), b"labels": [0, 1, 2, 3]}  # a label before each image's bytes

    def probe(lesson):
        with suppress(ValueError):
            return "short rows are not refused", written(lesson.load_batch, grey)
        return "long rows are not refused", written(lesson.load_batch, binary)

    student.raises(probe, ValueError, naming=[(4, 3073)])


def test_refuses_rows_of_another_length_though_the_bytes_are_enough(student):
    flat = {b"data": np.zeros(3072, np.uint8), b"labels": [0]}
    grey = {b"data": np.zeros((6, 1024), np.uint8), b"labels": [0, 1]}

    def probe(lesson):
        with suppress(ValueError):
            return "bytes without rows are not refused", written(lesson.load_batch, flat)
        return "short rows are not refused", written(lesson.load_batch, grey)

    student.raises(probe, ValueError, naming=[(6, 1024), 2])


def test_refuses_a_file_that_lacks_a_label_or_has_one_too_many(student):
    many = {b"data": np.zeros((4, 3072), np.uint8), b"labels": [0, 1, 2, 3, 4]}
    short = {b"data": np.zeros((4, 3072), np.uint8), b"labels": [0, 1, 2]}

    def probe(lesson):
        with suppress(ValueError):
            return "a label too few is not refused", written(lesson.load_batch, short)
        return "a label too many is not refused", written(lesson.load_batch, many)

    student.raises(probe, ValueError, naming=[(4, 3072), 5])


def test_refuses_what_is_no_pickle_and_runs_no_code_that_a_file_brings_along(student):
    def probe(lesson):
        with suppress(pickle.UnpicklingError):
            return "a page of the web is not refused", downloaded(lesson.load_batch, b"<!DOCTYPE html>")
        return written(lesson.load_batch, {b"data": RunsCode(), b"labels": [0, 1, 2, 3]})

    student.raises(probe, pickle.UnpicklingError)
