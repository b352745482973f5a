"""The autograder tells the truth: every wrong belief is caught and named, no correct answer is refused."""

import runpy

import pytest

from course.build import release
from course.checking import judge
from course.diagnosis import misconceptions
from course.lesson import ROOT, Lesson, all_exercises

EXERCISES = list(all_exercises().values())
LESSONS = list(dict.fromkeys(exercise.lesson for exercise in EXERCISES))
BELIEFS = [pytest.param(m, id=f"{lesson}-{m.exercise}-{m.id}") for lesson in LESSONS for m in misconceptions(lesson)]
ACCEPTED = [
    pytest.param(accepted, id=f"{path.stem}-{accepted.exercise}-{accepted.name.replace(' ', '-')}")
    for path in sorted((ROOT / "tests/course/accepted").glob("*.py"))
    for accepted in runpy.run_path(str(path))["ACCEPTED"]
]


def failures(exercise, lesson):
    return [verdict for verdict in judge(exercise, lesson).verdicts[exercise.name] if not verdict.passed]


@pytest.mark.parametrize("belief", BELIEFS)
def test_a_wrong_belief_is_caught_and_named_first(belief):
    failed = failures(all_exercises()[belief.exercise], belief.lesson)
    assert failed, f"survives every test: {belief.belief}"
    assert f"Consistent with: {belief.belief}" in failed[0].message, failed[0]


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_a_correct_but_unusual_answer_passes(accepted):
    assert failures(all_exercises()[accepted.exercise], accepted.lesson) == []


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_an_untouched_stub_fails_every_test(exercise, tmp_path):
    notebook = tmp_path / "released.ipynb"
    notebook.write_text(release(exercise.lesson), encoding="utf-8")
    verdicts = judge(exercise, Lesson.from_notebook(exercise.lesson, notebook)).verdicts[exercise.name]
    assert [v.sentence for v in verdicts if v.passed] == []
    assert {v.message.split(":")[0] for v in verdicts} == {"not implemented yet"}
