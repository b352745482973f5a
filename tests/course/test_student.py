"""The vocabulary of the lessons' tests: what it lets pass, what it refuses, and what its reports say."""

import linecache
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course.divergence import Calls, first_divergence
from course.lesson import Exercise, Lesson
from course.outcome import difference, plain, run
from course.student import Student, fill_, randn


def student_of(lesson):
    """The student whose lesson 3 this is."""
    return Student(Exercise("lesson_03", "PlainBlock", 1), 0, lambda probe, watch: run(probe, lesson, 0, watch))


def holding(**definitions):
    """A student whose lesson 3 holds these definitions."""
    return student_of(Lesson("lesson_03", "test", definitions))


def message(call, *arguments, **options):
    with pytest.raises(pytest.fail.Exception) as caught:
        call(*arguments, **options)
    return str(caught.value)


SAME = [
    (torch.ones(2, 3), torch.ones(2, 3)),
    (torch.tensor(float("nan")), torch.tensor(float("nan"))),
    (nn.Parameter(torch.ones(2)), torch.ones(2)),
    (np.ones((2, 2), np.float32), np.ones((2, 2))),
    (3, 3),
    (1, 1.0),
    ({"a": [1, torch.zeros(2)]}, {"a": [1, torch.zeros(2)]}),
    (torch.Size([2, 3]), (2, 3)),
    (None, None),
    (1.0 + 1e-9, 1.0),
]
DIFFERENT = [
    (torch.ones(2, 3), torch.ones(3, 2), r"shape \(2, 3\), expected \(3, 2\)"),
    (torch.ones(2).double(), torch.ones(2), "dtype torch.float64, expected torch.float32"),
    (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0]), r"1 of 2 elements differ.*first at \[1\]: got 2, expected 3"),
    (torch.tensor([float("nan")]), torch.ones(1), "1 of 1 elements differ"),
    (torch.tensor([float("nan"), 2]), torch.tensor([float("nan"), 1]), "1 of 2 elements differ, by at most 1;"),
    (torch.tensor([1.0 + 1e-6], dtype=torch.float64), torch.ones(1, dtype=torch.float64), "1 of 1"),
    (np.ones(2), torch.ones(2), r"got a float64 array of shape \(2,\), expected a float32 tensor of shape \(2,\)"),
    (1.0, torch.ones(()), "got 1.0, expected a float32 tensor"),
    (True, 1, "got True, expected 1"),
    (True, 1.0, "got True, expected 1.0"),
    (2, 3, "got 2, expected 3"),
    (float("nan"), 1.0, "got nan, expected 1"),
    (10**400, 1.0, "got an integer of more than 300 digits, expected 1"),
    (np.ones(2, dtype=complex), np.ones(2), r"got a complex128 array of shape \(2,\)"),
    (np.ones(2, dtype=">f8"), np.ones(2), r"got a >f8 array of shape \(2,\)"),
    (np.longdouble(1), 1.0, "got a longdouble, expected 1.0"),
    ([1, 2], (1, 2), r"got \[1, 2\], expected \(1, 2\)"),
    ({"a": torch.ones(2)}, None, r"got {a: a float32 tensor of shape \(2,\)}, expected None"),
    (list(range(1000)), None, r"got \[0, 1, .* …, expected None"),
    ([1, 2], [1, 2, 3], "got 2 values, expected 3"),
    ({"a": 1}, {"b": 1}, "missing: b; not expected: a"),
    ({}, dict.fromkeys("gfedcba", 1), "missing: a, b, c, d, e and 2 more"),
    ({"a": [1, 2]}, {"a": [1, 3]}, r"a\[1\]: got 2, expected 3"),
    (None, 3, "got None, expected 3"),
    (object(), 3, "got a object, expected 3"),
]


@pytest.mark.parametrize(("got", "want"), SAME)
def test_equal_answers_have_no_difference(got, want):
    assert difference(plain(got), plain(want)) is None


@pytest.mark.parametrize(("got", "want", "said"), DIFFERENT)
def test_a_difference_is_said_in_one_line(got, want, said):
    assert re.search(said, difference(plain(got), plain(want)))


def test_an_object_that_claims_to_equal_everything_does_not():
    class Liar(float):
        __eq__ = __ge__ = __le__ = lambda self, other: True

    class Tensor(torch.Tensor):
        @classmethod
        def __torch_function__(cls, *args, **kwargs):
            return torch.ones(2)

    assert difference(plain(Liar(2)), 3.0) is not None
    assert difference(plain(torch.zeros(2).as_subclass(Tensor)), torch.ones(2)) is not None


def test_a_report_says_what_was_called_with_what_and_how_it_differs():
    x = randn(2, 3, 9, 7)
    said = message(holding(f=lambda x: x[:1]).returns, lambda lesson: lesson.f(x), lambda: x)
    assert said.splitlines() == [
        "shape (1, 3, 9, 7), expected (2, 3, 9, 7)",
        "called: f(x)",
        "with x: a float32 tensor of shape (2, 3, 9, 7)",
    ]


def test_a_report_of_an_error_in_the_answer_quotes_its_line():
    source = "def f(x):\n    return x.no_such_name\n"
    linecache.cache["<answer>"] = (len(source), None, source.splitlines(keepends=True), "<answer>")
    lesson = Lesson("lesson_03", "test", {})
    exec(compile(source, "<answer>", "exec"), lesson.namespace)
    student = student_of(lesson)
    said = message(student.returns, lambda lesson: lesson.f(1), lambda: 1)
    assert "raised AttributeError: 'int' object has no attribute 'no_such_name', expected 1" in said
    assert "at <answer>, line 2: return x.no_such_name" in said.splitlines()


def test_a_stub_is_not_implemented_yet_whatever_it_should_return_or_raise():
    def f():
        raise NotImplementedError("lesson 3: PlainBlock.forward")

    assert message(holding(f=f).returns, lambda lesson: lesson.f(), lambda: 1) == (
        "not implemented yet: PlainBlock.forward (lesson 3)"
    )
    assert message(holding(f=f).raises, lambda lesson: lesson.f(), ValueError).startswith("not implemented yet")


def test_a_library_that_implements_something_not_is_no_stub():
    class Misspelt(nn.Module):
        def foward(self, x):
            return x

    said = message(holding(f=Misspelt()).returns, lambda lesson: lesson.f(1), lambda: 1)
    assert said.startswith('raised NotImplementedError: Module [Misspelt] is missing the required "forward" function')


def test_a_missing_name_is_explained_by_the_cell_that_could_not_be_loaded():
    lesson = Lesson("lesson_03", "test", {}, problems=["SyntaxError: invalid syntax, at cell 2, line 1: import"])
    exec("def f():\n    return F", lesson.namespace)
    said = message(student_of(lesson).returns, lambda lesson: lesson.f(), lambda: 1)
    assert "name 'F' is not defined; could not be loaded: SyntaxError: invalid syntax, at cell 2" in said


def test_what_an_answer_says_can_neither_flood_nor_steer_a_terminal():
    def f():
        raise ValueError("\x1b[2J" + "x" * 1_000_000)

    said = message(holding(f=f).returns, lambda lesson: lesson.f(), lambda: 1)
    assert "\x1b" not in said
    assert len(said) < 5000
    assert said.splitlines()[-1] == "called: f()"


def test_an_error_of_the_answers_own_that_is_no_exception_is_an_answer_like_any_other():
    class Mine(BaseException):
        pass

    def f():
        raise Mine("mine")

    assert "raised Mine: mine, expected 1" in message(holding(f=f).returns, lambda lesson: lesson.f(), lambda: 1)


def test_a_module_may_be_called_where_there_are_no_numbers():
    def f():
        return nn.Linear(2, 3).to("meta")(torch.ones(4, 2, device="meta")).shape

    holding(f=f).returns(lambda lesson: lesson.f(), lambda: (4, 3))


def test_an_endless_loop_is_stopped(monkeypatch):
    def f():
        while True:
            pass

    monkeypatch.setattr("course.outcome.PROBE_SECONDS", 0.1)
    assert "TimeoutError: no answer after 0.1 s" in message(holding(f=f).returns, lambda lesson: lesson.f(), lambda: 1)


def test_leaving_the_interpreter_is_an_answer_like_any_other():
    assert "raised SystemExit" in message(holding(f=exit).returns, lambda lesson: lesson.f(), lambda: 1)


def test_writing_into_the_input_does_not_spoil_the_expected_value_or_the_next_probe():
    x = randn(3)
    student = holding(f=lambda x: x.zero_())
    student.returns(lambda lesson: lesson.f(x), lambda: torch.zeros(3))
    assert x.abs().min() > 0


def test_every_run_of_a_probe_sees_the_same_random_numbers():
    holding(f=torch.randn).returns(lambda lesson: lesson.f(3), lambda: torch.randn(3))


@pytest.mark.parametrize(
    "convolve", [F.conv2d, torch.conv2d, lambda x, w: nn.Conv2d(3, 4, 2)(x), torch.inference_mode()(F.conv2d)]
)
def test_the_librarys_own_kernel_is_refused_however_it_is_reached(convolve):
    x, weight = randn(1, 3, 5, 5), randn(4, 3, 2, 2)
    student = holding(f=convolve)
    said = message(student.returns, lambda lesson: lesson.f(x, weight).shape, lambda: (1, 4, 4, 4), without=["conv"])
    assert re.match("calls the library's own .*conv.*; here you build it from scratch", said)


def test_the_kernel_is_seen_in_the_backward_pass_too():
    class Hidden(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            return F.conv2d(grad, torch.ones(1, 1, 1, 1))

    def probe(lesson):
        leaf = torch.ones(1, 1, 2, 2, requires_grad=True)
        lesson.f(leaf).sum().backward()
        return leaf.grad

    said = message(holding(f=Hidden.apply).returns, probe, lambda: torch.ones(1, 1, 2, 2), without=["convolution"])
    assert "from scratch" in said


NAMES = [
    "got (2, 3, 9, 7) and 5",
    "got torch.Size([2, 3, 9, 7]) and C=5",
    "2 x 3 x 9 x 7 with 5 channels",
    "input is 2×3×9×7, weight has 5",
    "batch=2 channels=3 kernel_height=9 kernel_width=7, weight 5",
    "one of 1..5, not (2, 3, 9, 7)",
    "2 rows of 3 and, by the other dimension's length, 9 x 7 of 5",
]


@pytest.mark.parametrize("text", NAMES)
def test_a_shape_may_be_named_in_any_notation(text):
    def f():
        raise ValueError(text)

    holding(f=f).raises(lambda lesson: lesson.f(), ValueError, naming=[(2, 3, 9, 7), 5])


def test_a_number_may_be_grouped_by_thousands():
    def f():
        raise ValueError(f"got 6 x {3072:,} bytes")

    holding(f=f).raises(lambda lesson: lesson.f(), ValueError, naming=[(6, 3072)])


def test_a_message_without_the_shape_is_refused():
    def f():
        raise ValueError("got (12, 3, 9, 75)")

    said = message(holding(f=f).raises, lambda lesson: lesson.f(), ValueError, naming=[(2, 3, 9, 7)])
    assert said.startswith("the message lacks (2, 3, 9, 7): ValueError: got (12, 3, 9, 75)")


def test_the_wrong_error_and_no_error_are_refused():
    student = holding(f=lambda: 3, g=lambda: [][1])
    assert "returned 3, expected ValueError" in message(student.raises, lambda lesson: lesson.f(), ValueError)
    assert "raised IndexError" in message(student.raises, lambda lesson: lesson.g(), ValueError)


def test_an_answer_that_leaves_gradients_off_does_so_to_nobody_else():
    holding(f=lambda: [torch.set_grad_enabled(False), 1]).returns(lambda lesson: lesson.f()[1], lambda: 1)
    assert torch.is_grad_enabled()


def test_modules_of_the_same_names_get_the_same_weights_whatever_their_order():
    one, other = nn.Module(), nn.Module()
    one.a, one.b = nn.Linear(2, 3), nn.BatchNorm2d(4)
    other.b, other.a = nn.BatchNorm2d(4), nn.Linear(2, 3)
    fill_(one), fill_(other)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    assert one.b.running_var.min() > 0


BLOCK = """
class PlainBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        out = self.bn1(self.conv1(x)).relu()
        return self.bn2(self.conv2(out)).relu()
"""


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("self.conv1(x)).relu()", "self.conv1(x)).tanh()", "PlainBlock.conv2, because it is given something else."),
        ("padding=1, bias", "padding=1, padding_mode='circular', bias", "PlainBlock.conv1, although it is given what"),
        ("self.conv2(out)).relu()", "self.conv2(out)).tanh()", "PlainBlock, although all of its submodules give what"),
    ],
)
def test_a_mistake_that_no_belief_explains_is_traced_to_the_first_module_that_differs(right, wrong, said):
    lesson = Lesson.from_solution("lesson_03")
    exec(BLOCK.replace(right, wrong), lesson.namespace)
    student = student_of(lesson)
    x, right_block = randn(2, 3, 9, 7), Lesson.from_solution("lesson_03").PlainBlock
    report = message(
        student.returns, lambda lesson: fill_(lesson.PlainBlock(3, 4))(x), lambda: fill_(right_block(3, 4))(x)
    )
    assert f"With the same weights, the first module whose output differs is {said}" in report.splitlines()[-1]


def test_modules_with_other_weights_are_not_compared():
    right, other = nn.Linear(2, 2), nn.Linear(2, 2)
    with Calls() as calls:
        right(torch.ones(2))
    with Calls() as others:
        other(torch.ones(2))
    assert first_divergence(others.seen, calls.seen) is None
