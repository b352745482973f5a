"""Scores: what nbgrader reads from a test cell, for every output it is known to misread."""

import pytest
from nbformat.v4 import new_code_cell, new_output
from nbgrader.utils import determine_grade

from course.grading import ScoresOnly, score


def graded(*outputs):
    """The score that nbgrader sees in a 3-point test cell with these outputs."""
    role = {"grade": True, "solution": False, "locked": True, "points": 3, "grade_id": "check-X", "schema_version": 3}
    cell = new_code_cell('check("X", points=3)', metadata={"nbgrader": role}, outputs=list(outputs))
    cell, _ = ScoresOnly().preprocess_cell(cell, {}, 0)
    return determine_grade(cell)[0]


def result(text):
    return new_output("execute_result", {"text/plain": text}, execution_count=1)


def stream(name):
    return new_output("stream", name=name, text="UserWarning: something\n")


@pytest.mark.parametrize(("text", "points"), [("3.0", 3), ("2.25", 2.25), ("0.0", 0), ("0", 0), ("3", 3)])
def test_a_finite_number_in_range_is_the_score(text, points):
    assert graded(result(text)) == points


@pytest.mark.parametrize(
    "text", ["True", "nan", "inf", "-1.0", "3.1", "1e9", "tensor(3.)", "'3.0'", "[3.0]", "None", "", "<object>", "3 3"]
)
def test_anything_else_scores_zero(text):
    assert graded(result(text)) == 0


def test_no_output_scores_zero():
    assert graded() == 0


def test_printed_and_displayed_numbers_are_no_score():
    assert graded(new_output("stream", name="stdout", text="3.0\n")) == 0
    assert graded(new_output("display_data", {"text/plain": "3.0"})) == 0


def test_two_results_score_zero():
    assert graded(result("3.0"), result("3.0")) == 0


def test_an_error_scores_zero_even_after_a_result():
    assert graded(result("3.0"), new_output("error", ename="E", evalue="", traceback=[])) == 0


def test_a_warning_beside_the_score_costs_nothing():
    assert graded(stream("stderr"), result("3.0"), stream("stderr")) == 3


def test_the_reason_for_no_points_is_said_in_the_cell():
    role = {"grade": True, "solution": False, "points": 3}
    cell = new_code_cell("", metadata={"nbgrader": role}, outputs=[result("True")])
    with pytest.raises(ValueError, match="the cell shows 'True', a score is a number"):
        score(cell)
