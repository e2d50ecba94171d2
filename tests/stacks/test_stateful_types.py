"""Whatever the template keeps when it is replaced or removed, a deployment explains before it is lost."""

from collections.abc import Mapping

from cli.lib.deploying.changes import LOSSES
from tests.stacks.templates import Template

# Kept, and not lost: versions go back by `bridge rollback`, a mapping stays with its domain, other stacks use the rest.
KEPT_FOR_OTHERS = {
    *("AWS::Lambda::Version", "AWS::ApiGateway::BasePathMapping"),
    *("AWS::IAM::Role", "AWS::ApiGateway::Account", "AWS::ApiGateway::Deployment"),
}


def test_every_type_that_is_kept_is_explained(templates: Mapping[str, Template]) -> None:
    # Given all types with a policy that keeps them
    kept = {
        resource["Type"]
        for template in templates.values()
        for resource in template["Resources"].values()
        if any(str(resource.get(name, "")).startswith("Retain") for name in ("DeletionPolicy", "UpdateReplacePolicy"))
    }
    # Then
    assert {"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket"} <= kept
    assert kept - KEPT_FOR_OTHERS <= set(LOSSES)


def test_what_is_explained_is_in_the_template(templates: Mapping[str, Template]) -> None:
    assert set(LOSSES) <= {each["Type"] for template in templates.values() for each in template["Resources"].values()}
