"""What the deployments of one call have in common: one synthesis, the accounts, and where output goes."""

import fcntl
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.lib import account as accounts
from cli.lib.account import Account, NotCheckedError
from cli.lib.deploying import gate
from cli.lib.deploying.assembly import StackArtifact, read_assembly
from cli.lib.deploying.cdk import Cdk, Progress, Watch
from cli.lib.deploying.changes import Loss, Plan
from cli.lib.deploying.update import Prepared, Update
from cli.lib.errors import BridgeError
from cli.lib.organization_file import refuse_sample
from cli.lib.place import open_account
from cli.options import ROOT, Options
from cli.terminal.command import say
from cli.terminal.output import duration, stderr
from cli.terminal.text import printable, printable_lines
from stacks.config.organization import Organization

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 79
FOLDER = ROOT / ".local" / "deploy"
_SILENCE = 30.0  # seconds after which a log without a terminal gets a line
_LONG_AGO = 15.0  # seconds after which the newest step says nothing about now

_T = TypeVar("_T")


@dataclass(frozen=True)
class Session:
    """One call of `bridge deploy`."""

    options: Options
    folder: "Path"
    organizations: Sequence[Organization]
    yes: bool
    as_json: bool
    replace: tuple[str, ...]
    _accounts: dict[str, Account] = field(default_factory=dict)

    def open(self) -> list[Update]:
        """Check the accounts, synthesize once, and give the stacks to update, those of an organization in safe order.

        Raises
        ------
        BridgeError
            An account is wrong, or the synthesis has failed.
        """
        many = len(self.organizations) > 1
        for organization in self.organizations:
            refuse_sample(organization)
            self._accounts[organization.name] = open_account(
                organization, profile=self.options.profile, region=self.options.region, is_one_of_many=many
            )
        directory = FOLDER / "cdk.out"
        first = self._accounts[self.organizations[0].name]
        log_file = FOLDER / "synthesis.log"
        log_file.unlink(missing_ok=True)
        with self.watching("Synthesizing") as watch:
            Cdk(first.profile, first.region, log_file).synthesize(
                directory,
                context={
                    "organization": ",".join(each.name for each in self.organizations),
                    "organizations": str(self.folder),
                },
                watch=watch,
            )
        found = {artifact.id: artifact for artifact in read_assembly(directory)}
        return [
            self._update(each, found[each.stack_id], directory)
            for organization in self.organizations
            for each in in_safe_order(organization)
        ]

    def _update(self, organization: Organization, artifact: StackArtifact, directory: "Path") -> Update:
        account = self._accounts[organization.name]
        if artifact.region and artifact.region != account.region:
            account = Account(account.profile, artifact.region)
        log_file = FOLDER / f"{artifact.id}.log"
        log_file.unlink(missing_ok=True)
        return Update(organization, artifact, account, directory=directory, log_file=log_file)

    def say(self, text: str = "", *, indent: str = "", warning: bool = False) -> None:
        """Print a paragraph, no wider than 80 columns; with --json on standard error."""
        err = self.as_json or warning
        for line in text.split("\n"):
            folded = textwrap.fill(
                printable(line),
                WIDTH,
                initial_indent=indent,
                subsequent_indent=f"{indent}  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            if warning:
                click.secho(printable_lines(folded), fg="yellow", err=True)
            else:
                say(folded, err=err)

    def advice(self, what: str, check: Callable[[], _T]) -> _T | None:
        """Make a check that does not stop the deployment; say so if it is not possible."""
        try:
            return check()
        except NotCheckedError as error:
            self.say(f"not checked: {what}, because {error}", indent="  ", warning=True)
            return None

    @contextmanager
    def watching(self, what: str) -> Iterator[Watch]:
        """Show what goes on: one line that changes, or without a terminal a line now and then."""
        console = stderr()
        if not console.is_terminal:
            yield _Log(self, what).note
            return
        with console.status(f"{what} ...") as status:
            shown = _Shown(what)

            def show(progress: Progress) -> None:
                shown.note(progress)
                status.update(printable(shown.text())[: WIDTH - 4])

            yield show


@contextmanager
def alone() -> Iterator[None]:
    """Hold the folder of the synthesis: another deployment from it would get this one's stacks, or change them.

    Raises
    ------
    BridgeError
        Another deployment holds it.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BridgeError(
                "Another bridge deploy runs from this folder. Wait until it has ended. To deploy several, "
                "name them in one command"
            ) from None
        yield


class _Shown:
    """How far it is, for how long, and the newest step, unless that is long ago."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._begun = self._stepped = time.monotonic()
        self._last = Progress("")

    def note(self, progress: Progress) -> None:
        if progress.text:
            self._last, self._stepped = progress, time.monotonic()

    def text(self) -> str:
        now = time.monotonic()
        counted = f" {self._last.done} of {self._last.total}," if self._last.total else ""
        step = self._last.text and (self._last.text if now - self._stepped < _LONG_AGO else "waiting for AWS")
        return f"{self._what}:{counted} {duration(now - self._begun)}{f'; {step}' if step else ''}"


class _Log:
    """Progress in a log: a line every half minute."""

    def __init__(self, session: Session, what: str) -> None:
        self._session, self._shown = session, _Shown(what)
        self._said = time.monotonic()

    def note(self, progress: Progress) -> None:
        self._shown.note(progress)
        now = time.monotonic()
        if now - self._said >= _SILENCE:
            self._said = now
            self._session.say(self._shown.text(), indent="  ")


def in_safe_order(organization: Organization) -> list[Organization]:
    """Put the organization's stacks into the order of an update: the one that sends no commands goes first.

    If a new version is bad there, the other region still receives all webhooks, and still sends.
    """
    return sorted(organization.stacks, key=lambda each: each.sends_commands)


def show_account(session: Session, update: Update) -> None:
    """Show the account's limits, and refuse one that CDK is not bootstrapped in."""
    for title in accounts.QUOTAS:
        quota = session.advice(title, lambda title=title: update.account.quota(title, update.artifact))  # type: ignore[misc]  # mypy has no type for a lambda with a default
        if quota:
            session.say(f"{quota.name}: {quota.value:g} {quota.unit}", indent="  ")
        if quota and quota.warning:
            session.say(f"WARNING: {quota.warning}", indent="  ", warning=True)
    session.advice("whether CDK is bootstrapped", lambda: update.account.require_bootstrap(update.artifact))


def show_warnings(session: Session, update: Update) -> None:
    """Show what the synthesis warns of, such as a setting that cuts off a URL later."""
    for text in update.artifact.warnings:
        session.say(f"WARNING: {update.name}: {text}", indent="  ", warning=True)


def show_plan(session: Session, plan: Plan) -> None:
    """Say what would change, and at length what would be lost."""
    if plan.is_new:
        session.say(f"A new stack: {plan.added} resources.", indent="  ")
    elif plan.is_empty:
        session.say("Nothing changes.", indent="  ")
    else:
        session.say(
            f"Resources: {plan.added} added, {plan.modified} changed, {plan.replaced} replaced, "
            f"{plan.removed} removed.",
            indent="  ",
        )
    for text in plan.cut_offs:
        session.say(f"WARNING: {text}.", indent="  ", warning=True)
    for loss in plan.losses:
        _show_loss(session, loss)


def _show_loss(session: Session, loss: Loss) -> None:
    because = f", because {loss.cause} changes" if loss.cause else ""
    session.say(f"{loss.action.upper()}: {loss.logical_id} ({loss.type}){because}", indent="  ", warning=True)
    kept = "The old one stays in the account, outside the stack." if loss.kept else "The old one is deleted."
    session.say(f"lost: {loss.what}. {kept}", indent="    ", warning=True)
    session.say(f"to do: {loss.remedy}", indent="    ", warning=True)


def show_gate(session: Session, prepared: Prepared) -> None:
    """Say which alarms can roll the update back, and loudly which cannot."""
    if prepared.gate_not_checked:
        session.say(
            f"not checked: the alarms, because {prepared.gate_not_checked}. No alarm rolls this update back.",
            indent="  ",
            warning=True,
        )
    for name, reason in (prepared.gate.left_out or {}).items():
        session.say(f"NOT WATCHED: the alarm {name}: {reason}.", indent="  ", warning=True)
    if prepared.gate.arns:
        named = ", ".join(arn.rsplit("-", 1)[-1] for arn in prepared.gate.arns)
        session.say(
            f"CloudFormation watches {named} during the update and for {gate.MINUTES} minutes after it, and puts the "
            "version from before back if one goes to ALARM.",
            indent="  ",
        )


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Write a plan as a part of a JSON object."""
    return {**asdict(plan), "is_empty": plan.is_empty}
