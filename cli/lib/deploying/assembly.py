"""What a synthesis wrote (`cdk.out`): the stacks, and the bootstrap that each was synthesized for.

The format: "cloud-assembly-schema" of AWS CDK, `manifest.json`.
"""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

_DEFAULT_QUALIFIER = "hnb659fds"  # DefaultStackSynthesizer.DEFAULT_QUALIFIER

_OWN_WARNING = re.compile(r"(.*) \[ack: vectorcare-bridge:[\w-]+\]", re.DOTALL)


@dataclass(frozen=True)
class Role:
    """A role that CDK assumes; its ARN may have `${AWS::…}` of partition, account and region."""

    template: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)  # of AssumeRole

    def arn(self, *, partition: str, account: str, region: str) -> str:
        values = {"Partition": partition, "AccountId": account, "Region": region}
        return re.sub(r"\$\{AWS::(\w+)\}", lambda found: values[found[1]], self.template)


@dataclass(frozen=True, kw_only=True)
class StackArtifact:
    """One synthesized stack.

    Attributes
    ----------
    id : str
        What `cdk deploy` calls it.
    account, region : str | None
        Where it belongs; None is wherever the credentials are.
    deploy_role, lookup_role : Role | None
        What CDK assumes to change the stack, and to look at the account.
    version_parameter : str | None
        The SSM parameter with the version of the bootstrap; None if the stack does not ask for one.
    """

    id: str
    stack_name: str
    account: str | None
    region: str | None
    deploy_role: Role | None
    lookup_role: Role | None
    protected: bool  # from deletion
    tags: Mapping[str, str]
    version_parameter: str | None
    needed_version: int
    template_file: Path
    metadata_file: Path | None

    @property
    def warnings(self) -> list[str]:
        """What the stack's own constructs warn of; CDK's own hints are for those who change the code."""
        if self.metadata_file is None:
            return []
        entries = [
            entry
            for of_construct in json.loads(self.metadata_file.read_text(encoding="utf-8")).values()
            for entry in of_construct
            if entry["type"] == "aws:cdk:warning"
        ]
        found = [_OWN_WARNING.fullmatch(entry["data"]) for entry in entries if isinstance(entry.get("data"), str)]
        return [each[1] for each in found if each]

    @property
    def template(self) -> dict[str, Any]:
        template: dict[str, Any] = json.loads(self.template_file.read_text(encoding="utf-8"))
        return template

    @property
    def digest(self) -> str:
        """What changes whenever the stack would: its tags, and its template, which names files by their content."""
        return sha256(self.template_file.read_bytes() + json.dumps(self.tags, sort_keys=True).encode()).hexdigest()

    @property
    def qualifier(self) -> str | None:
        """The name of a bootstrap beside CDK's default one."""
        found = re.fullmatch(r"/cdk-bootstrap/(\w+)/version", self.version_parameter or "")
        return found[1] if found and found[1] != _DEFAULT_QUALIFIER else None

    @classmethod
    def read(cls, name: str, artifact: Mapping[str, Any], directory: Path) -> Self:
        properties = artifact["properties"]
        account, region = artifact["environment"].removeprefix("aws://").split("/")
        lookup = properties.get("lookupRole") or {}
        return cls(
            id=artifact.get("displayName", name),
            stack_name=properties.get("stackName", name),
            account=None if account == "unknown-account" else account,
            region=None if region == "unknown-region" else region,
            deploy_role=_role(properties.get("assumeRoleArn"), properties),
            lookup_role=_role(lookup.get("arn"), lookup),
            protected=bool(properties.get("terminationProtection")),
            tags=properties.get("tags") or {},
            version_parameter=properties.get("bootstrapStackVersionSsmParameter"),
            needed_version=int(properties.get("requiresBootstrapStackVersion", 1)),
            template_file=directory / properties["templateFile"],
            metadata_file=directory / metadata if (metadata := artifact.get("additionalMetadataFile")) else None,
        )


def read_assembly(directory: Path) -> list[StackArtifact]:
    """Read the stacks of a cloud assembly."""
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    return [
        StackArtifact.read(name, artifact, directory)
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    ]


_MANIFEST = threading.Lock()  # of an assembly, which several stacks of one process change


def set_termination_protection(directory: Path, artifact: StackArtifact, *, protected: bool) -> None:
    """Let the assembly ask for a stack's protection.

    CDK sets it even if it only prepares a change set. Who reads the assembly meanwhile sees one or the other.
    """
    path = directory / "manifest.json"
    with _MANIFEST:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        for each in manifest["artifacts"].values():
            if each["type"] == "aws:cloudformation:stack" and each.get("displayName") == artifact.id:
                each["properties"]["terminationProtection"] = protected
        unfinished = path.with_suffix(".new")
        unfinished.write_text(json.dumps(manifest), encoding="utf-8")
        unfinished.replace(path)


def _role(arn: str | None, properties: Mapping[str, Any]) -> Role | None:
    if not arn:
        return None
    external_id = properties.get("assumeRoleExternalId")
    return Role(
        arn,
        {
            **(properties.get("assumeRoleAdditionalOptions") or {}),
            **({"ExternalId": external_id} if external_id else {}),
        },
    )
