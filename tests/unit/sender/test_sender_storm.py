"""An outage under load: 10,000 positions of 200 trips, and VectorCare away for two minutes; in simulated time."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from random import Random
from typing import Any
from unittest import mock

import pytest
import requests
from requests.adapters import BaseAdapter

from simulator.fake_api import FakeApi
from simulator.http_types import Request
from tests.support import sender
from tests.support.cloud import InlineExecutor
from tests.support.sender import QUEUE_URL, Clock, Sender, position
from verification.simulation.models.dynamodb import DynamoDB, Table

TRIPS = 200
STORM_SECONDS = 300
SECONDS_BETWEEN = 6
BATCHING_WINDOW = 10
OUTAGE = range(60, 180)
BATCH = 1000
MAX_AGE_SECONDS = 900
MOST_CALLS_IN_OUTAGE = 20


class _Secrets:
    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": sender.secret(sender.CLIENT_SECRET)}


class _Bus:
    def __init__(self) -> None:
        self.details: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 boto3's name
        self.details += [json.loads(entry["Detail"]) for entry in Entries]
        return {"Entries": [{"EventId": "invented"} for _entry in Entries]}


class _Wire(BaseAdapter):
    """Carries a session's requests to the stand-in without a network."""

    def __init__(self, vectorcare: FakeApi) -> None:
        super().__init__()
        self._vectorcare = vectorcare

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        answer = self._vectorcare.answer(Request(request.method or "", request.path_url, headers, body))
        response = requests.Response()
        response.status_code, response.raw = answer.status, BytesIO(answer.body)
        return response

    def close(self) -> None:
        """Nothing to close."""


class Storm(Sender):
    """The function on models alone."""

    def __init__(self) -> None:
        clock = Clock()
        super().__init__(clock, FakeApi(clock.epoch))
        self.table = DynamoDB({"commands": Table(keys=["command_id"])})
        self.bus = _Bus()
        self.calls_in_outage = 0
        self.trips = [f"VC-{number:03}" for number in range(TRIPS)]
        self.vectorcare.rules.requests = dict.fromkeys(self.trips, "ASSIGNED")

    def client(self, service: str, **_: Any) -> Any:
        """Give the model of a service."""
        return {"sqs": self.sqs, "dynamodb": self.table, "events": self.bus, "secretsmanager": _Secrets()}[service]

    def http_session(self, **_: Any) -> requests.Session:
        """Give a session without a network."""
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", _Wire(self.vectorcare))
        return session

    def report_positions(self, second: int) -> None:
        """Let a sixth of the trackers send; now and then one sends twice."""
        for number, trip in enumerate(self.trips):
            if number % SECONDS_BETWEEN == second % SECONDS_BETWEEN:
                for _time in range(2 if (number + second) % 20 == 0 else 1):
                    self.put(command="location_update", service_request_id=trip, locations=[position(second)])

    def deliver(self) -> None:
        """Deliver all that is visible, a batch at a time, and check what each batch cost."""
        while records := self.receive(BATCH):
            positions: defaultdict[str, set[float]] = defaultdict(set)
            for record in records:
                command = json.loads(record["body"])
                positions[command["service_request_id"]].add(command["locations"][0]["timestamp"])
            calls_before = len(self.vectorcare.calls)
            kept = set(self.handle(records))
            spent = len(self.vectorcare.calls) - calls_before
            self.calls_in_outage += spent if self.vectorcare.is_down else 0
            assert spent <= sum(math.ceil(len(times) / 200) for times in positions.values())
            for record in records:
                if record["messageId"] not in kept:
                    self.sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=record["receiptHandle"])


@pytest.fixture
def storm() -> Iterator[Storm]:
    storm = Storm()
    random = Random(7)
    with (
        mock.patch("vectorcare_bridge.edge.runtime.now", storm.clock.now),
        mock.patch("vectorcare_bridge.edge.runtime.uniform", random.uniform),
        mock.patch("vectorcare_bridge.edge.runtime.client", storm.client),
        mock.patch("vectorcare_bridge.edge.runtime.http_session", storm.http_session),
        mock.patch("vectorcare_bridge.edge.runtime.executor", return_value=InlineExecutor()),
    ):
        storm.start("https://vectorcare.invalid")
        yield storm


def test_a_storm_during_an_outage_loses_no_position_and_wastes_no_call(storm: Storm) -> None:
    # Given 200 trips that report every 6 seconds, and VectorCare away from the second minute to the fourth
    for second in range(STORM_SECONDS):
        storm.clock.seconds = second
        storm.vectorcare.is_down = second in OUTAGE
        storm.report_positions(second)
        if second % BATCHING_WINDOW == 0:
            storm.deliver()
    # When the queue is worked off
    while len(storm.queue):
        storm.clock.seconds += BATCHING_WINDOW
        storm.deliver()
    # Then every position was delivered, each before its end
    expected = {trip: set(range(number % 6, STORM_SECONDS, 6)) for number, trip in enumerate(storm.trips)}
    assert sum(map(len, expected.values())) == TRIPS * STORM_SECONDS / SECONDS_BETWEEN == 10_000
    assert {trip: set(times) for trip, times in storm.vectorcare.rules.positions.items()} == expected
    assert {detail["outcome"] for detail in storm.bus.details} == {"succeeded"}
    assert max(detail["lag_seconds"] for detail in storm.bus.details) < MAX_AGE_SECONDS
    assert len(storm.dead_letters) == 0
    # And none twice in a call, and each call in time order
    for call in storm.bodies():
        times = [location["timestamp"] for location in call]
        assert times == sorted(set(times))
    # And the outage cost a handful of calls
    assert storm.calls_in_outage < MOST_CALLS_IN_OUTAGE
