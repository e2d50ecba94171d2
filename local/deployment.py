"""What `cdk deploy` does, on the emulator."""

import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli.lib.aws_session import outputs_of
from local import patience
from local.clients import ACCOUNT, REGION
from local.emulator import CODE_LINK, Emulator
from local.errors import LocalError
from local.synthesis import Assembly


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A stack that runs.

    Attributes
    ----------
    outputs : mapping of str to str
        The stack's outputs, as the template names them.
    physical_ids : mapping of str to str
        The names of its resources by their logical id.
    webhook_url, health_url, reading_url : str
        The webhook API's two routes and the reading API's base, as the emulator serves them: `*.execute-api` names do
        not resolve here.
    """

    outputs: Mapping[str, str]
    physical_ids: Mapping[str, str]
    webhook_url: str
    health_url: str
    reading_url: str


def deploy(assembly: Assembly, emulator: Emulator) -> Deployment:
    """Create the stack from its template, or update it, and add what the emulator leaves out.

    Raises
    ------
    LocalError
        A resource could not be created or updated, with CloudFormation's reasons; what ran before an update runs again.
    """
    # The template refers to what `cdk bootstrap` makes.
    parameter = assembly.template["Parameters"]["BootstrapVersion"]["Default"]
    emulator.aws.ssm.put_parameter(Name=parameter, Value="30", Type="String", Overwrite=True)
    for file in assembly.files.values():
        _upload(file, assembly.directory, emulator)
    _apply(assembly, emulator)
    outputs = outputs_of(emulator.aws.cloudformation.describe_stacks(StackName=assembly.stack_name))
    resources = emulator.aws.cloudformation.describe_stack_resources(StackName=assembly.stack_name)["StackResources"]
    physical_ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
    base = _api_url(assembly, physical_ids, emulator, api_name=assembly.stack_name)
    _set_time_to_live(assembly, physical_ids, emulator)
    return Deployment(
        outputs=outputs,
        physical_ids=physical_ids,
        webhook_url=f"{base}/webhook?{urlsplit(outputs['WebhookUrl']).query}",
        health_url=f"{base}/health",
        reading_url=_api_url(assembly, physical_ids, emulator, api_name=f"{assembly.stack_name}-reading"),
    )


def _api_url(assembly: Assembly, physical_ids: Mapping[str, str], emulator: Emulator, *, api_name: str) -> str:
    """Return the URL at which the emulator serves the stage of a REST API."""
    resources = assembly.template["Resources"]
    api = next(
        logical_id
        for logical_id, resource in resources.items()
        if resource["Type"] == "AWS::ApiGateway::RestApi" and resource["Properties"]["Name"] == api_name
    )
    stage = next(
        resource["Properties"]["StageName"]
        for resource in resources.values()
        if resource["Type"] == "AWS::ApiGateway::Stage" and resource["Properties"]["RestApiId"] == {"Ref": api}
    )
    return f"{emulator.endpoint_url}/_aws/execute-api/{physical_ids[api]}/{stage}"


def _upload(file: Mapping[str, Any], directory: Path, emulator: Emulator) -> None:
    source, (destination,) = file["source"], file["destinations"].values()
    path = directory / source["path"]
    content = _zip_link(path) if source["packaging"] == "zip" else path.read_bytes()
    bucket = _resolve(destination["bucketName"], emulator)
    _create_bucket(bucket, emulator)
    emulator.aws.s3.put_object(Bucket=bucket, Key=_resolve(destination["objectKey"], emulator), Body=content)


def _create_bucket(bucket: str, emulator: Emulator) -> None:
    """Create a bucket, unless it is there."""
    # S3 refuses this one region's name, and in all others a second creation (S3 API reference, CreateBucket).
    is_first = emulator.aws.region == REGION
    where: Any = {} if is_first else {"CreateBucketConfiguration": {"LocationConstraint": emulator.aws.region}}
    with suppress(emulator.aws.s3.exceptions.BucketAlreadyOwnedByYou):
        emulator.aws.s3.create_bucket(Bucket=bucket, **where)


def _resolve(text: str, emulator: Emulator) -> str:
    values = {"AccountId": ACCOUNT, "Region": emulator.aws.region, "Partition": "aws"}
    for name, value in values.items():
        text = text.replace(f"${{AWS::{name}}}", value)
    return text


def _zip_link(directory: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(CODE_LINK, str(directory.resolve()))
    return content.getvalue()


def _apply(assembly: Assembly, emulator: Emulator) -> None:
    cloudformation, name = emulator.aws.cloudformation, assembly.stack_name
    is_there = any(stack["StackName"] == name for stack in cloudformation.describe_stacks()["Stacks"])
    events_before = len(_events(name, emulator)) if is_there else 0
    change = cloudformation.update_stack if is_there else cloudformation.create_stack
    change(
        StackName=name,
        # From the bucket, as `cdk deploy` does: a template may have a megabyte there, and 51,200 bytes in a request.
        TemplateURL=_template_url(assembly, emulator),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    status = patience.wait_until(
        lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"],
        lambda status: not status.endswith("_IN_PROGRESS"),
        what=f"the stack {name} is deployed; log: {emulator.log_file}",
    )
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        events = _events(name, emulator)
        failures = [
            f"  {event['LogicalResourceId']} ({event.get('ResourceType', '')}): {event.get('ResourceStatusReason', '')}"
            for event in events[events_before:]
            if event.get("ResourceStatus", "").endswith("_FAILED")
        ]
        raise LocalError(
            "\n".join([f"The stack {name} could not be deployed ({status}):", *failures, f"Log: {emulator.log_file}"])
        )


def _events(name: str, emulator: Emulator) -> list[Any]:
    """List the stack's events, oldest first."""
    pages = emulator.aws.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    return [event for page in pages for event in page["StackEvents"]][::-1]


def _template_url(assembly: Assembly, emulator: Emulator) -> str:
    """Return the URL to which the stack's own template was uploaded."""
    (template,) = (file for file in assembly.files.values() if file["source"]["path"] == assembly.template_file)
    (destination,) = template["destinations"].values()
    bucket = _resolve(destination["bucketName"], emulator)
    return f"https://s3.{emulator.aws.region}.amazonaws.com/{bucket}/{destination['objectKey']}"


def _set_time_to_live(assembly: Assembly, physical_ids: Mapping[str, str], emulator: Emulator) -> None:
    """Enable the expiry that the template asks for: the emulator ignores it."""
    for logical_id, resource in assembly.template["Resources"].items():
        wanted = resource["Properties"].get("TimeToLiveSpecification") if "Properties" in resource else None
        if resource["Type"] == "AWS::DynamoDB::Table" and wanted:
            emulator.aws.dynamodb.update_time_to_live(
                TableName=physical_ids[logical_id],
                TimeToLiveSpecification={"AttributeName": wanted["AttributeName"], "Enabled": wanted["Enabled"]},
            )
