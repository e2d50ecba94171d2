"""`bridge replay`: rebuilds the state from the journal."""

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
from cli.terminal.options import Options, pass_options
from cli.terminal.output import confirm, emit, json_option, phi_option, printable, stderr, yes_option
from cli.terminal.times import since_option, until_option

_FIELDS_SHOWN = 8
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--from-file", type=click.File(), metavar="LIST", help="Ids from a file, one a line; - is standard input."
)
@since_option
@until_option
@click.option("--all", "everything", is_flag=True, help="Every service request that the journal knows.")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@click.option(
    "--resume",
    type=_FILE,
    metavar="FILE",
    help="With --all, --since, --until: keep the place in FILE, and go on from the place that it names.",
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
    """Rebuild the state of service requests from their journal.

    \b
    bridge replay KP-ABCD1234 --dry-run            what would change?
    bridge replay KP-ABCD1234
    bridge replay --from-file ids.txt
    bridge replay --since 2026-03-01T10:00Z --until 2026-03-01T12:00Z
    bridge replay --all --resume place.json        interrupted, call it again the same way

    It folds the journal by the deployed processor's own rule, and puts the whole item where it differs: so it also
    takes back what a fault had raised. Where nothing differs, nothing is written. Webhooks may come in meanwhile.

    \b
    How a service request ends:
      unchanged   the state is what the journal says
      changed     it was not, and now is (would be, with --dry-run)
      expired     closed, and past its retention: it does not come back
      refused     the state names an event that the journal does not hold, or an entry cannot be read
      unknown     neither journal nor state has it
      failed      DynamoDB refused the item, or webhooks were faster five times; replay it again

    --since and --until mean the time of receipt. They and --all read the whole journal, a page at a time.

    Exit code 1 if one is refused, unknown or failed, or if with --dry-run one would change.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    names = [*ids, *_listed(from_file)]
    _refuse_contradictions(names, is_range=bool(since or until), everything=everything, resume=resume)
    stack = options.stack()
    dynamodb = stack.client("dynamodb")
    journal = JournalReader(dynamodb, stack.outputs["EventsTable"])
    replayer = Replayer(
        dynamodb, journal, stack.outputs["ServiceRequestsTable"], rule=deployed.rule(stack), dry_run=dry_run
    )
    selection = {"table": journal.table, "since": since, "until": until, "dry_run": dry_run}
    place = resume or Path(f"bridge-replay-{stack.organization}.json")
    run = checkpoint.load(place, selection) if resume else Checkpoint(selection)
    if not names and not resume and place.exists():
        raise click.ClickException(f"{place} is from an interrupted replay. Go on with --resume {place}, or delete it.")
    if not dry_run:
        confirm(_question(names, stack, journal), yes=yes)
    try:
        if names:
            replay_run.replay_listed(replayer, names, run, phi=phi)
        else:
            _replay_found(replayer, journal, run, place, since=since, until=until, phi=phi)
    except KeyboardInterrupt:
        stderr().print(f"Interrupted. {_counted(run)}")
        sys.exit(130)
    told = {
        "dry_run": dry_run,
        **{outcome.value: run.outcomes[outcome] for outcome in ReplayOutcome},
        "requests": run.told,
    }
    emit(told, as_json=as_json, table=lambda: _table(run, dry_run=dry_run))
    needs_a_person = {ReplayOutcome.REFUSED, ReplayOutcome.UNKNOWN, ReplayOutcome.FAILED} | (
        {ReplayOutcome.CHANGED} if dry_run else set()
    )
    sys.exit(1 if any(run.outcomes[outcome] for outcome in needs_a_person) else 0)


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
    stderr().print(f"The place is kept in {place}; interrupted, go on with --resume {place}")
    replay_run.replay_found(
        replayer, journal, run, since=since, until=until, phi=phi, save=lambda: checkpoint.save(place, run)
    )
    place.unlink(missing_ok=True)


def _listed(from_file: TextIO | None) -> list[str]:
    if from_file is None:
        return []
    names = [line.strip() for line in from_file if line.strip()]
    if not names:
        raise click.UsageError("There is no id in the file of --from-file.")
    return names


def _refuse_contradictions(names: list[str], *, is_range: bool, everything: bool, resume: Path | None) -> None:
    if bool(names) + is_range + everything != 1:
        raise click.UsageError("Say which: ids or --from-file, or --since and --until, or --all; and one of them only.")
    if names and resume:
        raise click.UsageError("--resume goes with --all, --since and --until. Replaying a list again does no harm.")


def _question(names: list[str], stack: Stack, journal: JournalReader) -> str:
    which = f"{len(names):,} service requests" if names else f"what about {journal.about():,} entries tell"
    return f"Replay {which} of {stack.organization}, and overwrite each state that differs? (--dry-run shows which.)"


def _counted(run: Checkpoint) -> str:
    counts = ", ".join(f"{run.outcomes[outcome]:,} {outcome}" for outcome in ReplayOutcome if run.outcomes[outcome])
    return f"{sum(run.outcomes.values()):,} service requests: {counts or 'none'}."


def _table(run: Checkpoint, *, dry_run: bool) -> RenderableType:
    last = _counted(run) + (" Nothing was written." if dry_run else "")
    if not run.told:
        return last
    table = Table(Column("service request", overflow="fold"), "outcome", "fields, or why")
    for told in run.told:
        table.add_row(printable(told["service_request_id"]), told["outcome"], printable(told["why"]) or _fields(told))
    worth_telling = sum(run.outcomes[outcome] for outcome in replay_run.WORTH_TELLING)
    left_out = worth_telling - len(run.told)
    return Group(table, *([f"{left_out:,} more are not listed."] if left_out > 0 else []), last)


def _fields(told: Mapping[str, Any]) -> str:
    changes = told["changes"]
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
