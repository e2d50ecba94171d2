"""Flaws of ingest, drain and redrive."""

import importlib
import json
from types import SimpleNamespace
from typing import Any

from tests.verification.simulation.flaws.variant import (
    flawed,
    from_the_future,
    never_raises,
    outage,
    poisoned,
    poisoned_and_crashing,
    untroubled,
)
from verification.simulation.flaw import Edit, answers
from verification.simulation.world.loader import RUNTIME

_KEEP = "ingest.enqueue_or_spool:enqueue_or_spool"
_VERIFY = "vectorcare_bridge.webhooks.signature:verify"


def _deletes_before_it_sends(move: Any) -> Any:
    def flawed(spool: Any, queue: Any, key: str) -> Any:
        return move(spool, SimpleNamespace(send=lambda message: (spool.delete(key), queue.send(message))[1]), key)

    return flawed


def deletes_first(move: Any) -> Any:
    """Let a redrive delete each dead letter before it sends it."""
    return lambda self, message: (self._dead_letters.delete(message["ReceiptHandle"]), move(self, message))[1]


def _reason_of_now(reason: Any) -> Any:
    runtime = importlib.import_module(RUNTIME)

    def flawed(source: Any, body: str, attributes: dict[str, str], **how: Any) -> Any:
        now = attributes | {"received_at": runtime.now()}
        return reason(source, body, now, **how | {"recorded": lambda _body: None})

    return flawed


VARIANTS = (
    flawed(
        "neither queue nor spool took it, and the answer is 200",
        "answered 2xx before it was kept",
        _KEEP,
        never_raises,
    ),
    flawed(
        "the answer does not wait for the queue",
        "answered 2xx before it was kept",
        _KEEP,
        Edit(".result(timeout=QUEUE_SECONDS)", ""),
    ),
    flawed(
        "the answer does not wait for the spool",
        "answered 2xx before it was kept",
        _KEEP,
        Edit(".result(timeout=SPOOL_SECONDS)", ""),
    ),
    flawed(
        "any signature will do",
        "forged or another customer's, and accepted",
        _VERIFY,
        lambda _verify: lambda _body, _header, keys: keys[0],
    ),
    flawed(
        "the signature is checked over the body written once more",
        "signed for us, and refused",
        _VERIFY,
        lambda verify: lambda body, *rest: verify(json.dumps(json.loads(body)).encode(), *rest),
    ),
    flawed(
        "the body is parsed before the signature is checked",
        "signed for us, and not accepted though nothing was in its way",
        _VERIFY,
        lambda verify: lambda body, *rest: (json.loads(body), verify(body, *rest))[1],
        trouble=untroubled,
    ),
    flawed(
        "the customer is not looked at",
        "forged or another customer's, and accepted",
        "ingest.request:check_customer",
        answers(None),
        first=7,
    ),
    flawed(
        "the body is logged",
        "a payload value was logged",
        "ingest.handler:_verify",
        lambda verify: lambda asked, body: (print(body), verify(asked, body))[1],  # noqa: T201 that is the flaw
    ),
    flawed(
        "the text of an error is logged",
        "a payload value was logged",
        "vectorcare_bridge.edge.observability:_kind",
        lambda kind: lambda error: f"{kind(error)}: {error}",
    ),
    flawed(
        "all webhooks of a second share one place in the spool",
        "lost",
        "vectorcare_bridge.webhooks.spool:Spool.store",
        Edit("{webhook.received_at}-{envelope.digest(webhook.body)}", "{webhook.received_at[:19]}"),
        trouble=outage("sqs"),
    ),
    flawed("the drain deletes before it sends", "lost", "drain.drain:_move", _deletes_before_it_sends),
    flawed(
        "the redrive deletes before it sends",
        "can never be applied, and is not among the dead",
        "redrive.redrive:Redrive._move",
        deletes_first,
        trouble=poisoned_and_crashing,
    ),
    flawed(
        "a redriven webhook loses its attributes",
        "a forbidden webhook was kept",
        "redrive.send_back:webhook",
        lambda _send: lambda queue, message: queue.send({"MessageBody": message["Body"], "MessageAttributes": {}}),
        trouble=poisoned,
    ),
    flawed(
        "the reason of a death depends on the time of the look",
        "a redrive by reason left what had died for it",
        "vectorcare_bridge.dead_letters.dead_letter:reason",
        _reason_of_now,
        trouble=from_the_future,
    ),
)
