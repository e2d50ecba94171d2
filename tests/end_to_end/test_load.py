"""Rule: under load, with workers killed and calls to AWS refused, every accepted webhook is accounted for."""

import dataclasses
import random
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local.environment import LocalEnvironment
from simulator import VectorCare
from tests.support.wait import PATIENCE
from verification.load import audit, lateness, plan
from verification.load.clients import Sent
from verification.load.faults import CallFaults, FaultKind
from verification.load.monitor import Look
from verification.load.run import Load, LoadRun
from verification.load.screen import LoadScreen

LINUX = pytest.mark.skipif(not Path("/proc").is_dir(), reason="workers are found by /proc")
FAULTY = Load(
    webhooks=120,
    clients=4,
    rate=17.0,
    kills=True,
    refused_share=0.05,
    visibility_timeout=5,
    gives_up_after=PATIENCE,
    work_seconds=PATIENCE,
)


@LINUX
@pytest.mark.nightly
def test_a_burst_under_kills_and_refusals_leaves_every_webhook_accounted_for(local: LocalEnvironment) -> None:
    # Given
    run = LoadRun(local, FAULTY, screen=LoadScreen())
    # When
    run.play()
    # Then
    result = run.result
    assert result.sent.sent == FAULTY.webhooks
    assert result.kills.total() > 0
    assert result.refusals.total() > 0
    assert result.audit is not None
    assert result.audit.adds_up, result.audit
    assert result.lateness is not None
    assert result.lateness.is_in_time, result.lateness


def test_the_audit_names_what_is_lost_doubled_stale_and_unknown(
    local: LocalEnvironment, vectorcare: VectorCare, old_key: rsa.RSAPrivateKey
) -> None:
    # Given
    events = plan.make(4, old_key, random.Random(1))
    earlier, dead = audit.journal_keys(local), local.stack.dead()
    sent = Sent(accepted_at={event.event_id: time.time() for event in events})
    for event in events:
        assert vectorcare.send(event.body).status == 200
    local.stack.settle()
    newest, _ = plan.newest(events)
    tables, dynamodb = local.deployment.outputs, local.emulator.aws.dynamodb
    assert audit.take(local, events, sent, earlier=earlier, dead_before=dead).adds_up
    # When
    key = {"service_request_id": {"S": newest.service_request_id}, "event_id": {"S": newest.event_id}}
    entry = dynamodb.get_item(TableName=tables["EventsTable"], Key=key)["Item"]
    dynamodb.delete_item(TableName=tables["EventsTable"], Key=key)
    other = next(event for event in events if event is not newest)
    for name, body in [("beside", other.body), ("foreign", b"never sent")]:
        dynamodb.put_item(TableName=tables["EventsTable"], Item=entry | {"event_id": {"S": name}, "body": {"B": body}})
    found = audit.take(local, events, sent, earlier=earlier, dead_before=dead)
    # Then
    assert found.lost == (newest.event_id,)
    assert found.doubled == (other.event_id,)
    assert found.stale == (newest.service_request_id,)
    assert found.unknown == (f"{newest.service_request_id}/foreign",)
    assert not found.adds_up


def test_a_webhook_is_late_unless_a_backlog_or_its_retries_account_for_it() -> None:
    # Given an event that was applied later than faults can make it
    sent, late = Sent(accepted_at={"event": 1000.0}), lateness.WORK_SECONDS + lateness.MOST_REFUSED_RETURNS * 5 + 40
    log = lateness.ProcessingLog(completed_at={"event": 1000.0 + late})
    log.messages["event"].add("message")
    looks = [Look(at=1000.0 + second, visible=0, hidden=1, spooled=0) for second in range(200)]
    # When
    unexplained = lateness.measure(sent, log, looks, kills=False, visibility_timeout=5)
    backlog = [dataclasses.replace(look, visible=5) for look in looks]
    behind = lateness.measure(sent, log, backlog, kills=False, visibility_timeout=5)
    log.delayed["message"] += 40
    retried = lateness.measure(sent, log, looks, kills=False, visibility_timeout=5)
    # Then
    assert not unexplained.is_in_time
    assert behind.is_in_time
    assert retried.is_in_time


def test_the_given_share_of_calls_is_refused_and_an_outage_refuses_one_service() -> None:
    # Given
    faults = CallFaults(random.Random(1))
    faults.share = 0.05
    # When
    refused = sum(faults.choose("sqs", now=0.0) is not None for _ in range(10_000))
    foreign = faults.choose("kms", now=0.0)
    faults.share, faults.outage_every = 0.0, 10.0
    before = [faults.choose(service, now=0.0) for service in ("sqs", "dynamodb", "s3")]
    during = [faults.choose(service, now=11.0) for service in ("sqs", "dynamodb", "s3")]
    after = [faults.choose(service, now=14.0) for service in ("sqs", "dynamodb", "s3")]
    # Then
    assert 400 < refused < 600
    assert foreign is None
    assert before == after == [None] * 3
    assert during.count(FaultKind.OUT) == 1
