"""The house itself: what must be the same in two places is."""

import os
import re
import subprocess
import sys
import tomllib

from course.lesson import ROOT, all_exercises

CONDA_NAMES = {"torch": "pytorch"}


def test_conda_and_pip_users_get_the_same_environment():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pip = [re.fullmatch(r"([\w-]+)(.*)", requirement).groups() for requirement in project["dependencies"]]
    expected = [("python", project["requires-python"])] + [(CONDA_NAMES.get(name, name), v) for name, v in pip]
    conda = re.findall(r"^  - ([\w-]+) (\S+)$", (ROOT / "environment.yml").read_text(), re.MULTILINE)
    assert conda == expected


def test_every_exercise_has_a_test_module_and_no_module_lacks_an_exercise():
    modules = {path for path in ROOT.glob("tests/lesson_*/test_*.py")}
    assert {exercise.test_module for exercise in all_exercises().values()} == modules


def test_a_skip_is_a_failure_unless_it_names_what_the_machine_lacks(tmp_path):
    (tmp_path / "test_skips.py").write_text(
        "import pytest\n"
        "def test_called(): pytest.skip('no time')\n"
        "@pytest.mark.skip(reason='no time')\n"
        "def test_marked(): pass\n"
        "@pytest.mark.xfail\n"
        "def test_expected_to_fail(): assert False\n"
        "def test_hardware(): pytest.skip('this machine has no GPU')\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    said = subprocess.run([*command, tmp_path], env=environment, cwd=tmp_path, capture_output=True, text=True).stdout
    assert "2 failed, 1 skipped, 1 error" in said, said  # a marked test ends in its set-up


def test_no_two_tracked_names_are_equal_but_for_case():
    names = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
    assert len({name.lower() for name in names}) == len(names)
