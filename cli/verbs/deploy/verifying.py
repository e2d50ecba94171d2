"""The last step of a deployment: the stack is verified."""

from collections import Counter
from collections.abc import Sequence

from cli.lib import stack
from cli.lib.deploying.cdk import Progress, Watch
from cli.lib.deploying.update import Update
from cli.lib.stack import Stack
from cli.lib.verification.finding import Finding, Verdict
from cli.lib.verification.verify import CHECKS, verify_stack
from cli.verbs.deploy.session import Session
from vectorcare_bridge.edge import runtime

# What CloudFormation has made is not seen everywhere at once, such as a new API.
_SPREADS_SECONDS = 20.0
_LOUD = (Verdict.FAILED, Verdict.WARNING)


def verify(update: Update, outputs: dict[str, str], watch: Watch) -> list[Finding]:
    """Verify a stack that was just deployed; what fails at first gets a second chance."""
    deployed = stack.just_deployed(
        update.organization.name, outputs, profile=update.account.profile, region=update.account.region
    )
    findings = _verify(update, deployed, watch)
    if has_failed(findings):
        runtime.sleep(_SPREADS_SECONDS)
        findings = _verify(update, deployed, watch)
    return findings


def _verify(update: Update, deployed: Stack, watch: Watch) -> list[Finding]:
    left = set(CHECKS)

    def finished(check: str) -> None:
        left.discard(check)
        watch(Progress(check, len(CHECKS) - len(left), len(CHECKS)))

    return verify_stack(deployed, update.organization, finished=finished)


def show(session: Session, name: str, findings: Sequence[Finding]) -> None:
    """Print what needs a person, at length, and the rest as numbers; `bridge verify` shows all."""
    counts = Counter(finding.verdict for finding in findings)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    session.say(f"Verified: {summary}. All of it: ./bridge verify {name}", indent="  ")
    for finding in findings:
        if finding.verdict in _LOUD:
            session.say(f"{finding.verdict.upper()}: {finding.check}: {finding.seen}", indent="  ", warning=True)
            session.say(finding.to_do, indent="    ", warning=True)


def has_failed(findings: Sequence[Finding]) -> bool:
    """Say whether the stack does not do its work."""
    return any(finding.verdict is Verdict.FAILED for finding in findings)
