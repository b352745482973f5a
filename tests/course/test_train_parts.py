"""The parts of the full run that are no exercises: what decays, first kernels, memory."""

import platform
import resource
import subprocess
import sys

import torch
import torch.nn.functional as F
from torch import nn

from course.lesson import ROOT, Lesson

training, gpu_run = Lesson.from_solution("lesson_06"), Lesson.from_solution("lesson_08")


def test_norms_and_biases_do_not_decay():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    decaying, free = training.parameter_groups(model, 0.1)
    assert [p.ndim for p in decaying["params"]] == [4, 2]
    assert (len(free["params"]), free["weight_decay"]) == (4, 0.0)


def test_the_first_kernels_see_what_has_nothing_to_do_with_each_other():
    torch.manual_seed(0)
    images = F.avg_pool2d(torch.randn(50, 3, 10, 10, dtype=torch.float64), 2, stride=1)  # neighbours are alike
    before = torch.randn(64, 3, 3, 3, dtype=torch.float64)
    weight = before.clone()
    gpu_run.start_with_principal_patches(weight, images)
    seen = F.conv2d(images, weight[:54:2]).transpose(0, 1).flatten(1)  # (27, places)
    moments = seen @ seen.T
    assert (moments - moments.diag().diag()).abs().max() < 1e-9 * moments.diag().max()
    assert moments.diag().diff().max() <= 0  # the largest first
    assert weight[1:54:2].equal(-weight[:54:2])
    assert weight[54:].equal(before[54:])
    lengths = weight[:54].flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, before.square().sum((1, 2, 3)).mean().sqrt().expand(54))


def test_the_first_layer_is_found_wherever_the_network_defines_it():
    net = nn.ModuleDict({"late": nn.Conv2d(8, 8, 3), "stem": nn.Conv2d(3, 8, 3), "fc": nn.Linear(8, 2)})
    orthogonal, plain, _ = (group["params"] for group in gpu_run.muon_groups(net, 0.0))
    assert orthogonal == [net["late"].weight]
    assert plain == [net["stem"].weight, net["fc"].weight]


FIVE_TENSORS = """
import resource
import torch
from course.lesson import Lesson

Lesson.from_solution("lesson_08").keep_freed_memory()
torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_a_tensor_gets_the_pages_of_the_last_one_where_glibc_allocates():
    result = subprocess.run([sys.executable, "-c", FIVE_TENSORS], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    pages = 2**26 // resource.getpagesize()  # of one tensor
    assert platform.libc_ver()[0] != "glibc" or int(result.stdout) < 2 * pages
