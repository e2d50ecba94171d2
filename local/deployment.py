"""From the organization's file to a running stack: what `cdk synth` and `cdk deploy` do, on the emulator."""

import io
import json
import os
import platform
import shutil
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local import patience, processes
from local.clients import ACCOUNT, REGION
from local.emulator import Emulator
from local.errors import LocalError
from local.organization import LocalOrganization

PROJECT = Path(__file__).resolve().parent.parent
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """What the synthesis wrote for one stack: its template, and the files that the template refers to.

    Attributes
    ----------
    directory : Path
        The cloud assembly (`cdk.out`).
    stack_name : str
        `VectorCareBridge-<organization>`.
    """

    directory: Path
    stack_name: str

    @property
    def template(self) -> dict[str, Any]:
        """The CloudFormation template."""
        return _read_json(self.directory / f"{self.stack_name}.template.json")

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """The assets by their hash, as `<stack>.assets.json` lists them."""
        files: Mapping[str, Mapping[str, Any]] = _read_json(self.directory / f"{self.stack_name}.assets.json")["files"]
        return files


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
        The webhook API's two routes, and what the reading API's have before them, in the form that the emulator serves:
        `*.execute-api` names do not resolve here.
    """

    outputs: Mapping[str, str]
    physical_ids: Mapping[str, str]
    webhook_url: str
    health_url: str
    reading_url: str


def synthesize(organization: LocalOrganization, *, directory: Path) -> Assembly:
    """Run `python app.py` for one organization, for the processor of this machine.

    Parameters
    ----------
    organization : Organization
        Whose stack.
    directory : Path
        Where `cdk.out`, the log and all temporary files go.

    Raises
    ------
    LocalError
        The synthesis failed, with the end of what it said.
    """
    output, temporary, log_file = directory / "cdk.out", directory / "synthesis", directory / "synthesis.log"
    _clear(output)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    context = {
        "organizations": str(organization.directory.resolve()),
        "organization": organization.name,
        "architecture": _architecture(),
    }
    cache = directory.resolve() / "cache"
    environment = {
        # jsii unpacks 200 MB, pip keeps what it downloads; a place that the user has chosen for them goes before ours
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(cache / "jsii"),
        "PIP_CACHE_DIR": str(cache / "pip"),
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),  # node
        "TMPDIR": str(temporary.resolve()),
        "CDK_OUTDIR": str(output.resolve()),
        "CDK_CONTEXT_JSON": json.dumps(context),
    }
    process = processes.start([sys.executable, "app.py"], environment=environment, directory=PROJECT, log_file=log_file)
    try:
        code = process.wait()
    finally:
        processes.end(process)
        shutil.rmtree(temporary, ignore_errors=True)
    if code != 0:
        raise LocalError(
            f"The synthesis (python app.py) ended with code {code}. The end of its log, {log_file}:\n"
            f"{_last_lines(log_file, 20)}"
        )
    return Assembly(directory=output, stack_name=f"VectorCareBridge-{organization.name}")


def deploy(assembly: Assembly, emulator: Emulator) -> Deployment:
    """Create the stack from its template, as it is, and do what the emulator leaves out of it.

    Raises
    ------
    LocalError
        A resource could not be created, with CloudFormation's reasons.
    """
    _bootstrap(emulator)
    for file in assembly.files.values():
        _upload(file, assembly.directory, emulator)
    _create_stack(assembly, emulator)
    stack = emulator.aws.cloudformation.describe_stacks(StackName=assembly.stack_name)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
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
    """Say where the emulator serves the stage of the REST API of that name."""
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


def _clear(output: Path) -> None:
    """Empty a cloud assembly but for the last build of the functions, which serves again while they are unchanged."""
    builds = sorted(output.glob("functions-*"), key=lambda path: path.stat().st_mtime)
    for path in set(output.glob("*")) - set(builds[-1:]):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _bootstrap(emulator: Emulator) -> None:
    """Make what `cdk bootstrap` would have made, as far as a template refers to it."""
    emulator.aws.ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True)


def _upload(file: Mapping[str, Any], directory: Path, emulator: Emulator) -> None:
    source, (destination,) = file["source"], file["destinations"].values()
    path = directory / source["path"]
    content = _zip(path) if source["packaging"] == "zip" else path.read_bytes()
    bucket = _resolve(destination["bucketName"])
    emulator.aws.s3.create_bucket(Bucket=bucket)
    emulator.aws.s3.put_object(Bucket=bucket, Key=_resolve(destination["objectKey"]), Body=content)


def _resolve(text: str) -> str:
    return (
        text.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION).replace("${AWS::Partition}", "aws")
    )


def _zip(directory: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression=zipfile.ZIP_STORED) as archive:  # it never leaves this machine
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(directory))
    return content.getvalue()


def _create_stack(assembly: Assembly, emulator: Emulator) -> None:
    cloudformation, name = emulator.aws.cloudformation, assembly.stack_name
    cloudformation.create_stack(
        StackName=name,
        # From the bucket, as `cdk deploy` does: in a request a template may be 51,200 bytes long, there a megabyte.
        TemplateURL=_template_url(assembly),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    status = patience.wait_until(
        lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"],
        lambda status: not status.endswith("_IN_PROGRESS"),
        what=f"the stack {name} is created; log: {emulator.log_file}",
    )
    if status != "CREATE_COMPLETE":
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        failures = [
            f"  {event['LogicalResourceId']} ({event.get('ResourceType', '')}): {event.get('ResourceStatusReason', '')}"
            for event in reversed(events)
            if event.get("ResourceStatus", "").endswith("_FAILED")
        ]
        raise LocalError(
            "\n".join([f"The stack {name} could not be created ({status}):", *failures, f"Log: {emulator.log_file}"])
        )


def _template_url(assembly: Assembly) -> str:
    """Name the place that the stack's own template was uploaded to."""
    path = f"{assembly.stack_name}.template.json"
    (template,) = (file for file in assembly.files.values() if file["source"]["path"] == path)
    (destination,) = template["destinations"].values()
    return f"https://s3.{REGION}.amazonaws.com/{_resolve(destination['bucketName'])}/{destination['objectKey']}"


def _set_time_to_live(assembly: Assembly, physical_ids: Mapping[str, str], emulator: Emulator) -> None:
    """Switch on the expiry that the template asks for: the emulator drops it from the template without a word."""
    for logical_id, resource in assembly.template["Resources"].items():
        wanted = resource["Properties"].get("TimeToLiveSpecification") if "Properties" in resource else None
        if resource["Type"] == "AWS::DynamoDB::Table" and wanted:
            emulator.aws.dynamodb.update_time_to_live(
                TableName=physical_ids[logical_id],
                TimeToLiveSpecification={"AttributeName": wanted["AttributeName"], "Enabled": wanted["Enabled"]},
            )


def _architecture() -> str:
    machine = platform.machine().lower()
    if machine not in _ARCHITECTURES:
        raise LocalError(f"The functions' packages come for x86_64 and arm64, not for this machine's {machine}.")
    return _ARCHITECTURES[machine]


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _last_lines(path: Path, count: int) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
