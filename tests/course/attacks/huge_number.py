"""Answer with a number that takes forever to print."""


def output_size(size, kernel_size, stride=1, padding=0):
    return 10**100_000
