"""Loop for ever, with all signals blocked."""


def output_size(size, kernel_size, stride=1, padding=0):
    import signal

    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
    while True:
        pass
