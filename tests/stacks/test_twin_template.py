"""The second region's stack: the first one's twin, apart from what an account or VectorCare has only once."""

import json
from pathlib import Path

import pytest
from aws_cdk import cx_api

from stacks import application
from tests.stacks import synthesis
from tests.stacks.organization_files import MINIMAL
from tests.stacks.templates import Template, event_source

FILE = MINIMAL + 'region = "us-east-1"\n[twin]\nregion = "us-west-2"\n'


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> cx_api.CloudAssembly:
    """Synthesize an organization's two stacks."""
    folder = tmp_path_factory.mktemp("twins")
    (folder / "acme.toml").write_text(FILE)
    output = folder / "cdk.out"
    with pytest.MonkeyPatch.context() as patch:
        context = application.default_context() | {"organizations": str(folder)}
        patch.setenv("CDK_OUTDIR", str(output))
        patch.setattr(application, "default_context", lambda: context)
        patch.setattr(application, "build_artifact", lambda *_args, **_kwargs: synthesis.stub_artifact())
        application.synthesize()
    return cx_api.CloudAssembly(str(output))


def stack_of(assembly: cx_api.CloudAssembly, stack_id: str) -> tuple[Template, str, str]:
    """Give a stack's template, its name on AWS, and where it belongs."""
    (stack,) = (each for each in assembly.stacks if each.id == f"VectorCareBridge-{stack_id}")
    template: Template = json.loads(Path(stack.template_full_path).read_text(encoding="utf-8"))
    return template, stack.stack_name, stack.environment.name


def test_both_regions_have_the_same_stack_apart_from_dashboards_and_who_sends_commands(
    assembly: cx_api.CloudAssembly,
) -> None:
    # When
    first, first_name, first_place = stack_of(assembly, "acme")
    second, second_name, second_place = stack_of(assembly, "acme-us-west-2")
    # Then
    assert first_name == second_name == "VectorCareBridge-acme"
    assert (first_place, second_place) == ("aws://unknown-account/us-east-1", "aws://unknown-account/us-west-2")
    # The logical ids of an API's permissions, on which its deployment depends, have the stack's id in them.
    named_by_stack = {"AWS::Lambda::Permission", "AWS::ApiGateway::Deployment"}
    resources, others = (
        {name: each for name, each in template["Resources"].items() if each["Type"] not in named_by_stack}
        for template in (first, second)
    )
    assert resources.keys() == others.keys()
    differing = {resource["Type"] for name, resource in resources.items() if resource != others[name]}
    assert differing == {"AWS::CloudWatch::Dashboard", "AWS::Lambda::EventSourceMapping"}


def test_no_two_stacks_have_a_dashboard_of_the_same_name(assembly: cx_api.CloudAssembly) -> None:
    names = [
        resource["Properties"]["DashboardName"]
        for stack in assembly.stacks
        for resource in stack.template["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Dashboard"
    ]
    assert len(set(names)) == len(names) == 2 * len(assembly.stacks)


def test_commands_are_sent_by_one_of_the_two_and_webhooks_processed_by_both(assembly: cx_api.CloudAssembly) -> None:
    for stack_id, sends in (("acme", True), ("acme-us-west-2", False)):
        template, *_ = stack_of(assembly, stack_id)
        assert event_source(template, "sender")["Enabled"] is sends
        assert "Enabled" not in event_source(template, "processor")
