"""`bridge audit`."""

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
from cli.lib.journal import JournalReader
from cli.options import Options, former_keys_option, pass_options
from cli.terminal.output import emit, json_option, moment, printable, stderr
from cli.terminal.progress import bar
from cli.terminal.times import since_option, until_option
from vectorcare_bridge.edge.dynamodb_item import Item
from vectorcare_bridge.webhooks.signature import Key

_MOST_LISTED = 1000


@dataclass(slots=True)
class _Findings:
    """What was found so far; `faults` lists the first `_MOST_LISTED`."""

    by_key: Counter[str] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, Any]] = field(default_factory=list)

    def add(self, entry: Item, keys: Sequence[Key]) -> None:
        found = judge(entry, keys)
        if isinstance(found, Key):
            self.by_key[found.fingerprint] += 1
            return
        self.by_fault[found.value] += 1
        if len(self.faults) < _MOST_LISTED:
            self.faults.append(_summary(entry, found))

    @property
    def audited(self) -> int:
        return self.by_key.total() + self.by_fault.total()


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@since_option
@until_option
@former_keys_option
@json_option
@pass_options
def audit(
    options: Options,
    *,
    ids: tuple[str, ...],
    since: str | None,
    until: str | None,
    former_keys: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Verify the stored signatures of the journal.

    \b
    bridge audit                              the whole journal
    bridge audit KP-ABCD1234 KP-EFGH5678      two service requests
    bridge audit --since 2026-03-01           what was received since then
    bridge audit --key former.pem             also with a key that has been replaced

    It verifies each entry's stored bytes with the public keys of the deployed ingest function. A signature covers only
    the body, so each entry's key and time are compared with its body too. It changes nothing and shows no content.

    "No signature": somebody put the webhook on the queue by hand; ingest takes no unsigned webhook. "No key verifies
    it": the stored bytes were changed, or VectorCare's key was replaced since; then give the former key with --key.

    Exit code 1 if an entry fails.
    """
    if ids and (since or until):
        raise click.UsageError("Give either ids, or --since and --until.")
    former = deployed.former_keys(former_keys)
    stack = options.stack()
    keys = [*deployed.keys(stack), *former]
    journal = JournalReader(stack.client("dynamodb"), stack.outputs["EventsTable"])
    findings = _Findings()
    try:
        with bar() as progress:
            task = progress.add_task("journal entries", total=None if ids else journal.about())
            for entries, scanned in _parts(journal, ids, since=since, until=until):
                for entry in entries:
                    findings.add(entry, keys)
                progress.advance(task, scanned)
    except KeyboardInterrupt:
        stderr().print(f"Interrupted. {_counted(findings)}")
        sys.exit(130)
    by_key = dict.fromkeys((key.fingerprint for key in keys), 0) | dict(findings.by_key)
    report = {
        "audited": findings.audited,
        "by_key": by_key,
        "by_fault": dict(findings.by_fault),
        "faults": findings.faults,
    }
    emit(report, as_json=as_json, table=lambda: _table(findings, by_key))
    sys.exit(1 if findings.by_fault else 0)


def _parts(
    journal: JournalReader, ids: tuple[str, ...], *, since: str | None, until: str | None
) -> Iterator[tuple[list[Item], int]]:
    """Read the entries to audit, and how many entries were read for that."""
    if not ids:
        yield from ((page.items, page.scanned) for page in journal.pages(since=since, until=until))
    for service_request_id in dict.fromkeys(ids):
        entries = journal.entries(service_request_id)
        if not entries:
            raise click.ClickException(f"The journal has no entry of {printable(service_request_id)}.")
        yield entries, len(entries)


def _summary(entry: Item, fault: Finding) -> dict[str, Any]:
    return {
        "service_request_id": entry["service_request_id"],
        "event_id": entry["event_id"],
        "received_at": entry.get("received_at"),
        "fault": fault.value,
    }


def _counted(findings: _Findings) -> str:
    faults = findings.by_fault.total()
    return f"{findings.audited:,} entries audited: {f'{faults:,} failed' if faults else 'all passed'}."


def _table(findings: _Findings, by_key: dict[str, int]) -> RenderableType:
    keys = ", ".join(f"{count:,} by key {fingerprint}" for fingerprint, count in by_key.items())
    last = f"{_counted(findings)} Signed: {keys}."
    if not findings.faults:
        return last
    table = Table(
        Column("service request", overflow="fold"), Column("event", overflow="fold"), "received", "what is wrong"
    )
    for fault in findings.faults:
        table.add_row(
            printable(fault["service_request_id"]),
            printable(fault["event_id"]),
            moment(str(fault["received_at"])) if fault["received_at"] else "-",
            fault["fault"],
        )
    left_out = findings.by_fault.total() - len(findings.faults)
    return Group(table, *([f"{left_out:,} more are not listed."] if left_out else []), last)
