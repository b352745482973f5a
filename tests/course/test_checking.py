"""Check cells: points, partial credit, the report, and what later lessons carry over."""

import pytest

import course
from course.build import release
from course.checking import judge
from course.lesson import Exercise, Lesson, LessonError
from course.tally import Tally, Verdict

EXERCISE = Exercise("lesson_03", "PlainBlock", 2)


def test_a_correct_answer_earns_all_points_as_a_plain_number(capsys):
    PlainBlock = Lesson.from_solution("lesson_03").PlainBlock
    globals()["PlainBlock"] = PlainBlock
    earned = course.check("PlainBlock", points=3)
    assert type(earned) is float
    assert earned == 3.0
    assert "PlainBlock: passed, 3 of 3 points" in capsys.readouterr().out


def test_a_wrong_answer_earns_the_share_of_the_tests_that_pass(capsys):
    reference = Lesson.from_solution("lesson_03").PlainBlock

    class Negated(reference):
        def forward(self, x):
            return -super().forward(x)

    globals()["PlainBlock"] = Negated
    earned = course.check("PlainBlock", points=3)
    said = capsys.readouterr().out
    assert 0 < earned < 3
    passed = said.count("✓ pass")
    total = passed + said.count("✗ FAIL")
    assert passed / total == pytest.approx(earned / 3)
    assert f"PlainBlock: {passed} of {total} tests pass" in said


def test_three_of_four_tests_give_three_of_four_points():
    tally = Tally(verdicts={"PlainBlock": [Verdict("a", True)] * 3 + [Verdict("b", False)]})
    assert tally.points(Exercise("lesson_03", "PlainBlock", 4)) == 3.0


def test_a_selection_of_tests_is_no_exercise_done():
    tally = judge(EXERCISE, Lesson.from_solution("lesson_03"))
    assert tally.done(EXERCISE)
    del tally.verdicts["PlainBlock"][1:]
    assert not tally.done(EXERCISE)
    assert tally.status(EXERCISE) == "1 of 1 that ran pass"


def test_an_exercise_of_two_stubs_is_begun_with_the_first():
    stub = Verdict("b", False, "not implemented yet: BatchNorm2d.forward (lesson 2)")
    tally = Tally(verdicts={"BatchNorm2d": [Verdict("a", True), stub, stub]})
    assert tally.status(Exercise("lesson_02", "BatchNorm2d", 4)) == "1 of 3 that ran pass"


def test_no_verdict_is_no_point():
    assert Tally().points(EXERCISE) == 0.0
    assert not Tally().done(EXERCISE)


def test_ctrl_c_ends_a_check_and_is_no_verdict():
    def interrupted(*sizes):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(EXERCISE, Lesson("lesson_03", "test", {"PlainBlock": interrupted}))


@pytest.mark.parametrize("options", ["-x", "--numprocesses 1", "--last-failed"])
def test_a_verdict_depends_on_nobodys_settings_of_pytest(monkeypatch, options):
    wrong = Lesson("lesson_03", "test", {"PlainBlock": lambda *sizes: None})
    before = judge(EXERCISE, wrong).verdicts
    monkeypatch.setenv("PYTEST_ADDOPTS", options)
    assert judge(EXERCISE, wrong).verdicts == before


def test_a_misspelt_exercise_lists_those_there_are():
    with pytest.raises(LessonError, match=r"'BasicBlok'; there are: .*PlainBlock"):
        course.check("BasicBlok")


def test_a_missing_definition_says_which_cell_to_run(capsys):
    globals().pop("PlainBlock", None)
    assert course.check("PlainBlock", points=3) == 0.0
    assert "this notebook's kernel defines no PlainBlock. Run" in capsys.readouterr().out


def test_a_warning_in_a_correct_answer_costs_nothing(capsys):
    reference = Lesson.from_solution("lesson_03").PlainBlock

    class Warning(reference):
        def forward(self, x):
            import warnings

            warnings.warn("this is fine", stacklevel=1)
            return super().forward(x)

    globals()["PlainBlock"] = Warning
    assert course.check("PlainBlock", points=2) == 2.0
    assert capsys.readouterr().err == ""


def test_carry_gives_the_reference_and_says_why_where_the_students_own_is_not_done(capsys, monkeypatch, tmp_path):
    notebook = tmp_path / "released.ipynb"
    notebook.write_text(release("lesson_03"), encoding="utf-8")
    untouched = Lesson.from_notebook("lesson_03", notebook)
    monkeypatch.setattr(Lesson, "from_notebook", lambda name: untouched)
    carried = course.carry("lesson_03", "PlainBlock")
    assert carried(2, 2)
    assert capsys.readouterr().out == "PlainBlock: the reference (yours: not implemented yet)\n"


def test_carry_gives_the_reference_in_silence_while_grading(capsys, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert course.carry("lesson_03", "PlainBlock")(2, 2)
    assert capsys.readouterr().out == ""


def test_carry_gives_the_students_own_once_it_passes(capsys, monkeypatch):
    own = Lesson.from_solution("lesson_03")
    own.namespace["PlainBlock"] = type("Own", (own.PlainBlock,), {})
    monkeypatch.setattr(Lesson, "from_notebook", lambda name, carrying=False: own)
    assert course.carry("lesson_03", "PlainBlock").__name__ == "Own"
    assert capsys.readouterr().out.startswith("PlainBlock: your own, from ")
