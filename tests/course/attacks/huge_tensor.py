"""Answer with a tensor of four terabytes."""

import torch


def output_size(size, kernel_size, stride=1, padding=0):
    return torch.zeros(1 << 40)
