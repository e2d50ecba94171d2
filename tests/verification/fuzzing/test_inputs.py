"""A fixed share of the fuzzing: the functions hold its rules, and it notices functions that do not."""

import json
from base64 import b64decode
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.verification.fuzzing.inputs import drawn
from verification.fuzzing import meter
from verification.fuzzing.case import INGEST, PROCESSOR, Case, Part, parse
from verification.fuzzing.harness import Harness
from verification.fuzzing.stand import Stand, running
from verification.simulation.flaw import Flaw, answers
from verification.simulation.world.loader import Loader

COUNT = 200


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("target", [INGEST, PROCESSOR])
def test_no_input_breaks_a_rule(stand: Stand, target: str, seed: int) -> None:
    harness = Harness(stand)
    broken = {
        str(violation): case.to_bytes() for case in drawn(target, seed, COUNT) if (violation := harness.run(case))
    }
    assert not broken
    # And it is no empty promise: many are signed, accepted and brought to an end.
    assert harness.counts["signed"] > COUNT / 4
    assert harness.counts["accepted"] > COUNT / 5
    assert target == INGEST or harness.counts["applied"] > COUNT / 10


def test_a_request_with_fields_of_wrong_types_is_refused_and_no_server_error(stand: Stand) -> None:
    # Given events whose fields API Gateway never fills so
    wrong = (["headers"], ["queryStringParameters"], ["body"], ["headers", "X-VectorCare-Signature"])
    for path in wrong:
        for value in ("text", 7, ["list"], {"name": ["list"]}, True):
            case = Case(INGEST, [Part({"event": [["set", path, value]]}, b"{}")])
            # When ingest gets them, Then it answers, and not with 5xx
            assert Harness(stand).run(case) is None, (path, value)


@pytest.mark.parametrize("redriven", ["7" * 5000, "\u0667", "-1", "1.5", ""])
def test_a_message_with_any_count_of_redrives_is_read(stand: Stand, redriven: str) -> None:
    # Given a message that somebody put on the queue with that attribute, beside one from ingest
    good = Part({}, b'{"service_request_id": "VC-1", "request_status": "A", "last_updated": "2026-03-01"}')
    case = Case(PROCESSOR, [Part({"by_hand": {"redriven": redriven}}, b"[]"), good])
    # When both are processed, Then each ends as its content says
    harness = Harness(stand)
    assert harness.run(case) is None
    assert harness.last["applied"] == 1


def test_an_input_is_read_back_as_it_was_written() -> None:
    for case in (*drawn(INGEST, 1, 50), *drawn(PROCESSOR, 1, 50)):
        assert parse(case.to_bytes()) == case


def test_an_input_takes_the_same_course_each_time(stand: Stand) -> None:
    for case in drawn(PROCESSOR, 2, 50):
        ends = []
        for _ in range(2):
            harness = Harness(stand)
            harness.run(case)
            ends.append(harness.counts)
        assert ends[0] == ends[1]


@pytest.mark.parametrize("limit", ["MAX_CPU_SECONDS", "MAX_GROWTH_BYTES"])
def test_time_and_memory_are_bounded(stand: Stand, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a limit that nothing keeps
    monkeypatch.setattr(meter, limit, -1)
    # When an input is run, Then it breaks the rule
    violation = Harness(stand).run(next(drawn(INGEST, 1, 1)))
    assert violation
    assert violation.rule.startswith("an input takes too")


def test_the_bound_on_time_is_longer_on_a_slower_machine(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a bound that was set where an input takes no time, and a fixed piece of work takes none either
    monkeypatch.setattr(meter, "MAX_CPU_SECONDS", 1e-9)
    monkeypatch.setattr(meter, "_WORK_SECONDS", 1e-10)
    # When an input is run, which takes less than ten times that work, Then that is no fault of it
    assert Harness(stand).run(next(drawn(INGEST, 1, 1))) is None


def _accepts_any_key(verify: Any) -> Any:
    def flawed(body: bytes, header: str | None, keys: Any) -> Any:
        try:
            return verify(body, header, keys)
        except verify.__globals__["SignatureRefusedError"] as error:
            if error.refusal.name != "NO_KEY":
                raise
            return keys[0]

    return flawed


FLAWS = (
    (
        "any signature is let in",
        INGEST,
        "accepted without a signature that holds over the bytes",
        Flaw("vectorcare_bridge.webhooks.signature", "verify", _accepts_any_key),
    ),
    (
        "any customer is let in",
        INGEST,
        "accepted for another customer",
        Flaw("ingest.request", "check_customer", answers(None)),
    ),
    (
        "any route is let in",
        INGEST,
        "accepted on another route",
        Flaw("ingest.request", "read", lambda read: lambda event: replace(read(event), route="POST /webhook")),
    ),
    (
        "the header is found in two spellings alone",
        INGEST,
        "a webhook in order was refused",
        Flaw(
            "ingest.request",
            "_lower",
            lambda lower: lambda headers: lower({name: headers[name] for name in headers or () if name.islower()}),
        ),
    ),
    (
        "the body is cut",
        INGEST,
        "what is on the queue is not what was sent",
        Flaw(
            "vectorcare_bridge.webhooks.message",
            "encode",
            lambda encode: lambda webhook: encode(replace(webhook, body=webhook.body[:-1] + b"}")),
        ),
    ),
    (
        "what is no base64 is no refusal",
        INGEST,
        "5xx while the services work",
        Flaw("ingest.request", "_decoded", lambda _decoded: lambda request: b64decode(request.content, validate=True)),
    ),
    (
        "the body is printed",
        INGEST,
        "a payload value was logged",
        Flaw(
            "ingest.enqueue_or_spool",
            "keep",
            lambda keep: lambda webhook, **how: (print(webhook.body), keep(webhook, **how))[1],  # noqa: T201 that is it
        ),
    ),
    (
        "the body is answered",
        INGEST,
        "a payload value was answered",
        Flaw(
            "ingest.handler",
            "_answer",
            lambda answer: lambda event: {**answer(event), "body": json.dumps({"event": str(event)})},
        ),
    ),
    (
        "what is unreadable is not journaled",
        PROCESSOR,
        "a dead message's bytes are not in the journal under `unreadable`",
        Flaw("vectorcare_bridge.webhooks.store", "Journal.enter_unreadable", answers(None)),
    ),
    (
        "what fails is dropped",
        PROCESSOR,
        "a message ended in no outcome, or in several",
        Flaw("processor.process", "Processor.process", lambda process: lambda *given: (process(*given), [])[1]),
    ),
    (
        "a number that no Decimal holds is tried again",
        PROCESSOR,
        "a message fails for no reason while the services work",
        Flaw("vectorcare_bridge.webhooks.envelope", "_decimal", lambda _decimal: Decimal),
    ),
    (
        "a fraction is cut off",
        PROCESSOR,
        "the state's data is not its event's",
        Flaw(
            "vectorcare_bridge.webhooks.dynamodb_limits",
            "_number",
            lambda number: lambda value: Decimal(int(number(value))),
        ),
    ),
    (
        "a reason of its own making",
        PROCESSOR,
        "a message died of no reason of the list, or of several",
        Flaw("vectorcare_bridge.webhooks.failure", "FailureReason.NOT_JSON", lambda _reason: "not json"),
    ),
)


@pytest.mark.parametrize(("target", "rule", "flaw"), [pytest.param(*rest, id=name) for name, *rest in FLAWS])
def test_a_flawed_function_is_caught(target: str, rule: str, flaw: Flaw) -> None:
    # Given the functions with one deliberate flaw
    with running(Loader([flaw])) as flawed:
        harness = Harness(flawed)
        # When inputs are drawn, Then one of them breaks the rule that the flaw is about
        assert rule in (violation.rule for case in drawn(target, 5, 1500) if (violation := harness.run(case)))
