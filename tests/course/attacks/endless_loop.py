"""Loop for ever, and swallow every interrupt."""


def output_size(size, kernel_size, stride=1, padding=0):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
