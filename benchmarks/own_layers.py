"""A ResNet18 of the course's own layers against one of the library's: images a second in training.

    python benchmarks/own_layers.py

One own net has lesson 8's ShiftedConv2d in place of each nn.Conv2d, the other also lesson 2's BatchNorm2d in place of
each nn.BatchNorm2d. All train in bfloat16, channels-last, on the same batch. They take turns, so that what else the
machine does hits all, and each line gives the ratio to the library's.
"""

import argparse
import copy

import torch
from throughput import medians
from torch import nn

from course.lesson import Lesson


def with_own_layers(net, convolution, norm):
    """A copy of the net with this convolution, with this norm where one is given, and the same weights."""
    net = copy.deepcopy(net)
    for parent in list(net.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Conv2d):
                sizes = layer.kernel_size[0], layer.stride[0], layer.padding[0]
                own = convolution(layer.in_channels, layer.out_channels, *sizes)
            elif isinstance(layer, nn.BatchNorm2d) and norm:
                own = norm(layer.num_features, layer.eps, layer.momentum)
            else:
                continue
            own.load_state_dict(layer.state_dict())
            setattr(parent, name, own)
    return net


def step_of(net, lesson, images, labels, precision):
    """One training step of a net; its loss is asked for, so that the step is over when the call returns."""
    net = net.to(memory_format=torch.channels_last).train()
    optimizer = lesson.SGD(net.parameters(), lr=0.01, momentum=0.9)
    return lambda: lesson.train_step(net, optimizer, images, labels, precision)[0].item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="default: one a core")
    parser.add_argument("--batch-size", type=int, default=128, help="images a step (default: 128)")
    parser.add_argument("--side", type=int, default=32, help="of the images, in pixels (default: 32)")
    parser.add_argument("--precision", default="bfloat16", help="float32, bfloat16 (default) or float16")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    lesson = Lesson.from_solution("lesson_08")
    lesson.keep_freed_memory()
    net, norm = lesson.ResNet18(), Lesson.from_solution("lesson_02").BatchNorm2d
    images = torch.randn(options.batch_size, 3, options.side, options.side)
    images, labels = images.contiguous(memory_format=torch.channels_last), torch.arange(options.batch_size) % 10
    nets = {
        "the library's layers": net,
        "own convolution": with_own_layers(net, lesson.ShiftedConv2d, None),
        "own convolution and norm": with_own_layers(net, lesson.ShiftedConv2d, norm),
    }
    steps = (step_of(net, lesson, images, labels, options.precision) for net in nets.values())
    seconds = dict(zip(nets, medians(options.rounds, *steps), strict=True))
    print(f"torch {torch.__version__}, {options.threads} threads, {options.precision}, side {options.side}")
    for name, median in seconds.items():
        ratio = seconds["the library's layers"] / median
        print(f"{name:26} {options.batch_size / median:8.1f} images/s  {ratio:5.2f} of the library's")


if __name__ == "__main__":
    main()
