"""count_parameters: how many numbers a model can learn."""

import torch
from torch import nn


class Scale(nn.Module):
    """A layer of nobody's library: its parameter is found by being one, not by the name of its class."""

    def __init__(self):
        super().__init__()
        self.log_scale, self.shift = nn.Parameter(torch.zeros(7, 2)), nn.Parameter(torch.zeros(()))


def test_adds_the_elements_of_all_parameters_at_any_depth(student):
    nested = nn.Sequential(nn.Conv2d(3, 4, (2, 5)), nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(6, 8), Scale())))
    student.returns(
        lambda lesson: [lesson.count_parameters(model) for model in (nested, nested[0], nn.ReLU())],
        lambda: [(4 * 3 * 2 * 5 + 4) + (8 * 6 + 8) + 7 * 2 + 1, 4 * 3 * 2 * 5 + 4, 0],
    )


def test_leaves_out_running_statistics_and_other_buffers(student):
    masked = Scale()
    masked.register_buffer("mask", torch.ones(3))
    model = nn.Sequential(nn.BatchNorm2d(5), masked)
    student.returns(lambda lesson: lesson.count_parameters(model), lambda: 2 * 5 + 7 * 2 + 1)


def test_counts_a_frozen_parameter_like_any_other(student):
    model = nn.Sequential(nn.Linear(3, 4).requires_grad_(False), nn.Linear(4, 2))
    student.returns(lambda lesson: lesson.count_parameters(model), lambda: (4 * 3 + 4) + (2 * 4 + 2))


def test_counts_a_shared_parameter_once(student):
    first, last = nn.Linear(5, 3), nn.Linear(5, 3, bias=False)
    last.weight = first.weight
    model = nn.Sequential(first, nn.Sequential(last), first)
    student.returns(lambda lesson: lesson.count_parameters(model), lambda: 3 * 5 + 3)


def test_counts_a_model_on_the_meta_device_whose_parameters_have_shapes_and_no_values(student):
    model = nn.Linear(3, 4, device="meta")
    student.returns(lambda lesson: lesson.count_parameters(model), lambda: 4 * 3 + 4)
