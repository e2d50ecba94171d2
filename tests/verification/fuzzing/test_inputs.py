"""A fixed share of the fuzzing: the functions hold its rules, and it notices functions that do not."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any

import pytest

from ingest import request
from vectorcare_bridge.webhooks import dynamodb_limits, envelope, failure, message, signature
from verification.fuzzing import grammar, harness
from verification.fuzzing.case import INGEST, PROCESSOR, Case, Part, parse
from verification.fuzzing.functions import Functions, loaded
from verification.fuzzing.harness import Harness

COUNT = 200


def drawn(target: str, seed: int, count: int) -> Iterator[Case]:
    random = Random(seed)
    return (grammar.case(target, random) for _ in range(count))


@pytest.mark.parametrize("target", [INGEST, PROCESSOR])
def test_no_input_breaks_a_rule(functions: Functions, target: str) -> None:
    harness = Harness(functions)
    broken = {str(violation): case.to_bytes() for case in drawn(target, 1, COUNT) if (violation := harness.run(case))}
    assert not broken
    # And many inputs are signed, accepted and brought to an end
    assert harness.counts["signed"] > COUNT / 4
    assert harness.counts["accepted"] > COUNT / 5
    assert target == INGEST or harness.counts["applied"] > COUNT / 10


def test_a_request_with_fields_of_wrong_types_is_refused_and_no_server_error(functions: Functions) -> None:
    # Given events whose fields API Gateway never fills so
    wrong = (["headers"], ["queryStringParameters"], ["body"], ["headers", "X-VectorCare-Signature"])
    for path in wrong:
        for value in ("text", 7, ["list"], {"name": ["list"]}, True):
            case = Case(INGEST, [Part({"event": [["set", path, value]]}, b"{}")])
            # When ingest gets them, Then it answers, and not with 5xx
            assert Harness(functions).run(case) is None, (path, value)


@pytest.mark.parametrize("redriven", ["7" * 5000, "\u0667", "-1", "1.5", ""])
def test_a_message_with_any_count_of_redrives_is_read(functions: Functions, redriven: str) -> None:
    # Given a message that somebody put on the queue with that attribute, beside one from ingest
    good = Part({}, b'{"service_request_id": "VC-1", "request_status": "A", "last_updated": "2026-03-01"}')
    case = Case(PROCESSOR, [Part({"by_hand": {"redriven": redriven}}, b"[]"), good])
    # When both are processed, Then each ends as its content says
    harness = Harness(functions)
    assert harness.run(case) is None
    assert harness.last["applied"] == 1


def test_an_input_is_read_back_as_it_was_written_and_takes_the_same_course(functions: Functions) -> None:
    for case in (*drawn(INGEST, 2, 25), *drawn(PROCESSOR, 2, 25)):
        ends = []
        for each in (case, parse(case.to_bytes())):
            assert each == case
            harness = Harness(functions)
            harness.run(each)
            ends.append(harness.counts)
        assert ends[0] == ends[1]


@pytest.mark.parametrize("limit", ["MAX_CPU_SECONDS", "MAX_GROWTH_BYTES"])
def test_time_and_memory_are_bounded(functions: Functions, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a limit that nothing keeps
    monkeypatch.setattr(harness, limit, -1)
    # When an input is run, Then it breaks the rule
    violation = Harness(functions).run(next(drawn(INGEST, 1, 1)))
    assert violation
    assert violation.rule.startswith("an input takes too")


Plant = Callable[[Functions, pytest.MonkeyPatch], None]


def replaced(module: Callable[[Functions], Any], name: str, flaw: Any) -> Plant:
    """Plant a flaw: another object in the place of a module's."""
    return lambda functions, patch: patch.setattr(module(functions), name, flaw)


def ingest(functions: Functions) -> Any:
    return functions.modules["ingest"]


def ingest_request(functions: Functions) -> Any:
    return ingest(functions).request


def journal(functions: Functions) -> Any:
    return functions.modules["processor"]._processor._journal


def read_any_route(event: dict[str, Any], read: Any = request.read) -> Any:
    return replace(read(event), route="POST /webhook")


def lower_one_spelling(headers: Any) -> dict[str, Any]:
    return {name.lower() if name == signature.HEADER else name: value for name, value in headers.items()}


def encode_with_a_space(webhook: message.Webhook, encode: Any = message.encode) -> Any:
    return encode(replace(webhook, body=webhook.body + b" "))


class Unlisted(StrEnum):
    REASON = "unlisted"


def read_with_an_unlisted_reason(body: bytes, read: Any = envelope.read) -> Any:
    try:
        return read(body)
    except failure.PermanentError as error:
        raise failure.PermanentError(Unlisted.REASON) from error  # type: ignore[arg-type]  # the flaw


def print_what_is_sent(functions: Functions, patch: pytest.MonkeyPatch) -> None:
    queue = ingest(functions)._queue
    send = queue.send
    patch.setattr(queue, "send", lambda sent: (print(sent["MessageBody"]), send(sent))[1])  # noqa: T201 the flaw


def answer_with_the_event(functions: Functions, patch: pytest.MonkeyPatch) -> None:
    answer = ingest(functions)._answer
    patch.setattr(ingest(functions), "_answer", lambda event: {**answer(event), "headers": {"X-Event": str(event)}})


def drop_what_fails(functions: Functions, patch: pytest.MonkeyPatch) -> None:
    processor = functions.modules["processor"]._processor
    process = processor.process
    patch.setattr(processor, "process", lambda received: process(received)[:0])


FLAWS: tuple[tuple[str, str, Plant], ...] = (
    (
        INGEST,
        "accepted without a signature that holds over the bytes",
        replaced(lambda _: signature, "verify", lambda _body, _header, keys: keys[0]),
    ),
    (INGEST, "accepted for another customer", replaced(ingest_request, "check_customer", lambda *_, **__: None)),
    (INGEST, "accepted on another route", replaced(ingest_request, "read", read_any_route)),
    (INGEST, "a webhook in order was refused", replaced(ingest_request, "_lower", lower_one_spelling)),
    (
        INGEST,
        "what is on the queue is not what was sent",
        replaced(lambda _: message, "encode", encode_with_a_space),
    ),
    (
        INGEST,
        "5xx while the services work",
        replaced(ingest_request, "_decoded", lambda asked: base64.b64decode(asked.content)),
    ),
    (INGEST, "a payload value was logged", print_what_is_sent),
    (INGEST, "a payload value was answered", answer_with_the_event),
    (
        PROCESSOR,
        "a dead message's bytes are not in the journal under `unreadable`",
        replaced(journal, "append_unreadable", lambda *_: None),
    ),
    (PROCESSOR, "a message ended in no outcome, or in several", drop_what_fails),
    (
        PROCESSOR,
        "a message fails without a reason while the services work",
        replaced(lambda _: envelope, "_decimal", Decimal),
    ),
    (
        PROCESSOR,
        "the state's data is not its event's",
        replaced(lambda _: dynamodb_limits, "_number", lambda value: Decimal(int(value))),
    ),
    (
        PROCESSOR,
        "a message died of no reason of the list, or of several",
        replaced(lambda _: envelope, "read", read_with_an_unlisted_reason),
    ),
)


@pytest.mark.parametrize(("target", "rule", "plant"), FLAWS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_planted_flaw_is_found(target: str, rule: str, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given functions with one flaw
    with loaded() as flawed:
        plant(flawed, monkeypatch)
        harness = Harness(flawed)
        # When inputs are drawn, Then one of them breaks the rule that the flaw is about
        rules = (violation.rule for case in drawn(target, 5, 1500) if (violation := harness.run(case)))
        assert rule in rules
