"""A change of a service request reaches a subscriber that is set up like the documented example."""

import json
from pathlib import Path

from local.environment import LocalEnvironment
from simulator import VectorCare
from tests.end_to_end.subscriber import Subscriber
from tests.end_to_end.support import webhook
from tests.stacks.test_subscriber_example import template_of
from tests.support.wait import wait_until


def test_the_example_subscription_receives_each_change_once_and_without_patients_data(
    local: LocalEnvironment, vectorcare: VectorCare, tmp_path: Path
) -> None:
    # Given the example's own stack, beside the bridge's
    cloudformation = local.emulator.aws.cloudformation
    template = template_of(tmp_path, bus=local.deployment.outputs["EventBus"])
    cloudformation.create_stack(StackName="Subscription", TemplateBody=json.dumps(template))
    stack = wait_until(
        lambda: cloudformation.describe_stacks(StackName="Subscription")["Stacks"][0],
        lambda stack: stack["StackStatus"] == "CREATE_COMPLETE",
        what="the subscription exists",
    )
    [output] = stack["Outputs"]
    subscriber = Subscriber(local, output["OutputValue"])
    event, after = webhook(), webhook()
    try:
        # When a broadcast is delivered twice, and another one after it
        for sent in (event, event, after):
            assert vectorcare.send(sent.body).status == 200
            local.stack.settle()
        # Then there is one event for each, in the documented form, without its values
        subscriber.hear(service_request_id=after.service_request_id)
        [heard] = subscriber.heard(service_request_id=event.service_request_id)
    finally:
        cloudformation.delete_stack(StackName="Subscription")
    assert (heard["source"], heard["detail-type"]) == ("vectorcare-bridge", "ServiceRequestAvailable")
    assert heard["detail"]["event_id"] == event.event_id
    item = local.stack.service_request(event.service_request_id)
    assert item is not None
    assert heard["detail"]["revision"] == item["revision"]
    assert "patient_first_name" in heard["detail"]["changed_fields"]
    assert event.data is not None
    assert str(event.data["patient_first_name"]) not in json.dumps(heard)
