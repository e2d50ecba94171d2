"""The CDK application: one stack for each organization's file, checked by the rule packs."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks, ServerlessChecks

from cli.terminal.text import prepare, printable_lines
from stacks.bridge_stack import BridgeStack
from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organizations
from stacks.functions.packaging import build_artifact

CDK_JSON = Path(__file__).parent.parent / "cdk.json"


def synthesize() -> None:
    """Synthesize the organizations' stacks, or stop with a line for each mistake that says how to fix it."""
    prepare()
    app = cdk.App(
        # The CDK CLI hands over context and output folder; without it, what it would take from cdk.json counts.
        context=default_context(),
        outdir=os.environ.get("CDK_OUTDIR", "cdk.out"),
        analytics_reporting=False,
    )
    try:
        populate(app)
        app.synth()
    except ConfigurationError as error:
        sys.exit(printable_lines(str(error)))
    except RuntimeError as error:
        # jsii has no other type. The findings have been printed, and a traceback would bury them.
        if not str(error).startswith("ValidationFailed"):
            raise
        sys.exit(str(error))


def default_context() -> dict[str, Any]:
    """Read the context that cdk.json gives every synthesis."""
    context: dict[str, Any] = json.loads(CDK_JSON.read_text(encoding="utf-8"))["context"]
    return context


def populate(app: cdk.App) -> None:
    """Add the organizations' stacks, as the context asks for them, and the rule packs.

    ====================== ============================================== ====================
    context                what it says                                   default
    ====================== ============================================== ====================
    ``organizations``      the folder of the organizations' files         ``organizations``
    ``organization``       the one organization to synthesize             all of the folder
    ``architecture``       the functions' processor: arm64 or x86_64      ``arm64``
    ``python``             the only Python that may build the functions   the one that runs
    ====================== ============================================== ====================

    Raises
    ------
    ConfigurationError
        If an organization's file or a value of the context is not as it should be.
    """
    organizations = load_organizations(
        Path(_asked(app, "organizations") or "organizations"), only=_asked(app, "organization")
    )
    artifact = build_artifact(
        Path(app.outdir), architecture=_asked(app, "architecture") or "arm64", python=_asked(app, "python")
    )
    for organization in organizations:
        BridgeStack(app, organization=organization, artifact=artifact)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), HIPAASecurityChecks(app), ServerlessChecks(app))


def _asked(app: cdk.App, key: str) -> str | None:
    value = app.node.try_get_context(key)
    return None if value is None else str(value)
