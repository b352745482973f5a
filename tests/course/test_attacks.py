"""No submission earns more than its honest part, does harm, outlives its run, or stops the grading of the next."""

import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from nbformat import write
from nbformat.v4 import new_code_cell, new_notebook

from course import sandbox
from course.answers import record
from course.checking import judge
from course.lesson import ROOT, Lesson, LessonError, all_exercises

pytestmark = pytest.mark.skipif(  # some of these would end the session of whoever runs them
    sandbox.kind() == "limits only", reason="this machine has neither bubblewrap nor namespaces"
)
EXERCISE = all_exercises()["output_size"]
LIMITS = sandbox.Limits(seconds=5)
ATTACKS = sorted((ROOT / "tests/course/attacks").glob("*.py"))
DESERVED = {"right_then_leave": 1.0}  # the share of the points; nothing where it isn't named


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A folder and a server that no submission should reach."""
    folder = tmp_path_factory.mktemp("outside")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield folder, server


def submitted(source, folder):
    """A notebook with this code."""
    path = folder / "submission.ipynb"
    write(new_notebook(cells=[new_code_cell(source)]), path)
    return path


def recorded(source, folder):
    return record(EXERCISE.lesson, submitted(source, folder), 1, [EXERCISE.name], LIMITS)[EXERCISE.name]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.stem)
def test_an_attack_earns_what_its_honest_part_deserves_and_does_no_harm(attack, outside, tmp_path):
    folder, server = outside
    package = {path: path.read_bytes() for path in (ROOT / "course").glob("*") if path.is_file()}
    source = attack.read_text().replace("FOLDER", str(folder)).replace("REPO", str(ROOT))
    answers = recorded(source.replace("PORT", str(server.getsockname()[1])), tmp_path)

    tally = judge(EXERCISE, answers, 1)
    assert tally.points(EXERCISE) == DESERVED.get(attack.stem, 0) * EXERCISE.points
    assert all(verdict.passed or verdict.message for verdict in tally.verdicts[EXERCISE.name])
    assert list(folder.iterdir()) == []
    assert not Path("/etc/stolen").exists()
    assert not (ROOT / "lessons" / "stolen").exists()
    assert {path: path.read_bytes() for path in (ROOT / "course").glob("*") if path.is_file()} == package
    assert survivors() == set()
    with pytest.raises(BlockingIOError):
        server.accept()


def survivors():
    """Recorders that run now and don't end soon, be they this test's or those of one that runs beside it."""
    now, deadline = recorders(), time.monotonic() + 60
    while (left := now & recorders()) and time.monotonic() < deadline:
        pass
    return left


def recorders():
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it may end while we look
            if b"course.answers" in (process / "cmdline").read_bytes():
                found.add(process.name)
    return found


def test_the_next_submission_is_graded_as_if_nothing_had_happened(tmp_path):
    recorded("def output_size(*a):\n    import os\n    os.kill(-1, 9)", tmp_path)
    source = (ROOT / "tests/course/attacks/right_then_leave.py").read_text()
    assert judge(EXERCISE, recorded(source, tmp_path), 1).done(EXERCISE)


@pytest.mark.parametrize("kind", [kind for kind in sandbox.KINDS if sandbox.works(kind)])
def test_every_way_of_confining_gives_the_references_answers(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "kind", lambda: kind)
    source = (ROOT / "tests/course/attacks/right_then_leave.py").read_text()
    assert judge(EXERCISE, recorded(source, tmp_path), 1).done(EXERCISE)


def test_the_same_answers_come_from_the_sandbox_and_from_a_lesson_loaded_here(tmp_path):
    source = (ROOT / "tests/course/attacks/right_then_leave.py").read_text()
    notebook = submitted(source, tmp_path)
    apart = judge(EXERCISE, recorded(source, tmp_path), 1)
    here = judge(EXERCISE, Lesson.from_notebook(EXERCISE.lesson, notebook), 1)
    assert apart.verdicts == here.verdicts


def test_a_recorder_that_cannot_start_is_nobodys_zero(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox.sys, "executable", "/no/such/python")
    with pytest.raises(LessonError, match="not the student's fault"):
        recorded("", tmp_path)


def test_a_recorder_that_may_start_no_process_is_nobodys_zero(tmp_path):
    none = sandbox.Limits(seconds=5, processes=0)
    with pytest.raises(LessonError, match="not the student's fault"):
        record(EXERCISE.lesson, submitted("", tmp_path), 1, [EXERCISE.name], none)


@pytest.mark.parametrize("kind", [kind for kind in sandbox.KINDS[:2] if sandbox.works(kind)])
def test_confining_shows_no_solutions_takes_any_path_and_leaves_no_folder(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox.tempfile, "tempdir", str(tmp_path))
    spaced = tmp_path / "a folder's name"
    spaced.mkdir()
    here = sandbox._readable()
    monkeypatch.setattr(sandbox, "_readable", lambda: [*here, str(spaced)])
    assert sandbox.works.__wrapped__(kind)
    monkeypatch.setattr(sandbox, "_readable", lambda: [*here, str(ROOT / "solutions")])
    assert not sandbox.works.__wrapped__(kind)
    assert list(tmp_path.iterdir()) == [spaced]


def test_pytest_isolated_judges_the_notebook_on_disk():
    command = [sys.executable, "-m", "pytest", "tests/lesson_01", "--isolated", "-p", "no:cacheprovider"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    assert said.startswith("testing lessons/lesson_01/convolution.ipynb\n")
    assert "6 exercises done" in said


def test_isolated_and_solutions_exclude_each_other():
    command = [sys.executable, "-m", "pytest", "tests/lesson_01", "--isolated", "--solutions"]
    assert "leave out --solutions" in subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stderr
