"""The command line: `python -m verification.fuzzing --help`."""

import importlib.util
import sys
from pathlib import Path
from random import SystemRandom

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cli.terminal.command import CliCommand, say
from cli.terminal.screen import Screen, screen
from verification.fuzzing import fixed
from verification.fuzzing.campaign import Campaign, TargetTotals, Totals
from verification.fuzzing.case import TARGETS, BadCaseError, parse
from verification.fuzzing.harness import Harness
from verification.fuzzing.stand import running

_FOLDER = Path(".local/fuzzing")
_SHOWN_DETAIL = 300
_MIB = 1024 * 1024


@click.command(cls=CliCommand)
@click.option(
    "--inputs",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="How many to make, beside the fixed ones.",
)
@click.option("--processes", type=click.IntRange(min=1), default=2, show_default=True, help="How many at once.")
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
    always = _run_fixed(console) if target == "all" else None
    try:
        _run(campaign, inputs, console)
    except KeyboardInterrupt:
        say("interrupted; so far:")
    totals = campaign.totals()
    if always:
        totals.targets["fixed"] = always
    _show(totals, console)
    sys.exit(1 if totals.count("violations") else 0)


def _without_atheris() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"atheris is not installed beside this Python {version}. It comes for CPython 3.11 to 3.13 on Linux; "
        "make the environment with one of these: make clean, then make PYTHON=python3.13. "
        "--replay and the fixed share in the tests need no atheris."
    )


def _run_fixed(console: Screen) -> TargetTotals:
    """Run the inputs that are the same in every run."""
    with console.status("published forgeries, and requests at the limits ..."), running() as stand:
        harness = Harness(stand)
        broken = fixed.run(harness)
    for what in broken:
        say(f"{what[:_SHOWN_DETAIL]}\n  python -m pytest tests/verification/fuzzing")
    return TargetTotals(harness.counts, harness.meter.cpu_seconds, harness.meter.growth_bytes)


def _run(campaign: Campaign, inputs: int, console: Screen) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("inputs", total=inputs)
        said = 0

        def advance(totals: Totals) -> None:
            nonlocal said
            done = totals.count("inputs")
            elapsed = progress.tasks[task].elapsed or 1.0
            coverage = ", ".join(f"{name} {one.coverage}" for name, one in totals.targets.items())
            violations = totals.count("violations")
            broken = f", [red]{violations} violations[/red]" if violations else ""
            progress.update(task, completed=done, description=f"{done / elapsed:,.0f}/s, branches: {coverage}{broken}")
            if not console.is_terminal and done * 10 // inputs > said:
                said = done * 10 // inputs
                say(f"{done} of {inputs} inputs, {done / elapsed:.0f}/s, branches: {coverage}")

        campaign.run(advance)


def _show(totals: Totals, console: Screen) -> None:
    for what, file in totals.violations:
        say(what[:_SHOWN_DETAIL])
        say(f"  python -m verification.fuzzing --replay {file}")
    console.print(_table(totals))
    say(totals.last_line())


def _table(totals: Totals) -> Table:
    table = Table("", title="What inputs came to")
    for name in totals.targets:
        table.add_column(name, justify="right")
    rows = ["inputs", "signed", "unsigned", "accepted", "by hand"]
    seen = sorted({name for one in totals.targets.values() for name in one.counts} - {*rows, "violations"})
    for name in (*rows, *seen, "violations"):
        table.add_row(name, *(f"{one.counts[name]:,}" for one in totals.targets.values()))
    figures: tuple[tuple[str, list[str]], ...] = (
        ("slowest input, ms CPU", [f"{one.cpu_seconds * 1000:,.0f}" for one in _each(totals)]),
        ("largest memory growth, MiB", [f"{one.growth_bytes / _MIB:,.1f}" for one in _each(totals)]),
        ("branches reached", [f"{one.coverage:,}" for one in _each(totals)]),
    )
    for name, cells in figures:
        table.add_row(name, *cells)
    return table


def _each(totals: Totals) -> list[TargetTotals]:
    return list(totals.targets.values())


def _replay(path: Path) -> int:
    try:
        case = parse(path.read_bytes())
    except BadCaseError:
        raise click.ClickException(f"{path} holds no input of a target") from None
    with running() as stand:
        harness = Harness(stand)
        violation = harness.run(case)
        printed = "".join(stand.output.lines)
    say(printed.removesuffix("\n"))
    counts = {name: count for name, count in harness.counts.items() if name not in {"inputs", "violations"}}
    say(f"{case.target}: {counts}, {harness.meter.cpu_seconds * 1000:.0f} ms CPU")
    say(f"violation: {violation}" if violation else "no violation")
    return 1 if violation else 0


if __name__ == "__main__":
    main()
