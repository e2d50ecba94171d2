"""All checks of a deployed stack, at the same time."""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from cli.lib import aws_error
from cli.lib.errors import BridgeError
from cli.lib.stack import Stack
from cli.lib.verification import accepts, alarms, deployment, flow, storage, url
from cli.lib.verification.finding import Finding, failed, not_allowed, not_checked
from cli.lib.verification.subject import Subject
from stacks.config.organization import Organization

Check = Callable[[Subject], Iterator[Finding]]

CHECKS: Mapping[str, Check] = {
    "stack": deployment.stack_status,
    "name": url.name,
    "certificate": url.certificate,
    "TLS 1.1": url.old_tls,
    "plain HTTP": url.plain_http,
    "health": accepts.health,
    "webhook's bytes": accepts.binary_body,
    "other customer": accepts.other_customer,
    "other path": accepts.other_requests,
    "default URL": accepts.default_url,
    "settings": deployment.settings,
    "versions": deployment.versions,
    "event sources": flow.event_sources,
    "schedule": flow.schedules,
    "stream": flow.stream,
    "tables": storage.tables,
    "queues": storage.queues,
    "credentials": storage.credentials,
    "e-mail": alarms.subscriptions,
    "alarms": alarms.states,
    "quotas": deployment.quotas,
}
"""By name, in the order in which a webhook meets what they look at."""

_AT_THE_URL = frozenset(
    {"certificate", "TLS 1.1", "plain HTTP", "health", "webhook's bytes", "other customer", "other path"}
)
_THREADS = 8
_SERVICES = (
    *("apigateway", "cloudformation", "cloudwatch", "dynamodb", "events", "lambda"),
    *("scheduler", "secretsmanager", "sns", "sqs", "sts"),
)


def verify_stack(
    stack: Stack, organization: Organization | None, *, finished: Callable[[str], None] = lambda _: None
) -> list[Finding]:
    """Look at a deployed stack from outside and from inside; nothing is changed.

    It makes one unsigned call that counts as a refused webhook. `organization` is the file that was deployed; without
    it, nothing is compared with it. `finished` gets the name of each check once it has ended.
    """
    for service in _SERVICES:  # boto3 makes clients in one thread only
        stack.client(service)
    subject = Subject(stack, _of_region(stack, organization))
    with suppress(*aws_error.ERRORS):  # which each check that needs the resources reports
        _ = subject.resources

    def run(name: str) -> list[Finding]:
        found = look(name, CHECKS[name], subject)
        finished(name)
        return found

    with ThreadPoolExecutor(_THREADS) as threads:
        return [finding for found in threads.map(run, CHECKS) for finding in found]


def _of_region(stack: Stack, organization: Organization | None) -> Organization | None:
    """Give what the file says for the stack's region."""
    region = stack.client("lambda").meta.region_name
    return next((each for each in organization.stacks if each.region == region), organization) if organization else None


def look(name: str, check: Check, subject: Subject) -> list[Finding]:
    """Run one check; what it cannot see is a finding too, and hides nothing that it has seen before."""
    found: list[Finding] = []
    if name in _AT_THE_URL and not subject.has_address:
        return [not_checked(name, "The host of the webhook URL has no address.")]
    try:
        found.extend(check(subject))
    except aws_error.ERRORS as error:
        found.append(_not_seen(name, error, subject))
    except BridgeError as error:
        found.append(not_checked(name, str(error)))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        found.append(not_checked(name, f"AWS answered in an unknown form ({type(error).__name__})."))
    return found


def _not_seen(name: str, error: BotoCoreError | ClientError, subject: Subject) -> Finding:
    if aws_error.is_denied(error):
        seen = f"AWS does not let you do this: {aws_error.denied_action(error)}."
        return not_allowed(name, seen, "The policy in the stack's output VerifyPolicyArn allows it: docs/verifying.md")
    code = error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""
    if re.search("NotFound|NonExist|DoesNotExist|NoSuch", code):
        return failed(
            name, f"It is not there any more ({code}).", f"Somebody has removed it. Deploy again: {subject.deploy}"
        )
    return not_checked(name, aws_error.explain(error))
