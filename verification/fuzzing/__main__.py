"""The command line: `python -m verification.fuzzing --help`."""

import importlib.util
import sys
from pathlib import Path
from random import SystemRandom

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.terminal.command import CliCommand, say
from cli.terminal.screen import Screen, screen
from verification.fuzzing import grammar
from verification.fuzzing.campaign import Campaign, FuzzTotals, TargetTotals
from verification.fuzzing.case import TARGETS, BadCaseError, Case, parse
from verification.fuzzing.functions import loaded
from verification.fuzzing.harness import Harness

_FOLDER = Path(".local/fuzzing")
_SHOWN_DETAIL = 300
_MIB = 1024 * 1024


@click.command(cls=CliCommand)
@click.option(
    "--inputs", type=click.IntRange(min=1), default=20_000, show_default=True, help="How many inputs to make."
)
@click.option("--processes", type=click.IntRange(min=1), default=2, show_default=True, help="How many in parallel.")
@click.option(
    "--target", type=click.Choice((*TARGETS, "all")), default="all", show_default=True, help="Which function."
)
@click.option(
    "--corpus",
    type=click.Path(file_okay=False, path_type=Path),
    default=_FOLDER,
    show_default=True,
    help="Folder for inputs that reached something new, and for those that break a rule.",
)
@click.option("--seed", type=click.IntRange(min=1), help="Of the first process; without it, drawn and printed.")
@click.option(
    "--replay", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Run this one input again, alone."
)
def main(  # noqa: PLR0917 click gives every option as a parameter of its own
    inputs: int, processes: int, target: str, corpus: Path, seed: int | None, replay: Path | None
) -> None:
    """Fuzz the ingest and processor functions, guided by coverage, and check every answer."""
    if replay:
        sys.exit(_replay(replay))
    if importlib.util.find_spec("atheris") is None:
        raise click.ClickException(_without_atheris())
    seed = seed or SystemRandom().randint(1, 10**9)
    say(f"seed {seed}, corpus {corpus}")
    targets = TARGETS if target == "all" else (target,)
    campaign = Campaign(targets, inputs=inputs, processes=processes, folder=corpus, seed=seed)
    console = screen()
    try:
        _run(campaign, inputs, console)
    except KeyboardInterrupt:
        say("interrupted; so far:")
    totals = campaign.totals()
    for what, file in totals.violations:
        say(what[:_SHOWN_DETAIL])
        say(f"  python -m verification.fuzzing --replay {file}")
    console.print(_table(totals))
    say(totals.last_line())
    sys.exit(1 if totals.count("violations") else 0)


def _without_atheris() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"atheris is not installed beside this Python {version}. It comes for CPython 3.11 to 3.13 on Linux; "
        "make the environment with one of these: make clean, then make PYTHON=python3.13. "
        "--replay and the tests need no atheris."
    )


def _run(campaign: Campaign, inputs: int, console: Screen) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("inputs", total=inputs)

        def advance(totals: FuzzTotals) -> None:
            violations = totals.count("violations")
            broken = f", [red]{violations} violations[/red]" if violations else ""
            progress.update(task, completed=totals.count("inputs"), description=f"inputs{broken}")

        campaign.run(advance)


def _table(totals: FuzzTotals) -> Table:
    table = Table("", title="What inputs came to")
    for name in totals.targets:
        table.add_column(name, justify="right")
    each: list[TargetTotals] = list(totals.targets.values())
    rows = ["inputs", "signed", "unsigned", "accepted", "by hand"]
    seen = sorted({name for one in each for name in one.counts} - {*rows, "violations"})
    for name in (*rows, *seen, "violations"):
        table.add_row(name, *(f"{one.counts[name]:,}" for one in each))
    table.add_row("slowest input, ms CPU", *(f"{one.cpu_seconds * 1000:,.0f}" for one in each))
    table.add_row("largest memory growth, MiB", *(f"{one.growth_bytes / _MIB:,.1f}" for one in each))
    table.add_row("branches reached", *(f"{one.coverage:,}" for one in each))
    return table


def _replay(path: Path) -> int:
    case = _read(path)
    with loaded() as functions:
        harness = Harness(functions)
        violation = harness.run(case)
        printed = "\n".join(functions.printed())
    say(printed.removesuffix("\n"))
    counts = {name: count for name, count in harness.counts.items() if name not in {"inputs", "violations"}}
    say(f"{case.target}: {counts}, {harness.cpu_seconds * 1000:.0f} ms CPU")
    say(f"violation: {violation}" if violation else "no violation")
    return 1 if violation else 0


def _read(path: Path) -> Case:
    """Read an input that a rule's check saved, or libFuzzer's bytes in a file that begins with the target's name."""
    data = path.read_bytes()
    try:
        return parse(data)
    except BadCaseError:
        target = path.name.partition("-")[0]
    if target not in TARGETS:
        raise click.ClickException(f"{path} holds no input of a target")
    from verification.fuzzing.worker import FuzzedRandom  # noqa: PLC0415 atheris is not there on every Python

    return grammar.case(target, FuzzedRandom(data))


if __name__ == "__main__":
    main()
