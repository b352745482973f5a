"""The answer file: what is written comes back, what is malformed is a zero with a reason, nothing is executed."""

import io
import json
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from course.answers import Answers, decode, encode, write_answer
from course.lesson import Lesson, LessonError
from course.outcome import Opaque, difference, kind_of, plain, run

VALUES = [
    None,
    True,
    3,
    2.5,
    float("nan"),
    "text",
    torch.randn(2, 3, dtype=torch.float64),
    torch.ones(2).bfloat16(),
    torch.tensor(3),
    torch.empty(0, 4),
    torch.tensor([True, False]),
    torch.randn(3, 4).t(),
    torch.arange(3)[2::3],  # one element, with a stride
    np.arange(6, dtype=np.int16).reshape(2, 3)[:, ::-1],
    {"a": [1, (2.0, torch.zeros(1))]},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_as_it_was(value):
    back = decode(json.loads(json.dumps(encode(value))))
    assert type(back) is type(value)
    assert difference(back, plain(value)) is None


MALFORMED = [
    {"tensor": ["float32", [2], "AAAA"]},
    {"tensor": ["float32", [2**62], ""]},
    {"tensor": ["float32", [-1], ""]},
    {"tensor": ["float32", [True], "AAAAAA=="]},
    {"tensor": ["no_such_type", [1], "AAAAAA=="]},
    {"tensor": ["float32", [1], "not base64!"]},
    {"array": ["|O", [1], "AAAAAAAAAAA="]},
    {"array": ["<f4,<f4", [1], "AAAAAAAAAAA="]},
    {"array": [">f8", [1], "AAAAAAAAAAA="]},
    {"array": ["<c8", [1], "AAAAAAAAAAA="]},
    {"list": [], "more": 1},
    {"surprise": 1},
    [1, 2],
]


@pytest.mark.parametrize("data", MALFORMED, ids=str)
def test_a_malformed_value_is_refused(data):
    with pytest.raises((ValueError, TypeError)):
        decode(data)


def test_an_answer_that_is_no_data_comes_back_as_its_kind():
    assert decode(json.loads(json.dumps(encode(Opaque("Lesson"))))) == Opaque("Lesson")


def test_nesting_without_end_is_refused():
    data: object = 1
    for _ in range(100):
        data = {"list": [data]}
    with pytest.raises(ValueError, match="nested too deeply"):
        decode(data)


def line(key, value):
    return json.dumps({"key": key, "value": encode(value), "kernels": [], "calls": []}).encode() + b"\n"


def test_the_calls_of_modules_come_back_as_they_were():
    out = io.BytesIO()
    outcome = run(lambda lesson: nn.Linear(2, 3)(torch.ones(4, 2)), Lesson("lesson_03", "test", {}), 0)
    write_answer(out, "f/a#0", outcome)
    assert outcome.calls
    assert Answers.parse(out.getvalue()).part("f").replay("a")(None, False).calls == outcome.calls


@pytest.mark.parametrize(
    "bad",
    [
        b"garbage",
        pickle.dumps({"key": 1}),
        b"[" * 100_000,
        b'{"key": "b"}',
        b'{"key": 1, "value": 1, "kernels": [], "calls": []}',
        b'{"key": "b", "value": 1, "kernels": [], "calls": [["conv1", [], []]]}',
        b'{"key": "b", "value": 1, "kernels": [], "calls": [["conv1", [["x"]], [], []]]}',
        b"\xff",
        b'{"key": "b", "value": {"array": ["(1,f4", [1], "AAAA"]}, "kernels": [], "calls": []}',
        b'{"key": "b", "value": [' + b"[]," * 100_000 + b'[]], "kernels": [], "calls": []}',
        b'{"key": "b", "kinds": [], "message": "", "place": "", "more": 1}',
    ],
    ids=["text", "pickle", "depth", "fields", "types", "calls", "fingerprints", "bytes", "dtype", "parts", "more"],
)
def test_a_malformed_line_costs_only_itself(bad):
    answers = Answers.parse(line("a#0", 1) + bad + b"\n" + line("b#0", 2))
    assert answers.replay("a")(None, False).value == 1
    assert answers.replay("b")(None, False).value == 2
    missing = answers.replay("c")(None, False).error
    assert missing is not None
    assert missing.kinds == (kind_of(LessonError),)
    assert "the answer file is malformed" in missing.message


def test_a_forged_end_of_an_exercise_does_not_stop_the_judge():
    forged = line("f/", torch.zeros(2)) + line("f/a#0", 1)
    assert Answers.parse(forged).part("f").replay("a")(None, False).value == 1


def test_a_missing_answer_says_why():
    missing = Answers.parse(b"", "it was stopped after 60 s").replay("a")(None, False).error
    assert "it was stopped after 60 s" in missing.message


def test_an_answer_once_given_stands():
    assert Answers.parse(line("a#0", 1) + line("a#0", 2)).replay("a")(None, False).value == 1
