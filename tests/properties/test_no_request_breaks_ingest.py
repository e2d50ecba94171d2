"""Whatever event API Gateway passes, ingest answers without a server error and accepts nothing unsigned."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from verification.fuzzing import target_ingest
from verification.fuzzing.functions import Functions, loaded

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["X-VectorCare-Signature", "x-vectorcare-signature", "Content-Type"]) | st.text(max_size=20)
headers = st.none() | st.dictionaries(names, st.text(max_size=400) | values, max_size=4)
queries = st.none() | st.just({"customer_id": "acme-7Jw2"}) | st.dictionaries(st.text(max_size=12), values, max_size=3)
events = st.fixed_dictionaries(
    {},
    optional={
        "httpMethod": st.sampled_from(["POST", "GET", "HEAD", "PUT"]) | values,
        "resource": st.sampled_from(["/webhook", "/health", "/"]) | values,
        "path": values,
        "headers": headers | values,
        "multiValueHeaders": values,
        "queryStringParameters": queries | values,
        "multiValueQueryStringParameters": values,
        "requestContext": values,
        "body": st.text(max_size=400) | values,
        "isBase64Encoded": st.booleans() | values,
    },
)


@pytest.fixture(scope="module")
def functions() -> Iterator[Functions]:
    """Give the function with its models: no state is left behind, so that all examples may share it."""
    with loaded() as functions:
        yield functions


@given(event=events)
@example(event={})
@example(event={"httpMethod": "POST", "resource": "/webhook", "headers": [], "body": {}})
def test_no_event_raises_fails_or_is_let_in(functions: Functions, event: dict[str, Any]) -> None:
    # Given a function that knows nothing yet
    functions.reset()
    # When it gets the event
    status = target_ingest.check_response(functions.ingest(event), event.get("httpMethod"))
    # Then it answers, not with 5xx, and nothing is kept
    assert status < 500
    assert not len(functions.queue)
    assert not functions.bucket.objects


@given(field=st.sampled_from(sorted(target_ingest.api_event(b"", ""))), value=values)
def test_a_request_in_order_but_for_one_field_is_not_let_in_without_a_signature(
    functions: Functions, field: str, value: Any
) -> None:
    # Given a request with an invalid signature, and anything in one field
    functions.reset()
    event = target_ingest.api_event(b"{}", "AAAA") | {field: value}
    # When the function gets it, Then it answers, and nothing is kept
    target_ingest.check_response(functions.ingest(event), event.get("httpMethod"))
    assert not len(functions.queue)
