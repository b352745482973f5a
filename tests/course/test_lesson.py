"""Loading a lesson: definitions are executed, demos are not, and what is wrong is said with notebook, cell and line."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest

from course.lesson import ROOT, Lesson, LessonError, script_of, time_limit

BLOCK = "class BasicBlock(nn.Module):\n    pass"


@pytest.fixture
def load(tmp_path):
    """Load lesson 3 from a notebook of these cells."""

    def load(*cells):
        path = tmp_path / "basic_block.ipynb"
        path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]}))
        return Lesson.from_notebook("lesson_03", path)

    return load


def test_a_definition_brings_the_imports_constants_and_helpers_that_it_refers_to(load):
    lesson = load(
        "from torch import nn\nWIDTH = 4",
        "def helper():\n    return WIDTH",
        "class BasicBlock(nn.Module):\n    width = helper()",
    )
    assert lesson.BasicBlock.width == 4


def test_what_no_exercise_refers_to_is_loaded_when_it_is_asked_for_and_nothing_is_loaded_twice(load):
    lesson = load("SHARED = []", "def PlainBlock():\n    return SHARED", "def helper():\n    return SHARED")
    assert "helper" not in lesson.namespace
    assert lesson.helper() is lesson.PlainBlock()


def test_what_is_put_into_a_lesson_stays_when_more_of_it_is_loaded(load):
    lesson = load("def PlainBlock():\n    return 1", "SIZE = 2", "def helper():\n    return SIZE")
    lesson.namespace["SIZE"] = 3
    assert lesson.helper() == 3


def test_demos_are_not_run(load):
    lesson = load(
        "from torch import nn", BLOCK, "x = 1 / 0", "print(1 / 0)", "for i in [1]:\n    1 / 0", "while 1: pass"
    )
    assert lesson.BasicBlock
    assert lesson.problems == []


def test_an_endless_loop_at_the_top_level_of_a_definition_cell_is_not_run(load):
    assert load("from torch import nn\nwhile True:\n    pass\n" + BLOCK).BasicBlock


def test_a_constant_that_never_ends_is_stopped_and_named(load, monkeypatch):
    monkeypatch.setattr("course.lesson.LOAD_SECONDS", 0.1)
    endless = "def endless():\n    while True:\n        pass"
    lesson = load(endless, "WIDTH = endless()", "def PlainBlock():\n    return WIDTH")
    assert lesson.problems[0].startswith("TimeoutError: no answer after 0.1 s")
    assert "cell 1, line 2: while True:" in lesson.problems[0]


def test_the_time_limit_passes_through_a_handler_of_every_exception():
    def stubborn():
        while True:
            with suppress(Exception):
                pass

    with pytest.raises(TimeoutError, match=r"no answer after 0\.1 s"), time_limit(0.1):
        stubborn()


def test_a_later_definition_replaces_an_earlier_one(load):
    assert load("def PlainBlock():\n    return 1", "def PlainBlock():\n    return 2").PlainBlock() == 2


def test_methods_set_after_the_definition_count(load):
    lesson = load(
        "class PlainBlock:\n    pass", "def f(self):\n    return 7", "PlainBlock.forward = f", "K = {}\nK[0] = 3"
    )
    assert lesson.PlainBlock().forward() == 7


def test_a_function_made_by_an_assignment_counts(load):
    assert load("PlainBlock = lambda: 5").PlainBlock() == 5


def test_magics_and_shell_lines_are_skipped_and_line_numbers_kept(load):
    lesson = load("%matplotlib inline\n!ls\nPlainBlock?\n\ndef PlainBlock():\n    raise KeyError", "%%time\n1 / 0")
    with pytest.raises(KeyError) as caught:
        lesson.PlainBlock()
    assert caught.traceback[-1].lineno + 1 == 6


@pytest.mark.parametrize(
    "magic", ["%%time", "%%capture said", "files = !ls\n", "t = %timeit -n1 -o 1", "if 1:\n    !ls"]
)
def test_a_definition_beside_a_magic_counts(load, magic):
    assert load(f"{magic}\ndef PlainBlock():\n    return 1").PlainBlock() == 1


@pytest.mark.parametrize("cell", ["%%bash\ndef PlainBlock", "%%timeit\ndef PlainBlock():\n    return 2"])
def test_a_cell_that_leaves_nothing_behind_defines_nothing(load, cell):
    assert load("def PlainBlock():\n    return 1", cell).PlainBlock() == 1


def test_a_dataclass_finds_its_module(load):
    lesson = load(
        "from __future__ import annotations\nfrom dataclasses import dataclass",
        "@dataclass\nclass Widths:\n    first: int = 64",
        "def PlainBlock():\n    return Widths().first",
    )
    assert (lesson.PlainBlock(), lesson.problems) == (64, [])


@pytest.mark.parametrize(
    "filling",
    [
        "for k in [1, 2]:\n    W[k] = 2 * k",
        "W.update({1: 2, 2: 4})",
        "with open('/dev/null'):\n    W[1] = 2\n    W[2] = 4",
    ],
)
def test_what_fills_a_container_that_a_definition_reads_is_run(load, filling):
    assert load("W = {}", filling, "def PlainBlock():\n    return W").PlainBlock() == {1: 2, 2: 4}


ADD = "def add_to(cls):\n    return lambda function: setattr(cls, function.__name__, function)\n"
KEEP = "def keep(function):\n    KINDS[function.__name__] = function\n    return function\n"


@pytest.mark.parametrize(
    ("kinds", "filling", "one"),
    [
        ("class KINDS: pass", f"{ADD}@add_to(KINDS)\ndef one(): return 1", "KINDS.one()"),
        ("KINDS = []", "@KINDS.append\ndef one(): return 1", "KINDS[0]()"),
        ("KINDS = {}", f"{KEEP}@keep\ndef one(): return 1", "KINDS['one']()"),
        ("", "def make():\n    global KINDS\n    KINDS = 1\nmake()", "KINDS"),
        ("KINDS = torch.zeros(1)", "KINDS.add_(1)", "KINDS.item()"),
        ("KINDS = torch.zeros(1)", "torch.nn.init.ones_(KINDS)", "KINDS.item()"),
        ("KINDS = torch.zeros(1)", "torch.ones(1, out=KINDS)", "KINDS.item()"),
    ],
)
def test_what_fills_it_by_a_decorator_a_call_or_in_place_is_run(load, kinds, filling, one):
    lesson = load("import torch", kinds, filling, f"def PlainBlock():\n    return {one}")
    assert (lesson.PlainBlock(), lesson.problems) == (1, [])


def test_what_only_mentions_a_library_is_not_run(load):
    demos = "@torch.no_grad()\ndef demo(x=1 / 0): pass", "torch.nn.init.ones_(1 / 0)"
    lesson = load("import torch", *demos, "def PlainBlock():\n    return torch.ones(1)")
    assert (lesson.PlainBlock().item(), lesson.problems) == (1, [])


def test_a_training_loop_is_not_taken_for_a_definition_of_what_it_changes(load):
    lesson = load("w = 1", "for step in range(3):\n    w -= 1 / 0", "def PlainBlock():\n    return w")
    assert (lesson.PlainBlock(), lesson.problems) == (1, [])


@pytest.mark.parametrize("magic", ["", "%matplotlib inline\n"])
def test_a_line_that_begins_with_an_operator_is_no_magic(load, magic):
    lesson = load(magic + 'def PlainBlock():\n    return (\n        "%s"\n        % 3\n        != "4"\n    )')
    assert lesson.PlainBlock() is True


@pytest.mark.parametrize(
    "source", ["return 1", "break", "def f(a, a):\n    pass", "f(a=1, a=2)", "x = '\0'", "(" * 500]
)
def test_what_only_the_compiler_refuses_spoils_only_its_own_cell(load, source):
    lesson = load("def PlainBlock():\n    return 1", source)
    assert lesson.PlainBlock() == 1
    assert len(lesson.problems) == 1


def test_a_syntax_error_spoils_only_its_own_cell(load):
    lesson = load("def PlainBlock():\n    return 1", "def BasicBlock(:\n    pass")
    assert lesson.PlainBlock() == 1
    with pytest.raises(LessonError, match=r"BasicBlock could not be loaded.*SyntaxError.*cell 2, line 1"):
        _ = lesson.BasicBlock


def test_an_error_while_loading_names_cell_and_line(load):
    lesson = load("def PlainBlock():\n    return WIDTH", "# widths\nWIDTH = [1][5]")
    assert lesson.problems[0].startswith("IndexError: list index out of range, at ")
    assert lesson.problems[0].endswith("basic_block.ipynb, cell 2, line 2: WIDTH = [1][5]")


def test_a_missing_stub_is_named_with_the_way_back(load):
    with pytest.raises(LessonError, match=r"defines no BasicBlock.*git show HEAD:lessons/lesson_03/basic_block\.ipynb"):
        _ = load("x = 1").BasicBlock


def test_future_annotations_hold_for_later_cells(load):
    lesson = load("from __future__ import annotations", "def PlainBlock(x: NoSuchType):\n    return x")
    assert lesson.PlainBlock(1) == 1


def test_star_imports_are_kept(load):
    assert load("from math import *", "def PlainBlock():\n    return pi").PlainBlock() > 3


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"cells": 3}', '{"cells": [{"source": 1}]}'])
def test_a_file_that_is_no_notebook_is_named_with_the_way_out(tmp_path, text):
    path = tmp_path / "basic_block.ipynb"
    path.write_text(text)
    with pytest.raises(LessonError, match=r"basic_block\.ipynb is not a notebook"):
        Lesson.from_notebook("lesson_03", path)


def test_a_missing_notebook_says_how_to_make_it(tmp_path):
    with pytest.raises(LessonError, match="make lessons"):
        Lesson.from_notebook("lesson_03", tmp_path / "none.ipynb")


def test_pytest_says_once_and_with_an_exit_code_that_a_notebook_cannot_be_read(tmp_path):
    for part in ("solutions", "tests/lesson_03"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for part in ("tests/conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / part, tmp_path / part)
    notebook = tmp_path / "lessons/lesson_03/basic_block.ipynb"
    notebook.parent.mkdir(parents=True)
    notebook.write_text("not json")
    command = [sys.executable, "-m", "pytest", "tests/lesson_03"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"COURSE_ROOT": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert (done.stdout + done.stderr).count("lessons/lesson_03/basic_block.ipynb is not a notebook") == 1


def test_an_unknown_lesson_lists_the_known_ones():
    with pytest.raises(LessonError, match=r"lesson_99.*there are: lesson_00, lesson_01"):
        script_of("lesson_99")
