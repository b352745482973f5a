"""The command `course`: train, fetch the data, and look after notebooks, progress, set-up and the tests' truth.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from course.lesson import Lesson

app = typer.Typer(
    help="ResNet18 from scratch: train it, and look after the course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)


def _say(line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)


@app.command()
def train(
    context: typer.Context,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="All 50,000 training images, none held out for validation. Without --budget or --epochs the whole "
            "plan: hours on a CPU.",
        ),
    ] = False,
    budget: Annotated[
        str | None, typer.Option(help="Time for the whole command, e.g. 15min; the plan is made to fit into it.")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Times to go through the training images. Left out: what fits into the time."),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 256,
    size: Annotated[
        int | None,
        typer.Option(
            min=8, max=64, help="Side in pixels to which images are scaled. Left out: it grows during the run."
        ),
    ] = None,
    optimizer: Annotated[str, typer.Option(help="muon, or sgd as in lesson 6.")] = "muon",
    lr: Annotated[float, typer.Option(min=0, help="Highest learning rate of the schedule.")] = 0.15,
    precision: Annotated[
        str, typer.Option(help="float32, bfloat16, float16, or auto: the fastest that is safe on this machine.")
    ] = "auto",
    compile: Annotated[
        bool, typer.Option("--compile", help="Compile the network first: a minute's wait, and it needs a C++ compiler.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            help="Folder that holds cifar-10-batches-py, or 'stand-in'. Left out: wherever CIFAR-10 is found."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps, or auto: the fastest that is here.")] = "auto",
    seed: Annotated[
        int, typer.Option(help="With --epochs, the same seed repeats a run bit for bit on the same CPU.")
    ] = 0,
    output: Annotated[str | None, typer.Option(help="Folder of the run. Left out: runs/<date and time>.")] = None,
    resume: Annotated[
        str | None,
        typer.Option(help="Folder of a stopped run to go on with; on the same CPU as if it had never stopped."),
    ] = None,
    mine: Annotated[
        bool,
        typer.Option("--mine", help="Train what you built: your own definitions of lessons 3 to 6, where they pass."),
    ] = False,
) -> None:
    """Train ResNet18 on CIFAR-10, evaluate it, and write a report with figures.

    Ctrl-C saves a checkpoint and says how to go on.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads slow each other down on a busy machine
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")  # torch 2.6 can't shrink images on Apple's GPUs
    first = int(os.environ.get("RANK", 0)) == 0  # under torchrun only the first process speaks
    say: Callable[[str], None] = _say if first else lambda line: None
    from course.bar import Bar
    from course.data import DataError

    free = ("data", "device", "resume", "mine")
    chosen = [name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")]
    given = [name for name in chosen if name not in free]
    if resume and given:
        _fail(f"A resumed run keeps its own settings: leave out --{given[0].replace('_', '-')}.")
    seconds = _seconds(budget)
    if seconds and epochs:
        _fail("Give --budget or --epochs, not both: either decides how long the run is.")
    with nullcontext() if first else redirect_stdout(None):
        lesson = _training(mine)
    config = lesson.Config(
        data=data, device=device, seed=seed, full=full, seconds=seconds, epochs=epochs,
        batch_size=batch_size, size=size, optimizer=optimizer, peak=lr, precision=precision, compile=compile, mine=mine,
    )  # fmt: skip
    try:
        with Bar(console if first else Console(quiet=True)) as bar:
            report = lesson.main(config, output=output, resume=resume, watch=bar.watch, say=say)
    except (DataError, lesson.TrainingError) as error:
        _fail(str(error))
    except RuntimeError as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        _fail(f"The network can't be compiled here, so leave out --compile. {str(error).splitlines()[0]}")
    if not first:
        return
    if report.stopped:
        command = ["course" if shutil.which("course") else sys.argv[0], "train", *["--mine"] * mine]
        say(f"Stopped. Nothing is lost; to go on: {shlex.join([*command, '--resume', str(report.folder)])}")
        raise typer.Exit(130)
    bar.epochs_done(report.metrics["epochs"])
    metrics = report.metrics
    alone = f" ({metrics['accuracy_without_flips']:.2%} without their mirror images)" * metrics["config"]["flips"]
    say(f"Test accuracy on {metrics['data']}: {metrics['test']['accuracy']:.2%}{alone}")
    say(f"The report, its figures and the checkpoint: {report.folder / 'report.md'}")


@app.command()
def data(
    where: Annotated[str | None, typer.Argument(help="A folder to look at. Left out: the usual places.")] = None,
) -> None:
    """Find CIFAR-10, download it if need be, and verify every file."""
    from course.data import DataError, find_data

    try:
        source = find_data(where, _say)
    except DataError as error:
        _fail(str(error))
    _say(f"{source.name} in {source.folder}: every file is as it should be.")


@app.command()
def build(
    force: Annotated[bool, typer.Option("--force", help="Overwrite notebooks that hold answers, too.")] = False,
) -> None:
    """Make the lessons' notebooks from solutions/."""
    from course.build import build
    from course.lesson import LessonError

    try:
        changed = build(force)
    except LessonError as error:
        _fail(str(error))
    _say("\n".join(f"wrote {path}" for path in changed) or "Every notebook is up to date.")


@app.command()
def progress(
    lessons: Annotated[list[str] | None, typer.Argument(help="E.g. lesson_03. Left out: all of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Show how far you are: every exercise with its points, and what to do next."""
    from rich.table import Table

    from course.lesson import LessonError, released
    from course.progress import progress

    try:
        with console.status("testing what has changed …") as status:
            results = progress(lessons or released(), lambda e: status.update(f"testing {e.name} ({e.lesson}) …"))
    except LessonError as error:
        _fail(str(error))
    left = next((result for result in results if not result.done), None)
    if as_json:
        import json
        from dataclasses import asdict

        rows = [asdict(result) for result in results]
        print(json.dumps({"exercises": rows, "next": asdict(left) if left else None}, indent=1))
        return
    table = Table(show_edge=False)
    for column in ("lesson", "exercise", "", "points"):
        table.add_column(column, justify="right" if column == "points" else "left")
    for before, result in zip([None, *results], results, strict=False):
        first = before is None or before.lesson != result.lesson
        mark = "[green]✓ passed[/]" if result.done else escape(result.status)
        points = f"{result.earned:.3g} of {result.points:g}"
        table.add_row(result.lesson if first else "", result.name, mark, points)
    console.print(table)
    earned, total = (sum(getattr(result, name) for result in results) for name in ("earned", "points"))
    done = sum(result.done for result in results)
    _say(f"{done} of {len(results)} exercises done, {earned:.3g} of {total:g} points")
    if left:
        _say(f"Next: {left.name}, in {left.place}")


@app.command()
def watch(
    lesson: Annotated[str, typer.Argument(help="E.g. lesson_03.")],
) -> None:
    """Test the exercise that you are at, again after every save of the notebook."""
    from course.lesson import LessonError
    from course.watch import watch

    try:
        watch(lesson, _say)
    except LessonError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        pass


@app.command()
def reset(
    lesson: Annotated[str, typer.Argument(help="E.g. lesson_03.")],
    exercise: Annotated[str | None, typer.Argument(help="E.g. BasicBlock. Left out: all of the lesson's.")] = None,
) -> None:
    """Give a stub back. What you wrote is kept in a copy of the notebook beside it."""
    from course.lesson import LessonError
    from course.notebooks import reset

    try:
        copy, names = reset(lesson, exercise)
    except LessonError as error:
        _fail(str(error))
    _say(f"Reset {', '.join(names)}. Your version is in {copy.name}, beside the notebook.")
    _say("Is the notebook open? Reload it from disk before you save it again.")


@app.command()
def update() -> None:
    """Bring a newer release of the course in, and carry your answers over to it."""
    from course.lesson import LessonError
    from course.notebooks import update

    try:
        for line in update():
            _say(line)
    except LessonError as error:
        _fail(str(error))


@app.command()
def doctor() -> None:
    """Look at what this machine has for the course, and say what to do about what it lacks."""
    from course.doctor import examine

    ill = 0
    for finding in examine():
        ill += not finding.well
        mark = "[green]ok    [/]" if finding.well else "[bold red]to do [/]"
        console.print(f"{mark} {finding.subject:12} ", end="")
        _say(finding.said)
    raise typer.Exit(bool(ill))


@app.command()
def truth(
    lessons: Annotated[list[str] | None, typer.Argument(help="E.g. lesson_03. Left out: all of them.")] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="How many seeds to judge each belief under: 0, and large ones.")
    ] = 1,
) -> None:
    """Show which test catches which wrong belief, and fail if one is missed or not named, or the reference refused.

    The matrix is that of seed 0. Under further seeds only what goes wrong is shown.
    """
    import torch
    from rich.progress import track

    from course.lesson import LessonError, exercises, released
    from course.truth import Kills, first_seeds, forget_lessons, wrongs

    torch.set_num_threads(1)
    wrong: list[str] = []
    beliefs = 0

    def note(lines: list[str]) -> None:
        wrong.extend(lines)
        for line in lines:
            _say(line)

    try:
        judged = [e for lesson in lessons or released() for e in exercises(lesson).values()]
        for exercise in judged:
            kills = Kills.of(exercise)
            kills.show(console)
            note(kills.wrongs)
            beliefs += len(kills.failed)
            forget_lessons(exercise)
        _, *more = first_seeds(seeds)
        pairs = [(exercise, seed) for exercise in judged for seed in more]
        for exercise, seed in track(pairs, "seeds", console=console, disable=not console.is_terminal, transient=True):
            note(wrongs(exercise, seed))
            if seed == more[-1]:
                forget_lessons(exercise)
    except LessonError as error:
        _fail(str(error))
    said = f"{len(judged)} references and {beliefs} wrong beliefs judged under {seeds} seed{'s' * (seeds > 1)}"
    _say(f"{said}: {f'{len(wrong)} verdicts are wrong' if wrong else 'every reference passes, every belief is named'}.")
    raise typer.Exit(bool(wrong))


def _seconds(duration: str | None) -> float | None:
    """`15min`, `1.5h` or `600s` in seconds."""
    if duration is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h)", duration.strip())
    if not found or float(found[1]) == 0:
        _fail(f"--budget {duration} is no time; write it like 90s, 15min or 1.5h.")
    return float(found[1]) * {"s": 1, "min": 60, "h": 3600}[found[2]]


def _training(mine: bool) -> Lesson:
    """Lesson 8, which trains; with `mine` what it takes from the earlier lessons is the student's where that passes."""
    from course import carry
    from course.lesson import Lesson, exercises, script_of

    lesson = Lesson.from_solution("lesson_08")
    if mine:
        taken = re.findall(
            r'^(\w+) = carry\("(\w+)", "(\w+)"\)', script_of("lesson_08").read_text("utf-8"), re.MULTILINE
        )
        _ = lesson.main  # loads what it needs; what isn't there then is for demos alone
        for here, home, name in taken:
            if name in exercises(home) and here in lesson.namespace:
                lesson.namespace[here] = carry(home, name)
    return lesson


def _fail(message: str) -> NoReturn:
    Console(stderr=True, highlight=False).print(f"[bold red]Error:[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(1)
