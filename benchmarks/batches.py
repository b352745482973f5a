"""Images a second of lesson 5's batches with augmentation, against torchvision's DataLoader and a training step.

python benchmarks/batches.py

Both shuffle, crop with padding 4, flip, normalise, and give batches of 128. They are measured in turn in one run, each
after some batches to warm up; the figures are medians. torch computes on as many threads as it has by default
(`OMP_NUM_THREADS` says otherwise), the DataLoader has two worker processes.
"""

import itertools
import statistics
import time

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from course.data import find_data
from course.lesson import Lesson

RATIO, SHARE = 15, 0.03  # at least so many times the DataLoader's rate; at most this share of a training step
ROUNDS = 7

data, net = Lesson.from_solution("lesson_05"), Lesson.from_solution("lesson_04")
source = find_data()
images, labels = data.load_cifar10(source.folder)
mean, std = data.channel_stats(images)
data.namespace.update(source=source, mean=mean, std=std)  # lesson 5's demonstrations read them


def normalised_first(epoch):
    """The other order than lesson 5's, all in float32: padded with the mean colour."""
    for step, (x, y) in enumerate(batches.epoch(epoch)):
        generator = data.seeded("augment", 0, epoch, step)
        yield data.random_crop(data.random_flip(data.normalize(x, mean, std), generator), 4, generator).contiguous(), y


def rate(iterator, warm_up, count):
    """Images a second over `count` batches."""
    for _ in range(warm_up):
        next(iterator)
    began = time.perf_counter()
    seen = sum(len(x) for x, _ in itertools.islice(iterator, count))
    return seen / (time.perf_counter() - began)


def training_rate():
    """Images a second of a training step of ResNet18 in bfloat16, channels-last, batch 128."""
    x, y = next(data.pipeline(batches))
    optimizer.zero_grad()
    began = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(x.contiguous(memory_format=torch.channels_last))
    F.cross_entropy(logits.float(), y).backward()
    optimizer.step()
    return len(x) / (time.perf_counter() - began)


batches = data.Batches(images, labels, 128, shuffle=True)
loader = DataLoader(data.torchvisions_dataset(), batch_size=128, shuffle=True, num_workers=2)
model = net.ResNet18(num_classes=10).to(memory_format=torch.channels_last)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
training_rate()  # the first step is slower

rates = {"DataLoader": [], "bytes first": [], "normalised first": [], "training step": []}
for number in range(ROUNDS):
    rates["DataLoader"].append(rate(iter(loader), 6, 30))
    rates["bytes first"].append(rate(data.pipeline(batches, number), 5, 60))
    rates["normalised first"].append(rate(normalised_first(number), 5, 60))
    rates["training step"].append(training_rate())

print(f"{source.name}, torch {torch.__version__}, {torch.get_num_threads()} threads")
for name, values in rates.items():
    print(f"{name:17} {statistics.median(values):10,.0f} images/s ({min(values):,.0f} to {max(values):,.0f})")
for name in ("bytes first", "normalised first"):
    ratio = statistics.median(a / b for a, b in zip(rates[name], rates["DataLoader"], strict=True))
    share = statistics.median(a / b for a, b in zip(rates["training step"], rates[name], strict=True))
    print(f"{name}: {ratio:.1f} times the DataLoader (bar {RATIO}), {share:.2%} of a training step (bar {SHARE:.0%})")
