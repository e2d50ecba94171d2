"""`bridge reconcile`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Column, Table

from cli.lib import checkpoint, deployed, reconciling
from cli.lib import stack as stacks
from cli.lib.checkpoint import Checkpoint
from cli.lib.errors import BridgeError
from cli.lib.reconciling import Side
from cli.lib.stack import Stack
from cli.options import Options, former_keys_option, pass_options
from cli.terminal.output import confirm, emit, json_option, moment, printable, stderr, yes_option
from cli.terminal.progress import bar
from cli.terminal.times import since_option
from vectorcare_bridge.reconciliation.rules import Verdict
from vectorcare_bridge.webhooks.signature import Key

_FILE = click.Path(dir_okay=False, path_type=Path)
_MEANINGS = {
    Verdict.REFUSED: "Refused there: dead letters of that region, or once were. Redrive them there: ./bridge dlq list.",
    Verdict.UNPROVEN: "Unproven: no key verifies the signature, or the bytes are another event's. Not carried over. If "
    "VectorCare's key was replaced, give the former one with --key; else see ./bridge audit.",
    Verdict.OTHER_FIRST: "Other first: both regions have the same contents of these events, but not the same one came "
    "first. Nothing is lost; docs/second-region.md says what it means.",
}


@click.command()
@click.argument("name", metavar="[ORGANIZATION]", required=False)
@click.option("--dry-run", is_flag=True, help="Show what is missing; carry nothing over.")
@since_option
@former_keys_option
@click.option("--resume", type=_FILE, metavar="FILE", help="Continue from the place in FILE, and save the place there.")
@click.option(
    "--other-stand", type=_FILE, metavar="FILE", help="With --local: the stand.json of the second local environment."
)
@yes_option
@json_option
@pass_options
def reconcile(  # noqa: PLR0917 click gives every option as a parameter of its own
    options: Options,
    name: str | None,
    dry_run: bool,
    since: str | None,
    former_keys: tuple[Path, ...],
    resume: Path | None,
    other_stand: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Carry over what one of an organization's two regions has missed.

    \b
    bridge reconcile acme --dry-run                what is missing where?
    bridge reconcile acme
    bridge reconcile acme --since 2026-03-01       what was received since then
    bridge reconcile acme --resume place.json      after an interruption, run it again

    It compares both journals. It is safe at any time, also while webhooks come in, and asks before it sends anything.
    What is missing goes, as VectorCare signed it, onto the queue of the region that misses it, whose processor applies
    its own rules. What was received in the last 15 minutes is left out, as it may be on its way. So is what waits there
    as a dead letter.

    Both journals are read whole, also with --since: about 1.8 million read units for each million entries, in all, and
    half of that with --since. If a region's queue holds more than 1,000 messages, it waits until they are processed.

    Exit code 1 if something needs a person or, with --dry-run, would be carried over.
    """
    if options.local and other_stand is None:
        raise click.UsageError("Which is the other local environment? Name its stand.json with --other-stand.")
    if other_stand and not options.local:
        raise click.UsageError("--other-stand goes with --local or --stand.")
    options.organization = name or options.organization
    keys = deployed.former_keys(former_keys)
    pair = _both(options, other_stand)
    for stack in pair:
        keys += [key for key in deployed.keys(stack) if key not in keys]
    sides = (Side(pair[0]), Side(pair[1]))
    if sides[0].name == sides[1].name:
        raise BridgeError(f"Both are {sides[0].name}. Name two regions, or two local environments.")
    run, place = _begin(sides, pair[0], since=since, dry_run=dry_run, resume=resume)
    total = sum(side.reader.about() for side in sides)
    if not dry_run:
        confirm(
            f"Compare about {total:,} journal entries of {sides[0].name} and {sides[1].name}, and carry over what one "
            "of them misses? (--dry-run shows what.)",
            yes=yes,
        )
    try:
        _run(sides, run, place, keys, since=since, dry_run=dry_run, total=total)
    except KeyboardInterrupt:
        stderr().print(f"Interrupted after {run.scanned:,} entries. Continue with --resume {place}, or run it again.")
        sys.exit(130)
    report = reconciling.report(sides, run, dry_run=dry_run)
    emit(report, as_json=as_json, table=lambda: _table(report))
    needs_a_person = [*reconciling.NEEDS_A_PERSON, *([Verdict.MISSING] if dry_run else [])]
    sys.exit(1 if any(region[verdict] for region in report["regions"] for verdict in needs_a_person) else 0)


def _both(options: Options, other_stand: Path | None) -> tuple[Stack, Stack]:
    """Find the stack as all commands do, and the one in the other region, which its output names."""
    stack = options.stack()
    if other_stand:
        return stack, stacks.find(stack.organization, **options.where(stand_file=other_stand))
    if "TwinRegion" not in stack.outputs:
        raise BridgeError(
            f"{stack.organization} has no second region. Add the table [twin] to its file and deploy it: "
            "docs/second-region.md"
        )
    return stack, stacks.find(stack.organization, **options.where(region=stack.outputs["TwinRegion"]))


def _begin(
    sides: tuple[Side, Side], stack: Stack, *, since: str | None, dry_run: bool, resume: Path | None
) -> tuple[Checkpoint, Path]:
    selection = {"regions": [side.name for side in sides], "since": since, "dry_run": dry_run}
    place = resume or Path(f"bridge-reconcile-{stack.organization}.json")
    if resume:
        return checkpoint.load(place, selection, command="reconcile"), place
    if place.exists():
        raise click.ClickException(f"{place} is from an interrupted run. Continue with --resume {place}, or delete it.")
    return Checkpoint(selection), place


def _run(
    sides: tuple[Side, Side],
    run: Checkpoint,
    place: Path,
    keys: list[Key],
    *,
    since: str | None,
    dry_run: bool,
    total: int,
) -> None:
    with bar() as progress:
        task = progress.add_task("journal entries", total=max(total, run.scanned), completed=run.scanned)
        steps = reconciling.reconcile(
            sides,
            run,
            keys=keys,
            since=since,
            dry_run=dry_run,
            say=lambda text: progress.update(task, description=text),
        )
        for _ in steps:
            progress.update(task, completed=run.scanned)
            if run.part < len(sides):
                checkpoint.save(place, run)
    place.unlink(missing_ok=True)


def _table(report: Mapping[str, Any]) -> RenderableType:
    regions = report["regions"]
    counts = Table("in", "missing", "carried over", "refused", "unproven", "other first", "on its way", "dead letters")
    for region in regions:
        waiting = region["waiting"]
        numbers = [
            region[Verdict.MISSING],
            region[reconciling.CARRIED_OVER],
            *(region[verdict] for verdict in _MEANINGS),
            waiting["queue"] + waiting["spool"],
            waiting["dead_letters"],
        ]
        counts.add_row(printable(region["region"]), *(f"{number:,}" for number in numbers))
    lines = [f"{report['compared']:,} entries compared."]
    lines += [text for verdict, text in _MEANINGS.items() if any(region[verdict] for region in regions)]
    if any(region["waiting"]["queue"] + region["waiting"]["spool"] for region in regions):
        lines.append("What is on its way is not lost: it waits in that region's queue or spool. Look again in minutes.")
    if report["dry_run"] and any(region[Verdict.MISSING] for region in regions):
        lines.append("Nothing was carried over: leave out --dry-run to do it.")
    parts: list[RenderableType] = [counts]
    if report["differences"]:
        parts.append(_listed(report))
    return Group(*parts, *lines)


def _listed(report: Mapping[str, Any]) -> Table:
    table = Table(
        *(Column(name, overflow="fold") for name in ("not in", "service request", "event", "received", "found"))
    )
    for one in report["differences"]:
        table.add_row(
            printable(one["region"]),
            printable(one["service_request_id"]),
            printable(one["event_id"]),
            printable(moment(str(one["received_at"]))) if one["received_at"] else "-",
            one["found"],
        )
    counted = sum(region[key] for region in report["regions"] for key in (Verdict.MISSING, *reconciling.NEEDS_A_PERSON))
    left_out = counted - len(report["differences"])
    if left_out > 0:
        table.caption = f"{left_out:,} more are not listed."
    return table
