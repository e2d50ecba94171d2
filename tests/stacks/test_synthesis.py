"""`python app.py`: a mistake is one line that says how to fix it, and each stack knows where it belongs."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_cdk import cx_api

from stacks import application
from stacks.config.organization import Organization, load_organization
from stacks.outputs import VERSION
from tests.stacks import synthesis
from tests.stacks.organization_files import MINIMAL, public_pem, with_keys


def test_one_broken_file_stops_synth_and_names_itself(tmp_path: Path) -> None:
    # Given
    organizations = tmp_path / "organizations"
    organizations.mkdir()
    (organizations / "acme.toml").write_text(with_keys(public_pem()))
    (organizations / "broken.toml").write_text(with_keys(public_pem(bits=1024)))
    # When
    completed = synthesis.run_app(output=tmp_path / "out", organizations=str(organizations))
    # Then
    assert completed.returncode == 1
    assert completed.stdout == ""
    assert completed.stderr.splitlines() == [
        f"{organizations}/broken.toml:1: public_keys[0]: has 1024 bits, fewer than 2048; ask VectorCare for a "
        "longer key"
    ]


def test_a_stack_belongs_to_the_account_and_region_of_its_file_and_its_template_does_not_name_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    where = {
        "pinned": 'account = "210987654321"\nregion = "eu-west-1"\n',
        "region": 'region = "eu-west-1"\n[twin]\nregion = "eu-central-1"\n',
        "account": 'account = "210987654321"\n',
    }
    for name, keys in where.items():
        (tmp_path / f"{name}.toml").write_text(MINIMAL + keys)
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path / "cdk.out"))
    context = application.default_context() | {"organizations": str(tmp_path)}
    monkeypatch.setattr(application, "default_context", lambda: context)
    monkeypatch.setattr(application, "build_artifact", lambda *_args, **_kwargs: synthesis.stub_artifact())
    # When
    application.synthesize()
    # Then
    stacks = {
        stack.id.removeprefix("VectorCareBridge-"): stack
        for stack in cx_api.CloudAssembly(str(tmp_path / "cdk.out")).stacks
    }
    assert {name: stack.environment.name for name, stack in stacks.items()} == {
        "pinned": "aws://210987654321/eu-west-1",
        "region": "aws://unknown-account/eu-west-1",
        "region-eu-central-1": "aws://unknown-account/eu-central-1",
        "account": "aws://210987654321/unknown-region",
    }
    template = str(stacks["pinned"].template)
    assert [word for word in ("210987654321", "eu-west-1") if word in template] == []


def test_a_stacks_tags_say_whose_it_is_and_production_is_protected_from_deletion(
    synthesized: Path, organizations: Mapping[str, Organization]
) -> None:
    # Given
    stacks = {stack.id: stack for stack in cx_api.CloudAssembly(str(synthesized / "cdk.out")).stacks}
    uat, production = (stacks[organizations[name].stack_name] for name in ("minimal", "everything"))
    of_all = {"Product": "VectorCareBridge", "Version": VERSION}
    # Then CloudFormation gets the tags with the stack
    assert uat.tags == of_all | {"Organization": "minimal", "Environment": "uat"}
    assert production.tags == of_all | {
        "Organization": organizations["everything"].name,
        "Environment": "production",
        "CostCentre": "Transport 4711/b",
    }
    # And only production's cannot be deleted by one command
    assert (uat.termination_protection, production.termination_protection) == (False, True)


def test_cloudformation_refuses_the_sample_whatever_deploys_it_and_no_other(tmp_path: Path) -> None:
    for is_sample, text in ((True, (synthesis.ROOT / "organizations/example.toml").read_text()), (False, MINIMAL)):
        # Given
        (tmp_path / "example.toml").write_text(text)
        # When
        template = synthesis.template_of(load_organization(tmp_path / "example.toml"), output=tmp_path / "out")
        # Then
        rule = template["Rules"].get("Sample")
        assert (rule is not None) is is_sample
        if rule:
            (assertion,) = rule["Assertions"]
            ((left, right),) = assertion["Assert"].values()
            assert left != right
            assert "is a sample and is never deployed" in assertion["AssertDescription"]
