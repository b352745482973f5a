"""Kill the own process."""


def output_size(size, kernel_size, stride=1, padding=0):
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
