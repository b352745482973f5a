"""solutions → lessons: nothing drifts, nothing leaks, and no answer is overwritten unasked."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections import Counter

import nbformat
import pytest

from course import build
from course.lesson import ROOT, LessonError, exercises, notebook_of, released, script_of

RELEASED = released()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A copy of the released notebooks that a test may spoil; gives the path of lesson 3's."""
    monkeypatch.setattr(build, "notebook_of", lambda lesson: tmp_path / lesson / "notebook.ipynb")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    build.build()
    return tmp_path / "lesson_03" / "notebook.ipynb"


def edit(path, name, source):
    """Put this source into the answer cell of an exercise, as a student does."""
    notebook = nbformat.read(path, as_version=4)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)
    cell.source = source
    nbformat.write(notebook, path)


@pytest.mark.parametrize("lesson", RELEASED)
def test_the_committed_notebook_is_byte_for_byte_what_its_source_gives(lesson):
    path = notebook_of(lesson)
    text = path.read_text(encoding="utf-8")
    if build.holds_work(path):  # a student has been here
        text = subprocess.check_output(["git", "show", f"HEAD:{path.relative_to(ROOT)}"], cwd=ROOT, encoding="utf-8")
    assert text == build.release(lesson), "run `make lessons`"


@pytest.mark.parametrize("lesson", RELEASED)
def test_a_released_notebook_holds_no_line_of_a_solution_and_no_output(lesson):
    released = json.loads(build.release(lesson))
    text = "\n".join("".join(cell["source"]) for cell in released["cells"] if cell["cell_type"] == "code")
    solution, given, inside = [], Counter(), False
    for line in script_of(lesson).read_text(encoding="utf-8").splitlines():
        if "### BEGIN SOLUTION" in line or "### END SOLUTION" in line:
            inside = "BEGIN" in line
        elif not inside:
            given[line] += 1  # a line of a demo or a given helper may stand in a solution, too
        elif len(line.strip()) > 12:
            solution.append(line)
    assert solution
    shown = Counter(text.splitlines())
    assert [line for line in solution if shown[line] > given[line]] == []
    assert "SOLUTION" not in text
    assert not any(cell.get("outputs") for cell in released["cells"])


@pytest.mark.parametrize("lesson", RELEASED)
def test_a_released_folder_holds_the_notebook_and_nothing_else(lesson):
    tracked = subprocess.check_output(["git", "ls-files", f"lessons/{lesson}"], cwd=ROOT, text=True).splitlines()
    assert tracked == [f"lessons/{lesson}/{notebook_of(lesson).name}"]


@pytest.mark.parametrize("lesson", RELEASED)
def test_every_exercise_has_an_answer_cell_with_named_stubs_and_a_locked_test_cell(lesson):
    cells = {}
    for cell in nbformat.reads(build.release(lesson), as_version=4).cells:
        if role := cell.metadata.get("nbgrader"):
            cells[role.grade_id] = cell
    number = int(lesson[-2:])
    for name, exercise in exercises(lesson).items():
        assert f'raise NotImplementedError("lesson {number}: {name}' in cells[name].source
        assert "NotImplementedError()" not in cells[name].source
        role = cells[f"check-{name}"].metadata.nbgrader
        assert (role.grade, role.locked, role.solution, role.points) == (True, True, False, exercise.points)
    assert len(cells) == 2 * len(exercises(lesson))


def test_building_again_changes_nothing(elsewhere):
    assert build.build() == []


def test_a_notebook_with_answers_is_not_overwritten_unasked(elsewhere):
    edit(elsewhere, "PlainBlock", "class PlainBlock:\n    pass")
    before = elsewhere.read_bytes()
    with pytest.raises(LessonError, match=r"lesson_03/notebook\.ipynb would be overwritten.*course build --force"):
        build.build()
    assert elsewhere.read_bytes() == before
    assert build.build(force=True) == [elsewhere]
    assert not build.holds_work(elsewhere)


def test_outputs_alone_do_not_keep_a_notebook_from_being_rebuilt(elsewhere):
    notebook = nbformat.read(elsewhere, as_version=4)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("stream", text="done")]
    nbformat.write(notebook, elsewhere)
    assert build.build() == [elsewhere]


@pytest.mark.parametrize("spoil", [lambda text: text.replace('"released"', '"stripped"'), lambda text: "no notebook"])
def test_a_notebook_that_cannot_be_judged_is_not_overwritten_unasked(elsewhere, spoil):
    elsewhere.write_text(spoil(elsewhere.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(LessonError, match="would be overwritten"):
        build.build()


def test_a_cell_that_the_student_added_counts_as_work(elsewhere):
    notebook = nbformat.read(elsewhere, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("my notes"))
    nbformat.write(notebook, elsewhere)
    assert build.holds_work(elsewhere)


def test_a_stub_without_a_check_cell_is_named(monkeypatch):
    monkeypatch.setattr(build, "exercises", lambda lesson: {**exercises(lesson), "Ghost": None})
    with pytest.raises(LessonError, match="Ghost needs both"):
        build.source_notebook("lesson_03")


@pytest.fixture
def first_cell():
    """Every notebook's first code cell, which fetches this very clone instead of the published course."""
    notebooks = [nbformat.reads(build.release(lesson), as_version=4) for lesson in RELEASED]
    firsts = {next(cell.source for cell in notebook.cells if cell.cell_type == "code") for notebook in notebooks}
    assert len(firsts) == 1
    return firsts.pop().replace(build.repository(), ROOT.as_uri())


def test_the_first_cell_fetches_the_course_where_it_is_not_installed(first_cell, tmp_path):
    venv.create(tmp_path / "colab")
    (site,) = (tmp_path / "colab" / "lib").glob("python*/site-packages")
    (site / "library.pth").write_text(sysconfig.get_path("purelib"))  # torch and the rest, but not the course
    python = tmp_path / "colab" / "bin" / "python"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(cell, folder):
        command = [python, "-c", f"{cell}\nfrom course import check\nprint(check('mean_of_squares', points=1))"]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)

    assert "No module named 'course'" in run("", tmp_path).stderr
    assert run(first_cell, tmp_path).stdout.endswith("0.0\n")  # judged, and nothing is defined
    assert (tmp_path / "resnet18-from-scratch" / "solutions").is_dir()
    assert run(first_cell, tmp_path).returncode == 0, "a second run must find what the first has fetched"
    lesson = tmp_path / "resnet18-from-scratch" / "lessons" / "lesson_00"
    assert run(first_cell, lesson).returncode == 0
    assert [path.name for path in lesson.iterdir()] == ["start_here.ipynb"]  # it uses the clone that it stands in


def test_the_first_cell_does_nothing_where_the_course_is_installed(first_cell, tmp_path):
    code = f"import sys\nbefore = list(sys.path)\n{first_cell}\nassert sys.path == before"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert not list(tmp_path.iterdir())
