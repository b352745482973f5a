"""Grading a class with nbgrader, from release to export, with submissions that nbgrader alone would misread."""

import csv
import json
import subprocess
import sys

import nbformat
import pytest

from course import build
from course.lesson import ROOT, exercises, script_of

LESSON = "lesson_03"
NAME = script_of(LESSON).stem
ANSWERS = {
    cell.metadata.nbgrader.grade_id: cell.source
    for cell in build.source_notebook(LESSON).cells
    if cell.metadata.get("nbgrader", {}).get("solution")
}
TOTAL = sum(exercise.points for exercise in exercises(LESSON).values())
FORGED = """
import torch
def check(exercise, points):
    return {"PlainBlock": True, "make_downsample": float("nan"), "BasicBlock": torch.tensor(3.0)}.get(exercise)
"""


def submission(answers=(), extra=""):
    """The released notebook with these answers filled in, and a cell put in front."""
    notebook = nbformat.reads(build.release(LESSON), as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = dict(answers).get(name, cell.source)
    notebook.cells.insert(1, nbformat.v4.new_code_cell(extra, id="extra"))
    return notebook


def tampered():
    """The test cells replaced by ones that show full marks."""
    notebook = submission()
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.source = "3.0"
    return notebook


def rearranged():
    """The reference's answers, a check cell gone, one copied, one worth more, and half a surrogate in a cell."""
    notebook = submission(ANSWERS, extra=b"'\\ud800'".decode("unicode_escape"))
    checks = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")}
    notebook.cells.remove(checks["check-PlainBlock"])
    notebook.cells.append(nbformat.from_dict(checks["check-BasicBlock"] | {"id": "copy"}))
    checks["check-make_downsample"].metadata.nbgrader.points = 1000
    return notebook


WARNING = "import warnings\nwarnings.warn('harmless')\nimport sys\nprint('also harmless', file=sys.stderr)\n"
NEGATED = (
    ANSWERS["PlainBlock"] + "\n_forward = PlainBlock.forward\nPlainBlock.forward = lambda self, x: -_forward(self, x)"
)
SUBMISSIONS = {
    "untouched": submission(),
    "solved": submission(ANSWERS | {"PlainBlock": WARNING + ANSWERS["PlainBlock"]}),
    "half-right": submission(ANSWERS | {"PlainBlock": NEGATED}),
    "tampered": tampered(),
    "forged": submission(extra=FORGED),
    "rearranged": rearranged(),
    "broken": submission({"PlainBlock": "class PlainBlock(:"}),
}


@pytest.fixture(scope="module")
def course_folder(tmp_path_factory):
    """A course in which all submissions have been autograded."""
    folder = tmp_path_factory.mktemp("course")
    for student, notebook in SUBMISSIONS.items():
        path = folder / "submitted" / student / LESSON / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook))
    nbgrader(folder, "generate_assignment", LESSON)
    nbgrader(folder, "autograde", LESSON)
    return folder


def nbgrader(folder, command, *arguments):
    """Run nbgrader with the repository's settings on another folder."""
    options = [f"--CourseDirectory.root={folder}", f"--CourseDirectory.source_directory={build.SOURCES}"]
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", command, *arguments, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def scores(course_folder):
    nbgrader(course_folder, "export", f"--to={course_folder}/grades.csv")
    with (course_folder / "grades.csv").open() as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def test_the_release_is_what_the_build_gives(course_folder):
    released = course_folder / "lessons" / LESSON
    assert [path.name for path in released.iterdir()] == [f"{NAME}.ipynb"]
    assert (released / f"{NAME}.ipynb").read_text(encoding="utf-8") == build.release(LESSON)


def test_a_correct_submission_earns_everything_even_if_it_warns(scores):
    assert scores["solved"] == TOTAL


def test_cells_that_a_student_has_copied_removed_or_marked_otherwise_change_nothing(scores):
    assert scores["rearranged"] == TOTAL


@pytest.mark.parametrize("student", ["untouched", "tampered", "forged", "broken"])
def test_an_empty_broken_or_forged_submission_earns_nothing(scores, student):
    assert scores[student] == 0


def test_a_half_right_answer_earns_a_part_of_its_points(scores):
    points = exercises(LESSON)["PlainBlock"].points
    assert TOTAL - points < scores["half-right"] < TOTAL


def test_feedback_shows_the_report_of_every_test_cell(course_folder):
    nbgrader(course_folder, "generate_feedback", LESSON)
    page = (course_folder / "feedback" / "half-right" / LESSON / f"{NAME}.html").read_text(encoding="utf-8")
    assert "PlainBlock: " in page
    assert "Judged with --seed" in page


def test_validate_says_what_a_student_would_see(tmp_path):
    for answer, said in ((NEGATED, "Partial credit; passed some but not all"), (ANSWERS["PlainBlock"], "Success!")):
        notebook = submission({"PlainBlock": answer})
        ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
        notebook.cells = notebook.cells[: ids.index("check-PlainBlock") + 1]
        nbformat.write(notebook, tmp_path / "notebook.ipynb")
        assert said in nbgrader(tmp_path, "validate", f"{tmp_path}/notebook.ipynb")
