"""The autograder tells the truth: every wrong belief is caught and named, no correct answer is refused."""

import runpy
import zlib
from collections import Counter

import pytest
from rich.console import Console

from course.build import release
from course.checking import judge
from course.diagnosis import misconceptions
from course.lesson import ROOT, Lesson, all_exercises, released
from course.truth import Kills, first_seeds, names

EXERCISES = list(all_exercises().values())
BELIEFS = [pytest.param(m, id=f"{lesson}-{m.exercise}-{m.id}") for lesson in released() for m in misconceptions(lesson)]
ACCEPTED = [
    pytest.param(accepted, id=f"{path.stem}-{accepted.exercise}-{accepted.name.replace(' ', '-')}")
    for path in sorted((ROOT / "tests/course/accepted").glob("*.py"))
    for accepted in runpy.run_path(str(path))["ACCEPTED"]
]
SEEDS = first_seeds(20)


def refuse(*args, **kwargs):
    """Refuse everything, with a message that names whatever there is to name."""
    given = [*args, *kwargs.values()]
    raise ValueError(f"{[tuple(value.shape) for value in given if hasattr(value, 'shape')]} {given}")


HOLLOW = {"refuses": refuse, "gives-back": lambda *args, **kwargs: args[0], "nothing": lambda *args, **kwargs: None}


def failures(exercise, lesson):
    return [verdict for verdict in judge(exercise, lesson).verdicts[exercise.name] if not verdict.passed]


def test_the_readme_counts_them():
    said = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"`tests/lesson_NN/misconceptions.py`: {len(BELIEFS)} of them" in said
    assert f"{len(ACCEPTED)} correct but unusual answers pass" in said


def test_a_belief_has_an_id_of_its_own_and_a_sentence_of_its_own():
    ids = Counter((lesson, m.id) for lesson in released() for m in misconceptions(lesson))
    sentences = Counter((m.exercise, m.belief) for lesson in released() for m in misconceptions(lesson))
    assert {**ids, **sentences} == dict.fromkeys([*ids, *sentences], 1)


@pytest.mark.parametrize("belief", BELIEFS)
def test_a_wrong_belief_is_caught_and_named_first(belief):
    """Under one seed of twenty here, which its id chooses; `course truth --seeds 20` judges each under all of them."""
    seed = SEEDS[zlib.crc32(belief.id.encode()) % len(SEEDS)]
    judged = judge(all_exercises()[belief.exercise], belief.lesson, seed, to_first_failure=True)
    verdicts = judged.verdicts[belief.exercise]
    assert not all(verdict.passed for verdict in verdicts), f"survives every test under seed {seed}: {belief.belief}"
    assert names(belief, verdicts), verdicts[-1].message


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_the_reference_earns_every_point_whatever_the_seed(exercise):
    reference = Lesson.from_solution(exercise.lesson)
    points = {seed: judge(exercise, reference, seed).points(exercise) for seed in SEEDS}
    assert points == dict.fromkeys(SEEDS, exercise.points)


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


@pytest.mark.parametrize("hollow", HOLLOW)
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_an_answer_that_does_nothing_or_refuses_everything_earns_nothing(exercise, hollow):
    lesson = Lesson.from_solution(exercise.lesson)
    lesson.namespace[exercise.name] = HOLLOW[hollow]
    assert judge(exercise, lesson).points(exercise) == 0


def test_the_matrix_of_many_tests_fits_a_narrow_terminal():
    exercise = all_exercises()["ShiftedConv2d"]
    belief = misconceptions(exercise.lesson)[0]
    tests = [f"gives the output[map {number}]" for number in range(30)]
    console = Console(width=80, highlight=False)
    with console.capture() as shown:
        Kills(exercise, tests, {belief: set(tests[28:])}, told=set()).show(console)
    lines = [" ".join(line.split()) for line in shown.get().splitlines()]
    assert f"{belief.id} (not told) │ {'·' * 28}✗✗" in lines
    assert "30 gives the output[map 29] (others catch all that it catches)" in lines
