"""Rule: each role may do what its function needs, and nothing of that can be left out.

The synthesized policies are enforced here. Each case takes one action away from one role, has that function do its work
once, and sees that something is missing.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from local.environment import LocalEnvironment
from simulator import VectorCare
from tests.end_to_end import work_of
from tests.end_to_end.subscriber import command, subscribed
from tests.end_to_end.support import vectorcare_of, webhook
from tests.end_to_end.work_of import Observation
from tests.security import permissions
from tests.stacks.templates import listed
from tests.support.reading import ONE, proxy_event

pytestmark = pytest.mark.nightly

# The start check's work is the deployment: without its permission the stack, for which IAM is enforced, is not created.
ENFORCED, ASSERTED = (
    {function: actions for function, actions in every.items() if function != "start_check"}
    for every in (permissions.ENFORCED, permissions.ASSERTED)
)

GRANTED: dict[str, Observation] = {
    "ingest": {"status": 200, "queued": 1, "spooled": 0},
    "processor": {
        "returned": ["poison"],
        "journaled": True,
        "applied": True,
        "begun_without_data": True,
        "poison_is_back": True,
    },
    "drain": {"answer": {"moved": 1, "failed": 0, "stopped": "empty"}, "queued": 1, "spooled": 0},
    "redrive": {"moved": 1, "skipped": 1, "remaining": 1, "queued": 1, "skipped_is_back": True, "heard": 1},
    "publisher": {"failed": False, "heard": 1, "unpublished": 0},
    "sender": {
        "returned": ["early"],
        "sent": True,
        "recorded": True,
        "heard": ["CommandSucceeded"],
        "dead": 1,
        "early_is_back": True,
    },
    "reader": {"one": 200, "list": 200, "events": 200},
}

_TAKEN_TOO = {
    # Only where the queue refuses does ingest turn to the spool.
    ("ingest", "s3:PutObject"): ("sqs:SendMessage",),
    # Only what the bus refuses is sent to the dead-letter queue.
    ("publisher", "sqs:SendMessage"): ("events:PutEvents",),
}


@pytest.fixture
def vectorcare(guarded: LocalEnvironment, old_key: RSAPrivateKey) -> VectorCare:
    return vectorcare_of(guarded, old_key)


@pytest.fixture
def work(guarded: LocalEnvironment, vectorcare: VectorCare) -> Iterator[dict[str, Callable[[], Observation]]]:
    """Give one piece of work for each function; queues and clock are stopped, and all is empty before and after."""
    local, now = guarded, datetime.now(UTC)
    with _event_sources_disabled(local), subscribed(local) as subscriber:
        _empty(local)
        local.emulator.stop_clock(at=now)
        yield {
            "ingest": lambda: work_of.ingest(local, vectorcare),
            "processor": lambda: work_of.process(local),
            "drain": lambda: work_of.drain(local),
            "redrive": lambda: work_of.redrive(local, subscriber),
            "publisher": lambda: work_of.publish(local, subscriber),
            "sender": lambda: work_of.send_commands(local, subscriber, at=now),
            "reader": lambda: work_of.read(local),
        }
        local.emulator.move_clock(seconds_ahead=0)
        _empty(local)


@pytest.mark.parametrize("function", ENFORCED)
def test_a_function_does_its_work_with_its_permissions(
    work: dict[str, Callable[[], Observation]], function: str
) -> None:
    # Given the role as the template has it, When the function works, Then all of it is done
    assert work[function]() == GRANTED[function]


@pytest.mark.parametrize(
    ("function", "action"), [(function, action) for function in ENFORCED for action in sorted(ENFORCED[function])]
)
def test_without_any_one_of_its_permissions_something_fails(
    guarded: LocalEnvironment, work: dict[str, Callable[[], Observation]], function: str, action: str
) -> None:
    # Given a role with one action less
    with _without(guarded, function, action, *_TAKEN_TOO.get((function, action), ())):
        # When the function works
        seen = work[function]()
    # Then something is not done
    assert seen != GRANTED[function]


def test_the_emulator_does_not_enforce_the_asserted_permissions(
    guarded: LocalEnvironment, vectorcare: VectorCare
) -> None:
    # Given roles without the actions that are said not to be enforced
    event = webhook()
    with ExitStack() as roles, subscribed(guarded) as subscriber:
        # The scheduled comparison is only in a stack with a second region.
        for function in ASSERTED.keys() - {"reconcile"}:
            roles.enter_context(_without(guarded, function, *ASSERTED[function]))
        # When a webhook and its answer go all the way, by the event sources
        answer = vectorcare.send(event.body)
        guarded.stack.settle()
        published = subscriber.hear(service_request_id=event.service_request_id)
        command(guarded, {"command": "accept", "service_request_id": event.service_request_id, "command_id": "a"})
        ended = subscriber.hear(command_id="a")
        drained = guarded.stack.invoke("DrainFunction", {})
        redriven = guarded.stack.invoke("RedriveFunction", {"limit": 1, "dry_run": True})
        read = guarded.stack.invoke("ReaderFunction", proxy_event(ONE, event.service_request_id))
    # Then it arrives; once it does not, the emulator enforces more, and the action belongs to ENFORCED
    assert answer.status == 200
    assert guarded.stack.service_request(event.service_request_id) is not None
    assert (len(published), len(ended)) == (1, 1)
    assert (drained["stopped"], redriven["remaining"], read["statusCode"]) == ("empty", 0, 200)


@contextmanager
def _without(local: LocalEnvironment, function: str, *actions: str) -> Iterator[None]:
    """Take actions away from a function's role for as long as the block lasts; each must have been granted."""
    aws = local.emulator.aws
    iam = aws.make("iam")
    name = local.deployment.outputs[f"{function.capitalize()}Function"]
    role = aws.functions.get_function_configuration(FunctionName=name)["Role"].rsplit("/", 1)[-1]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    granted = {action for statement in document["Statement"] for action in listed(statement["Action"])}
    assert granted >= set(actions)
    kept = [
        statement | {"Action": left}
        for statement in document["Statement"]
        if (left := [action for action in listed(statement["Action"]) if action not in actions])
    ]
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document | {"Statement": kept}))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


@contextmanager
def _event_sources_disabled(local: LocalEnvironment) -> Iterator[None]:
    """Keep what is on queues and stream there, for as long as the block lasts."""
    functions = local.emulator.aws.functions
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    assert len(mappings) == 3
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        for mapping in mappings:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def _empty(local: LocalEnvironment) -> None:
    aws, outputs = local.emulator.aws, local.deployment.outputs
    for queue in (
        "QueueUrl",
        "DeadLetterQueueUrl",
        "UnpublishedQueueUrl",
        "OutboundQueueUrl",
        "OutboundDeadLetterQueueUrl",
    ):
        aws.sqs.purge_queue(QueueUrl=outputs[queue])
    for item in local.stack.everything("CommandsTable"):
        # The circuit breaker's too: what one control lacked must not keep the next from sending.
        aws.dynamodb.delete_item(TableName=outputs["CommandsTable"], Key={"command_id": {"S": str(item["command_id"])}})
    for stored in aws.s3.list_objects_v2(Bucket=outputs["SpoolBucket"]).get("Contents", []):
        aws.s3.delete_object(Bucket=outputs["SpoolBucket"], Key=stored["Key"])
