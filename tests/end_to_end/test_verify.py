"""`./bridge verify` sees each broken part of a stack, and nothing else."""

import json
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner, Result

from cli.__main__ import bridge
from cli.lib.verification import end_to_end
from cli.lib.verification.one_webhook import OneWebhook
from cli.lib.verification.subject import Function
from local import environment as environments
from local.environment import LocalEnvironment
from local.live_function import set_variables
from local.organization import LocalOrganization
from tests.end_to_end.conftest import Run
from tests.end_to_end.subscriber import subscribed
from tests.end_to_end.support import function_variables
from tests.support import signing
from tests.support.wait import PATIENCE, wait_until

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import StreamSpecificationTypeDef

ADDRESS = "on-call@example.invalid"


@dataclass(frozen=True)
class Verification:
    """A stack in which all is well, and the command that verifies it."""

    local: LocalEnvironment
    arguments: tuple[str, ...]

    def run(self, *more: str) -> Result:
        return CliRunner().invoke(bridge, ["verify", *self.arguments, *more])

    def findings(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """Return the exit code, and the findings by what was checked."""
        result = self.run("--json")
        return result.exit_code, {each["check"]: each for each in json.loads(result.stdout)["findings"]}


@pytest.fixture(scope="module")
def verification(
    run: Run, organization: LocalOrganization, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Verification]:
    # A file that asks for commands and alarms too, so that both are looked at
    folder = tmp_path_factory.mktemp("organizations")
    text = (organization.directory / f"{organization.name}.toml").read_text()
    more = f'alarm_emails = ["{ADDRESS}"]\nvectorcare_token_url = "https://auth.example.invalid/token"\n'
    (folder / f"{organization.name}.toml").write_text(text + more)
    with run() as local, environments.announced(local, tmp_path_factory.mktemp("announced")) as file:
        aws = local.emulator.aws
        for rule in aws.make("events").list_rules()["Rules"]:
            aws.make("events").enable_rule(Name=rule["Name"])
        sns, topic = aws.make("sns"), local.deployment.outputs["AlarmTopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=ADDRESS)
        yield Verification(local, ("--stand", str(file), "--organizations", str(folder)))


Break = Callable[[LocalEnvironment], AbstractContextManager[None]]


@contextmanager
def event_source_disabled(local: LocalEnvironment) -> Iterator[None]:
    functions = local.emulator.aws.functions
    name = local.deployment.outputs["ProcessorFunction"].partition(":")[0]
    (source,) = (
        each for each in functions.list_event_source_mappings()["EventSourceMappings"] if name in each["FunctionArn"]
    )
    functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
    yield
    functions.update_event_source_mapping(UUID=source["UUID"], Enabled=True)


@contextmanager
def schedule_disabled(local: LocalEnvironment) -> Iterator[None]:
    events = local.emulator.aws.make("events")
    (rule,) = events.list_rules()["Rules"]
    events.disable_rule(Name=rule["Name"])
    yield
    events.enable_rule(Name=rule["Name"])


@contextmanager
def secret_never_filled(local: LocalEnvironment) -> Iterator[None]:
    secrets, secret = local.emulator.aws.make("secretsmanager"), local.deployment.outputs["CredentialsSecret"]
    versions = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
    (first,) = (version for version, stages in versions.items() if stages == ["AWSPREVIOUS"])
    stage = {"SecretId": secret, "VersionStage": "AWSPREVIOUS"}
    secrets.update_secret_version_stage(**stage, RemoveFromVersionId=first)
    yield
    secrets.update_secret_version_stage(**stage, MoveToVersionId=first)


@contextmanager
def unsubscribed(local: LocalEnvironment) -> Iterator[None]:
    sns, topic = local.emulator.aws.make("sns"), local.deployment.outputs["AlarmTopicArn"]
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    yield
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=ADDRESS)


@contextmanager
def alarm_raised(local: LocalEnvironment) -> Iterator[None]:
    cloudwatch = local.emulator.aws.make("cloudwatch")
    name = "VectorCareBridge-rehearsal-DeadLetters"
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    yield
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="test")


@contextmanager
def alarm_silenced(local: LocalEnvironment) -> Iterator[None]:
    cloudwatch = local.emulator.aws.make("cloudwatch")
    cloudwatch.disable_alarm_actions(AlarmNames=["VectorCareBridge-rehearsal-NotKept"])
    yield
    cloudwatch.enable_alarm_actions(AlarmNames=["VectorCareBridge-rehearsal-NotKept"])


@contextmanager
def table_unprotected(local: LocalEnvironment) -> Iterator[None]:
    dynamodb, table = local.emulator.aws.dynamodb, local.deployment.outputs["EventsTable"]
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    yield
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)


@contextmanager
def queue_without_dead_letters(local: LocalEnvironment) -> Iterator[None]:
    sqs, queue = local.emulator.aws.sqs, local.deployment.outputs["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": ""})
    yield
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=policy)


def changed(function: str, **variables: str) -> Break:
    return lambda local: function_variables(local, function, **variables)


BROKEN: dict[str, tuple[Break, dict[str, str]]] = {
    "event source disabled": (event_source_disabled, {"event source of processor": "failed"}),
    "schedule disabled": (schedule_disabled, {"schedule of drain": "failed"}),
    "secret never filled": (secret_never_filled, {"credentials for commands": "warning"}),
    "unsubscribed": (unsubscribed, {f"alarms reach {ADDRESS}": "warning"}),
    "alarm raised": (alarm_raised, {"alarm DeadLetters": "warning"}),
    "alarm silenced": (alarm_silenced, {"alarm NotKept": "warning"}),
    "table without protection": (table_unprotected, {"table events": "failed"}),
    "queue without dead letters": (queue_without_dead_letters, {"inbound queue": "failed"}),
    "alias elsewhere": (changed("ReaderFunction", OTHER="yes"), {"function reader": "warning"}),
    "another key and customer_id": (
        changed("IngestFunction", PUBLIC_KEYS=signing.encoded_public_key(), CUSTOMER_ID="another"),
        {
            "settings of ingest": "failed",
            "function ingest": "warning",
            "an unsigned POST of bytes 0 to 255": "failed",
        },
    ),
    "ingest does not start": (
        changed("IngestFunction", PUBLIC_KEYS="no key"),
        {
            "settings of ingest": "failed",
            "function ingest": "warning",
            "GET /health": "failed",
            "HEAD /health": "failed",
            "an unsigned POST of bytes 0 to 255": "failed",
            "a wrong customer_id": "failed",
        },
    ),
}


def test_a_stack_in_which_all_is_well_has_no_other_line(verification: Verification) -> None:
    code, found = verification.findings()
    assert code == 0
    bad = {check: each["verdict"] for check, each in found.items() if each["verdict"] not in ("ok", "not checked")}
    assert bad == {}


@pytest.mark.parametrize(("how", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_broken_part_is_named_with_what_to_do(
    verification: Verification, how: Break, expected: dict[str, str]
) -> None:
    # Given one thing that is broken
    with how(verification.local):
        # When
        code, found = verification.findings()
    # Then that is named, and nothing else
    bad = {check: each for check, each in found.items() if each["verdict"] not in ("ok", "not checked")}
    assert {check: each["verdict"] for check, each in bad.items()} == expected
    assert all(each["to_do"] for each in bad.values())
    assert code == ("failed" in expected.values())


def as_text(body: bytes) -> bytes:
    return body.decode(errors="replace").encode()


def as_it_was(body: bytes) -> bytes:
    return body


@pytest.mark.parametrize(
    ("on_the_way", "answers", "expected"),
    [
        (as_text, None, {"binary bodies arrive intact": "failed"}),
        (
            as_it_was,
            200,
            {
                "an unsigned POST of bytes 0 to 255": "failed",
                "a wrong customer_id": "failed",
                "another path": "failed",
                "another method": "failed",
            },
        ),
    ],
    ids=["bodies as text", "200 to all"],
)
def test_what_stands_before_the_api_and_is_not_transparent_is_found(
    verification: Verification,
    tmp_path: Path,
    on_the_way: Callable[[bytes], bytes],
    answers: int | None,
    expected: dict[str, str],
) -> None:
    # Given something between VectorCare and the API
    with proxy(verification.local.emulator.port, on_the_way, answers) as port:
        described = verification.local.describe()
        url = str(described["webhook_url"]).replace(f":{verification.local.emulator.port}/", f":{port}/")
        (tmp_path / "stand.json").write_text(json.dumps(described | {"webhook_url": url}))
        # When
        _, found = replace(verification, arguments=("--stand", str(tmp_path / "stand.json"))).findings()
    # Then
    assert {check: each["verdict"] for check, each in found.items() if each["verdict"] == "failed"} == expected


@contextmanager
def proxy(to: int, on_the_way: Callable[[bytes], bytes], answers: int | None) -> Iterator[int]:
    """Pass requests on to a port of this machine, and answers back; give the proxy's own port."""

    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = on_the_way(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            kind = {"Content-Type": self.headers["Content-Type"]} if "Content-Type" in self.headers else {}
            answer = requests.request(
                self.command, f"http://127.0.0.1:{to}{self.path}", data=body, headers=kind, timeout=PATIENCE
            )
            self.send_response(answers or answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_HEAD = do_POST = do_DELETE = _pass_on  # noqa: N815 the names of http.server

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def ingest_of(local: LocalEnvironment) -> dict[str, Any]:
    """Tell how ingest is published: what `--end-to-end` changes for minutes."""
    functions, (name, _, alias) = (
        local.emulator.aws.functions,
        local.deployment.outputs["IngestFunction"].partition(":"),
    )
    latest = functions.get_function_configuration(FunctionName=name)
    return {
        "alias": functions.get_alias(FunctionName=name, Name=alias)["FunctionVersion"],
        "versions": [each["Version"] for each in functions.list_versions_by_function(FunctionName=name)["Versions"]],
        "variables": latest["Environment"]["Variables"],
    }


def stored(local: LocalEnvironment) -> list[str]:
    return [
        str(item["service_request_id"])
        for table in ("EventsTable", "ServiceRequestsTable")
        for item in local.stack.everything(table)
    ]


def ended(result: Result) -> dict[str, str]:
    return {each["check"]: each["verdict"] for each in json.loads(result.stdout)["findings"][-6:]}


def test_end_to_end_a_webhook_is_followed_to_the_bus_and_nothing_of_it_stays(verification: Verification) -> None:
    # Given
    local = verification.local
    before, items = ingest_of(local), stored(local)
    with subscribed(local) as subscriber:
        # When
        result = verification.run("--end-to-end", "--json")
        # Then it was seen everywhere
        assert (result.exit_code, set(ended(result).values())) == (0, {"ok"}), result.output
        sent = next(each["seen"] for each in json.loads(result.stdout)["findings"] if each["check"] == "signed webhook")
        (event,) = subscriber.hear(service_request_id=sent.split()[0])
        assert event["detail-type"] == "ServiceRequestUnavailable"
    # And nothing of it stays
    assert ingest_of(local) == before
    assert stored(local) == items


def test_end_to_end_with_a_key_that_is_deployed_changes_no_function(
    verification: Verification, shared_directory: Path
) -> None:
    before, items = ingest_of(verification.local), stored(verification.local)
    result = verification.run("--end-to-end", "--json", "--private-key", str(shared_directory / "old_key.pem"))
    assert (result.exit_code, "throw-away key" in ended(result)) == (0, False), result.output
    assert (ingest_of(verification.local), stored(verification.local)) == (before, items)


@pytest.mark.parametrize(
    "where",
    [
        "_send",
        pytest.param("_follow", marks=pytest.mark.nightly),
        pytest.param("_heard", marks=pytest.mark.nightly),
    ],
)
def test_ctrl_c_takes_back_what_was_done(
    verification: Verification, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    # Given
    before, items = ingest_of(verification.local), stored(verification.local)
    method = getattr(end_to_end._Trial, where)

    def interrupted(trial: object) -> None:
        if where == "_send":
            method(trial)  # the answer is lost
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(end_to_end._Trial, where, interrupted)
    # When
    result = verification.run("--end-to-end", "--json")
    # Then
    assert result.exit_code == 130, result.output
    assert ended(result)["everything is taken back"] == "ok"
    assert (ingest_of(verification.local), stored(verification.local)) == (before, items)


def test_what_does_not_arrive_is_named_with_what_is_left(
    verification: Verification, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a processor that nothing calls
    monkeypatch.setattr(end_to_end, "_LOCAL_SECONDS", 0.0)
    before = ingest_of(verification.local)
    with event_source_disabled(verification.local):
        # When
        result = verification.run("--end-to-end", "--json")
    # Then
    found = {each["check"]: each for each in json.loads(result.stdout)["findings"]}
    assert (result.exit_code, found["journal"]["verdict"]) == (1, "failed")
    left = found["everything is taken back"]
    assert left["verdict"] == "failed"
    # And the commands that it names take away what comes later
    verification.local.stack.settle()
    name, items = found["signed webhook"]["seen"].split()[0], stored(verification.local)
    assert items.count(name) == 2
    for table, key in re.findall(r"delete-item --table-name (\S+) --key '([^']+)'", left["to_do"]):
        verification.local.emulator.aws.dynamodb.delete_item(TableName=table, Key=json.loads(key))
    assert name not in stored(verification.local)
    assert ingest_of(verification.local) == before


@pytest.mark.nightly  # tests/cli/verification/test_one_webhook.py holds the rule
def test_a_deployment_that_comes_in_between_is_not_undone(
    verification: Verification, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a deployment that moves the alias on while the webhook is on its way
    local = verification.local
    functions, (name, _, alias) = (
        local.emulator.aws.functions,
        local.deployment.outputs["IngestFunction"].partition(":"),
    )
    before = ingest_of(local)
    send = end_to_end._Trial._send

    def deploying(trial: end_to_end._Trial) -> object:
        answer = send(trial)
        set_variables(functions, local.deployment.outputs["IngestFunction"], {"DEPLOYED": "later", "VERIFICATION": ""})
        return answer

    monkeypatch.setattr(end_to_end._Trial, "_send", deploying)
    # When
    result = verification.run("--end-to-end", "--json")
    # Then
    assert set(ended(result).values()) == {"ok"}, result.output
    after = ingest_of(local)
    assert after["alias"] not in (before["alias"], "$LATEST")
    assert after["variables"]["DEPLOYED"] == "later"
    # Tidy up
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": before["variables"]})
    functions.update_alias(FunctionName=name, Name=alias, FunctionVersion=before["alias"])
    functions.delete_function(FunctionName=name, Qualifier=after["alias"])


@pytest.mark.nightly  # tests/cli/verification/test_one_webhook.py holds the rule
def test_a_killed_verification_is_named_and_the_next_one_removes_its_version(verification: Verification) -> None:
    # Given a verification that was killed after it had moved the alias
    local = verification.local
    before = ingest_of(local)
    functions, (name, _, alias) = (
        local.emulator.aws.functions,
        local.deployment.outputs["IngestFunction"].partition(":"),
    )
    OneWebhook(functions, Function("ingest", f"{name}:{alias}", name, alias)).open("not accepted by anybody")
    # When
    code, found = verification.findings()
    refused = verification.run("--end-to-end")
    # Then it is named, and works
    assert (code, found["function ingest"]["verdict"]) == (0, "warning")
    assert (refused.exit_code, "Another verification runs, or was killed" in refused.output) == (1, True)
    # When the alias is moved back by the command that it names
    command = re.search(r"--function-version (\d+)", found["function ingest"]["to_do"])
    assert command
    functions.update_alias(FunctionName=name, Name=alias, FunctionVersion=command[1])
    assert verification.run("--end-to-end").exit_code == 0
    # Then all is as before
    assert ingest_of(local) == before


def test_an_alarm_is_raised_for_a_moment_and_its_topic_hears_it(verification: Verification) -> None:
    # Given somebody who hears what the alarms' topic says
    aws, topic = verification.local.emulator.aws, verification.local.deployment.outputs["AlarmTopicArn"]
    queue = aws.sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mailbox = aws.make("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    name = "VectorCareBridge-rehearsal-DeadLetters"
    try:
        # When
        result = verification.run("--alarm", "DeadLetters", "--json")
        # Then
        assert result.exit_code == 0, result.output
        heard = wait_until(
            lambda: aws.sqs.receive_message(QueueUrl=queue).get("Messages"), what="the topic has published"
        )
        assert [json.loads(json.loads(each["Body"])["Message"])["AlarmName"] for each in heard] == [name]
    finally:
        aws.make("sns").unsubscribe(SubscriptionArn=mailbox)
        aws.sqs.delete_queue(QueueUrl=queue)
    (alarm,) = aws.make("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["StateValue"] != "ALARM"


@pytest.mark.nightly  # tests/stacks/test_operator_policy_template.py holds what the policy allows
def test_its_policy_is_enough_and_without_it_each_line_says_so(
    guarded: LocalEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given somebody with the policy for it, and somebody with the right to find the stack alone
    iam = guarded.emulator.aws.make("iam")
    certificate = guarded.emulator.certificate_file
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    find = {"Effect": "Allow", "Action": "cloudformation:DescribeStacks", "Resource": "*"}
    iam.create_user(UserName="verifier")
    iam.attach_user_policy(UserName="verifier", PolicyArn=guarded.deployment.outputs["VerifyPolicyArn"])
    # The emulator takes a look at one for a list, and names a rule with its bus; AWS does not (Service Authorization
    # Reference, Lambda and EventBridge).
    other = ["lambda:ListAliases", "lambda:ListEventSourceMappings", "events:DescribeRule"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [find | {"Action": other}]})
    iam.put_user_policy(UserName="verifier", PolicyName="emulator", PolicyDocument=document)
    iam.create_user(UserName="stranger")
    document = json.dumps({"Version": "2012-10-17", "Statement": [find]})
    iam.put_user_policy(UserName="stranger", PolicyName="find", PolicyDocument=document)
    verdicts = {}
    for name in ("verifier", "stranger"):
        key = iam.create_access_key(UserName=name)["AccessKey"]
        secrets = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
        (tmp_path / f"{name}.json").write_text(json.dumps(guarded.describe() | secrets))
        # When they verify
        result = CliRunner().invoke(bridge, ["verify", "--json", "--stand", str(tmp_path / f"{name}.json")])
        verdicts[name] = {each["check"]: each["verdict"] for each in json.loads(result.stdout)["findings"]}
    # Then one may see all, and the other sees what it may not look at
    assert [check for check, verdict in verdicts["verifier"].items() if verdict == "not allowed to look"] == []
    denied = {check for check, verdict in verdicts["stranger"].items() if verdict == "not allowed to look"}
    assert denied >= {"event sources", "stream", "tables", "queues", "alarms", "versions", "quotas"}


@pytest.mark.nightly  # tests/cli/verification/test_checks.py holds the rule
def test_a_stream_that_is_off_or_was_switched_off_and_on_is_named(run: Run, tmp_path: Path) -> None:
    with run() as local, environments.announced(local, tmp_path) as file:
        verification = Verification(local, ("--stand", str(file)))
        dynamodb, table = local.emulator.aws.dynamodb, local.deployment.outputs["ServiceRequestsTable"]
        seen = []
        off: StreamSpecificationTypeDef = {"StreamEnabled": False}
        on: StreamSpecificationTypeDef = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        for specification in (off, on):
            dynamodb.update_table(TableName=table, StreamSpecification=specification)
            _, found = verification.findings()
            assert found["stream of the state"]["verdict"] == "failed"
            seen.append(found["stream of the state"]["seen"])
        assert seen == [
            "It is off, so no change is published.",
            "It was switched off and on: the publisher reads the former stream.",
        ]
