"""Why a deployment failed, and what to do: by the state of the stack, its events, and what CDK said."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_IN_PROGRESS = "_IN_PROGRESS"

# States in which CloudFormation refuses an update, or CDK would ask before it goes on.
_STUCK: Mapping[str, str] = {
    "UPDATE_ROLLBACK_FAILED": (
        "An earlier update failed, and so did its rollback. Find the reason under CloudFormation > {stack} > Events, "
        "remove it, then let the rollback go on, wait until it has ended, and deploy again:\n"
        "  aws cloudformation continue-update-rollback --stack-name {stack} {where}"
    ),
    "UPDATE_FAILED": (
        "An earlier update was stopped without a rollback. Roll it back, then deploy again:\n  ./cdk rollback {id}"
    ),
    "CREATE_FAILED": (
        "The first deployment was stopped without a rollback. Delete what it made, then deploy again:\n"
        "  aws cloudformation delete-stack --stack-name {stack} {where}"
    ),
    "DELETE_FAILED": (
        "It was being deleted, and that failed. Delete it again, then deploy:\n"
        "  aws cloudformation delete-stack --stack-name {stack} {where}"
    ),
}
# The waiters of the AWS command line.
_WAITERS: Mapping[str, str] = {
    "ROLLBACK": "stack-rollback-complete",
    "CREATE": "stack-create-complete",
    "DELETE": "stack-delete-complete",
    "": "stack-update-complete",
}
FAILED_FIRST = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""The first deployment failed; CDK deletes what is left, and creates the stack again."""

_CREDENTIALS = re.compile(
    r"ExpiredToken|token included in the request is (?:expired|invalid)|SSO session|Token has expired|"
    r"no credentials have been configured|Unable to resolve AWS account|InvalidClientTokenId"
)
_BOOTSTRAP = re.compile(
    r"Has the environment been bootstrapped|SSM parameter \S+ not found|Bootstrap stack version '\d+' is required"
)
_OTHER_ACCOUNT = re.compile(r"Need to perform AWS calls for account \d+, but the current credentials are for \d+")
_TLS = re.compile(r"security ?policy|endpoint ?access ?mode", re.IGNORECASE)
_TLS_TO_DO = ". Choose another tls_policy or endpoint_access in the organization's file: docs/moving.md lists them"
_CANCELLED = re.compile(r"Resource (?:creation|update|deletion) cancelled", re.IGNORECASE)


def is_in_progress(status: str | None) -> bool:
    """Say whether CloudFormation is at work; a stack that has nothing but a change set is in REVIEW_IN_PROGRESS."""
    return status is not None and status.endswith(_IN_PROGRESS) and status != "REVIEW_IN_PROGRESS"


def blocking(status: str | None, **names: str) -> str | None:
    """Say why no update can begin in this state; None if one can. `names` are stack, id and where."""
    if status is None:
        return None
    if is_in_progress(status):
        waiting = next(waiter for part, waiter in _WAITERS.items() if part in status)
        return (
            "Another update is in progress ({status}). Wait until it has ended, then deploy again:\n"
            "  aws cloudformation wait {waiting} --stack-name {stack} {where}"
        ).format(status=status, waiting=waiting, **names)
    return _STUCK[status].format(**names) if status in _STUCK else None


def first_failure(events: Sequence[Mapping[str, Any]]) -> str | None:
    """Find the resource that failed first, with CloudFormation's reason, or why the stack was rolled back without one.

    The events are those of DescribeStackEvents, the oldest first.
    """
    rolled_back = None
    for event in events:
        status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason") or "no reason given"
        if event.get("ResourceType") == "AWS::CloudFormation::Stack":
            if status.endswith("ROLLBACK_IN_PROGRESS"):
                rolled_back = rolled_back or f"the stack, and no resource: an alarm, or somebody's Cancel ({reason})"
        elif status.endswith("_FAILED") and not _CANCELLED.search(reason):
            to_do = _TLS_TO_DO if "ApiGateway" in event.get("ResourceType", "") and _TLS.search(reason) else ""
            return f"{event['LogicalResourceId']} ({event.get('ResourceType', '')}): {reason}{to_do}"
    return rolled_back


def after(status: str | None, **names: str) -> str:
    """Say in which state the failed deployment has left the stack, and what that means."""
    match status:
        case "UPDATE_ROLLBACK_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS":
            return "CloudFormation has put everything back: the version from before runs."
        case "ROLLBACK_COMPLETE":
            return "CloudFormation has removed what it had made. Deploy again when the reason is gone."
        case None:
            return "Nothing was made."
        case _ if status.endswith(_IN_PROGRESS):
            return f"The stack is in state {status}: CloudFormation goes on by itself."
        case _ if status in _STUCK:
            return f"The stack is in state {status}. " + _STUCK[status].format(**names)
        case _:
            return f"The stack is in state {status}: the version from before runs."


def of_cdk(lines: Sequence[str], *, bootstrap: str) -> str | None:
    """Recognize what CDK says about the way to AWS; None if it is something else."""
    said = "\n".join(lines)
    if _BOOTSTRAP.search(said):
        return f"CDK is not bootstrapped here, or its bootstrap is too old. Once, run: {bootstrap}"
    if found := _OTHER_ACCOUNT.search(said):
        return f"{found[0]}. Name the right profile: --profile, or `profile` in the organization's file"
    if _CREDENTIALS.search(said):
        return "The AWS login has expired, or the profile has none. Log in again (aws sso login), then deploy again."
    return None
