"""What stays when a stack is removed is what `bridge leftovers` looks for, under the names that the template gives."""

from cli.lib.leftovers import organization_of_bucket, organization_of_key
from cli.lib.retained import KINDS, organization_of
from stacks.config.organization import Organization
from tests.stacks.templates import Template, only

# They have no existence of their own: a setting of the account, and versions that go with their function.
NOT_SEEN = {"AWS::ApiGateway::Account", "AWS::Lambda::Version"}
SUFFIX = "RANDOMRANDOM"  # random characters of CloudFormation's


def test_each_type_that_stays_is_looked_for_under_its_name(template: Template, organization: Organization) -> None:
    # Given what stays
    kept = {
        logical_id: resource["Type"]
        for logical_id, resource in template["Resources"].items()
        if str(resource.get("DeletionPolicy")).startswith("Retain")
    }
    # Then its types are known
    assert set(kept.values()) - NOT_SEEN == set(KINDS)
    # And the organization is read out of the name that CloudFormation makes: stack, logical id, random characters
    name = organization.name
    for logical_id, kind in kept.items():
        made = f"{organization.stack_name}-{logical_id}-{SUFFIX}"
        if kind == "AWS::S3::Bucket":
            assert organization_of_bucket(made.lower()) == name.lower()
        elif kind in {"AWS::DynamoDB::Table", "AWS::Logs::LogGroup"}:
            assert organization_of(made) == name
    # And out of the key's description
    assert organization_of_key(only(template, "AWS::KMS::Key")["Properties"]["Description"]) == name


def test_names_of_others_belong_to_no_organization() -> None:
    for name in (
        "VectorCareBridge-acme",
        "MyVectorCareBridge-acme-Table-ABC",
        "aws/lambda/other",
        # A dispatch system's own, called after the stack
        "/aws/lambda/VectorCareBridge-acme-cad-consumer",
        "VectorCareBridge-acme-trips-reconciliations",
        "vectorcarebridge-x",
    ):
        assert organization_of(name) is None
        assert organization_of_bucket(name) is None
    assert organization_of_key("VectorCareBridge's own") is None
    assert (
        organization_of(f"VectorCareBridge-acme-west-StorageEvents1A2B3C4D-{SUFFIX}-restored-20260301T100000Z")
        == "acme-west"
    )
