"""What the recorder sees of a test module: everything a probe needs, nothing of what it should give."""

import re

import pytest

from course.lesson import LessonError, all_exercises
from course.probes import without_expected

MODULE = """
import pytest
import torch.nn.functional as F
from course.student import randn

SECRET = 42
CASES = [(1, 10), (2, 20)]

def oracle(x):
    x = F.relu(x)
    return x + SECRET

def make(lesson, x):
    return lesson.f(x)

@pytest.mark.parametrize(("size", "want"), CASES)
def test_sizes(student, size, want):
    x = randn(size)

    def expected():
        return oracle(x) + want

    student.returns(lambda lesson: make(lesson, x), expected, without=["relu"])

def test_raises(student):
    student.raises(lambda lesson: lesson.f(3), ValueError, naming=[(2, 7)])
"""


def test_expectations_and_whatever_serves_only_them_are_gone():
    seen = without_expected(MODULE)
    for secret in ("SECRET", "oracle", "functional", "expected", "10", "20", "ValueError", "7", "'relu'"):
        assert secret not in seen
    assert "make(lesson, x)" in seen
    assert "randn(size)" in seen
    compile(seen, "probes", "exec")


def test_an_expectation_in_a_local_variable_is_refused():
    with pytest.raises(LessonError, match="test_f: want is used only in what is expected"):
        without_expected("def test_f(student):\n    want = 3\n    student.returns(lambda lesson: 1, lambda: want)")


def test_parameters_that_cannot_be_hidden_are_refused():
    module = """
@pytest.mark.parametrize("want", rows())
def test_f(student, want):
    student.returns(lambda lesson: 1, lambda: want)
"""
    with pytest.raises(LessonError, match="write the rows"):
        without_expected(module)


@pytest.mark.parametrize("exercise", all_exercises().values(), ids=lambda e: e.name)
def test_no_test_module_of_a_lesson_shows_what_it_expects(exercise):
    seen = without_expected(exercise.test_module.read_text(encoding="utf-8"))
    for oracle in ("expected", "oracle", "reference", "F.conv2d", "F.batch_norm", "torchvision.models"):
        assert not re.search(rf"\b{re.escape(oracle)}\b", seen)
