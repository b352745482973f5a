"""Running a command where it can do no harm: no network, no disk but a scratch folder, and limits on everything.

bubblewrap does it where it is installed, the kernel's own namespaces (through `unshare`) elsewhere on Linux. Where
neither works a plain subprocess with limits is all there is, and `kind()` says so.
"""

from __future__ import annotations

import json
import os
import resource
import select
import selectors
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

MIB = 2**20
NOBODY = 65534
KINDS = ("bubblewrap", "namespaces", "limits only")


@dataclass(frozen=True)
class Limits:
    """What a confined command may use; sizes in bytes, `memory` for each of its processes too."""

    seconds: float = 60
    memory: int = 4096 * MIB
    processes: int = 128
    output: int = 64 * MIB
    scratch: int = 256 * MIB


@dataclass(frozen=True)
class Result:
    """What a confined command wrote, and in `trouble` why it ended early; "" if it ended by itself with success."""

    output: bytes
    trouble: str = ""


UNCONFINED = (
    "Neither bubblewrap nor namespaces confine submissions here: they run with limits on time, output and memory only. "
    "On Debian and Ubuntu `apt install bubblewrap` mends that. If it is installed, then either the system forbids it "
    "(Ubuntu 24.04: `sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in a container: grade outside of it), or "
    "the course lies below /usr or Python's own folder, where its solutions can't be hidden."
)
HIDDEN = "import sys, pathlib, course; sys.exit((pathlib.Path(course.__file__).parents[1] / 'solutions').exists())"


@cache
def works(name: str) -> bool:
    """Whether commands can be confined in this way on this machine, and see nothing of the solutions."""
    if name == "limits only":
        return True
    try:
        with tempfile.TemporaryDirectory() as folder:
            command = _command(name, [sys.executable, "-c", HIDDEN], Limits(), folder)
            return subprocess.run(command, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def kind() -> str:
    """How commands are confined on this machine."""
    return next(name for name in KINDS if works(name))


def run(module: str, job: Any, limits: Limits = Limits()) -> Result:
    """Run `python -m module` confined; it gets the job, plain JSON, and its limits from `confined()`.

    Its scratch folder is gone when it ends, as is every process that it started, if it is confined.
    """
    python = [sys.executable, "-m", module]
    # each run has a user of its own, or the processes of another would count for its limit; None: stay who you are
    user = NOBODY - 1 - os.getpid() % 4000 if os.getuid() == 0 else None  # containers often have no user above NOBODY
    order = json.dumps({"limits": asdict(limits), "kind": kind(), "user": user, "job": job}).encode()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if kind() == "limits only":
            return _watched(python, order, limits, folder)
        return _watched(_command(kind(), python, limits, folder), order, limits, "/tmp")


@dataclass(frozen=True)
class Confinement:
    """What a confined module has: its job, its limits, where to write, and whether its process tree is its own."""

    job: Any
    limits: Limits
    output: BinaryIO
    alone: bool

    def in_child(self, work: Callable[[], None], seconds: float) -> str:
        """Run `work` in a child and end whatever it started; return why it ended early, or "" if it didn't."""
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                work()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        deadline = time.monotonic() + seconds
        trouble = f"it was stopped after {seconds:g} s"
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
            if self.alone and _resident() > self.limits.memory:
                trouble = f"it was stopped when it used more than {self.limits.memory // MIB} MiB of memory"
                break
            time.sleep(0.02)
        with suppress(ProcessLookupError):
            if self.alone:
                os.kill(-1, signal.SIGKILL)  # everybody but this process, and the sandbox's own first one
            else:
                os.killpg(child, signal.SIGKILL)
        if ended == (0, 0):
            os.waitpid(child, 0)
            return trouble
        code = os.waitstatus_to_exitcode(ended[1])
        return "" if code == 0 else f"its process ended with exit code {code}"


def _resident() -> int:
    """Bytes of memory that all processes in this tree hold, shared pages counted for each."""
    pages = 0
    for process in Path("/proc").glob("[0-9]*/statm"):
        with suppress(OSError):  # it may end while we look
            pages += int(process.read_text().split()[1])
    return pages * resource.getpagesize()


def confined() -> Confinement:
    """Called first by a confined module: takes the limits upon itself and becomes nobody.

    From here on standard input is empty and what is printed goes nowhere; the last line on standard error ends up in
    the result's `trouble`.
    """
    order = json.load(sys.stdin)
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    limits = Limits(**order["limits"])
    wanted = {"CPU": int(limits.seconds) + 5, "DATA": limits.memory, "FSIZE": limits.scratch, "NOFILE": 256, "CORE": 0}
    alone = order["kind"] != "limits only"
    if alone:
        wanted["NPROC"] = limits.processes  # elsewhere it would count every process of the user
        if order["user"]:  # root has no such limit
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(order["user"])
    for name, value in wanted.items():
        hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    return Confinement(order["job"], limits, output, alone)


def _readable() -> list[str]:
    """What a confined Python needs of the disk: itself, the system's libraries, and this package."""
    paths = [Path(p) for p in ("/usr", "/lib", "/lib64", "/bin")]
    paths += [Path(sys.base_prefix), Path(sys.prefix), Path(__file__).resolve().parent]
    return list(dict.fromkeys(str(path) for path in paths if path.exists()))


def _hidden() -> list[str]:
    """What is covered up in there: where nbgrader's exchange of submissions lies, and where sources use to lie."""
    return [path for path in ("/usr/local/share", "/usr/src") if Path(path).exists()]


def _command(name: str, command: list[str], limits: Limits, folder: str) -> list[str]:
    """The command that confines another; namespaces put their disk together on an empty folder."""
    if name == "bubblewrap":
        argv = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--die-with-parent"]
        argv += ["--new-session", "--cap-drop", "ALL"]
        # root needs no user namespace, and outside of one it can become nobody
        argv += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if os.getuid() == 0 else ["--unshare-user"]
        argv += ["--perms", "1777", "--size", str(limits.scratch), "--tmpfs", "/tmp"]
        for path in _readable():
            for parent in [*Path(path).parents][-2::-1]:  # nobody must get through to it
                argv += ["--perms", "755", "--dir", str(parent)]
            argv += ["--ro-bind", path, path]
        argv += [word for path in _hidden() for word in ("--tmpfs", path)]
        argv += ["--proc", "/proc", "--dev", "/dev", "--size", str(MIB), "--tmpfs", "/dev/shm", "--chdir", "/tmp"]
        return [*argv, "--", *command]
    argv = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
    argv += [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    # root becomes nobody by itself; who is only called root in here gives up what the name is worth
    drop = ["setpriv", "--no-new-privs"]
    drop += [] if os.getuid() == 0 else ["--inh-caps=-all", "--bounding-set=-all"]
    script = [
        "set -e",
        "mount --make-rprivate /",
        f"mount -t tmpfs -o size={limits.scratch},mode=755 none {shlex.quote(folder)}",
        f"cd {shlex.quote(folder)}; mkdir -m 1777 tmp",
        *(f"mkdir -p .{p}; mount --rbind {p} .{p}" for p in map(shlex.quote, _readable())),
        *(f"mount -o remount,bind,ro .{p}" for p in map(shlex.quote, _readable())),
        *(f"mount -t tmpfs none .{p}" for p in _hidden()),
        "mkdir proc dev; mount -t proc none proc",
        "for d in null zero urandom; do touch dev/$d; mount --bind /dev/$d dev/$d; done",
        f"exec chroot . /bin/sh -c {shlex.quote('cd /tmp; exec ' + shlex.join([*drop, *command]))}",
    ]
    return [*argv, "/bin/sh", "-c", "\n".join(script)]


def _watched(argv: list[str], order: bytes, limits: Limits, scratch: str) -> Result:
    """Run to the end, to the time limit or to the output limit, and leave no process behind."""
    environment = {"HOME": scratch, "TMPDIR": scratch, "COURSE_ROOT": f"{scratch}/course", "LANG": "C.UTF-8"}
    environment |= {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with tempfile.TemporaryFile() as stdin:
        stdin.write(order)
        stdin.seek(0)
        process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=scratch,
            start_new_session=True,
        )
    written = {"output": bytearray(), "errors": bytearray()}
    trouble = ""
    try:
        with selectors.DefaultSelector() as selector:
            for name, pipe in (("output", process.stdout), ("errors", process.stderr)):
                assert pipe is not None
                selector.register(pipe, selectors.EVENT_READ, name)
            deadline = time.monotonic() + limits.seconds
            while selector.get_map() and not trouble:
                for key, _ in selector.select(max(0.0, deadline - time.monotonic())):
                    chunk = os.read(key.fd, MIB)
                    written[key.data] += chunk
                    if not chunk:
                        selector.unregister(key.fileobj)
                if time.monotonic() >= deadline:
                    trouble = f"it was stopped after {limits.seconds:g} s"
                elif sum(map(len, written.values())) > limits.output:
                    trouble = f"it was stopped after writing more than {limits.output // MIB} MiB"
    finally:
        _kill(process)
    if not trouble and process.returncode:
        said = written["errors"].decode(errors="replace").strip().splitlines()[-1:]
        trouble = " ".join([f"it ended with exit code {process.returncode}", *said])
    return Result(bytes(written["output"][: limits.output]), trouble)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started, and wait until the last that could still write is gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # in a PID namespace the rest goes with its first process
    process.wait()
    deadline = time.monotonic() + 10
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0] and os.read(pipe.fileno(), MIB):
            pass
        pipe.close()
