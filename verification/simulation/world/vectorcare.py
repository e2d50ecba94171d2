"""VectorCare and its impostors: three attempts in about 72 seconds, 10 seconds for an answer."""

import base64
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import Any

from verification.simulation.history.webhooks import WebhookHistory
from verification.simulation.plan import keys
from verification.simulation.plan.content import Content, ContentKind
from verification.simulation.plan.plan import Sending
from verification.simulation.world import faults
from verification.simulation.world.container import InvocationOutcome
from verification.simulation.world.fleet import Fleet
from verification.simulation.world.run_context import RunContext

CUSTOMER_ID = "acme-7Jw2"
ANSWER_SECONDS = 10.0
RETRY_SECONDS = (8.0, 64.0)
_REPLAY_SECONDS = (0.01, 1.0, 30.0, 900.0)
_OK, _SERVER_ERROR_FROM, _BAD_GATEWAY = range(200, 300), 500, 502
_TOO_LARGE = 256 * 1024 + 1


@dataclass(slots=True)
class _Attempt:
    sending: Sending
    number: int
    content: Content
    signature: str
    key: str
    is_over: bool = False


class SimulatedVectorCare:
    """Sends what is planned to ingest; the API before it adds nothing."""

    def __init__(self, context: RunContext, ingest: Fleet, history: WebhookHistory) -> None:
        self.key = keys.OLD
        self.under_way = 0
        self._context = context
        self._ingest = ingest
        self._history = history
        self._by_request: defaultdict[str, list[Sending]] = defaultdict(list)

    def plan(self, sending: Sending) -> None:
        self.under_way += 1
        self._by_request[sending.content.service_request_id].append(sending)
        if sending.forgery or sending.content.kind is ContentKind.UNREADABLE:
            self._context.faults.count(faults.UNWELCOME)
        self._context.at(sending.at, partial(self._attempt, sending, 1))

    def replay(self, service_request_id: str) -> None:
        """Send some webhooks of a service request once more, as anybody may who has old ones: they are signed."""
        for sending in self._by_request.get(service_request_id, []):
            if self._context.strikes(faults.REPLAYED_AFTER_EXPIRY):
                self.under_way += 1
                delay = self._context.random.random() * self._context.random.choice(_REPLAY_SECONDS)
                self._context.after(delay, partial(self._attempt, sending, 1))

    def _attempt(self, sending: Sending, number: int) -> None:
        content = sending.content
        if number > 1 and self._context.settings.restamps and sending.event and not sending.forgery:
            content = sending.event.content(at=self._context.now)
            self._context.faults.count(faults.RESTAMPED)
        signature = keys.sign(content.body, self.key)
        attempt = _Attempt(sending, number, content, signature, self.key)
        self._history.sends(content, signature)
        self._context.say(
            "VectorCare", f"sends {sending.number}, attempt {number}: {content.event_id or content.body[:40]!r}"
        )
        self._context.after(ANSWER_SECONDS, partial(self._give_up, attempt))
        if self._context.strikes(faults.REQUEST_LOST):
            return
        self._ingest.invoke(_request(attempt), partial(self._answered, attempt))

    def _answered(self, attempt: _Attempt, outcome: InvocationOutcome) -> None:
        status = outcome.answer["statusCode"] if outcome.answer else _BAD_GATEWAY
        self._context.say("VectorCare", f"{attempt.sending.number} is answered {status}")
        self._history.answers[status] += 1
        if outcome.error == "timed out":
            self._context.violate("ingest did not answer in its time", str(attempt.sending.number))
        knows_key = keys.encoded(attempt.key) in outcome.container.environment["PUBLIC_KEYS"].split(",")
        if status in _OK:
            self._history.kept(attempt.content, attempt.signature)
            if not knows_key:
                self._context.violate("accepted under a key that is not known any more", str(attempt.sending.number))
        elif status < _SERVER_ERROR_FROM and knows_key and not attempt.sending.forgery:
            self._context.violate("signed for us, and refused", f"{attempt.sending.number}: {status}")
        if attempt.is_over or self._context.strikes(faults.ANSWER_LOST):
            return
        attempt.is_over = True
        if status in _OK or attempt.sending.forgery:
            self.under_way -= 1
        else:
            self._try_again(attempt)

    def _give_up(self, attempt: _Attempt) -> None:
        if not attempt.is_over:
            attempt.is_over = True
            self._try_again(attempt)

    def _try_again(self, attempt: _Attempt) -> None:
        if attempt.number > len(RETRY_SECONDS):
            self.under_way -= 1
            return
        again = partial(self._attempt, attempt.sending, attempt.number + 1)
        self._context.after(RETRY_SECONDS[attempt.number - 1], again)


def _request(attempt: _Attempt) -> dict[str, Any]:
    """Write API Gateway's proxy event, with what is wrong with the request, if anything is."""
    body, headers, query = (
        attempt.content.body,
        {"X-VectorCare-Signature": attempt.signature},
        {"customer_id": CUSTOMER_ID},
    )
    name = "X-VectorCare-Signature"
    match attempt.sending.forgery:
        case "no signature":
            headers = {}
        case "signature is garbage":
            headers[name] = "not base64!"
        case "signed with an unknown key":
            headers[name] = keys.sign(body, keys.FOREIGN)
        case "signature of other bytes":
            headers[name] = keys.sign(body + b" ", attempt.key)
        case "a byte changed after signing":
            headers[name] = keys.sign(body[:-1] + b" " + body[-1:], attempt.key)
        case "signature not canonical":
            # 128 bytes leave bits unused before the padding; setting one decodes to the same bytes.
            headers[name] = f"{attempt.signature[:-2]}{chr(ord(attempt.signature[-2]) + 1)}="
        case "wrong customer":
            query = {"customer_id": CUSTOMER_ID.lower()}
        case "no customer":
            query = {}
        case "body too large":
            body += b" " * (_TOO_LARGE - len(body))
            headers[name] = keys.sign(body, attempt.key)
    return {
        "httpMethod": "POST",
        "resource": "/webhook",
        "headers": headers,
        "queryStringParameters": query or None,
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
