"""One signed webhook over the real URL, followed to journal, state and event bus, and taken back."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from requests import RequestException

import simulator
from cli.lib import aws_error, deployed, releases
from cli.lib.errors import BridgeError
from cli.lib.interruption import interruptible, undisturbed
from cli.lib.journal import JournalReader
from cli.lib.logs import Log
from cli.lib.stack import Stack
from cli.lib.verification.accepts import other_customer
from cli.lib.verification.finding import Finding, Verdict, failed, not_allowed, ok
from cli.lib.verification.one_webhook import MINUTES, OneWebhook
from cli.lib.verification.subject import Subject
from simulator import DeliveryAnswer
from stacks.config.organization import Organization
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.edge.dynamodb_item import Item, to_item
from vectorcare_bridge.webhooks import signature

# Nothing can be done about a request that is unavailable: if a dispatcher sees it, it says so by itself.
STATUS, ACTION = "UNAVAILABLE", "BROADCAST_EXPIRED"

_SECONDS = 60.0
_LOG_SECONDS = 120.0  # CloudWatch shows a line after a while
_LOCAL_SECONDS = _LOCAL_ANSWER_SECONDS = 600.0  # a busy machine may be slow
_PAUSE_SECONDS = 0.5
_TRIES = 2  # three refusals raise the alarm SignatureFailures
_TRY_AGAIN_SECONDS = 5.0
_KEY_BITS = 2048

Seen = TypeVar("Seen")


@dataclass
class Outcome:
    """What was seen, in order; `left` is what could not be taken back, with what to do."""

    findings: list[Finding] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    is_interrupted: bool = False


def new_id() -> str:
    """Make the id of a service request that everybody sees is a test."""
    return f"TEST-{secrets.token_hex(4).upper()}"


def verify_end_to_end(
    stack: Stack,
    organization: Organization | None,
    service_request_id: str,
    *,
    key: RSAPrivateKey | None,
    step: Callable[[str], None],
) -> Outcome:
    """Send one signed webhook, follow it, and take everything back, after Ctrl-C too.

    Without a key, one is made that never leaves this process, and ingest accepts it for this webhook alone:
    `OneWebhook`. A key of the caller's has to be a deployed one. `step` gets what is being done.

    Raises
    ------
    BridgeError
        It cannot begin. Nothing was changed.
    """
    trial = _Trial(Subject(stack, organization), service_request_id, key, step)
    trial.require_ready()
    outcome = Outcome()
    with interruptible():
        try:
            for finding in trial.run():
                outcome.findings.append(finding)
        except KeyboardInterrupt:
            outcome.is_interrupted = True
        except Exception as error:  # noqa: BLE001 whatever it is, what was done is taken back
            seen = f"It broke off ({type(error).__name__})."
            outcome.findings.append(failed("end to end", seen, "Tell the maintainers of this project."))
        with undisturbed():
            step("Taking everything back")
            outcome.left += trial.take_back()
    check = "everything is taken back"
    if outcome.left:
        outcome.findings += [failed(check, "Something is left.", each) for each in outcome.left]
    else:
        outcome.findings.append(ok(check, f"Nothing of {service_request_id} is left."))
    return outcome


class _Trial:
    """One webhook, and what it has left so far."""

    def __init__(
        self, subject: Subject, service_request_id: str, key: RSAPrivateKey | None, step: Callable[[str], None]
    ) -> None:
        self._subject = subject
        self._stack = subject.stack
        self._step = step
        self._given = key
        self._key = key or rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        self._id = service_request_id
        webhook = simulator.sample_webhook(
            at=datetime.now(UTC), request_status=STATUS, action=_action(subject), service_request_id=service_request_id
        )
        self._event_id, self._body = webhook.event_id, webhook.body
        self._one_webhook: OneWebhook | None = None
        self._may_be_stored = False
        self._begin = time.time()

    def require_ready(self) -> None:
        """Refuse to begin if it could not end well."""
        releases.require_rest(self._stack)
        (refused,) = other_customer(self._subject)
        if refused.verdict is not Verdict.OK:
            raise BridgeError(f"The URL cannot be used from here: {refused.seen} Nothing was changed.")
        if self._given:
            if _encoded(self._given) not in {_encoded(each.public_key) for each in deployed.keys(self._stack)}:
                raise BridgeError(
                    "The public half of the private key is not deployed. Add it to public_keys, and deploy."
                )
            return
        ingest = next(each for each in self._subject.functions if each.service == "ingest")
        if not ingest.alias:
            raise BridgeError(
                f"An earlier version of the bridge deployed this stack. Deploy again: {self._subject.deploy}"
            )
        self._one_webhook = OneWebhook(self._stack.client("lambda"), ingest)

    def run(self) -> Iterator[Finding]:
        """Send and follow; the first step that fails is the last."""
        check = "throw-away key"
        try:
            if self._one_webhook:
                self._step("Having ingest accept one throw-away key")
                self._one_webhook.open(self._variable())
                yield ok(
                    check,
                    f"Version {self._one_webhook.version} of ingest takes it, for one webhook and {MINUTES} minutes.",
                )
            check = "signed webhook"
            self._step("Sending a signed webhook")
            answer = self._send()
            if answer.status != HTTPStatus.OK:
                yield failed(
                    check, f"It was answered {answer.status}: {answer.text[:200]}", "Read the ingest function's log."
                )
                return
            yield ok(check, f"{self._id} was answered 200 in {answer.seconds * 1000:.0f} ms.")
            if self._one_webhook:
                self._one_webhook.close()  # what fails is tried again, and reported, in the end
            yield from self._follow()
        except (BotoCoreError, ClientError) as error:
            text = aws_error.explain(error)
            yield (
                not_allowed(check, text, "docs/verifying.md#end-to-end")
                if aws_error.is_denied(error)
                else failed(check, text, "Start it again.")
            )
        except BridgeError as error:
            yield failed(check, str(error), "docs/verifying.md#end-to-end")
        except RequestException as error:  # its own text holds the URL with the customer_id
            yield failed(check, f"There is no answer ({type(error).__name__}).", "Read the ingest function's log.")

    def take_back(self) -> list[str]:
        """Undo all that was done; return what could not be undone, each with what to do."""
        left = [*(self._one_webhook.close() if self._one_webhook else ())]
        if self._may_be_stored:
            left += self._remove_items()
        return left + (self._one_webhook.remove() if self._one_webhook else [])

    def _variable(self) -> str:
        until = utc_timestamp.later(runtime.now(), minutes=MINUTES)
        return f"{_encoded(self._key.public_key())} {hashlib.sha256(self._body).hexdigest()} {until}"

    def _send(self) -> DeliveryAnswer:
        sender = simulator.VectorCare(
            webhook_url=self._subject.webhook_url.geturl(),
            private_key=self._key,
            gives_up_after=_LOCAL_ANSWER_SECONDS if self._stack.is_local else simulator.GIVES_UP_AFTER,
        )
        self._may_be_stored = True
        for tried in range(1, _TRIES + 1):
            answer = sender.send(self._body)
            if answer.status != HTTPStatus.UNAUTHORIZED or tried == _TRIES:
                break
            time.sleep(_TRY_AGAIN_SECONDS)
        self._may_be_stored = answer.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        return answer

    def _follow(self) -> Iterator[Finding]:
        self._step("Waiting for the journal")
        entry = self._wait(self._entry, _SECONDS)
        if entry is None:
            yield failed(
                "journal", "The webhook is not in it.", "Look where it is: ./bridge status, then ./bridge dlq list"
            )
            return
        is_same = entry["body"] == self._body and _verifies(entry, self._key)
        if not is_same:
            yield failed("journal", "It holds other bytes than were sent.", "Tell the maintainers: this must not be.")
            return
        yield ok(
            "journal",
            f"It has the webhook byte for byte, {self._since_begin()} after the start; its signature verifies.",
        )
        self._step("Waiting for the state")
        state = self._wait(self._state, _SECONDS)
        if state is None or state["event_id"] != self._event_id:
            yield failed("state", "The service request is not in it.", "Read the processor's log.")
            return
        yield ok(
            "state", f"It has the service request as {state['request_status']}, {self._since_begin()} after the start."
        )
        yield self._heard()

    def _heard(self) -> Finding:
        """Find the publisher's line about the event: it writes one after the bus has taken an event."""
        check = "event bus"
        self._step("Waiting for the publisher's log")
        try:
            log = Log(
                self._stack, "PublisherFunction", names=("event.published", "event.unpublished"), fields=("event_id",)
            )
            line = self._wait(
                lambda: next(
                    (line for _, line in log.since(self._begin) if line.get("event_id") == self._event_id), None
                ),
                _LOG_SECONDS,
            )
        except (BotoCoreError, ClientError) as error:
            return not_allowed(
                check, aws_error.explain(error), "The policy in OutboundOperatorPolicyArn lets you read it."
            )
        if line is None:
            return failed(
                check, "The publisher's log does not say that the bus has taken the event.", "Read it: docs/runbook.md"
            )
        if line["message"] != "event.published":
            return failed(check, "The bus refused the event; it waits.", "./bridge dlq list --queue unpublished")
        return ok(check, f"The bus has taken the event, {self._since_begin()} after the start.")

    def _remove_items(self) -> list[str]:
        """Delete state and journal entry; first wait for what may be on its way, so that it does not come after."""
        key = json.dumps({"service_request_id": {"S": self._id}})
        whole = json.dumps({"service_request_id": {"S": self._id}, "event_id": {"S": self._event_id}})
        commands = [
            f"aws dynamodb delete-item --table-name {self._stack.outputs[table]} --key '{each}'"
            for table, each in (("ServiceRequestsTable", key), ("EventsTable", whole))
        ]
        try:
            if self._wait(self._entry, _SECONDS) is None:
                return [
                    f"{self._id} was sent and is not in the journal yet. Once it is, run: {'; '.join(commands)}",
                ]
            self._wait(self._state, _SECONDS)
            client = self._stack.client("dynamodb")
            client.delete_item(
                TableName=self._stack.outputs["ServiceRequestsTable"],
                Key=json.loads(key),
                ConditionExpression="attribute_not_exists(event_id) OR event_id = :event_id",
                ExpressionAttributeValues={":event_id": {"S": self._event_id}},
            )
            client.delete_item(TableName=self._stack.outputs["EventsTable"], Key=json.loads(whole))
            if self._entry() or self._state():
                return [f"{self._id} has come back into the tables. Run: {'; '.join(commands)}"]
        except (BotoCoreError, ClientError) as error:
            return [f"{self._id} is still in the tables. {aws_error.explain(error)} Then: {'; '.join(commands)}"]
        return []

    def _entry(self) -> Item | None:
        entries = JournalReader(self._stack.client("dynamodb"), self._stack.outputs["EventsTable"]).entries(self._id)
        return next((entry for entry in entries if entry["event_id"] == self._event_id), None)

    def _state(self) -> Item | None:
        answer = self._stack.client("dynamodb").get_item(
            TableName=self._stack.outputs["ServiceRequestsTable"],
            Key={"service_request_id": {"S": self._id}},
            ConsistentRead=True,
        )
        return to_item(answer["Item"]) if "Item" in answer else None

    def _wait(self, look: Callable[[], Seen | None], seconds: float) -> Seen | None:
        end = time.monotonic() + (_LOCAL_SECONDS if self._stack.is_local else seconds)
        while (seen := look()) is None and time.monotonic() < end:
            time.sleep(_PAUSE_SECONDS)
        return seen

    def _since_begin(self) -> str:
        return f"{time.time() - self._begin:.1f} s"


def _action(subject: Subject) -> str:
    """Choose an action that the organization publishes; else no event would come."""
    published = subject.organization.publish_actions if subject.organization else ("*",)
    return ACTION if not published or {"*", ACTION} & set(published) else published[0]


def _encoded(key: Any) -> str:
    public = key.public_key() if isinstance(key, RSAPrivateKey) else key
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _verifies(entry: Item, key: RSAPrivateKey) -> bool:
    try:
        signature.verify(entry["body"], entry["signature"], signature.load_keys(_encoded(key)))
    except signature.SignatureRefusedError:
        return False
    return True
