"""The CDK application: one or two stacks for each organization's file, checked by the rule packs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks, ServerlessChecks

from stacks.bridge_stack import BridgeStack
from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organizations
from stacks.functions.packaging import build_artifact

CDK_JSON = Path(__file__).parent.parent / "cdk.json"


def synthesize() -> None:
    """Synthesize the organizations' stacks.

    Raises
    ------
    ConfigurationError
        With one line for each mistake, or if a rule pack has found something, which it has printed.
    """
    app = cdk.App(
        # The CDK CLI passes context and output folder; without it, the context comes from cdk.json.
        context=default_context(),
        outdir=os.environ.get("CDK_OUTDIR", "cdk.out"),
        analytics_reporting=False,
    )
    try:
        environments = populate(app)
        pin(Path(app.synth().directory), environments)
    except RuntimeError as error:
        # jsii has no other type. The findings have been printed, and a traceback would hide them.
        if not str(error).startswith("ValidationFailed"):
            raise
        raise ConfigurationError(str(error)) from None


def default_context() -> dict[str, Any]:
    """Read the context that cdk.json sets for every synthesis."""
    context: dict[str, Any] = json.loads(CDK_JSON.read_text(encoding="utf-8"))["context"]
    return context


def populate(app: cdk.App) -> dict[str, str]:
    """Add the stacks of the organizations that the context names, and the rule packs.

    ====================== ============================================== ===============
    context                meaning                                        default
    ====================== ============================================== ===============
    ``organizations``      the folder of the organizations' files         ``organizations``
    ``organization``       those to synthesize, with commas between       all of the folder
    ``architecture``       the functions' processor: arm64 or x86_64      ``arm64``
    ``python``             the only Python that may build the functions   .python-version
    ====================== ============================================== ===============

    Returns
    -------
    dict of str to str
        Where each stack belongs, by its id: ``aws://ACCOUNT/REGION`` as CDK writes it.

    Raises
    ------
    ConfigurationError
        If an organization's file or a value of the context is invalid.
    """
    organizations = load_organizations(
        Path(_asked(app, "organizations") or "organizations"), only=_asked(app, "organization")
    )
    artifact = build_artifact(
        Path(app.outdir), architecture=_asked(app, "architecture") or "arm64", python=_asked(app, "python")
    )
    environments = {}
    for organization in organizations:
        for each in organization.stacks:
            stack = BridgeStack(app, organization=each, artifact=artifact)
            environments[stack.artifact_id] = environment(each.account, each.region)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), HIPAASecurityChecks(app), ServerlessChecks(app))
    return environments


def environment(account: str | None, region: str | None) -> str:
    """Write an environment as CDK does; what is unknown, the CDK CLI takes from the credentials it is run with."""
    return f"aws://{account or 'unknown-account'}/{region or 'unknown-region'}"


def pin(assembly: Path, environments: Mapping[str, str]) -> None:
    """Write into a cloud assembly where each stack belongs: the CDK CLI then deploys it nowhere else.

    A stack's `env` does that too, but also writes the account and the region into the template. So the template would
    no longer be the one that runs in the local environment, and its API deployments would get new ids.
    """
    manifest = assembly / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    for artifact, where in environments.items():
        content["artifacts"][artifact]["environment"] = where
    manifest.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _asked(app: cdk.App, key: str) -> str | None:
    value = app.node.try_get_context(key)
    return None if value is None else str(value)
