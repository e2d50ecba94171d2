"""What goes in comes out: through a queue message, and through DynamoDB's item."""

import json
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cloud import running
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import dynamodb_limits, envelope, message
from vectorcare_bridge.webhooks.failure import PermanentError
from vectorcare_bridge.webhooks.message import Webhook

webhooks = st.builds(
    Webhook,
    body=st.binary(min_size=1) | st.text(min_size=1).map(lambda text: text.encode("utf-8", "surrogatepass")),
    signature=st.text("abc=", min_size=1),
    received_at=st.just("2026-03-01T12:00:00.000000Z"),
    redriven=st.integers(0, 99),
)

numbers = (
    st.integers(-(10**40), 10**40).map(Decimal)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["0E+400", "1E+125", "9E+126", "1E-130", "1E-131", "1" + "0" * 50]).map(Decimal)
)
documents = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(), max_size=10),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=5), children, max_size=4)
    ),
    max_leaves=20,
)


@given(webhook=webhooks)
def test_a_webhook_survives_its_message(webhook: Webhook) -> None:
    encoded = message.encode(webhook)
    values = {name: attribute["StringValue"] for name, attribute in encoded["MessageAttributes"].items()}
    assert message.decode(encoded["MessageBody"], values, sent_at=UtcTimestamp("never")) == webhook
    assert message._REFUSED_BY_SQS.search(encoded["MessageBody"]) is None


@pytest.fixture(scope="module")
def table() -> Iterator[Any]:
    with running():
        yield boto3.resource("dynamodb").Table("service_requests")


@settings(max_examples=80)
@given(document=documents)
def test_a_storable_document_is_stored_exactly(table: Any, document: Any) -> None:
    # Given a document that passes the check
    try:
        checked = dynamodb_limits.document(document, max_bytes=dynamodb_limits.MAX_ITEM_BYTES)
    except PermanentError:
        return
    # When DynamoDB is given it
    table.put_item(Item={"service_request_id": "any", "data": checked})
    # Then it holds what was meant
    assert table.get_item(Key={"service_request_id": "any"})["Item"]["data"] == document == checked


@given(raw=st.binary() | documents.map(lambda document: json.dumps(document, default=str).encode()))
def test_any_bytes_are_an_event_or_have_a_reason(raw: bytes) -> None:
    with suppress(PermanentError):
        assert envelope.read(raw).service_request_id
