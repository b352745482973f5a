"""Images a second of the course's training step, against a ResNet18 step as people write it.

    python benchmarks/throughput.py

The plain step is torchvision's blocks in float32, contiguous memory, torch.optim.SGD, in a process of its own, whose
allocator is as it always is. The two take turns, so that what else the machine does hits both. The last lines give the
step's FLOP/s as a share of what a large bfloat16 product reaches here.
"""

import argparse
import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from course.lesson import Lesson

GFLOP = 3.33  # of one image of 32x32 pixels, forward and backward: 2 x 3 x 0.556 billion multiplications
lesson = Lesson.from_solution("lesson_08")
made = []  # in the other process: the plain step


def make_plain_step(batch_size, threads):
    """A step of the net that torchvision's parts make for CIFAR: 3x3 stem without pooling, ten classes."""
    torch.set_num_threads(threads)
    net = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=10).train()
    net.conv1, net.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    x, y = torch.randn(batch_size, 3, 32, 32), torch.randint(10, (batch_size,))

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    made.append(step)


def plain_step():
    made[0]()


def course_step(batch_size, precision, compiled, optimizer):
    """A step of lesson 8."""
    net = lesson.ResNet18().to(memory_format=torch.channels_last).train()
    if compiled:
        net.compile()
    optimizer = lesson.optimizer_for(net, lesson.Config(optimizer=optimizer))
    x = torch.randn(batch_size, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    y = torch.randint(10, (batch_size,))
    return lambda: lesson.train_step(net, optimizer, x, y, precision, label_smoothing=0.1)


def product(n):
    """One product of two large bfloat16 matrices."""
    a, b = torch.randn(2, n, n).bfloat16()
    return lambda: a @ b


def medians(rounds, *steps):
    """The median time of each step in seconds, all of them measured in turn after one round to warm up."""
    times = [[] for _ in steps]
    for _ in range(1 + rounds):
        for step, row in zip(steps, times, strict=True):
            began = time.perf_counter()
            step()
            row.append(time.perf_counter() - began)
    return [statistics.median(row[1:]) for row in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="default: one a core")
    parser.add_argument("--batch-size", type=int, default=256, help="of the course's step (default: 256)")
    parser.add_argument("--precision", default="bfloat16", help="of the course's step (default: bfloat16)")
    parser.add_argument("--optimizer", default="muon", help="of the course's step: muon or sgd (default: muon)")
    parser.add_argument("--compile", action="store_true", help="compile the course's network")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    lesson.keep_freed_memory()
    course = course_step(options.batch_size, options.precision, options.compile, options.optimizer)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, make_plain_step, (128, options.threads)) as other:
        steps = lambda: other.submit(plain_step).result(), course, product(2048)
        plain, own, dense = medians(options.rounds, *steps)
    speeds = {"plain": 128 / plain, "course": options.batch_size / own}
    print(f"torch {torch.__version__}, {options.threads} threads")
    for name, speed in speeds.items():
        print(f"{name:8} {speed:8.1f} images/s  {speed * GFLOP:8.1f} GFLOP/s")
    peak = 2 * 2048**3 / dense / 1e9
    print(f"{'product':8} {'':17} {peak:10.1f} GFLOP/s in bfloat16")
    print(f"the course's step is {speeds['course'] / speeds['plain']:.2f} times as fast as the plain one")
    print(f"and reaches {speeds['course'] * GFLOP / peak:.0%} of the product's FLOP/s")


if __name__ == "__main__":
    main()
