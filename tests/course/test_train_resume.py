"""A run that was stopped goes on bit for bit as if it never had been; a killed one loses at most its last epoch."""

import dataclasses
import os
import signal
import socket
import subprocess
import sys

import pytest
import torch
from torch import nn

from course.data import make_stand_in
from course.lesson import ROOT, Lesson

STEPS = 6  # an epoch: 390 images in batches of 64, the rest opens the next epoch


class TinyNet(nn.Module):
    """Small enough for milliseconds, with all that a checkpoint must hold: weights, norms, an odd number of them."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.bn(self.conv(x)).relu().mean((2, 3)))


class NormFree(nn.Module):
    """A network in float64 whose gradients are means over images, so that it doesn't matter who computes which."""

    def __init__(self):
        super().__init__()
        self.conv, self.second, self.fc = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3), nn.Linear(8, 10)
        self.double()

    def forward(self, x):
        return self.fc(self.second(self.conv(x.double()).relu()).relu().mean((2, 3)))


@pytest.fixture(scope="module")
def lesson():
    lesson = Lesson.from_solution("lesson_08")
    lesson.namespace["ResNet18"] = TinyNet
    lesson.namespace["write_report"] = lambda folder, metrics, *numbers: None
    return lesson


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stand-in")
    make_stand_in(folder, per_batch=80)
    return folder


def config_of(lesson, data, precision="float32", epochs=3, limit=None):
    return lesson.Config(
        data=str(data), epochs=epochs, batch_size=64, size=16, precision=precision, device="cpu", padding=2, limit=limit
    )


def everything(folder):
    """What decides how a run goes on: a checkpoint without the times, which no two runs share."""
    values = torch.load(folder / "checkpoint.pt", weights_only=True)
    values["state"].pop("stopped")  # how it ended, not how it goes on
    for row in [*values["state"]["history"], values["state"]]:
        row.pop("seconds")
        row.pop("images_per_second", None)
    return values


def assert_identical(one, other, where="checkpoint"):
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, where
        assert one.equal(other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_identical(one[key], other[key], f"{where}[{key!r}]")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_identical(a, b, f"{where}[{i}]")
    else:
        assert one == other, where


@pytest.mark.parametrize(
    ("stops", "number", "precision"),
    [
        ([1], signal.SIGINT, "float32"),
        ([7], signal.SIGTERM, "float32"),
        ([STEPS], signal.SIGINT, "float32"),
        ([3 * STEPS], signal.SIGINT, "float32"),
        ([3, 4, 11], signal.SIGINT, "bfloat16"),
        ([3, 4, 11], signal.SIGINT, "float16"),
    ],
)
def test_a_stopped_run_goes_on_bit_for_bit(lesson, data, tmp_path, stops, number, precision):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    config = config_of(lesson, data, precision)
    lesson.run(config, output=str(whole), say=lambda line: None)

    def watch(state, config):
        if state["step"] in stops:
            os.kill(os.getpid(), number)

    report = lesson.run(config, output=str(parts), watch=watch, say=lambda line: None)
    for stop in stops:
        assert report.stopped
        assert everything(parts)["state"]["step"] == stop
        torch.rand(3)  # whatever else happens in the process must not matter
        report = lesson.run(lesson.Config(), resume=str(parts), watch=watch, say=lambda line: None)
    assert not report.stopped
    assert_identical(everything(whole), everything(parts))


def test_a_run_that_is_too_slow_is_shortened_by_whole_epochs_and_its_schedule_with_it(
    lesson, data, tmp_path, monkeypatch
):
    tested, logits = [], lesson.Session.logits
    monkeypatch.setattr(lesson.Session, "logits", lambda s, x, y, size: (tested.append(size), logits(s, x, y, size))[1])
    config = dataclasses.replace(config_of(lesson, data, epochs=9, limit=(1e-3,) * 9), sizes=(8, 12, *[16] * 7))
    report = lesson.run(config, output=str(tmp_path / "run"), say=lambda line: None)
    assert not report.stopped
    assert tested == [12], "it has never trained on larger images"
    state = everything(tmp_path / "run")["state"]
    assert state["step"] == state["total"] == 2 * STEPS  # the first was too slow, the second brings the rate down
    assert state["history"][-1]["learning_rate"] == pytest.approx(config.peak / (0.8 * 2 * STEPS))


def test_stopping_says_so_and_restores_the_signal_handlers(lesson, data, tmp_path):
    said, handler = [], signal.getsignal(signal.SIGINT)
    lesson.run(
        config_of(lesson, data),
        output=str(tmp_path / "run"),
        watch=lambda state, config: os.kill(os.getpid(), signal.SIGINT) if state["step"] == 2 else None,
        say=said.append,
    )
    assert any("Stopping" in line for line in said)
    assert signal.getsignal(signal.SIGINT) is handler


def test_asking_twice_stops_at_once(lesson, data, tmp_path):
    def watch(state, config):
        if state["step"] == STEPS + 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        lesson.run(config_of(lesson, data), output=str(tmp_path / "run"), watch=watch, say=lambda line: None)
    assert everything(tmp_path / "run")["state"]["step"] == STEPS


def test_ctrl_c_while_it_is_tested_leaves_a_run_to_go_on_with(lesson, data, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(lesson.namespace, "write_report", interrupted)
        assert lesson.run(config_of(lesson, data), output=str(tmp_path / "run"), say=lambda line: None).stopped
    assert not lesson.run(lesson.Config(), resume=str(tmp_path / "run"), say=lambda line: None).stopped


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from course.lesson import Lesson
from test_train_resume import TinyNet, config_of
lesson = Lesson.from_solution("lesson_08")
lesson.namespace["ResNet18"] = TinyNet
def watch(state, config):
    if state["step"] == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
lesson.run(config_of(lesson, {data!r}), output={run!r}, watch=watch)
"""


def test_a_killed_run_loses_the_epoch_under_way_and_goes_on_bit_for_bit(lesson, data, tmp_path):
    script = KILLED.format(
        tests=os.path.dirname(__file__), step=2 * STEPS + 3, data=str(data), run=str(tmp_path / "killed")
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert everything(tmp_path / "killed")["state"]["step"] == 2 * STEPS
    lesson.run(lesson.Config(), resume=str(tmp_path / "killed"), say=lambda line: None)
    lesson.run(config_of(lesson, data), output=str(tmp_path / "whole"), say=lambda line: None)
    assert_identical(everything(tmp_path / "whole"), everything(tmp_path / "killed"))


def test_a_kill_in_the_middle_of_saving_leaves_the_old_checkpoint(lesson, tmp_path):
    path = tmp_path / "checkpoint.pt"
    lesson.save_checkpoint(path, value=torch.ones(3))
    path.with_name("checkpoint.pt.unfinished").write_bytes(b"half of the next")
    assert lesson.load_checkpoint(path)["value"].equal(torch.ones(3))
    lesson.save_checkpoint(path, value=torch.zeros(3))
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert lesson.load_checkpoint(path)["value"].equal(torch.zeros(3))


TWO = KILLED.replace("lesson.run(", "lesson.main(").replace("TinyNet", "NormFree")
TWO = TWO.replace("{data!r})", "{data!r}, limit=3 * (1e-3,))")  # slower than planned, and yet not shortened


def test_two_processes_learn_what_one_would_have(lesson, data, tmp_path, monkeypatch):
    """Without norms, each of which would see half a batch, to 1e-5 in float64 after three epochs of Muon."""
    script = TWO.format(tests=os.path.dirname(__file__), step=0, data=str(data), run=str(tmp_path / "two"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    places = [{"RANK": str(k), "LOCAL_RANK": str(k), "WORLD_SIZE": "2"} for k in range(2)]  # as torchrun sets them
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    command = [sys.executable, "-c", script]
    both = [subprocess.Popen(command, cwd=ROOT, env=os.environ | address | place) for place in places]
    assert [process.wait(120) for process in both] == [0, 0]
    two = everything(tmp_path / "two")
    monkeypatch.setitem(lesson.namespace, "ResNet18", NormFree)
    lesson.run(config_of(lesson, data), output=str(tmp_path / "one"), say=lambda line: None)
    one = everything(tmp_path / "one")
    assert two["state"]["step"] == one["state"]["step"] == 3 * STEPS
    torch.testing.assert_close(two["state"]["losses"], one["state"]["losses"], rtol=1e-5, atol=0)
    torch.testing.assert_close(two["model"], one["model"], rtol=0, atol=1e-5)
