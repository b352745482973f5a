"""Answer with one element that claims to be four terabytes."""

import torch


def output_size(size, kernel_size, stride=1, padding=0):
    return torch.zeros(1).expand(1 << 40)
