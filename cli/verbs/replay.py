"""`bridge replay`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import click
from rich.console import Group, RenderableType
from rich.table import Column, Table

from cli.lib import checkpoint, deployed, replay_run
from cli.lib.checkpoint import Checkpoint
from cli.lib.journal import JournalReader
from cli.lib.replay_plan import ReplayOutcome
from cli.lib.replayer import Replayer
from cli.lib.stack import Stack
from cli.options import Options, pass_options
from cli.terminal.output import confirm, emit, json_option, phi_option, printable, stderr, yes_option
from cli.terminal.progress import bar
from cli.terminal.times import since_option, until_option

_FIELDS_SHOWN = 8
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--from-file", type=click.File(), metavar="LIST", help="File of ids, one per line; - is standard input.")
@since_option
@until_option
@click.option("--all", "everything", is_flag=True, help="Every service request in the journal.")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@click.option(
    "--resume",
    type=_FILE,
    metavar="FILE",
    help="With --all, --since, --until: continue from the place in FILE, and save the place there.",
)
@phi_option
@yes_option
@json_option
@pass_options
def replay(  # noqa: PLR0917 click gives every option as a parameter of its own
    options: Options,
    ids: tuple[str, ...],
    from_file: TextIO | None,
    since: str | None,
    until: str | None,
    everything: bool,
    dry_run: bool,
    resume: Path | None,
    phi: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Rebuild the state of service requests from the journal.

    \b
    bridge replay KP-ABCD1234 --dry-run            what would change?
    bridge replay KP-ABCD1234
    bridge replay --from-file ids.txt
    bridge replay --since 2026-03-01T10:00Z --until 2026-03-01T12:00Z
    bridge replay --all --resume place.json        after an interruption, run it again

    It is safe at any time, also while webhooks come in, and asks before it writes. It computes each state with the
    deployed processor's own rule, and overwrites a state only if it differs. So it also corrects a state that is too
    new.

    \b
    Outcomes:
      unchanged   the state is what the journal says
      changed     the state was different, and was rebuilt (with --dry-run: would be rebuilt)
      expired     closed and past its retention: it stays deleted
      refused     the state names an event that the journal does not have, or an entry cannot be read
      unknown     the id is neither in the journal nor in the state
      failed      DynamoDB refused the item, or new webhooks interfered five times; replay it again

    --since and --until are times of receipt. With them or --all, the whole journal is read, page by page.

    Exit code 1 if one is refused, unknown or failed or, with --dry-run, would change.
    """
    names = list(dict.fromkeys([*ids, *_listed(from_file)]))
    _refuse_contradictions(names, is_range=bool(since or until), everything=everything, resume=resume)
    stack = options.stack()
    dynamodb = stack.client("dynamodb")
    journal = JournalReader(dynamodb, stack.outputs["EventsTable"])
    replayer = Replayer(
        dynamodb, journal, stack.outputs["ServiceRequestsTable"], rule=deployed.rule(stack), dry_run=dry_run
    )
    selection = {"table": journal.table, "since": since, "until": until, "dry_run": dry_run}
    place = resume or Path(f"bridge-replay-{stack.organization}.json")
    run = checkpoint.load(place, selection, command="replay") if resume else Checkpoint(selection)
    if not names and not resume and place.exists():
        raise click.ClickException(
            f"{place} is from an interrupted replay. Continue with --resume {place}, or delete it."
        )
    if not dry_run:
        confirm(_question(names, stack, journal), yes=yes)
    try:
        if names:
            _replay_listed(replayer, names, run, phi=phi)
        else:
            _replay_found(replayer, journal, run, place, since=since, until=until, phi=phi)
    except KeyboardInterrupt:
        stderr().print(f"Interrupted. {_counted(run)}")
        sys.exit(130)
    report = {
        "dry_run": dry_run,
        **{outcome.value: run.outcomes[outcome] for outcome in ReplayOutcome},
        "requests": run.listed,
    }
    emit(report, as_json=as_json, table=lambda: _table(run, dry_run=dry_run))
    needs_a_person = {ReplayOutcome.REFUSED, ReplayOutcome.UNKNOWN, ReplayOutcome.FAILED} | (
        {ReplayOutcome.CHANGED} if dry_run else set()
    )
    sys.exit(1 if any(run.outcomes[outcome] for outcome in needs_a_person) else 0)


def _replay_listed(replayer: Replayer, names: list[str], run: Checkpoint, *, phi: bool) -> None:
    with bar() as progress:
        task = progress.add_task("service requests", total=len(names))
        for _ in replay_run.replay_listed(replayer, names, run, phi=phi):
            progress.update(task, completed=sum(run.outcomes.values()))


def _replay_found(
    replayer: Replayer,
    journal: JournalReader,
    run: Checkpoint,
    place: Path,
    *,
    since: str | None,
    until: str | None,
    phi: bool,
) -> None:
    stderr().print(f"The place is saved in {place}. After an interruption, continue with --resume {place}")
    with bar() as progress:
        total = max(journal.about(), run.scanned)
        task = progress.add_task("journal entries", total=total, completed=run.scanned)
        for _ in replay_run.replay_found(replayer, journal, run, since=since, until=until, phi=phi):
            progress.update(task, completed=run.scanned)
            if run.next_key:
                checkpoint.save(place, run)
    place.unlink(missing_ok=True)


def _listed(from_file: TextIO | None) -> list[str]:
    if from_file is None:
        return []
    names = [line.strip() for line in from_file if line.strip()]
    if not names:
        raise click.UsageError("The file of --from-file has no id in it.")
    return names


def _refuse_contradictions(names: list[str], *, is_range: bool, everything: bool, resume: Path | None) -> None:
    if bool(names) + is_range + everything != 1:
        raise click.UsageError("Give one of these: ids or --from-file; --since and --until; --all.")
    if names and resume:
        raise click.UsageError("--resume works with --all, --since and --until. Replay a list again; it does no harm.")


def _question(names: list[str], stack: Stack, journal: JournalReader) -> str:
    which = f"{len(names):,} service requests" if names else f"about {journal.about():,} journal entries"
    return f"Replay {which} of {stack.organization}, and overwrite each state that differs? (--dry-run shows which.)"


def _counted(run: Checkpoint) -> str:
    counts = ", ".join(f"{run.outcomes[outcome]:,} {outcome}" for outcome in ReplayOutcome if run.outcomes[outcome])
    return f"{sum(run.outcomes.values()):,} service requests: {counts or 'none'}."


def _table(run: Checkpoint, *, dry_run: bool) -> RenderableType:
    last = _counted(run) + (" Nothing was written." if dry_run else "")
    if not run.listed:
        return last
    table = Table(Column("service request", overflow="fold"), "outcome", "fields, or why")
    for one in run.listed:
        table.add_row(printable(one["service_request_id"]), one["outcome"], printable(one["why"]) or _fields(one))
    left_out = sum(run.outcomes[outcome] for outcome in replay_run.LISTED) - len(run.listed)
    return Group(table, *([f"{left_out:,} more are not listed."] if left_out > 0 else []), last)


def _fields(summary: Mapping[str, Any]) -> str:
    changes = summary["changes"]
    if any("before" in change for change in changes):
        return "\n".join(
            f"{printable(change['field'])}: {printable(change['before'])} -> {printable(change['after'])}"
            if "before" in change
            else printable(change["field"])
            for change in changes
        )
    names = [printable(change["field"]) for change in changes[:_FIELDS_SHOWN]]
    more = len(changes) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
