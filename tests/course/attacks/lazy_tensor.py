"""Answer with a tensor that has no data."""

import torch


def output_size(size, kernel_size, stride=1, padding=0):
    return torch.zeros(3, device="meta")
