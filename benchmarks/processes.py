"""Images a second of two processes with a thread each (DistributedDataParallel), against one process with two threads.

    python benchmarks/processes.py

Each trains ResNet18 on batches of 256 images of 32x32 pixels in all. They take turns, three times each.
"""

import os
import statistics
import subprocess
import sys

ROUNDS = 3
BATCH_SIZE = 256


def measure():
    """In each process: train on this process's share of the batch, and let the first print the speed of all."""
    import torch
    import torch.distributed as dist
    from torch import nn

    from course.lesson import Lesson

    dist.init_process_group("gloo")
    world = dist.get_world_size()
    lesson = Lesson.from_solution("lesson_08")
    model = lesson.ResNet18().to(memory_format=torch.channels_last).train()
    network = nn.parallel.DistributedDataParallel(model) if world > 1 else model
    optimizer = lesson.optimizer_for(model, lesson.Config(optimizer="sgd"))
    x = torch.randn(BATCH_SIZE // world, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    y = torch.zeros(len(x), dtype=torch.long)
    speed = lesson.images_per_second(lambda: lesson.train_step(network, optimizer, x, y, "bfloat16"), BATCH_SIZE, 3)
    if dist.get_rank() == 0:
        print(speed)
    dist.destroy_process_group()


def speed_of(processes):
    """Images a second of so many processes that share two cores."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--standalone"]
    environment = os.environ | {"OMP_NUM_THREADS": str(2 // processes), "OMP_WAIT_POLICY": "PASSIVE"}
    result = subprocess.run([*command, __file__, "--measure"], env=environment, capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stderr)
    return float(result.stdout.split()[-1])


def main():
    pairs = [(speed_of(1), speed_of(2)) for _ in range(ROUNDS)]
    one, two = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"one process with two threads  {one:6.1f} images/s")
    print(f"two processes                 {two:6.1f} images/s, {two / one:.2f} times as many (required: 0.9)")


if __name__ == "__main__":
    measure() if "--measure" in sys.argv else main()
