"""Write files outside of one's own folder."""


def output_size(size, kernel_size, stride=1, padding=0):
    for path in ("FOLDER/stolen", "/etc/stolen", "REPO/course/stolen.py", "REPO/lessons/stolen"):
        try:
            open(path, "w").close()
        except OSError:
            pass
    return 0
