"""What a student types beside pytest: progress, watch, reset, update, doctor; each in a checkout of its own."""

import json
import os
import select
import shutil
import subprocess
import sys
import time

import nbformat
import pytest

from course.build import release, source_notebook
from course.lesson import ROOT, exercises
from course.notebooks import answer
from course.truth import first_seeds

LESSON = "lesson_01"
NOTEBOOK = f"lessons/{LESSON}/convolution.ipynb"
COURSE = [sys.executable, "-c", "from course.cli import app; app()"]


@pytest.fixture
def checkout(tmp_path):
    """A checkout with lesson 1 alone, whose notebook nobody has touched."""
    for folder in ("solutions", "tests"):
        shutil.copytree(ROOT / folder / LESSON, tmp_path / folder / LESSON)
    (tmp_path / NOTEBOOK).parent.mkdir(parents=True)
    (tmp_path / NOTEBOOK).write_text(release(LESSON), encoding="utf-8")
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    return tmp_path


def course(checkout, *arguments, code=0):
    result = subprocess.run(
        [*COURSE, *arguments], cwd=checkout, env=os.environ | {"COURSE_ROOT": str(checkout)}, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout if code == 0 else result.stderr


def solve(checkout, *names):
    """Type the reference's answer into stubs, and save the notebook."""
    reference = source_notebook(LESSON)
    path = checkout / NOTEBOOK
    notebook = nbformat.read(path, as_version=4)
    for name in names:
        answer(notebook, name).source = answer(reference, name).source
    nbformat.write(notebook, path.with_suffix(".saving"))
    path.with_suffix(".saving").replace(path)


def cells(checkout):
    return [cell.source for cell in nbformat.read(checkout / NOTEBOOK, as_version=4).cells]


def test_progress_says_what_is_done_and_what_comes_next(checkout):
    solve(checkout, "output_size", "pad2d")
    said = course(checkout, "progress")
    assert "2 of 6 exercises done, 3 of 15 points" in said
    assert f"Next: cross_correlate, in {NOTEBOOK}, cell " in said
    found = json.loads(course(checkout, "progress", "--json"))
    assert [row["name"] for row in found["exercises"] if row["status"] == "passed"] == ["output_size", "pad2d"]
    assert found["next"]["name"] == "cross_correlate"


def test_progress_remembers_until_something_changes(checkout):
    course(checkout, "progress")
    memory = checkout / ".course" / "progress.json"
    forged = json.loads(memory.read_text())
    forged[LESSON]["results"][0] |= {"status": "passed", "earned": 1.0}  # to be told from what is judged anew
    memory.write_text(json.dumps(forged))
    assert "1 of 6 exercises done" in course(checkout, "progress")
    solve(checkout, "output_size", "pad2d")
    assert "2 of 6 exercises done" in course(checkout, "progress")


def test_progress_answers_from_memory_without_torch(checkout):
    course(checkout, "progress")
    code = f"import sys\nfrom course.progress import progress\nprogress(['{LESSON}'])\nsys.exit('torch' in sys.modules)"
    environment = os.environ | {"COURSE_ROOT": str(checkout)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, cwd=checkout).returncode == 0


def test_progress_names_the_lessons_there_are(checkout):
    assert "There is no lesson called 'lesson_99'; there are: lesson_01" in course(
        checkout, "progress", "lesson_99", code=1
    )


def test_reset_gives_one_stub_back_and_keeps_everything_else(checkout):
    released = cells(checkout)
    solve(checkout, "output_size", "pad2d")
    solved = cells(checkout)
    said = course(checkout, "reset", LESSON, "pad2d")
    changed = [i for i, (now, then) in enumerate(zip(cells(checkout), solved, strict=True)) if now != then]
    assert len(changed) == 1
    assert cells(checkout)[changed[0]] == released[changed[0]]
    (copy,) = (checkout / "lessons" / LESSON).glob("*.backup_*.ipynb")
    assert copy.name in said
    assert [cell.source for cell in nbformat.read(copy, as_version=4).cells] == solved


def test_reset_without_an_exercise_gives_all_stubs_back(checkout):
    released = cells(checkout)
    solve(checkout, *exercises(LESSON))
    course(checkout, "reset", LESSON)
    assert cells(checkout) == released


def test_reset_brings_back_a_stub_that_was_deleted_or_made_text(checkout):
    notebook = nbformat.read(checkout / NOTEBOOK, as_version=4)
    released = nbformat.writes(notebook)
    place = notebook.cells.index(answer(notebook, "pad2d"))
    notebook.cells[place] = nbformat.v4.new_markdown_cell("mine", metadata=notebook.cells[place].metadata)
    del notebook.cells[notebook.cells.index(answer(notebook, "output_size"))]
    nbformat.write(notebook, checkout / NOTEBOOK)
    course(checkout, "reset", LESSON)
    restored = nbformat.read(checkout / NOTEBOOK, as_version=4)
    restored.cells[place].id = nbformat.reads(released, as_version=4).cells[place].id
    assert nbformat.writes(restored) == released


def add(checkout, source, place=None):
    """Put a code cell of the student's own into the notebook."""
    notebook = nbformat.read(checkout / NOTEBOOK, as_version=4)
    notebook.cells.insert(len(notebook.cells) if place is None else place, nbformat.v4.new_code_cell(source))
    nbformat.write(notebook, checkout / NOTEBOOK)


def test_reset_names_a_definition_that_would_count_instead_of_the_stub(checkout):
    add(checkout, "%%time\ndef pad2d(x, padding):\n    return x")
    before = cells(checkout)
    assert "Another cell" in course(checkout, "reset", LESSON, "pad2d", code=1)
    assert cells(checkout) == before


def test_reset_of_what_is_not_there_says_what_is(checkout):
    assert "no exercise called 'pad3d' in lesson_01; there are: output_size" in course(
        checkout, "reset", LESSON, "pad3d", code=1
    )


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(checkout, tmp_path_factory):
    """A student's clone of a checkout; what is committed to the checkout later is a newer release."""
    git(checkout, "init", "--quiet", "--initial-branch=main")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message=first")
    clone = tmp_path_factory.mktemp("student") / "clone"
    git(checkout, "clone", "--quiet", str(checkout), str(clone))
    return clone


def newer(checkout):
    """Release a lesson whose first cell says something else, whose third is gone, and which has two new ones."""
    notebook = nbformat.read(checkout / NOTEBOOK, as_version=4)
    ids = [cell.id for cell in notebook.cells]
    notebook.cells[0].source = "# A better beginning"
    del notebook.cells[2]
    notebook.cells[1:1] = [nbformat.v4.new_markdown_cell(f"news {k}") for k in range(2)]
    for cell, number in zip(notebook.cells, [*ids, "one-more"], strict=True):
        cell.id = number  # ids go by place: that of a cell behind new ones was another's before
    nbformat.write(notebook, checkout / NOTEBOOK)
    git(checkout, "commit", "--quiet", "--all", "--message=second")


def test_update_brings_the_new_release_and_keeps_answers_and_added_cells(checkout, clone):
    solve(clone, "output_size")
    notebook = nbformat.read(clone / NOTEBOOK, as_version=4)
    notebook.cells[2].source += " (I guess 7)"
    nbformat.write(notebook, clone / NOTEBOOK)
    add(clone, "my_notes = 1", 5)
    before = cells(clone)
    newer(checkout)
    said = course(clone, "update")
    assert "carried over output_size, and 1 cells that you added" in said
    assert "with 1 other cells that you changed" in said
    assert "reload it from disk" in said
    now = cells(clone)
    assert now[0] == "# A better beginning"
    assert [source for source in before if source not in now] == [before[0], before[2]]
    assert now.index("my_notes = 1") == now.index(before[4]) + 1
    (copy,) = (clone / "lessons" / LESSON).glob("*.backup_*.ipynb")
    assert [cell.source for cell in nbformat.read(copy, as_version=4).cells] == before


def test_update_knows_the_cells_of_a_notebook_whose_ids_an_editor_has_dropped(checkout, clone):
    solve(clone, "output_size")
    notebook = nbformat.read(clone / NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("my_notes = 1"))
    for cell in notebook.cells:
        del cell["id"]
    notebook.nbformat_minor = 4
    nbformat.write(notebook, clone / NOTEBOOK)
    newer(checkout)
    said = course(clone, "update")
    assert "carried over output_size, and 1 cells that you added" in said
    assert len(cells(clone)) == len(cells(checkout)) + 1


def test_update_keeps_an_answer_in_a_cell_of_the_students_own(checkout, clone):
    add(clone, "def pad2d(x, padding):\n    return x")
    newer(checkout)
    assert "carried over no answers, and 1 cells that you added" in course(clone, "update")
    assert cells(clone)[-1] == "def pad2d(x, padding):\n    return x"


def test_update_without_anything_newer_changes_nothing(clone):
    solve(clone, "output_size")
    before = (clone / NOTEBOOK).read_bytes()
    assert "Nothing newer" in course(clone, "update")
    assert (clone / NOTEBOOK).read_bytes() == before


def test_update_of_a_copy_without_git_says_what_to_do(checkout):
    assert "is no git clone" in course(checkout, "update", code=1)


def test_update_that_does_not_follow_on_this_release_changes_nothing(checkout, clone):
    solve(clone, "output_size")
    newer(checkout)
    (clone / "own.txt").write_text("mine")
    git(clone, "add", "own.txt")
    git(clone, "commit", "--quiet", "--message=own", "own.txt")
    before = (clone / NOTEBOOK).read_bytes()
    assert "This clone has commits of its own" in course(clone, "update", code=1)
    assert (clone / NOTEBOOK).read_bytes() == before
    assert not list((clone / NOTEBOOK).parent.glob("*.backup_*"))


def said(stream, until):
    """What comes from a file descriptor, up to these words."""
    text, end = "", time.monotonic() + 60
    while until not in text:
        assert time.monotonic() < end, text
        if select.select([stream], [], [], 1)[0]:
            text += os.read(stream, 65536).decode()
    return text


def test_watch_judges_the_exercise_at_hand_on_every_save_and_obeys_its_keys(checkout):
    main, side = os.openpty()
    process = subprocess.Popen(
        [*COURSE, "watch", LESSON], stdin=side, stdout=side, stderr=side, cwd=checkout,
        env=os.environ | {"COURSE_ROOT": str(checkout)},
    )  # fmt: skip

    try:
        assert "FAIL" not in said(main, "○ output_size: not implemented yet")
        solve(checkout, "output_size")
        assert "✓ output_size: passed" in said(main, "○ cross_correlate: not implemented yet")
        os.write(main, b"s")
        assert "output_size" not in said(main, "○ pad2d: not implemented yet")
        os.write(main, b"r")
        assert "✓ output_size: passed" in said(main, "○ cross_correlate: not implemented yet")
        os.write(main, b"sq")  # two keys at once
        assert process.wait(30) == 0
    finally:
        process.kill()
        os.close(main)
        os.close(side)


def test_watch_without_a_keyboard_judges_all_the_same(checkout):
    process = subprocess.Popen(
        [*COURSE, "watch", LESSON], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=checkout,
        env=os.environ | {"COURSE_ROOT": str(checkout), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        said(process.stdout.fileno(), "○ output_size: not implemented yet")
    finally:
        process.kill()


def test_truth_fails_when_a_belief_gets_away(checkout):
    beliefs = checkout / "tests" / LESSON / "misconceptions.py"
    text = beliefs.read_text(encoding="utf-8")
    changed = "replace(OUTPUT_SIZE[0], id='changes-nothing', edits=())"
    text += f"\nfrom dataclasses import replace\nMISCONCEPTIONS = [OUTPUT_SIZE[0], {changed}]\n"
    beliefs.write_text(text, encoding="utf-8")
    result = subprocess.run(
        [*COURSE, "truth", LESSON, "--seeds", "2"], cwd=checkout, env=os.environ | {"COURSE_ROOT": str(checkout)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    for seed in first_seeds(2):
        assert f"changes-nothing, seed {seed}: passes every test" in result.stdout
    assert "6 references and 2 wrong beliefs judged under 2 seeds: 2 verdicts are wrong." in result.stdout


def test_doctor_names_each_part_and_what_to_do_about_a_missing_one(tmp_path):
    environment = os.environ | {"CIFAR10_ROOT": str(tmp_path)}
    result = subprocess.run([*COURSE, "doctor"], env=environment, capture_output=True, text=True)
    assert result.returncode == 1
    lines = {line[7:].split()[0]: line for line in result.stdout.splitlines()}
    for subject in ("Python", "torch", "nbgrader", "device", "kernel", "sandbox", "disk"):
        assert subject in lines
    assert lines["Python"].startswith("ok")
    assert lines["CIFAR-10"].startswith("to do")
    assert "$CIFAR10_ROOT" in lines["CIFAR-10"]
