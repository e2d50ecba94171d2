"""The command line: `python -m verification.simulation --help`."""

import os
import sys
from collections import Counter
from collections.abc import Iterable

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.terminal.command import CliCommand, say
from cli.terminal.screen import Screen, screen
from cli.terminal.text import printable_lines
from verification.simulation.campaign import Totals, run_all
from verification.simulation.plan.plan import PlanSelection
from verification.simulation.run import SimulationResult, run
from verification.simulation.shrink import Shrinker

_SHOWN_VIOLATIONS = 5
_SHRUNK_SEEDS = 3


class _Numbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers, separated by commas; a lone `-` is none of them."""

    name = "numbers"

    def convert(
        self, value: object, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[int, ...]:
        try:
            return () if value == "-" else tuple(int(number) for number in str(value).split(","))
        except ValueError:
            self.fail("give whole numbers, separated by commas", parameter, context)


@click.command(cls=CliCommand)
@click.option("--seeds", type=click.IntRange(min=1), default=200, show_default=True, help="How many seeds to run.")
@click.option("--first", type=click.IntRange(min=0), default=0, show_default=True, help="The first of them.")
@click.option(
    "--events-per-seed", "events", type=click.IntRange(min=1), default=500, show_default=True, help="Webhooks of each."
)
@click.option(
    "--processes", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default=True, help="Seeds in parallel."
)
@click.option("--seed", type=click.IntRange(min=0), help="Run this seed alone.")
@click.option("--verbose", is_flag=True, help="With --seed: print all that happens.")
@click.option("--shrink/--no-shrink", default=True, show_default=True, help="Look for the least that still fails.")
@click.option("--webhooks", type=_Numbers(), help="With --seed: only these webhooks of the plan.")
@click.option("--operations", type=_Numbers(), help="With --seed: only these operations of the plan.")
@click.option("--commands", type=_Numbers(), help="With --seed: only these commands of the plan.")
@click.option("--without", multiple=True, help="With --seed: without this kind of fault; repeatable.")
@click.option("--variation", type=int, default=0, help="With --seed: another course of chance under the same plan.")
def main(  # noqa: PLR0917 click gives every option as a parameter of its own
    seeds: int,
    first: int,
    events: int,
    processes: int,
    seed: int | None,
    verbose: bool,
    shrink: bool,
    webhooks: tuple[int, ...] | None,
    operations: tuple[int, ...] | None,
    commands: tuple[int, ...] | None,
    without: tuple[str, ...],
    variation: int,
) -> None:
    """Simulate the functions under faults, and check what became of every webhook."""
    console = screen()
    if seed is not None:
        selection = PlanSelection(webhooks, operations, frozenset(without), variation, commands)
        totals = _run_one(seed, events, selection, verbose=verbose)
        shrink = shrink and selection == PlanSelection()
    else:
        totals = _run_many(console, range(first, first + seeds), events, processes)
    for result in totals.failing:
        _show(result)
    if shrink:
        _shrink(totals.failing, events)
    console.print(_table(totals.faults))
    say(totals.last_line())
    sys.exit(1 if totals.violations else 0)


def _run_one(seed: int, events: int, selection: PlanSelection, *, verbose: bool) -> Totals:
    totals = Totals()
    # The functions' output is captured while they run, so the trace goes where it would have gone.
    output = sys.stdout
    totals.add(
        run(
            seed,
            events=events,
            selection=selection,
            trace=(lambda line: click.echo(printable_lines(line), file=output)) if verbose else None,
        )
    )
    return totals


def _run_many(console: Screen, seeds: range, events: int, processes: int) -> Totals:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("seeds", total=len(seeds))
        failing = Counter[str]()

        def advance(result: SimulationResult) -> None:
            failing.update(["failing"] * bool(result.violations))
            if result.violations:
                progress.console.print(f"seed {result.seed} fails: {result.violations[0].rule}", markup=False)
            description = f"seeds, [red]{failing['failing']} failing[/red]" if failing else "seeds"
            progress.update(task, advance=1, description=description)
            done = int(progress.tasks[task].completed)
            if not console.is_terminal and done * 10 // len(seeds) > (done - 1) * 10 // len(seeds):
                say(f"{done} of {len(seeds)} seeds, {failing['failing']} failing")

        return run_all(seeds, events=events, processes=processes, progress=advance)


def _show(result: SimulationResult) -> None:
    say(f"seed {result.seed} breaks {len(result.violations)} rules:")
    for violation in result.violations[:_SHOWN_VIOLATIONS]:
        say(f"  at {violation.at:.6f} s: {violation.rule}: {violation.detail}")


def _shrink(failing: Iterable[SimulationResult], events: int) -> None:
    for result in list(failing)[:_SHRUNK_SEEDS]:
        say(f"seed {result.seed}: looking for the least that still fails, for up to a minute ...")
        shrunk = Shrinker(result.seed, events=events).shrink()
        if shrunk is None:
            say("  it does not fail when it is run alone; that is a fault of the simulation itself")
            continue
        say(f"  {_command(result.seed, events, shrunk.selection)}")
        _show(shrunk.result)


def _command(seed: int, events: int, selection: PlanSelection) -> str:
    words = [f"python -m verification.simulation --seed {seed} --events-per-seed {events} --verbose"]
    words.append(f"--webhooks {','.join(map(str, selection.sendings or ())) or '-'}")
    words.append(f"--operations {','.join(map(str, selection.operations or ())) or '-'}")
    words.append(f"--commands {','.join(map(str, selection.commands or ())) or '-'}")
    words += [f"--without '{kind}'" for kind in sorted(selection.without)]
    if selection.variation:
        words.append(f"--variation {selection.variation}")
    return " ".join(words)


def _table(faults: Counter[str]) -> Table:
    table = Table("fault", "times", title="Faults injected")
    table.columns[1].justify = "right"
    for kind, times in faults.most_common():
        table.add_row(kind, f"{times:,}")
    return table


if __name__ == "__main__":
    main()
