"""`course train` on a tiny network and a tiny stand-in: what it leaves, and what it says when something is wrong."""

import io
import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict, replace
from unittest.mock import Mock

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from course import cli
from course.data import Source, make_stand_in
from course.lesson import ROOT, Lesson


class TinyNet(nn.Module):
    """A convolution, a norm and a linear layer: what training must handle, in milliseconds."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.bn(self.conv(x)).relu().mean((2, 3)))


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stand-in")
    make_stand_in(folder, per_batch=80)  # 400 images, of which 390 are trained on: 6 steps an epoch
    return folder


@pytest.fixture(scope="session")
def loaded():
    return Lesson.from_solution("lesson_08")


@pytest.fixture
def lesson(loaded, monkeypatch):
    """Lesson 8 with the tiny network in place of ResNet18; `course train` uses it too."""
    monkeypatch.setitem(loaded.namespace, "ResNet18", TinyNet)
    monkeypatch.setattr(cli, "_training", lambda mine: loaded)
    return loaded


@pytest.fixture
def without_figures(lesson, monkeypatch):
    """Leave the report out where it isn't what is tested: drawing takes longer than the training."""
    write = lambda folder, metrics, *numbers: metrics.update(test={"accuracy": 0.5})  # noqa: E731
    monkeypatch.setitem(lesson.namespace, "write_report", write)


@pytest.fixture
def train(lesson, data, tmp_path):
    """Runs `course train` with the usual small options (but on `--resume`) and those given: exit code and output."""
    usual = "--epochs 2 --batch-size 64 --size 16 --precision float32 --device cpu"
    usual += f" --data {data} --output {tmp_path / 'run'}"

    def train(*options):
        options = [*([] if "--resume" in options else usual.split()), *map(str, options)]
        result = CliRunner().invoke(cli.app, ["train", *options])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, " ".join(result.output.split())

    return train


def checkpoint(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def test_a_run_leaves_its_report_figures_numbers_and_checkpoint(train, tmp_path):
    code, output = train()
    assert code == 0, output
    run = tmp_path / "run"
    figures = {f"{name}.png" for name in ("calibration", "confusion", "curves", "predictions")}
    assert {path.name for path in run.iterdir()} == figures | {"checkpoint.pt", "metrics.json", "report.md"}
    metrics = json.loads((run / "metrics.json").read_text())
    assert len(metrics["epochs"]) == 2
    assert {"train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds",
            "images_per_second", "epoch"} == metrics["epochs"][0].keys()  # fmt: skip
    assert metrics["config"]["seed"] == 0
    assert metrics["machine"]["torch"] == torch.__version__
    assert f"{metrics['test']['accuracy']:.2%}" in output
    assert sum(row["support"] for row in metrics["test"]["classes"].values()) == metrics["test"]["images"] == 80
    assert checkpoint(run)["model"].keys() == TinyNet().state_dict().keys()


def test_no_number_of_the_stand_in_is_called_cifar10(train, tmp_path):
    _, output = train()
    report = (tmp_path / "run" / "report.md").read_text()
    for text in (output, report, (tmp_path / "run" / "metrics.json").read_text()):
        assert "not CIFAR-10" in text
        assert "CIFAR-10" not in text.replace("not CIFAR-10", "")


def test_the_run_goes_to_a_folder_named_after_the_time(lesson, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lesson.new_folder(None).is_dir()
    assert len(list(tmp_path.glob("runs/20??-??-??_??-??-??"))) == 1


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(train, without_figures, tmp_path):
    def weights(seed, folder):
        train("--output", tmp_path / folder, "--seed", seed)
        return checkpoint(tmp_path / folder)["model"]["fc.weight"]

    assert weights(1, "one").equal(weights(1, "again"))
    assert not weights(2, "two").equal(weights(1, "once more"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--device", "tpu"], "There is no device 'tpu' here; choose one of: auto"),
        (["--device", "cuda:99"], "There is no device 'cuda:99' here"),
        (["--device", "cpu:x"], "There is no device 'cpu:x' here"),
        (["--precision", "int8"], "There is no precision 'int8'; choose one of: auto, float32, bfloat16, float16"),
        (["--optimizer", "adam"], "There is no optimizer 'adam'; choose one of: muon, sgd"),
        (["--budget", "soon"], "--budget soon is no time; write it like 90s, 15min or 1.5h"),
        (["--budget", "1.2.3min"], "--budget 1.2.3min is no time"),
        (["--budget", "0min"], "--budget 0min is no time"),
        (["--budget", "15min", "--epochs", 3], "Give --budget or --epochs, not both"),
        (["--batch-size", 1], "at least 2 images a batch"),
        (["--batch-size", 391], "only 390 training images; choose a batch size of at most 390"),
        (["--data", "nowhere"], "no CIFAR-10 in nowhere"),
        (["--resume", "nowhere"], "no checkpoint nowhere: --resume takes the folder of a run that was stopped"),
        (["--resume", 300 * "x"], "--resume takes the folder of a run that was stopped"),
    ],
)
def test_a_wrong_option_is_answered_in_one_sentence_and_leaves_nothing(train, tmp_path, options, sentence):
    code, output = train(*options)
    assert code == 1
    assert sentence in output
    assert "Traceback" not in output
    assert not (tmp_path / "run").exists()


def test_a_batch_may_hold_all_the_images(train, without_figures):
    assert train("--batch-size", 390)[0] == 0


def test_a_folder_that_holds_a_run_is_not_overwritten(train, without_figures, tmp_path):
    train()
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    code, output = train("--seed", 5)
    assert code == 1
    assert "holds a run already" in output
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_said_before_training_starts(train, lesson, tmp_path, monkeypatch):
    monkeypatch.setitem(lesson.namespace, "fit", lambda *a, **k: pytest.fail("must not train"))
    (tmp_path / "file").write_text("")
    code, output = train("--output", tmp_path / "file" / "run")
    assert code == 1
    assert "can't be written" in output
    assert "--output" in output


def test_too_little_room_is_said_before_training_starts(train, lesson, tmp_path, monkeypatch):
    monkeypatch.setitem(lesson.namespace, "fit", lambda *a, **k: pytest.fail("must not train"))
    usage = lesson.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(lesson.shutil, "disk_usage", lambda path: usage._replace(free=10_000_000))
    code, output = train()
    assert code == 1
    assert "Only 10 MB are free" in output


@pytest.fixture
def full_disk():
    """Call it, and from then on no file may grow beyond 4 kB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_disk_that_fills_up_during_training_costs_no_checkpoint(lesson, data, tmp_path, full_disk):
    def watch(state, config):
        if state["step"] == 8:  # in the second epoch
            full_disk()

    config = lesson.Config(data=str(data), epochs=2, batch_size=64, size=16, precision="float32", device="cpu")
    with pytest.raises(lesson.TrainingError, match=r"can't be written \(File too large\).*--resume"):
        lesson.run(config, output=str(tmp_path / "run"), watch=watch, say=lambda line: None)
    assert checkpoint(tmp_path / "run")["state"]["step"] == 6
    assert not list((tmp_path / "run").glob("*.unfinished"))


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(train, tmp_path):
    code, output = train("--lr", 1e30)
    assert code == 1
    assert "is nan at step" in output or "is inf at step" in output
    assert f"last good checkpoint is {tmp_path / 'run' / 'checkpoint.pt'}" in output
    assert all(values.isfinite().all() for values in checkpoint(tmp_path / "run")["model"].values())


def damaged(path, damage):
    path.write_bytes(damage(bytearray(path.read_bytes())))


def flip_a_bit_of_a_weight(content):
    weights = torch.load(io.BytesIO(content), weights_only=True)["model"].values()
    content[content.index(bytes(max(weights, key=torch.numel).untyped_storage()))] ^= 1
    return content


@pytest.mark.parametrize("damage", [lambda content: content[:-500], flip_a_bit_of_a_weight, lambda content: b""])
def test_a_damaged_checkpoint_is_refused_and_kept(train, without_figures, tmp_path, damage):
    train()
    path = tmp_path / "run" / "checkpoint.pt"
    damaged(path, damage)
    before = path.read_bytes()
    code, output = train("--resume", tmp_path / "run")
    assert code == 1
    assert "checkpoint.pt is damaged or no checkpoint" in output
    assert path.read_bytes() == before


FORMAT = "resnet18-from-scratch checkpoint 1"


class Evil:
    def __reduce__(self):
        return os.mkdir, ("trace",)


@pytest.mark.parametrize(
    "foreign",
    [{"model": TinyNet().state_dict()}, {"format": Evil()}, [1, 2], {"format": FORMAT, "config": {"seed": 1}}],
    ids=["another program's", "one that runs code", "a list", "an older version's"],
)
def test_a_foreign_checkpoint_is_refused_and_runs_nothing(train, tmp_path, monkeypatch, foreign):
    monkeypatch.chdir(tmp_path)
    torch.save(foreign, tmp_path / "foreign.pt")
    code, output = train("--resume", tmp_path / "foreign.pt")
    assert code == 1
    assert "foreign.pt" in output
    assert "Traceback" not in output
    assert not (tmp_path / "trace").exists()


def test_a_checkpoint_of_another_network_is_refused(train, without_figures, lesson, tmp_path, monkeypatch):
    train()
    monkeypatch.setitem(lesson.namespace, "ResNet18", lambda: nn.Sequential(TinyNet()))
    code, output = train("--resume", tmp_path / "run")
    assert code == 1
    assert "doesn't fit this network" in output


def test_a_run_is_not_continued_on_other_data(train, without_figures, tmp_path):
    train()
    make_stand_in(tmp_path / "other", per_batch=80, seed=1)
    code, output = train("--resume", tmp_path / "run", "--data", tmp_path / "other")
    assert code == 1
    assert "other data" in output


@pytest.mark.parametrize("option", [["--epochs", 9], ["--lr", 0.5], ["--seed", 1], ["--output", "elsewhere"]])
def test_a_resumed_run_takes_no_other_settings(train, without_figures, tmp_path, option):
    train()
    code, output = train("--resume", tmp_path / "run", *option)
    assert code == 1
    assert f"leave out {option[0]}" in output


def test_a_run_with_my_definitions_is_not_continued_without_them(train, without_figures, tmp_path):
    train("--mine")
    code, output = train("--resume", tmp_path / "run")
    assert code == 1
    assert "was trained with --mine" in output
    assert train("--mine", "--resume", tmp_path / "run")[0] == 0


def test_a_run_that_fell_back_on_the_stand_in_keeps_to_it(lesson, without_figures, data, tmp_path, monkeypatch):
    config = lesson.Config(epochs=1, batch_size=64, size=16, precision="float32", device="cpu")
    with monkeypatch.context() as patch:
        patch.setitem(lesson.namespace, "find_data", lambda where, say: Source(data, is_cifar10=False))
        lesson.run(config, output=str(tmp_path / "run"), say=lambda line: None)
    assert checkpoint(tmp_path / "run")["config"]["data"] == str(data)
    assert not lesson.run(lesson.Config(), resume=str(tmp_path / "run"), say=lambda line: None).stopped


def test_a_finished_run_writes_its_report_again(train, tmp_path):
    train()
    report = (tmp_path / "run" / "report.md").read_text()
    (tmp_path / "run" / "report.md").unlink()
    assert train("--resume", tmp_path / "run")[0] == 0
    assert (tmp_path / "run" / "report.md").read_text() == report


def test_mine_trains_what_the_student_built(monkeypatch):
    reference = cli._training(mine=False).ResNet18
    monkeypatch.setattr("course.checking.carry", lambda home, name: f"the student's {name} of {home}")
    given = {"ResNet18": reference, "parameter_groups": len, "main": print}
    monkeypatch.setattr(Lesson, "from_solution", lambda name: Lesson(name, "", dict(given)))
    assert cli._training(mine=True).ResNet18 == "the student's ResNet18 of lesson_04"
    assert cli._training(mine=True).parameter_groups is len  # no exercise, so there is nothing of the student's to take
    assert cli._training(mine=False).ResNet18 is reference


@pytest.fixture
def pace(lesson, monkeypatch):
    """A machine that trains on 100 images of 32x32 pixels a second, and on more the smaller they are."""
    monkeypatch.setitem(lesson.namespace, "speed_of", lambda config, device, precision, side: 100 * (32 / side) ** 2)
    return lesson


@pytest.mark.parametrize("minutes", [3, 10, 40, 300])
def test_a_budget_is_planned_to_the_end(pace, minutes):
    config = pace.settle(pace.Config(seconds=60 * minutes), torch.device("cpu"), 49_000)
    assert config.epoch_size <= 49_000
    assert config.padding == (2 if config.epochs * config.epoch_size >= 8 * 49_000 else 0)
    assert len(config.sizes) == len(config.limit) == config.epochs >= pace.ROUNDS
    assert list(config.sizes) == sorted(config.sizes)
    looks = [(20_000, config.sizes[-1]), *((config.held_out * 49_000, side) for side in config.sizes)]
    evaluated = sum(count / (300 * (32 / side) ** 2) for count, side in looks)
    besides = 10 + pace.SAVING * config.epochs + evaluated
    assert 0.95 * 60 * minutes < sum(config.limit) / pace.SLACK + besides <= 60 * minutes


def test_a_longer_budget_ends_on_larger_images(pace):
    ends = [pace.settle(pace.Config(seconds=60 * m), torch.device("cpu"), 49_000).sizes[-1] for m in (2, 6, 60)]
    assert ends == [16, 24, 32]


def test_one_size_throughout_is_as_many_epochs_as_the_plan(pace):
    config = pace.settle(pace.Config(full=True, size=24, precision="float32"), torch.device("cpu"), 50_000)
    assert config.sizes == (24,) * len(pace.FULL)


def test_a_budget_too_short_for_anything_still_trains_a_batch_an_epoch(pace):
    config = pace.settle(pace.Config(seconds=1), torch.device("cpu"), 49_000)
    assert (config.epochs, config.epoch_size) == (pace.ROUNDS, config.batch_size)


def test_the_full_run_measures_nothing_and_holds_nothing_out(pace, monkeypatch):
    monkeypatch.setitem(pace.namespace, "speed_of", lambda *arguments: pytest.fail("must not measure"))
    config = pace.settle(pace.Config(full=True, precision="bfloat16"), torch.device("cpu"), 50_000)
    assert (config.sizes, config.epochs, config.limit) == (pace.FULL, len(pace.FULL), None)


@pytest.mark.parametrize(
    "other", [{"optimizer": "sgd"}, {"peak": 5.0}, {"batch_size": 2}, {"size": 32}, {"mine": True}]
)
def test_what_to_expect_is_said_of_runs_like_those_measured_only(pace, other):
    config = pace.settle(pace.Config(full=True, precision="bfloat16"), torch.device("cpu"), 50_000)
    assert 0.94 < pace.expected_accuracy(config) < 0.95
    assert pace.expected_accuracy(replace(config, **other)) is None


def test_within_a_budget_too_a_full_run_holds_nothing_out(pace, without_figures, data, tmp_path):
    options = f"--batch-size 64 --precision float32 --device cpu --data {data} --output {tmp_path / 'run'}"
    result = CliRunner().invoke(cli.app, ["train", "--full", "--budget", "30s", *options.split()])
    assert result.exit_code == 0, result.output
    saved = checkpoint(tmp_path / "run")
    assert (saved["config"]["held_out"], saved["config"]["epochs"]) == (0.0, pace.ROUNDS)
    assert {row["validation_accuracy"] for row in saved["state"]["history"]} == {None}


def test_a_speed_is_measured_on_this_process_share_of_a_batch_in_its_parts(lesson, monkeypatch):
    steps, step = [], lesson.train_step
    monkeypatch.setitem(lesson.namespace, "processes", lambda: 4)
    monkeypatch.setitem(
        lesson.namespace, "train_step", lambda *a, **k: (steps.append((len(a[2]), len(a[3]), k)), step(*a, **k))[1]
    )
    monkeypatch.setitem(lesson.namespace, "images_per_second", lambda step, images, steps: images if step() else 0)
    config = lesson.Config(batch_size=64, accumulate=2)
    assert lesson.speed_of(config, torch.device("cpu"), "float32", 16) == 64  # all four together
    assert steps == [(16, 16, {"accumulate": 2})]


def test_a_network_that_cannot_be_compiled_ends_in_a_sentence(lesson, monkeypatch):
    refused = type("InvalidCxxCompiler", (RuntimeError,), {"__module__": "torch._inductor.exc"})
    monkeypatch.setitem(lesson.namespace, "main", Mock(side_effect=refused("No working C++ compiler\nand much more")))
    result = CliRunner().invoke(cli.app, ["train", "--compile"])
    assert result.exit_code == 1
    assert " ".join(result.output.split()).endswith("so leave out --compile. No working C++ compiler")


@pytest.mark.parametrize("resume", [False, True])
def test_a_batch_without_equal_shares_for_all_processes_is_refused(lesson, tmp_path, monkeypatch, resume):
    config = lesson.Config()
    if resume:
        lesson.save_checkpoint(tmp_path / "checkpoint.pt", config=asdict(config))
    monkeypatch.setitem(lesson.namespace, "processes", lambda: 3)
    with pytest.raises(lesson.TrainingError, match="256 images has no equal shares for 3 processes"):
        lesson.prepare(config, None, str(tmp_path) if resume else None, print)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15min", 900), ("1.5h", 5400), ("2 min", 120)])
def test_a_budget_is_read_as_people_write_it(text, seconds):
    assert cli._seconds(text) == seconds


def test_help_answers_without_torch():
    code = "import sys; from course.cli import app\n"
    code += "try: app(['train', '--help'])\nfinally: assert 'torch' not in sys.modules"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    for option in ("full", "budget", "epochs", "batch-size", "data", "device", "seed", "output", "resume", "mine"):
        assert f"--{option}" in result.stdout
