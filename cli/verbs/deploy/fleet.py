"""The deployment of many organizations, in waves."""

import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from rich.console import RenderableType

from cli.lib import aws_error
from cli.lib.deploying import cdk
from cli.lib.deploying.cdk import Progress, Watch
from cli.lib.deploying.update import Update
from cli.lib.deploying.waves import Record, canary_of, waves
from cli.lib.errors import BridgeError
from cli.lib.verification.finding import Verdict
from cli.terminal.output import confirm, emit, plain_table
from cli.terminal.text import printable
from cli.verbs.deploy import session as shared
from cli.verbs.deploy.one import identity
from cli.verbs.deploy.session import Session
from cli.verbs.deploy.verifying import has_failed, verify

AT_ONCE = 5
"""Stacks that are updated at the same time; each has a CDK command line of its own, which takes 150 MB."""

_DONE = ("deployed", "up to date", "done before")

Result = dict[str, Any]


def deploy(session: Session, *, record: Record | None, canary: str | None, path: Path) -> None:
    """Deploy the organizations wave by wave; the first failure stops what has not begun."""
    names = [organization.name for organization in session.organizations]
    first = record.canary if record else canary_of(session.organizations, asked=canary)
    record = record or Record(path, names, first)
    planned = waves(names, canary=first)
    for number, wave in enumerate(planned, 1):
        session.say(f"Wave {number}: {', '.join(wave)}")
    updates = session.open()
    for place in {(update.account.id, update.account.region): update for update in updates}.values():
        session.say(f"Account {place.account.id}, region {place.account.region}:")
        shared.show_account(session, place)
    for update in updates:
        shared.show_warnings(session, update)
    confirm(f"Deploy {len(names)} organizations, with the permissions that they need?", yes=session.yes)
    record.save()
    results = _Run(session, record).all_waves(planned, updates)
    _show(session, results)
    if any(result["state"] not in _DONE for result in results):
        session.say("To go on after the reason is gone: ./bridge deploy --resume")
        sys.exit(1)


class _Run:
    """The waves, one after the other."""

    def __init__(self, session: Session, record: Record) -> None:
        self._session, self._record = session, record
        self._lock = Lock()  # for output and the record, which several threads write
        self._results: dict[str, Result] = {}
        self._is_stopped = False  # nothing more begins
        self._is_left = False  # after Ctrl-C, CloudFormation goes on alone
        self._watch: Watch = _ignore

    def all_waves(self, planned: Sequence[Sequence[str]], updates: Sequence[Update]) -> list[Result]:
        for number, wave in enumerate(planned, 1):
            own = [[update for update in updates if update.organization.name == name] for name in wave]
            self._session.say(f"Wave {number} of {len(planned)}:")
            with self._session.watching(f"Wave {number}") as self._watch:
                self._wave(own)
            if self._is_stopped:
                break
        return [self._results.get(update.artifact.id, _result(update, "not begun", "")) for update in updates]

    def _wave(self, organizations: Sequence[Sequence[Update]]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            futures = [threads.submit(self._organization, updates) for updates in organizations]
            try:
                for future in futures:
                    future.result()
            except KeyboardInterrupt:
                self._stop(futures)

    def _stop(self, futures: Sequence["Future[None]"]) -> None:
        self._is_stopped = self._is_left = True
        for future in futures:
            future.cancel()
        self._session.say("Stopped looking.", warning=True)
        cdk.leave_all()

    def _organization(self, updates: Sequence[Update]) -> None:
        """Update the stacks of one organization, one after the other."""
        for update in updates:
            if self._is_stopped:
                return
            state, what = self._try(update)
            with self._lock:
                self._results[update.artifact.id] = _result(update, state, what)
                self._is_stopped |= state == "failed"
                if state in _DONE:
                    self._record.done[_key(update)] = update.artifact.digest
                    self._record.save()
            self._tell(update, f"{state}{f': {what}' if what else ''}")

    def _try(self, update: Update) -> tuple[str, str]:
        if self._record.done.get(_key(update)) == update.artifact.digest:
            return "done before", ""
        try:
            return self._update(update)
        except (BridgeError, *aws_error.ERRORS) as error:
            if self._is_left:
                return "left", "CloudFormation goes on with what it has begun"
            return "failed", str(error) if isinstance(error, BridgeError) else aws_error.explain(error)

    def _update(self, update: Update) -> tuple[str, str]:
        watch = self._watching(update)
        update.wait_while_in_progress(watch, is_stopped=lambda: self._is_stopped)
        if self._is_stopped:
            return "not begun", ""
        update.require_updatable()
        self._tell(update, "making a change set")
        prepared = update.prepare(watch)
        outputs = prepared.outputs
        if not prepared.is_empty:
            try:
                update.require_nothing_lost(prepared, allowed=())
            except BridgeError:
                update.discard()
                raise
            if self._is_stopped:
                update.discard()
                return "not begun", ""
            watched = f"updating, watched by {len(prepared.gate.arns)} alarms"
            self._tell(update, "creating" if prepared.plan.is_new else watched)
            for name, reason in (prepared.gate.left_out or {}).items():
                self._tell(update, f"NOT WATCHED: the alarm {name}: {reason}")
            if prepared.gate_not_checked:
                self._tell(update, f"not checked: the alarms, because {prepared.gate_not_checked}")
            outputs = update.execute(watch)
        self._tell(update, "verifying")
        findings = verify(update, outputs, watch)
        if has_failed(findings):
            command = f"./bridge verify {update.organization.name} --region {update.account.region}"
            seen = [f"  {each.check}: {each.seen}" for each in findings if each.verdict is Verdict.FAILED]
            return "failed", "\n".join([f"it was deployed, and does not work. What to do: {command}", *seen])
        return ("up to date" if prepared.is_empty else "deployed"), ""

    def _watching(self, update: Update) -> Watch:
        """Show the progress of one of those that run at the same time."""

        def watch(progress: Progress) -> None:
            count = f"{progress.done} of {progress.total}" if progress.total else progress.text
            self._watch(Progress(f"{update.name}: {count}" if count else ""))

        return watch

    def _tell(self, update: Update, text: str) -> None:
        with self._lock:
            self._session.say(f"{update.name}: {text}", indent="  ")


def _ignore(_progress: Progress) -> None:
    """Nothing runs yet."""


def _key(update: Update) -> str:
    return f"{update.artifact.id} {update.account.id} {update.account.region}"


def _result(update: Update, state: str, what: str) -> Result:
    return {**identity(update), "state": state, "what": what}


def _show(session: Session, results: Sequence[Result]) -> None:
    """Print what became of each stack; why one failed was said when it did."""
    if not session.as_json:
        session.say()
    emit(results, as_json=session.as_json, table=lambda: _table(results))


def _table(results: Sequence[Result]) -> RenderableType:
    table = plain_table("organization", "account", "region", "state")
    for result in results:
        table.add_row(*(printable(result[key]) for key in ("organization", "account", "region", "state")))
    return table
