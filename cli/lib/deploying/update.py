"""One stack's deployment: a change set is made, judged, and then executed or removed."""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cli.lib import aws_error
from cli.lib.account import Account, NotCheckedError, checking
from cli.lib.aws_session import outputs_of
from cli.lib.deploying import changes, failure, gate
from cli.lib.deploying.assembly import StackArtifact, set_termination_protection
from cli.lib.deploying.cdk import Cdk, Progress, Watch, last_words
from cli.lib.deploying.changes import Plan
from cli.lib.deploying.gate import Gate
from cli.lib.errors import BridgeError
from stacks.config.organization import Organization
from vectorcare_bridge.edge import runtime

CHANGE_SET = "bridge-deploy"
_NOTHING = ("didn't contain changes", "No updates are to be performed")
_POLL = 5.0  # seconds between two looks at a stack that is being changed


@dataclass(frozen=True)
class Prepared:
    """A change set that waits, and what it would do.

    Attributes
    ----------
    is_empty : bool
        There is nothing to change, and no change set any more.
    outputs : dict of str to str
        Those of the deployed stack, if nothing is to change.
    gate_not_checked : str
        Why the alarms could not be looked up; the update is not watched then.
    """

    plan: Plan
    gate: Gate
    is_empty: bool
    outputs: dict[str, str]
    gate_not_checked: str = ""


class Update:
    """The deployment of one synthesized stack to an account.

    Parameters
    ----------
    directory : Path
        The assembly (`cdk.out`).
    log_file : Path
        What CDK says.
    """

    def __init__(
        self, organization: Organization, artifact: StackArtifact, account: Account, *, directory: Path, log_file: Path
    ) -> None:
        self.organization = organization
        self.artifact = artifact
        self.account = account
        self.log_file = log_file
        self._directory = directory
        self._cdk = Cdk(account.profile, account.region, log_file)
        self._cloudformation = account.deploying(artifact)
        self._seen: str | None = None  # the newest event of the stack before this deployment

    @property
    def name(self) -> str:
        """What people call it: the organization, and the region if it has stacks in two."""
        return self.artifact.id.removeprefix("VectorCareBridge-")

    def status(self) -> str | None:
        """Read the state of the stack; None if there is none."""
        stack = self._describe()
        return str(stack["StackStatus"]) if stack else None

    def require_updatable(self) -> str | None:
        """Return the state of the stack.

        Raises
        ------
        BridgeError
            No update can begin; the text says what to do.
        """
        status = self.status()
        if reason := failure.blocking(status, **self._names()):
            raise BridgeError(f"{self.artifact.stack_name} cannot be updated. {reason}")
        return status

    def wait_while_in_progress(self, watch: Watch, *, is_stopped: Callable[[], bool]) -> None:
        """Wait until an update that somebody has begun has ended, or until this deployment is stopped."""
        while not is_stopped() and failure.is_in_progress(self.status()):
            watch(Progress("an earlier update goes on"))
            runtime.sleep(_POLL)

    def prepare(self, watch: Watch, *, only_look: bool = False) -> Prepared:
        """Make the change set, and explain it. With `only_look`, nothing but the change set is made.

        Raises
        ------
        BridgeError
            It cannot be made; the text says why.
        """
        deployed = self._describe()
        self._seen = next((event["EventId"] for event in self._events()), None) if deployed else None
        is_new = deployed is None or deployed["StackStatus"] in ("REVIEW_IN_PROGRESS", *failure.FAILED_FIRST)
        if only_look and deployed and deployed["StackStatus"] in failure.FAILED_FIRST:
            # To make a change set, CDK would delete what is left of the first deployment.
            return Prepared(changes.of_new(self.artifact.template), Gate(), is_empty=False, outputs={})
        # It is set with the rest: until then nothing is changed, and a stack that is not made after all can be deleted.
        protected = bool(deployed and not is_new and deployed.get("EnableTerminationProtection"))
        set_termination_protection(self._directory, self.artifact, protected=protected)
        chosen, not_checked = (Gate(), "") if is_new or only_look else self._choose_gate()
        try:
            said = self._cdk.deploy(
                self._directory,
                self.artifact.id,
                *("--method", "prepare-change-set", "--change-set-name", CHANGE_SET),
                *([] if is_new or only_look else chosen.arguments),
                watch=watch,
            )
            if said is not None:
                raise self._failed(said)  # noqa: TRY301 what was made of the change set has to go
            found, all_changes = self._change_set()
        except BaseException:
            self.discard()
            raise
        old = None if is_new else self._deployed_template()
        plan = changes.explain(all_changes, old=old, new=self.artifact.template, is_new=is_new)
        is_empty = found["Status"] == "FAILED" and any(text in found.get("StatusReason", "") for text in _NOTHING)
        if is_empty:
            self.discard()
        outputs = outputs_of({"Stacks": [deployed]}) if deployed and is_empty else {}
        return Prepared(plan, chosen, is_empty, outputs, not_checked)

    def require_nothing_lost(self, prepared: Prepared, *, allowed: Iterable[str]) -> None:
        """Refuse to replace or remove what holds something, unless somebody has named it.

        Raises
        ------
        BridgeError
            Nobody has.
        """
        lost = [loss for loss in prepared.plan.losses if loss.logical_id not in set(allowed)]
        if lost:
            names = " ".join(f"--replace {loss.logical_id}" for loss in lost)
            raise BridgeError(
                f"{self.artifact.stack_name} was not changed, because what holds data, or webhooks, would be lost. "
                f"./bridge deploy {self.organization.name} --check says what. If you want that, say so: {names}"
            )

    def discard(self) -> None:
        """Remove the change set, and with it a stack that has nothing but that."""
        with contextlib.suppress(BridgeError, *aws_error.ERRORS):
            self._cloudformation.delete_change_set(StackName=self.artifact.stack_name, ChangeSetName=CHANGE_SET)
            if self.status() == "REVIEW_IN_PROGRESS":
                self._cloudformation.delete_stack(StackName=self.artifact.stack_name)

    def execute(self, watch: Watch) -> dict[str, str]:
        """Execute the change set, and wait until CloudFormation has ended; return the stack's outputs.

        Raises
        ------
        BridgeError
            It failed; the text has the first reason, and what runs now.
        """
        set_termination_protection(self._directory, self.artifact, protected=self.artifact.protected)
        outputs_file = self.log_file.with_suffix(".outputs.json")
        outputs_file.unlink(missing_ok=True)
        said = self._cdk.deploy(
            self._directory,
            self.artifact.id,
            *("--method", "execute-change-set", "--change-set-name", CHANGE_SET),
            *("--outputs-file", str(outputs_file)),
            watch=watch,
        )
        if said is not None:
            raise self._failed(said)
        outputs: dict[str, str] = json.loads(outputs_file.read_text(encoding="utf-8")).get(self.artifact.stack_name, {})
        return outputs

    def _choose_gate(self) -> tuple[Gate, str]:
        try:
            with checking():
                answer = self.account.looking_up("cloudwatch", self.artifact).describe_alarms(
                    AlarmNames=gate.names(self.artifact.stack_name), AlarmTypes=["MetricAlarm"]
                )
                return gate.choose(self.artifact.stack_name, answer["MetricAlarms"]), ""
        except NotCheckedError as error:
            return Gate(), str(error)

    def _describe(self) -> dict[str, Any] | None:
        try:
            stack: dict[str, Any] = self._cloudformation.describe_stacks(StackName=self.artifact.stack_name)["Stacks"][
                0
            ]
        except ClientError as error:
            # CloudFormation's code for a stack that does not exist (API reference, DescribeStacks).
            if error.response["Error"]["Code"] != "ValidationError":
                raise BridgeError(aws_error.explain(error)) from None
            return None
        except aws_error.ERRORS as error:
            raise BridgeError(aws_error.explain(error)) from None
        return stack

    def _change_set(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Read the change set: its description, and the changes of all pages."""
        where = {"StackName": self.artifact.stack_name, "ChangeSetName": CHANGE_SET}
        pages = list(self._cloudformation.get_paginator("describe_change_set").paginate(**where))
        return pages[-1], [change for page in pages for change in page.get("Changes", [])]

    def _deployed_template(self) -> dict[str, Any] | None:
        try:
            body = self._cloudformation.get_template(StackName=self.artifact.stack_name)["TemplateBody"]
        except aws_error.ERRORS:
            return None
        template = json.loads(body) if isinstance(body, str) else body
        return dict(template)

    def _failed(self, said: list[str]) -> BridgeError:
        """Explain a failure by its kind."""
        if known := failure.of_cdk(said, bootstrap=self.account.bootstrap_command(self.artifact)):
            return BridgeError(known)
        try:
            status, events = self.status(), self._new_events()
        except (BridgeError, *aws_error.ERRORS):
            status, events = None, []
        reason = failure.first_failure(events)
        reported = [f"It began with {reason}", failure.after(status, **self._names())] if reason else last_words(said)
        return BridgeError(
            "\n".join(
                [
                    f"{self.artifact.stack_name} was not deployed.",
                    *(f"  {line}" for line in reported),
                    f"All of it: {self.log_file}",
                ]
            )
        )

    def _events(self) -> Iterator[dict[str, Any]]:
        """Read the stack's events, the newest first."""
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.artifact.stack_name)
        for page in pages:
            yield from page["StackEvents"]

    def _new_events(self) -> list[dict[str, Any]]:
        """Read what happened since this deployment began, the oldest first."""
        return [*takewhile(lambda event: event["EventId"] != self._seen, self._events())][::-1]

    def _names(self) -> dict[str, str]:
        where = f"--region {self.account.region}" + (
            f" --profile {self.account.profile}" if self.account.profile else ""
        )
        return {"stack": self.artifact.stack_name, "id": self.artifact.id, "where": where}
