"""Whatever each of two regions has missed: after a reconciliation both journals hold the same, and so do the states."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import signing
from tests.support.cloud import NOW, InlineExecutor
from tests.support.tables import Tables
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.reconciliation import comparison, rules
from vectorcare_bridge.reconciliation.comparison import Comparison, Journal
from vectorcare_bridge.reconciliation.rules import Verdict
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message, signature
from vectorcare_bridge.webhooks.fold import OrderBy
from vectorcare_bridge.webhooks.message import OutgoingMessage, Webhook
from vectorcare_bridge.webhooks.vocabulary import STATUSES

if TYPE_CHECKING:
    from vectorcare_bridge.edge.queue import Queue

KEYS = signature.load_keys(signing.encoded_public_key())
DAYS = 2555
BEGIN = utc_timestamp.later(NOW, days=-1)
LATER = utc_timestamp.later(NOW, minutes=rules.MINIMUM_AGE_MINUTES)
# The regions have these for themselves: when it came, and how often and when the item was written.
OWN = {"received_at", "updated_at", "revision"}


@dataclass(frozen=True)
class Sent:
    """A webhook of one of two service requests, and what each region has of it: seconds until it came, or nothing."""

    service_request_id: str
    event_id: str
    minute: int
    status: str
    variant: int  # of the content; 2 cannot be read
    received_after: tuple[int | None, int | None]

    @property
    def body(self) -> bytes:
        content = {
            "event_id": self.event_id,
            "event_timestamp": utc_timestamp.later(BEGIN, minutes=self.minute),
            "service_request_id": self.service_request_id,
            "request_status": self.status,
            "data": {"variant": self.variant} if self.status != "UNAVAILABLE" else None,
        }
        return json.dumps(content).encode()[: -1 if self.variant == 2 else None]

    def received(self, region: int) -> Webhook | None:
        seconds = self.received_after[region]
        if seconds is None:
            return None
        at = utc_timestamp.later(BEGIN, minutes=self.minute, seconds=seconds)
        return Webhook(self.body, signing.sign(self.body), at)


def sent(variants: int) -> st.SearchStrategy[Sent]:
    arrival = st.one_of(st.none(), st.integers(0, 72))
    return st.builds(
        Sent,
        service_request_id=st.sampled_from(("VC-1", "VC-2")),
        event_id=st.sampled_from("abcde"),
        minute=st.integers(0, 3),
        status=st.sampled_from(STATUSES),
        variant=st.integers(0, variants - 1),
        received_after=st.tuples(arrival, arrival).filter(any_arrival),
    )


def any_arrival(arrivals: tuple[int | None, int | None]) -> bool:
    return arrivals != (None, None)


@pytest.fixture(autouse=True, scope="module")
def _at_noon() -> Iterator[None]:
    """Stop the clock: what DynamoDB did not read at once is asked for again without a pause."""
    runtime = "vectorcare_bridge.edge.runtime"
    with mock.patch(f"{runtime}.now", return_value=NOW), mock.patch(f"{runtime}.sleep"):
        yield


class Region:
    """A region's tables, and the queue before them."""

    def __init__(self) -> None:
        self.tables = Tables(OrderBy.EVENT_TIMESTAMP)
        self.journal = Journal(self.tables.client, "events", retention_days=DAYS)
        self.waiting: list[Webhook] = []

    def send(self, outgoing: OutgoingMessage) -> str:
        values = message.values(outgoing["MessageAttributes"])
        self.waiting.append(message.decode(outgoing["MessageBody"], values, sent_at=NOW))
        return "message"

    def process(self) -> None:
        for webhook in self.waiting:
            self.tables.deliver([webhook])
        self.waiting.clear()

    @property
    def entries(self) -> list[dict[str, Any]]:
        return self.tables.journal()

    @property
    def contents(self) -> set[tuple[Any, ...]]:
        """What the journal holds, whatever came first."""
        return {
            (one["service_request_id"], one.get("redelivery_of", one["event_id"]), one["body"], one["signature"])
            for one in self.entries
        }

    @property
    def states(self) -> dict[str, dict[str, Any]]:
        items = (dict(item) for item in self.tables.model.tables["states"].items.values())
        return {str(item["service_request_id"]): {k: v for k, v in item.items() if k not in OWN} for item in items}


def verdicts(source: Region, target: Region, *, now: UtcTimestamp = LATER, carry: bool = True) -> list[Verdict]:
    """Look in one region for what the other has, and carry over what is missing."""
    compared = Comparison(source.journal, target.journal, keys=KEYS, executor=InlineExecutor())
    summaries = [{name: one[name] for name in comparison.SUMMARY if name in one} for one in source.entries]
    found = list(compared.judge(compared.suspects(summaries, now=now)))
    for one in found:
        if carry and one.verdict is Verdict.MISSING:
            comparison.carry_over(cast("Queue", target), one.entry)
    return [one.verdict for one in found if one.verdict is not Verdict.HELD]


def two_regions(history: Sequence[Sent], orders: tuple[Sequence[int], Sequence[int]]) -> tuple[Region, Region]:
    """Deliver a history to both regions, to each in its own order."""
    regions = (Region(), Region())
    for number, (region, order) in enumerate(zip(regions, orders, strict=True)):
        for index in order:
            webhook = history[index].received(number)
            if webhook:
                region.tables.deliver([webhook])
    return regions


histories = st.lists(sent(3), min_size=1, max_size=8).flatmap(
    lambda history: st.tuples(st.just(history), st.tuples(*(st.permutations(range(len(history))) for _ in range(2))))
)


@given(drawn=histories)
def test_both_journals_hold_the_same_afterwards_and_a_second_look_finds_nothing(
    drawn: tuple[list[Sent], tuple[list[int], list[int]]],
) -> None:
    # Given
    one, two = two_regions(*drawn)
    # When each fetches what it misses, and their processors take it
    verdicts(one, two)
    verdicts(two, one)
    one.process()
    two.process()
    # Then
    assert one.contents == two.contents
    assert {*verdicts(one, two), *verdicts(two, one)} <= {Verdict.OTHER_FIRST}
    assert not one.waiting + two.waiting


@given(drawn=histories)
def test_both_states_are_equal_if_no_event_has_two_contents(
    drawn: tuple[list[Sent], tuple[list[int], list[int]]],
) -> None:
    # Given
    history, orders = drawn
    first = {(each.service_request_id, each.event_id): each for each in reversed(history)}
    kept = [index for index, each in enumerate(history) if first[each.service_request_id, each.event_id] is each]
    one, two = two_regions(history, (*([index for index in order if index in kept] for order in orders),))  # type: ignore[arg-type]  # two of them
    # When
    verdicts(one, two)
    verdicts(two, one)
    one.process()
    two.process()
    # Then
    assert one.states == two.states


def test_the_model_reads_a_journal_of_many_pages() -> None:
    # Given
    history = [Sent("VC-1", f"{number:03d}", 0, "AVAILABLE", 0, (0, None)) for number in range(230)]
    one, two = two_regions(history, (range(230), ()))
    # When
    found = verdicts(one, two)
    two.process()
    # Then
    assert found == [Verdict.MISSING] * 230
    assert two.contents == one.contents
