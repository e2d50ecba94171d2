"""`bridge audit`: proves that the journal is what VectorCare signed."""

import base64
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Column, Table

from cli.lib import deployed
from cli.lib.audit_rules import Finding, judge
from cli.lib.journal import Item, JournalReader
from cli.terminal.options import Options, pass_options
from cli.terminal.output import emit, json_option, moment, printable, stderr
from cli.terminal.progress import bar
from cli.terminal.times import since_option, until_option
from stacks.config.public_key import PublicKeyError, read_public_key
from vectorcare_bridge.webhooks import signature
from vectorcare_bridge.webhooks.signature import Key

_MOST_TOLD = 1000


@dataclass(slots=True)
class _Findings:
    """What was found so far; `faults` lists the first `_MOST_TOLD`."""

    by_key: Counter[str] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, Any]] = field(default_factory=list)

    def note(self, entry: Item, keys: Sequence[Key]) -> None:
        found = judge(entry, keys)
        if isinstance(found, Key):
            self.by_key[found.fingerprint] += 1
            return
        self.by_fault[found.value] += 1
        if len(self.faults) < _MOST_TOLD:
            self.faults.append(_told(entry, found))

    @property
    def audited(self) -> int:
        return self.by_key.total() + self.by_fault.total()


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@since_option
@until_option
@click.option(
    "--key",
    "key_files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="PEM file of a public key that VectorCare signed with formerly; repeatable.",
)
@json_option
@pass_options
def audit(
    options: Options,
    *,
    ids: tuple[str, ...],
    since: str | None,
    until: str | None,
    key_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Verify each signature that the journal keeps, over the bytes that it keeps.

    \b
    bridge audit                              the whole journal
    bridge audit KP-ABCD1234 KP-EFGH5678      two service requests
    bridge audit --since 2026-03-01           what was received since
    bridge audit --key former.pem             with a key that was replaced since

    The keys are those that the deployed ingest function verifies with. What an entry's key and time say is compared
    with its body, too: a signature covers the body alone. Nothing of a body is shown.

    An entry without a signature was put on the queue by hand: ingest takes none. "No key verifies it" is either a
    change of the stored bytes, or the mark of a key that was replaced: name it with --key.

    Exit code 1 if anything does not hold.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    if ids and (since or until):
        raise click.UsageError("Say either ids, or --since and --until.")
    former = [_read_key(file) for file in key_files]
    stack = options.stack()
    keys = [*deployed.keys(stack), *former]
    journal = JournalReader(stack.client("dynamodb"), stack.outputs["EventsTable"])
    findings = _Findings()
    try:
        with bar() as progress:
            task = progress.add_task("journal entries", total=None if ids else journal.about())
            for entries, scanned in _parts(journal, ids, since=since, until=until):
                for entry in entries:
                    findings.note(entry, keys)
                progress.advance(task, scanned)
    except KeyboardInterrupt:
        stderr().print(f"Interrupted. {_counted(findings)}")
        sys.exit(130)
    by_key = dict.fromkeys((key.fingerprint for key in keys), 0) | dict(findings.by_key)
    told = {
        "audited": findings.audited,
        "by_key": by_key,
        "by_fault": dict(findings.by_fault),
        "faults": findings.faults,
    }
    emit(told, as_json=as_json, table=lambda: _table(findings, by_key))
    sys.exit(1 if findings.by_fault else 0)


def _parts(
    journal: JournalReader, ids: tuple[str, ...], *, since: str | None, until: str | None
) -> Iterator[tuple[list[Item], int]]:
    """Read what is to be audited, and how many entries were read for it."""
    if not ids:
        yield from ((page.items, page.scanned) for page in journal.pages(since=since, until=until))
    for service_request_id in dict.fromkeys(ids):
        entries = journal.entries(service_request_id)
        if not entries:
            raise click.ClickException(f"The journal has nothing of {printable(service_request_id)}.")
        yield entries, len(entries)


def _read_key(file: Path) -> Key:
    try:
        der = read_public_key(file.read_text(encoding="utf-8"))
    except PublicKeyError as error:
        raise click.ClickException(f"{file} {error}.") from None
    except (OSError, UnicodeDecodeError):
        raise click.ClickException(f"{file} is not a readable PEM file.") from None
    return signature.load_keys(base64.b64encode(der).decode())[0]


def _told(entry: Item, fault: Finding) -> dict[str, Any]:
    return {
        "service_request_id": entry["service_request_id"],
        "event_id": entry["event_id"],
        "received_at": entry.get("received_at"),
        "fault": fault.value,
    }


def _counted(findings: _Findings) -> str:
    faults = findings.by_fault.total()
    return f"{findings.audited:,} entries audited; {f'{faults:,} do not hold' if faults else 'all of them hold'}."


def _table(findings: _Findings, by_key: dict[str, int]) -> RenderableType:
    keys = ", ".join(f"{count:,} by key {fingerprint}" for fingerprint, count in by_key.items())
    last = f"{_counted(findings)} Signed: {keys}."
    if not findings.faults:
        return last
    table = Table(
        Column("service request", overflow="fold"), Column("event", overflow="fold"), "received", "what does not hold"
    )
    for told in findings.faults:
        table.add_row(
            printable(told["service_request_id"]),
            printable(told["event_id"]),
            moment(str(told["received_at"])) if told["received_at"] else "-",
            told["fault"],
        )
    left_out = findings.by_fault.total() - len(findings.faults)
    return Group(table, *([f"{left_out:,} more are not listed."] if left_out else []), last)
