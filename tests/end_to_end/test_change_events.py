"""A change of a service request comes to whoever has a rule on the organization's bus."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.environment import LocalEnvironment
from simulator import VectorCare
from tests.end_to_end.subscriber import Subscriber, subscribed
from tests.end_to_end.support import function_variables, kept, webhook
from tests.stacks.test_subscriber_example import template_of
from tests.support.wait import wait_until


@pytest.fixture(scope="module")
def subscriber(local: LocalEnvironment) -> Iterator[Subscriber]:
    with subscribed(local) as subscriber:
        yield subscriber


def test_a_broadcast_is_heard_without_patients_data(
    local: LocalEnvironment, vectorcare: VectorCare, subscriber: Subscriber
) -> None:
    # Given a broadcast, When it has been taken
    event = webhook()
    assert vectorcare.send(event.body).status == 200
    # Then the subscriber hears of it, in the documented form, without its values
    [heard] = subscriber.hear(service_request_id=event.service_request_id)
    assert (heard["source"], heard["detail-type"]) == ("vectorcare-bridge", "ServiceRequestAvailable")
    assert heard["detail"]["event_id"] == event.event_id
    assert heard["detail"]["previous_status"] is None
    item = local.stack.service_request(event.service_request_id)
    assert item is not None
    assert heard["detail"]["revision"] == item["revision"]
    assert "patient_first_name" in heard["detail"]["changed_fields"]
    assert event.data is not None
    assert str(event.data["patient_first_name"]) not in json.dumps(heard)


def test_what_changes_nothing_is_no_event(
    local: LocalEnvironment, vectorcare: VectorCare, subscriber: Subscriber
) -> None:
    # Given a request that the subscriber has heard of
    event = webhook()
    vectorcare.send(event.body)
    assert subscriber.hear(service_request_id=event.service_request_id)
    # When it is delivered again, and another request comes after it
    vectorcare.send(event.body)
    kept(local)
    after = webhook()
    vectorcare.send(after.body)
    # Then only that is heard
    assert subscriber.hear(service_request_id=after.service_request_id)
    assert len(subscriber.heard(service_request_id=event.service_request_id)) == 1


def test_only_the_organizations_choice_is_published_with_data_if_it_says_so(
    local: LocalEnvironment, vectorcare: VectorCare, subscriber: Subscriber
) -> None:
    # Given an organization that chose one action, and data
    other, chosen = webhook(), webhook(action="BROADCAST_ACCEPTED", request_status="ASSIGNED")
    with function_variables(local, "PublisherFunction", PUBLISH_ACTIONS="BROADCAST_ACCEPTED", PUBLISH_DATA="true"):
        # When requests come by several
        for event in (other, chosen):
            assert vectorcare.send(event.body).status == 200
        # Then that one is heard, with its data
        [heard] = subscriber.hear(service_request_id=chosen.service_request_id)
    assert chosen.data
    assert heard["detail"]["data"]["patient_first_name"] == chosen.data["patient_first_name"]
    assert subscriber.heard(service_request_id=other.service_request_id) == []


def test_the_subscription_that_is_there_to_be_copied_hears_it(
    local: LocalEnvironment, vectorcare: VectorCare, tmp_path: Path
) -> None:
    # Given the example's own stack, beside the bridge's
    cloudformation = local.emulator.aws.cloudformation
    template = template_of(tmp_path, bus=local.deployment.outputs["EventBus"])
    cloudformation.create_stack(StackName="Subscription", TemplateBody=json.dumps(template))
    stack = wait_until(
        lambda: cloudformation.describe_stacks(StackName="Subscription")["Stacks"][0],
        lambda stack: stack["StackStatus"] == "CREATE_COMPLETE",
        what="the subscription is there",
    )
    [output] = stack["Outputs"]
    subscriber = Subscriber(local, output["OutputValue"])
    try:
        # When a request is broadcast
        event = webhook()
        vectorcare.send(event.body)
        # Then its queue has it
        assert subscriber.hear(service_request_id=event.service_request_id)
    finally:
        cloudformation.delete_stack(StackName="Subscription")
