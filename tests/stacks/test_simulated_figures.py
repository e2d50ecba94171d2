"""The simulation's functions and queues have the template's settings."""

import pytest

from tests.stacks.templates import Template, event_source, functions, of_type, queues
from vectorcare_bridge.webhooks import failure
from verification.simulation.plan.plan import MAX_RECEIVES, Settings
from verification.simulation.world import event_sources
from verification.simulation.world.container import Function
from verification.simulation.world.functions import FUNCTIONS
from verification.simulation.world.outbound import OUTBOUND_BATCH_SIZE

ON_AWS = [function for function in FUNCTIONS if function.handler.endswith(".handler")]


@pytest.mark.parametrize("function", ON_AWS, ids=lambda function: function.name)
def test_a_simulated_function_has_the_templates_time(template: Template, function: Function) -> None:
    assert function.timeout == functions(template)[function.name]["Properties"]["Timeout"]


def test_simulated_queues_have_the_templates_limits(template: Template) -> None:
    found = of_type(template, "AWS::SQS::Queue")
    inbound, outbound = (found[queues(template, *function)[0]]["Properties"] for function in ((), ("sender",)))
    assert Settings().visibility_timeout == inbound["VisibilityTimeout"]
    assert Settings().max_receives == failure.MAX_RECEIVES == inbound["RedrivePolicy"]["maxReceiveCount"]
    assert outbound["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVES
    assert event_source(template)["BatchSize"] == event_sources.BATCH_SIZE
    assert event_source(template, "sender")["BatchSize"] == OUTBOUND_BATCH_SIZE


def test_the_simulation_runs_as_many_functions_at_once_as_the_defaults_do(templates: dict[str, Template]) -> None:
    for function in ("processor", "sender"):
        scaling = event_source(templates["minimal"], function)["ScalingConfig"]
        assert scaling == {"MaximumConcurrency": Settings().max_concurrency}
