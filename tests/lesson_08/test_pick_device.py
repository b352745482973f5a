"""pick_device: what a machine has, whatever this one is; the questions that torch is asked get answers made up here."""

import pkgutil

import pytest
import torch


def chosen(lesson, name, gpus=0, apple=False):
    """What `pick_device` gives on a machine with so many CUDA GPUs, and Apple's or not."""
    answers = {
        "torch.cuda.is_available": lambda: gpus > 0,
        "torch.cuda.device_count": lambda: gpus,
        "torch.backends.mps.is_available": lambda: apple,
    }
    with pytest.MonkeyPatch.context() as machine:
        for question, answer in answers.items():
            asked = pkgutil.resolve_name(question)
            for own in [own for own, value in lesson.namespace.items() if value is asked]:  # imported by its name
                machine.setitem(lesson.namespace, own, answer)
            machine.setattr(question, answer)
        return lesson.pick_device(name)


def refused(lesson, name, *has):
    """`allowed`, or the error that the name meets."""
    try:
        chosen(lesson, name, *has)
    except NotImplementedError:
        raise
    except Exception as error:
        return type(error).__name__
    return "allowed"


def test_takes_the_fastest_there_is(student):
    machines = {"two CUDA GPUs": (2, False), "Apple's": (0, True), "both": (1, True), "none": (0, False)}
    student.returns(
        lambda lesson: {name: chosen(lesson, "auto", *has).type for name, has in machines.items()},
        lambda: {"two CUDA GPUs": "cuda", "Apple's": "mps", "both": "cuda", "none": "cpu"},
    )


@pytest.mark.hollow
def test_takes_what_it_is_told_to(student):
    def probe(lesson):
        return [chosen(lesson, name, gpus=2, apple=True) for name in ("cpu", "mps", "cuda", "cuda:0", "cuda:1")]

    student.returns(probe, lambda: [torch.device(name) for name in ("cpu", "mps", "cuda", "cuda:0", "cuda:1")])


@pytest.mark.hollow
def test_refuses_what_is_not_there(student):
    numbers = ("cuda:2", "cuda:99", "cuda:00", "cuda:-1", "mps:1", "cpu:", "cpu:1")
    nowhere = (*numbers, "tpu", "xpu", "", "CUDA", "AUTO", " cpu", "cpu ")
    machines = {"cuda": (0, True), "cuda:0": (0, True), "mps": (2, False), **dict.fromkeys(nowhere, (2, True))}
    student.returns(
        lambda lesson: {name: refused(lesson, name, *has) for name, has in machines.items()},
        lambda: dict.fromkeys(machines, "ValueError"),
    )


def test_says_which_device_is_not_there(student):
    student.raises(lambda lesson: chosen(lesson, "cuda:7", gpus=2), ValueError, naming=["cuda:7"])
