"""What of the webhook's URL an update takes away from VectorCare is said before it is done."""

from typing import Any

import pytest

from cli.lib.deploying import changes

Template = dict[str, Any]


def template(**changed: Any) -> Template:
    """Make what is looked at of a template: ingest's environment, and the webhook's API."""
    environment = {
        "POWERTOOLS_SERVICE_NAME": "ingest",
        "CUSTOMER_ID": "new",
        "FORMER_CUSTOMER_IDS": "old",
        "PUBLIC_KEYS": "one,two",
    }
    statement = {"Condition": {"IpAddress": {"aws:SourceIp": changed.pop("networks", [])}}}
    api = {
        "Policy": {"Statement": [statement]},
        "DisableExecuteApiEndpoint": False,
        "SecurityPolicy": "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
        "EndpointAccessMode": "STRICT",
    }
    environment |= {name: value for name, value in changed.items() if name in environment}
    api |= {name: value for name, value in changed.items() if name in api}
    return {
        "Resources": {
            "Ingest": {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": environment}}},
            "Reading": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"SecurityPolicy": "any"}},
            "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": api},
        }
    }


def plan(old: Template, new: Template) -> changes.Plan:
    return changes.explain([], old=old, new=new, is_new=False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({}, {"FORMER_CUSTOMER_IDS": ""}, "former_customer_ids lists less"),
        ({}, {"PUBLIC_KEYS": "two,three"}, "public_keys lists less"),
        ({}, {"DisableExecuteApiEndpoint": True}, "API Gateway's own URL is switched off"),
        ({}, {"networks": ["203.0.113.0/24"]}, "allowed_source_ips admits fewer"),
        ({"networks": ["203.0.113.0/24"]}, {"networks": ["203.0.113.0/25"]}, "allowed_source_ips admits fewer"),
        ({"networks": ["2001:db8::/32"]}, {"networks": ["203.0.113.0/24"]}, "allowed_source_ips admits fewer"),
        ({}, {"SecurityPolicy": "SecurityPolicy_TLS13_1_3_2025_09"}, "tls_policy changes"),
        ({}, {"EndpointAccessMode": "BASIC"}, "endpoint_access goes from STRICT to BASIC"),
    ],
)
def test_what_may_cut_off_vectorcare_is_a_warning(old: Template, new: Template, said: str) -> None:
    (warning,) = plan(template(**old), template(**new)).cut_offs
    assert warning.startswith(said)
    assert not plan(template(**old), template(**new)).losses


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {}),
        ({}, {"FORMER_CUSTOMER_IDS": "old,older"}),
        ({"CUSTOMER_ID": "old", "FORMER_CUSTOMER_IDS": ""}, {}),  # the first step of a change of customer_id
        ({}, {"PUBLIC_KEYS": "three,two,one"}),
        ({"DisableExecuteApiEndpoint": True}, {}),
        ({"networks": ["203.0.113.0/24"]}, {}),
        ({"networks": ["203.0.113.0/25"]}, {"networks": ["203.0.113.0/24", "2001:db8::/32"]}),
        ({"EndpointAccessMode": "BASIC"}, {}),
    ],
)
def test_what_opens_more_or_is_the_first_step_of_a_move_is_none(old: Template, new: Template) -> None:
    found = plan(template(**old), template(**new))
    assert (found.cut_offs, found.losses) == ((), ())


def test_a_customer_id_that_would_be_refused_at_once_is_a_loss_that_has_to_be_named() -> None:
    (loss,) = plan(template(), template(CUSTOMER_ID="newer")).losses
    assert loss.logical_id == "customer_id"
    assert "former_customer_ids" in loss.remedy


@pytest.mark.parametrize("known", [{}, {"Resources": {"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {}}}}])
def test_of_a_template_that_is_not_known_nothing_is_said(known: Template) -> None:
    for found in (plan(known, template()), plan(template(), known)):
        assert (found.cut_offs, found.losses) == ((), ())
