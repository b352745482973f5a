"""images_per_second: the fastest step, by a clock that the tests turn."""

import inspect
import time

import pytest


def measured(lesson, seconds, images, **settings):
    """Speed and number of steps where the first step takes seconds[0], the next seconds[1], … and all else no time."""
    now, made = [5.0], []
    real = time.perf_counter

    def turned():
        return now[0]

    def step():
        now[0] += seconds[len(made)] if len(made) < len(seconds) else 1000.0
        made.append(1)

    with pytest.MonkeyPatch.context() as clock:
        for name in [name for name, value in lesson.namespace.items() if value is real]:
            clock.setitem(lesson.namespace, name, turned)
        for function in filter(inspect.isfunction, list(lesson.namespace.values())):
            if any(value is real for value in function.__defaults__ or ()):
                defaults = tuple(turned if value is real else value for value in function.__defaults__)
                clock.setattr(function, "__defaults__", defaults)
        clock.setattr("time.perf_counter", turned)
        speed = lesson.images_per_second(step, images, **settings)
    return {"images a second": speed, "steps": len(made)}


def test_goes_by_the_fastest_step_after_the_first(student):
    student.returns(
        lambda lesson: measured(lesson, [1.0, 8.0, 4.0, 7.0, 16.0], 13, steps=4),
        lambda: {"images a second": 3.25, "steps": 5},
    )


def test_does_not_count_a_slow_first_step(student):
    student.returns(
        lambda lesson: measured(lesson, [900.0, 0.5], 7, steps=1), lambda: {"images a second": 14.0, "steps": 2}
    )


def test_measures_five_steps_unless_it_is_told_otherwise(student):
    student.returns(
        lambda lesson: measured(lesson, [9.0, 2.0, 2.0, 2.0, 2.0, 1.0, 0.5], 3),
        lambda: {"images a second": 3.0, "steps": 6},
    )
