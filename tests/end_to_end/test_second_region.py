"""Rule: with two regions a webhook is lost only if neither receives it; after a reconciliation both hold the same."""

import json
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import requests
from click.testing import CliRunner, Result

import simulator
from cli.__main__ import bridge
from local import environment as environments
from local.environment import LocalEnvironment
from simulator import Webhook
from simulator.http_types import Request, Response
from simulator.server import serving
from tests.end_to_end.conftest import Run
from tests.support.wait import PATIENCE, wait_until
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.reconciliation.rules import MINIMUM_AGE_MINUTES
from vectorcare_bridge.utc_timestamp import UtcTimestamp

# Each region has these for itself: when it received the newest event, and when and how often it wrote the item.
OWN = {"received_at", "updated_at", "revision"}
SPEED = 60
"""VectorCare's last attempt comes after 72 of its seconds."""


@dataclass
class Region:
    """A region, and what stands between it and the world: nothing answers while it is down."""

    environment: LocalEnvironment
    announced: Path
    is_down: bool = False
    url: str = ""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _calls: int = 0

    def answer(self, request: Request) -> Response:
        """Forward a call, byte for byte."""
        with self._changed:
            if self.is_down:
                return Response(503, is_reset=True)
            self._calls += 1
        try:
            with requests.Session() as session:
                session.trust_env = False
                headers = {name: value for name, value in request.headers.items() if name != "connection"}
                answer = session.request(
                    request.method,
                    self.environment.emulator.endpoint_url + request.path,
                    data=request.body,
                    headers=headers,
                    timeout=PATIENCE,
                )
        finally:
            with self._changed:
                self._calls -= 1
                self._changed.notify_all()
        return Response(answer.status_code, answer.content)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Take the whole region down: nothing answers, and nothing in it runs on."""
        emulator = self.environment.emulator.pid
        assert emulator is not None
        with self._changed:
            self.is_down = True
            assert self._changed.wait_for(lambda: not self._calls, timeout=PATIENCE)
        os.kill(emulator, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(emulator, signal.SIGCONT)
            self.is_down = False

    @property
    def contents(self) -> set[tuple[Any, ...]]:
        """The events in its journal, with bytes and signature."""
        entries = self.environment.stack.everything("EventsTable")
        return {
            tuple(each[name] for name in ("service_request_id", "event_id", "body", "signature")) for each in entries
        }

    @property
    def states(self) -> dict[str, dict[str, Any]]:
        """What both regions have to hold alike."""
        items = self.environment.stack.everything("ServiceRequestsTable")
        return {str(each["service_request_id"]): {k: v for k, v in each.items() if k not in OWN} for each in items}


@pytest.fixture(scope="module")
def regions(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Region, Region]]:
    """Run two regions, both URLs of which are VectorCare's webhooks."""
    with ExitStack() as stack:
        found = []
        for _ in range(2):
            environment = stack.enter_context(run())
            announced = environments.announced(environment, tmp_path_factory.mktemp("announced"))
            region = Region(environment, stack.enter_context(announced))
            base = stack.enter_context(serving(region))
            webhook_url = environment.deployment.webhook_url
            region.url = webhook_url.replace(environment.emulator.endpoint_url, base)
            found.append(region)
        first, second = found
        vectorcare = first.environment.vectorcare
        vectorcare.set_speed(SPEED)
        vectorcare.delivery.register([first.url, second.url])
        yield first, second


def burst(service_requests: int) -> list[Webhook]:
    """Make the webhooks of service requests that are offered, assigned, changed, and completed or withdrawn."""
    now = datetime.now(UTC)
    made = []
    for number in range(service_requests):
        at = now - timedelta(minutes=5, seconds=number)
        first = simulator.sample_webhook(at=at)
        for step, status in enumerate(("AVAILABLE", "ASSIGNED", "ASSIGNED", ("COMPLETED", "UNAVAILABLE")[number % 2])):
            made.append(
                simulator.sample_webhook(
                    at=at + timedelta(minutes=step), service_request_id=first.service_request_id, request_status=status
                )
            )
    # In the order of their steps, so that every request has events from before, within and after an outage.
    return sorted(made, key=lambda each: each.event_timestamp)


def publish(sender: LocalEnvironment, webhooks: Sequence[Webhook]) -> None:
    for each in webhooks:
        sender.vectorcare.delivery.publish(each)


def deliver(sender: LocalEnvironment, webhooks: Sequence[Webhook]) -> None:
    """Publish webhooks to both URLs, and wait until each has been taken or given up."""
    publish(sender, webhooks)
    delivery = sender.vectorcare.delivery
    wait_until(delivery.pending, lambda pending: not pending, what="VectorCare has delivered or given up everything")


def reconcile(regions: tuple[Region, Region], *arguments: str) -> Result:
    """Run `./bridge reconcile` when what was received is old enough to be compared."""

    def later() -> UtcTimestamp:
        return utc_timestamp.later(utc_timestamp.of(datetime.now(UTC)), minutes=MINIMUM_AGE_MINUTES + 1)

    first, second = (str(region.announced) for region in regions)
    with mock.patch.object(runtime, "now", later):
        return CliRunner().invoke(bridge, ["reconcile", "--stand", first, "--other-stand", second, *arguments])


def settle(regions: tuple[Region, Region]) -> None:
    for region in regions:
        region.environment.stack.settle()


@pytest.mark.parametrize("service_requests", [6, pytest.param(150, marks=pytest.mark.nightly)])
def test_an_outage_of_either_region_in_the_middle_of_a_burst_loses_nothing_and_leaves_both_equal(
    regions: tuple[Region, Region], service_requests: int
) -> None:
    # Given webhooks of which the first are still on their way when a region goes down
    first, second = regions
    webhooks = burst(service_requests)
    part = len(webhooks) // 4
    before = first.contents
    # When each region is down in turn, and VectorCare's three attempts run out
    publish(first.environment, webhooks[:part])
    with second.down():
        deliver(first.environment, webhooks[part : 2 * part])
    with first.down():
        deliver(first.environment, webhooks[2 * part : 3 * part])
    deliver(first.environment, webhooks[3 * part :])
    settle(regions)
    # Then each has missed what the other has
    missed = [len(webhooks) - len(region.contents - before) for region in regions]
    assert missed[0] == part <= missed[1] <= 2 * part
    # When
    rehearsed = reconcile(regions, "--dry-run", "--json")
    carried = reconcile(regions, "--yes", "--json")
    settle(regions)
    again = reconcile(regions, "--dry-run", "--json")
    # Then nothing is lost, and both are equal
    assert (rehearsed.exit_code, carried.exit_code, again.exit_code) == (1, 0, 0), carried.output
    assert [region["missing"] for region in json.loads(rehearsed.stdout)["regions"]] == missed
    assert [region["carried_over"] for region in json.loads(carried.stdout)["regions"]] == missed
    assert json.loads(again.stdout)["differences"] == []
    assert first.contents == second.contents
    assert {entry[2] for entry in first.contents - before} == {each.body for each in webhooks}
    assert first.states == second.states
    assert [region.environment.stack.dead() for region in regions] == [0, 0]
