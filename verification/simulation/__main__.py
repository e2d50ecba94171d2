"""The command line: `python -m verification.simulation --help`."""

import multiprocessing
import sys
from collections import Counter
from functools import partial

import click
from rich.table import Table

from cli.terminal.command import CliCommand, say
from cli.terminal.screen import screen
from cli.terminal.text import printable_lines
from verification.simulation.plan.draw import draw
from verification.simulation.run import SimulationResult, run, run_plan
from verification.simulation.shrink import Shrinker

_SHOWN_VIOLATIONS = 5
_SHRUNK_SEEDS = 3
_SEEDS_OF_A_PROCESS = 4
_PART_SEPARATOR = "; "


@click.command(cls=CliCommand)
@click.option("--seeds", type=click.IntRange(min=1), default=200, show_default=True, help="How many seeds to run.")
@click.option("--first", type=click.IntRange(min=0), default=0, show_default=True, help="The first of them.")
@click.option(
    "--events-per-seed", "events", type=click.IntRange(min=1), default=500, show_default=True, help="Webhooks of each."
)
@click.option("--seed", type=click.IntRange(min=0), help="Run this seed alone.")
@click.option("--verbose", is_flag=True, help="With --seed: print all that happens.")
@click.option("--shrink/--no-shrink", default=True, show_default=True, help="Look for the least that still fails.")
@click.option("--only", help="With --seed: only these parts of the plan, as they are printed for a failing seed.")
@click.option("--variation", type=int, default=0, help="With --only: another course of chance under the same plan.")
def main(  # noqa: PLR0917 click gives every option as a parameter of its own
    seeds: int,
    first: int,
    events: int,
    seed: int | None,
    verbose: bool,
    shrink: bool,
    only: str | None,
    variation: int,
) -> None:
    """Simulate the functions under faults, and check what became of every webhook."""
    if seed is None:
        results = _run_many(range(first, first + seeds), events)
    else:
        results = [_run_one(seed, events, only, variation, verbose=verbose)]
    failing = [result for result in results if result.violations]
    for result in failing:
        _show(result)
    for result in failing[:_SHRUNK_SEEDS] if shrink and only is None else ():
        _shrink(result, events)
    faults = sum((result.faults for result in results), Counter[str]())
    screen().print(_table(faults))
    violations = sum(len(result.violations) for result in failing)
    sent = sum(result.events for result in results)
    say(f"seeds {len(results)}, events {sent}, faults {faults.total()}, violations {violations}")
    sys.exit(1 if violations else 0)


def _run_one(seed: int, events: int, only: str | None, variation: int, *, verbose: bool) -> SimulationResult:
    plan = draw(seed, events)
    if only is not None:
        plan = plan.only(only.split(_PART_SEPARATOR), variation)
    # The functions' output is captured while they run, so the trace goes where it would have gone.
    output = sys.stdout
    trace = (lambda line: click.echo(printable_lines(line), file=output)) if verbose else None
    return run_plan(plan, trace=trace)


def _run_many(seeds: range, events: int) -> list[SimulationResult]:
    results: list[SimulationResult] = []
    # Memory is freed when a process ends: no run is collected.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["verification.simulation.warm"])
    with context.Pool(maxtasksperchild=1) as pool:
        for result in pool.imap_unordered(partial(run, events=events), seeds, chunksize=_SEEDS_OF_A_PROCESS):
            results.append(result)
            if result.violations:
                say(f"seed {result.seed} fails: {result.violations[0].rule}")
            done = len(results)
            if done * 10 // len(seeds) > (done - 1) * 10 // len(seeds):
                say(f"{done} of {len(seeds)} seeds")
    return results


def _show(result: SimulationResult) -> None:
    say(f"seed {result.seed} breaks {len(result.violations)} rules:")
    for violation in result.violations[:_SHOWN_VIOLATIONS]:
        say(f"  at {violation.at:.6f} s: {violation.rule}: {violation.detail}")


def _shrink(failing: SimulationResult, events: int) -> None:
    say(f"seed {failing.seed}: looking for the least that still fails, for up to a minute ...")
    shrunk = Shrinker(failing.seed, events=events).shrink()
    if shrunk is None:
        say("  it does not fail when it is run alone; that is a fault of the simulation itself")
        return
    command = f"python -m verification.simulation --seed {failing.seed} --events-per-seed {events} --verbose"
    say(f'  {command} --variation {shrunk.variation} --only "{_PART_SEPARATOR.join(shrunk.parts)}"')
    _show(shrunk.result)


def _table(faults: Counter[str]) -> Table:
    table = Table("fault", "times", title="Faults injected")
    table.columns[1].justify = "right"
    for kind, times in faults.most_common():
        table.add_row(kind, f"{times:,}")
    return table


if __name__ == "__main__":
    main()
