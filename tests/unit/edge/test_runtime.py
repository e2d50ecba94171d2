"""An AWS client gives up after its attempts and its seconds."""

from collections.abc import Iterator
from unittest import mock

import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.exceptions import ClientError

from tests.support.cloud import CREDENTIALS
from vectorcare_bridge.edge import runtime


@pytest.fixture(autouse=True)
def _configured() -> Iterator[None]:
    with mock.patch.dict("os.environ", CREDENTIALS), mock.patch("botocore.endpoint.time.sleep"):
        yield


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_a_call_is_made_at_most_as_often_as_configured(attempts: int) -> None:
    # Given a service that fails at each attempt
    client = runtime.client("sqs", connect_timeout=1, read_timeout=1, attempts=attempts)
    failing = mock.Mock(
        side_effect=lambda **_sent: AWSResponse("https://queue.invalid", 500, HTTPHeaders(), mock.Mock())
    )
    client.meta.events.register("before-send", failing)
    # When it is called
    with mock.patch.object(AWSResponse, "content", b""), pytest.raises(ClientError):
        client.list_queues()
    # Then
    assert failing.call_count == attempts


def test_an_attempt_has_its_seconds_and_calls_side_by_side_their_connections() -> None:
    client = runtime.client("sqs", connect_timeout=1.5, read_timeout=2.5, attempts=1, connections=20)
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (1.5, 2.5, 20)
