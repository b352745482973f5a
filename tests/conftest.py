"""How the lessons' tests get the definitions that they judge: options, the `student` fixture, and the summary.

Without an option they judge the student's notebook on disk, with `--solutions` the reference.
"""

from pathlib import Path

import pytest

from course.lesson import ROOT, Exercise, Lesson, LessonError, all_exercises, notebook_of, script_of
from course.tally import Tally


def pytest_addoption(parser):
    group = parser.getgroup("ResNet18 from scratch")
    group.addoption("--solutions", action="store_true", help="test the reference instead of your notebooks")
    group.addoption("--isolated", action="store_true", help="run your code in a sandbox, and judge its answers outside")
    group.addoption("--seed", type=int, default=0, help="draw other random inputs (default: 0)")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "hollow: an answer that does nothing passes it, too; it earns only beside others"
    )
    given = [plugin for plugin in config.pluginmanager.get_plugins() if isinstance(plugin, Tally)]
    config.tally = given[0] if given else Tally()
    if not given:
        config.pluginmanager.register(config.tally)
    config.sources = {}
    if config.option.isolated and config.option.solutions:
        raise pytest.UsageError("--isolated tests your notebooks in a sandbox; leave out --solutions.")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """A skip is a failure, unless its reason begins with what this machine lacks."""
    report = yield
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not reason.removeprefix("Skipped: ").startswith("this machine has "):
            report.outcome, report.longrepr = "failed", f"{reason}; a test that is skipped proves nothing"
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Lessons in order, and in each the exercises in the order of the notebook; the tests of the course last."""
    order = {exercise.test_module: place for place, exercise in enumerate(all_exercises().values())}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_collection_finish(session):
    """Name the files under test before anything else is said of them."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    lessons = dict.fromkeys(e.lesson for item in session.items if (e := exercise_of(item.path)))
    for lesson in lessons if terminal else ():
        path = script_of(lesson) if session.config.option.solutions else notebook_of(lesson)
        terminal.write_line(f"testing {path.relative_to(ROOT)}")
    if terminal and lessons and session.config.option.isolated:
        from course import sandbox

        if sandbox.kind() == "limits only":
            terminal.write_line(sandbox.UNCONFINED)


def pytest_sessionstart(session):
    """One thread: two beside another busy process have been measured 20 times slower than one."""
    import torch

    session.config.threads = torch.get_num_threads()
    torch.set_num_threads(1)


def pytest_sessionfinish(session):
    import torch

    torch.set_num_threads(session.config.threads)


def exercise_of(path: Path) -> Exercise | None:
    """The exercise that a test module judges; None for the tests of the course itself."""
    return next((e for e in all_exercises().values() if e.test_module == path), None)


@pytest.fixture
def student(request):
    """The definitions under test; see `course.student.Student`."""
    import torch

    from course import probes
    from course.outcome import run
    from course.student import Student

    exercise = exercise_of(request.path)
    if exercise is None:
        pytest.fail(f"{request.path.name} is named after no exercise of {request.path.parent.name}", pytrace=False)
    asks_for_nothing = "returns" not in request.function.__code__.co_names  # refusing everything would pass
    hollow = asks_for_nothing or request.node.get_closest_marker("hollow") is not None
    request.node.user_properties += [("exercise", exercise.name), ("hollow", hollow)]
    test = probes.name_of(request.node)
    seed = probes.seed_of(test, request.config.option.seed)
    torch.default_generator.manual_seed(seed)
    try:
        source = _source(request.config, exercise)
    except LessonError as error:
        pytest.exit(str(error), returncode=1)  # nothing can be tested, and one sentence says why
    if isinstance(source, Lesson):
        return Student(exercise, seed, lambda probe, watch: run(probe, source, seed, watch))
    return Student(exercise, seed, source.replay(test))


def _source(config, exercise: Exercise):
    """What is judged: what `check` was given, a sandbox's answers, or a lesson; each made once a session."""
    if config.tally.source is not None:
        return config.tally.source
    if exercise.lesson not in config.sources:
        if config.option.isolated:
            from course.answers import record

            source = record(exercise.lesson, notebook_of(exercise.lesson), config.option.seed)
        else:
            load = Lesson.from_solution if config.option.solutions else Lesson.from_notebook
            source = load(exercise.lesson)
        config.sources[exercise.lesson] = source
    source = config.sources[exercise.lesson]
    return source[exercise.name] if config.option.isolated else source


def pytest_terminal_summary(terminalreporter, config):
    """Exercises done and points, one line an exercise; of a selection of its tests no points can be told."""
    judged = [e for e in all_exercises().values() if e.name in config.tally.verdicts]
    if not judged:
        return
    terminalreporter.section("exercises")
    for e in judged:
        earned = f"{config.tally.points(e):.3g} of {e.points:g} points" if config.tally.complete(e) else "a selection"
        terminalreporter.write_line(f"{e.lesson}  {e.name:24} {config.tally.status(e):24} {earned}")
    whole = [e for e in judged if config.tally.complete(e)]
    done = sum(map(config.tally.done, whole))
    points = sum(map(config.tally.points, whole))
    total = sum(e.points for e in whole)
    terminalreporter.write_line(f"{done} of {len(judged)} exercises done, {points:.3g} of {total:g} points")
