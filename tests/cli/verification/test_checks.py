"""What `bridge verify` says of what the local environment cannot show; AWS's answers are stubs."""

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
import requests
from botocore.exceptions import ClientError, EndpointConnectionError

from cli.lib.stack import Outputs, Stack
from cli.lib.verification import accepts, alarms, deployment, flow, storage
from cli.lib.verification.finding import Finding, Verdict
from cli.lib.verification.subject import Resource, Subject
from cli.lib.verification.verify import look
from stacks.config.environment import of_file
from stacks.config.organization import Organization
from stacks.config.twin import Twin
from tests.support import signing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ARN = "arn:aws:lambda:us-east-1:123456789012:function"
STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/requests/stream/2026"
SERVICES = ("ingest", "processor", "publisher", "sender")


class Client:
    """All services: an operation's answer, or what makes it of the parameters."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.meta = mock.Mock(region_name="us-east-1")

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(*_: object, **parameters: Any) -> Any:
            answer = self._answers[operation]
            if isinstance(answer, Exception):
                raise answer
            return answer(**parameters) if callable(answer) else answer

        return call


class Pages:
    """A paginator of one page."""

    def __init__(self, page: Mapping[str, Any]) -> None:
        self._page = page

    def paginate(self, **_: object) -> Iterator[Mapping[str, Any]]:
        yield self._page


def subject(organization: Organization | None = None, resources: tuple[Resource, ...] = (), **answers: Any) -> Subject:
    outputs = {f"{service.title()}Function": f"{service}:live" for service in SERVICES} | {
        "AlarmTopicArn": "topic",
        "ServiceRequestsTable": "requests",
        "EventsTable": "events",
        "CommandsTable": "commands",
        "CredentialsSecret": "secret",
    }
    client = Client(**answers)
    made = Subject(Stack("acme", Outputs(outputs), lambda _: client), organization)
    made.__dict__["resources"] = resources
    return made


def organization(**changes: Any) -> Organization:
    return Organization(name="acme", public_keys=(b"key",), customer_id="acme", **changes)


def verdicts(findings: Iterator[Finding]) -> dict[str, str]:
    return {finding.check: finding.verdict.value for finding in findings}


SOURCES = tuple(Resource("AWS::Lambda::EventSourceMapping", name, name) for name in SERVICES[1:])


def source(UUID: str, **changes: Any) -> dict[str, Any]:  # noqa: N803 boto3's name
    arn = STREAM if UUID == "publisher" else f"queue-of-{UUID}"
    return {"FunctionArn": f"{ARN}:{UUID}:live", "EventSourceArn": arn, "State": "Enabled"} | changes


def test_an_address_that_has_not_confirmed_and_one_that_was_never_subscribed_are_named() -> None:
    page = {
        "Subscriptions": [
            {"Endpoint": "confirmed@example.com", "SubscriptionArn": "arn:aws:sns:us-east-1:123456789012:topic:1"},
            {"Endpoint": "pending@example.com", "SubscriptionArn": "PendingConfirmation"},
        ]
    }
    of = subject(
        organization(alarm_emails=("confirmed@example.com", "missing@example.com")),
        get_paginator=lambda **_: Pages(page),
    )
    assert verdicts(alarms.subscriptions(of)) == {
        "alarms reach confirmed@example.com": "ok",
        "alarms reach missing@example.com": "warning",
        "alarms reach pending@example.com": "warning",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Verdict.OK),
        ({"StreamSpecification": {"StreamEnabled": False}}, Verdict.FAILED),
        ({"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}, Verdict.FAILED),
        ({"LatestStreamArn": f"{STREAM}-new"}, Verdict.FAILED),
    ],
    ids=["on", "off", "keys only", "off and on"],
)
def test_the_stream_has_to_be_the_one_that_the_publisher_reads(changes: dict[str, Any], expected: Verdict) -> None:
    table = {
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "LatestStreamArn": STREAM,
    } | changes
    of = subject(None, SOURCES, describe_table={"Table": table}, get_event_source_mapping=source)
    (finding,) = flow.stream(of)
    assert finding.verdict is expected


def test_an_event_source_calls_the_alias() -> None:
    of = subject(None, SOURCES, get_event_source_mapping=lambda UUID: source(UUID, FunctionArn=f"{ARN}:{UUID}"))  # noqa: N803 boto3's name
    assert set(verdicts(flow.event_sources(of)).values()) == {"failed"}
    assert set(verdicts(flow.event_sources(subject(get_event_source_mapping=source))).values()) == {"failed"}


def test_each_schedule_has_its_name() -> None:
    rules = tuple(Resource("AWS::Events::Rule", name, name) for name in ("InboundDrainEveryMinute", "ReconcileEvery"))
    rule = {"State": "DISABLED", "ScheduleExpression": "rate(1 minute)"}
    found = verdicts(flow.schedules(subject(None, rules, describe_rule=rule)))
    assert found == {"schedule of drain": "failed", "schedule of reconcile": "failed"}


@pytest.mark.parametrize(("commands", "expected"), [("primary", "ok"), ("twin", "failed")])
def test_of_two_regions_one_sends_commands(commands: str, expected: str) -> None:
    file = organization(region="us-east-1", twin=Twin(region="us-west-2", commands=commands))
    of = subject(file, SOURCES, get_event_source_mapping=source)
    assert verdicts(flow.event_sources(of))["event source of sender"] == expected


RELEASES = {
    name: f"Does it. Version {version}, release {number * 10}."
    for name, version, number in (("old", "1.0.0", "1"), ("new", "1.1.0", "2"))
}


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ({}, {"functions": "ok"}),
        (dict.fromkeys(SERVICES, "old"), {f"functions {', '.join(sorted(SERVICES))}": "warning"}),
        ({"ingest": "old"}, {"function ingest": "warning", "functions": "failed"}),
    ],
    ids=["deployed", "rolled back", "half"],
)
def test_a_rollback_is_said_and_half_of_one_fails(running: dict[str, str], expected: dict[str, str]) -> None:
    def configuration(FunctionName: str, Qualifier: str | None = None) -> dict[str, Any]:  # noqa: N803 boto3's names
        is_old = Qualifier is None and running.get(FunctionName.removesuffix(":live")) == "old"
        return {"Description": RELEASES["old" if is_old else "new"]}

    def alias(FunctionName: str, Name: str) -> dict[str, Any]:  # noqa: ARG001, N803 boto3's names
        return {"FunctionVersion": "1" if running.get(FunctionName) == "old" else "2"}

    deployed = tuple(Resource("AWS::Lambda::Version", name, f"{ARN}:{name}:2") for name in SERVICES)
    of = subject(None, deployed, get_function_configuration=configuration, get_alias=alias)
    assert verdicts(deployment.versions(of)) == expected


@pytest.mark.parametrize(
    ("stages", "token_url", "expected"),
    [
        ({"a": ["AWSCURRENT"]}, "https://auth.example.com/token", "warning"),
        ({"a": ["AWSPREVIOUS"], "b": ["AWSCURRENT"]}, "https://auth.example.com/token", "ok"),
        ({"a": ["AWSCURRENT"]}, None, "ok"),
    ],
)
def test_credentials_are_needed_if_the_file_says_where_tokens_come_from(
    stages: dict[str, list[str]], token_url: str | None, expected: str
) -> None:
    described = {"VersionIdsToStages": stages, "LastChangedDate": NOON}
    of = subject(organization(vectorcare_token_url=token_url), describe_secret=described)
    assert verdicts(storage.credentials(of)) == {"credentials for commands": expected}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeTable"), Verdict.NOT_ALLOWED),
        (ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeTable"), Verdict.FAILED),
        (ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeTable"), Verdict.NOT_CHECKED),
        (EndpointConnectionError(endpoint_url="https://x"), Verdict.NOT_CHECKED),
        ({"Table": None}, Verdict.NOT_CHECKED),
        ({}, Verdict.NOT_CHECKED),
    ],
    ids=["denied", "gone", "throttled", "unreachable", "null", "empty"],
)
def test_what_aws_does_not_show_is_a_line_of_its_own(answer: object, expected: Verdict) -> None:
    of = subject(describe_table=answer, describe_time_to_live={"TimeToLiveDescription": {}})
    (finding,) = look("tables", storage.tables, of)
    assert finding.verdict is expected
    assert finding.check == "tables"


def test_a_table_without_recovery_or_key_fails() -> None:
    of = subject(
        describe_table={"Table": {"TableStatus": "ACTIVE", "DeletionProtectionEnabled": True}},
        describe_time_to_live={"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED"}},
        describe_continuous_backups={"ContinuousBackupsDescription": {}},
    )
    findings = list(storage.tables(of))
    assert {finding.verdict for finding in findings} == {Verdict.FAILED}
    assert "without point-in-time recovery, the stack's key" in findings[0].seen


def answering(monkeypatch: pytest.MonkeyPatch, status: int) -> list[str]:
    """Have every request answered with a status; give what is asked."""
    asked: list[str] = []

    def request(_: object, method: str, url: str, **__: object) -> requests.Response:
        asked.append(f"{method} {url}")
        answer = requests.Response()
        answer.status_code = status
        return answer

    monkeypatch.setattr(requests.Session, "request", request)
    return asked


@pytest.mark.parametrize(("networks", "expected"), [((), "failed"), (("203.0.113.0/24",), "not allowed to look")])
def test_a_403_is_no_fault_if_only_vectorcares_addresses_are_allowed(
    monkeypatch: pytest.MonkeyPatch, networks: tuple[str, ...], expected: str
) -> None:
    answering(monkeypatch, 403)
    of = subject(organization(allowed_source_ips=networks))
    of.stack.outputs.update({"WebhookUrl": "https://x.example.com/webhook?customer_id=x"})  # type: ignore[attr-defined]  # a dict
    for check in (accepts.binary_body, accepts.other_customer):
        assert set(verdicts(check(of)).values()) == {expected}


@pytest.mark.parametrize(
    ("status", "outputs", "expected"),
    [
        (200, {"DomainTarget": "t"}, "warning"),
        (403, {"DomainTarget": "t"}, "ok"),
        (403, {"DomainTarget": "t", "DefaultWebhookUrl": "u"}, "failed"),
        (200, {"DomainTarget": "t", "DefaultWebhookUrl": "u"}, "ok"),
        (200, {}, None),
    ],
)
def test_beside_a_domain_the_own_url_of_the_api_is_as_it_was_deployed(
    monkeypatch: pytest.MonkeyPatch, status: int, outputs: dict[str, str], expected: str | None
) -> None:
    asked = answering(monkeypatch, status)
    api = Resource("AWS::ApiGateway::RestApi", "ApiRestApi123", "a1b2c3")
    of = subject(None, (api,))
    of.stack.outputs.update(outputs | {"WebhookUrl": "https://hooks.example.com/webhook?customer_id=x"})  # type: ignore[attr-defined]  # a dict
    assert verdicts(accepts.default_url(of)) == ({"API Gateway's own URL": expected} if expected else {})
    assert asked == (["GET https://a1b2c3.execute-api.us-east-1.amazonaws.com/prod/health"] if expected else [])


@pytest.mark.parametrize(
    ("variable", "value", "seen"),
    [
        ("PUBLIC_KEYS", signing.encoded_public_key(signing.private_key("other")), "public_keys is not the file's: "),
        ("PUBLIC_KEYS", "no key", "What is deployed as public_keys cannot be read."),
        ("CUSTOMER_ID", "other", "customer_id is not the file's."),
        ("ORDER_BY", "event_id", "order_by is not the file's."),
    ],
)
def test_each_setting_is_compared_with_the_file(variable: str, value: str, seen: str) -> None:
    # Given
    file = replace(organization(), public_keys=(base64.b64decode(signing.encoded_public_key()),))
    deployed = {name: setting for service in SERVICES for name, setting in of_file(file, service).items()}
    of = subject(file, get_function_configuration={"Environment": {"Variables": deployed}})
    assert set(verdicts(deployment.settings(of)).values()) == {"ok"}
    # When one is another
    deployed[variable] = value
    # Then
    (finding,) = (each for each in deployment.settings(of) if each.verdict is not Verdict.OK)
    assert finding.verdict is Verdict.FAILED
    assert finding.seen.startswith(seen)
    assert value not in finding.seen
