"""A fixed share of the fuzzing: the functions hold its rules, and it notices functions that do not."""

from dataclasses import dataclass

import pytest

from tests.verification.fuzzing.inputs import drawn
from verification.fuzzing import meter
from verification.fuzzing.case import INGEST, PROCESSOR, Case, Part, parse
from verification.fuzzing.harness import Harness
from verification.fuzzing.stand import Stand, running
from verification.simulation.world.loader import Flaw, Loader

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


@dataclass(frozen=True)
class Variant:
    """A flawed product: what is wrong with it, and what the fuzzing has to say of it."""

    name: str
    target: str
    rule: str
    module: str
    right: str
    wrong: str


VARIANTS = (
    Variant(
        "any signature is let in",
        INGEST,
        "accepted without a signature that holds over the bytes",
        "vectorcare_bridge.webhooks.signature",
        "            continue\n",
        "            return key\n",
    ),
    Variant(
        "any customer is let in",
        INGEST,
        "accepted for another customer",
        "ingest.request",
        "if not hmac.compare_digest(given, customer_id.encode()):",
        "if False:",
    ),
    Variant(
        "any route is let in",
        INGEST,
        "accepted on another route",
        "ingest.handler",
        'if asked.route != "POST /webhook":',
        "if False:",
    ),
    Variant(
        "the header is found in one spelling",
        INGEST,
        "a webhook in order was refused",
        "ingest.request",
        "{name.lower(): value for",
        "{name.swapcase().lower() if name.isupper() else name + '': value for",
    ),
    Variant(
        "the body is stripped",
        INGEST,
        "what is on the queue is not what was sent",
        "vectorcare_bridge.webhooks.message",
        "text = webhook.body.decode()",
        "text = webhook.body.decode()[:-1] + '}'",
    ),
    Variant(
        "what is no base64 is no refusal",
        INGEST,
        "5xx while the services work",
        "ingest.request",
        "except ValueError:",
        "except KeyError:",
    ),
    Variant(
        "the body is printed",
        INGEST,
        "a payload value was logged",
        "ingest.enqueue_or_spool",
        "queue.send(message.encode(webhook))",
        "(print(webhook.body), queue.send(message.encode(webhook)))[1]",
    ),
    Variant(
        "the body is answered",
        INGEST,
        "a payload value was answered",
        "ingest.handler",
        'return response.of(HTTPStatus.OK, {"status": "accepted"})',
        'return response.of(HTTPStatus.OK, {"status": str(event)})',
    ),
    Variant(
        "what is unreadable is not journaled",
        PROCESSOR,
        "a dead message's bytes are not in the journal under `unreadable`",
        "processor.process",
        "            self._journal.enter_unreadable(delivery.webhook, why.reason)\n",
        "            pass\n",
    ),
    Variant(
        "what fails is dropped",
        PROCESSOR,
        "a message ended in no outcome, or in several",
        "processor.process",
        "return [one.delivery.message_id for one in failed]",
        "return []",
    ),
    Variant(
        "a number that no Decimal holds is tried again",
        PROCESSOR,
        "a message fails for no reason while the services work",
        "vectorcare_bridge.webhooks.envelope",
        "except ArithmeticError:",
        "except KeyError:",
    ),
    Variant(
        "a fraction is cut off",
        PROCESSOR,
        "the state's data is not its event's",
        "vectorcare_bridge.webhooks.dynamodb_limits",
        "    return Decimal((sign, digits[:significant], int(exponent) + len(digits) - significant))",
        "    return Decimal(int(value))",
    ),
    Variant(
        "a reason of its own making",
        PROCESSOR,
        "a message died of no reason of the list, or of several",
        "vectorcare_bridge.webhooks.failure",
        'NOT_JSON = "not_json"',
        'NOT_JSON = "not json"',
    ),
)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_flawed_function_is_caught(variant: Variant) -> None:
    # Given the functions with one deliberate flaw
    loader = Loader([Flaw(variant.module, ((variant.right, variant.wrong),))])
    with running(loader) as flawed:
        harness = Harness(flawed)
        # When inputs are drawn, Then one of them breaks the rule that the flaw is about
        rules = (violation.rule for case in drawn(variant.target, 5, 1500) if (violation := harness.run(case)))
        assert variant.rule in rules
