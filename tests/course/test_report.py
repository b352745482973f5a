"""What a check cell shows: as plain text, as HTML, and when the kernel and the saved notebook differ."""

import json
import linecache

import pytest

from course import lesson as lessons
from course.build import release
from course.checking import judge
from course.diagnosis import misconceptions
from course.lesson import Lesson, LessonError, all_exercises
from course.report import Report, unsaved

EXERCISE = all_exercises()["PlainBlock"]
# a belief about BasicBlock has the same sentence, and another explanation
BELIEF = next(m for m in misconceptions("lesson_03") if m.id == "plain-no-padding")


@pytest.fixture(scope="module")
def wrong():
    return Report(EXERCISE, judge(EXERCISE, BELIEF.lesson), points=2)


def test_every_test_has_a_line_that_says_in_words_whether_it_passed(wrong):
    verdicts = wrong.tally.verdicts["PlainBlock"]
    for shown in (repr(wrong), wrong._repr_html_().replace("</b>", " ")):
        assert shown.count("✓ pass") == sum(v.passed for v in verdicts)
        assert shown.count("✗ FAIL") == sum(not v.passed for v in verdicts)
    assert all(verdict.sentence in repr(wrong) for verdict in verdicts)


def test_a_failure_asks_the_beliefs_question_and_folds_its_explanation_away(wrong):
    question = f"Question to ask yourself: {BELIEF.question}"
    assert repr(wrong).count(question) == 1
    assert BELIEF.explanation.splitlines()[0] not in repr(wrong)
    shown = wrong._repr_html_().replace("&#x27;", "'")
    assert question in shown
    folded = shown.partition("<details>")[2].partition("</details>")[0]
    assert BELIEF.explanation in folded


def test_what_a_student_writes_is_text_and_no_markup(wrong):
    exec("class PlainBlock:\n    def __init__(self, *a): raise ValueError('<script>')", namespace := {})
    report = Report(EXERCISE, judge(EXERCISE, Lesson.from_kernel("lesson_03", namespace)), 2)
    assert "<script>" in repr(report)
    assert "<script>" not in report._repr_html_()


def test_a_stub_is_work_to_do_and_no_failure(tmp_path):
    notebook = tmp_path / "released.ipynb"
    notebook.write_text(release("lesson_03"), encoding="utf-8")
    said = repr(Report(EXERCISE, judge(EXERCISE, Lesson.from_notebook("lesson_03", notebook)), 2))
    assert "✗ FAIL" not in said
    assert said.count("○ to do") == said.count("\n") - 1 > 3
    assert said.count("not implemented yet: PlainBlock") == 1


def test_why_hollow_tests_earn_nothing_is_said(wrong):
    exercise = all_exercises()["random_flip"]
    lesson = Lesson.from_solution(exercise.lesson)
    lesson.namespace["random_flip"] = lambda images, generator: images
    report = Report(exercise, judge(exercise, lesson), 2)
    assert "✓ pass" in repr(report)
    assert report.earned == 0
    assert "An answer that does nothing passes these tests, too." in repr(report)
    assert "An answer that does nothing" not in repr(wrong)


@pytest.fixture
def live(tmp_path, monkeypatch):
    """A kernel that has run this source, beside a saved notebook that holds another."""

    def live(source, saved):
        notebook = tmp_path / "basic_block.ipynb"
        cells = [{"cell_type": "markdown", "source": "# Lesson"}, {"cell_type": "code", "source": saved}]
        notebook.write_text(json.dumps({"cells": cells}))
        monkeypatch.setattr(lessons, "notebook_of", lambda lesson: notebook)
        linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
        exec(compile(source, "<cell>", "exec"), namespace := {})
        return Lesson.from_kernel("lesson_03", namespace)

    return live


CLASS = "x = 1\nclass PlainBlock:\n    def forward(self, x): return x\n"
FUNCTION = "def PlainBlock(x): return x\n"


@pytest.mark.parametrize("source", [CLASS, FUNCTION])
def test_a_kernel_that_holds_another_definition_than_the_saved_notebook_is_said(live, source):
    assert unsaved(EXERCISE, live(source, source.replace("x: ", "x:  "))) == ""
    assert "Unsaved changes" in unsaved(EXERCISE, live(source, source.replace("return x", "return -x")))


def test_a_missing_definition_names_the_cell_to_run(live):
    with pytest.raises(LessonError, match=r"defines no PlainBlock\. Run cell 2"):
        _ = live("x = 1", CLASS).PlainBlock
