"""Rule: a dispatch system reads what it may, with signed requests; others read nothing.

IAM is enforced here: each signature is verified and the caller's policies are asked.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from local.clients import REGION
from local.environment import LocalEnvironment
from tests.end_to_end.support import reading_session, vectorcare_of, webhook
from tests.support.reading import EVENTS, LIST, ONE, complaints
from tests.support.wait import PATIENCE

GUIDE = (Path(__file__).parents[2] / "docs" / "reading.md").read_text()


@dataclass(frozen=True)
class Caller:
    local: LocalEnvironment
    credentials: Credentials

    def ask(self, path: str, *, method: str = "GET", sent: str | None = None) -> requests.Response:
        """Sign a request to a path, and send it to that or another one."""
        signed = AWSRequest(method=method, url=self.local.deployment.reading_url + path)
        SigV4Auth(self.credentials, "execute-api", REGION).add_auth(signed)
        return send(self.local, sent or path, method=method, headers=dict(signed.headers))

    def read(self, path: str) -> Any:
        answer = self.ask(path)
        assert answer.status_code == 200
        return answer.json()


def send(
    local: LocalEnvironment, path: str, *, method: str = "GET", headers: dict[str, str] | None = None
) -> requests.Response:
    """Send a request, again as long as there are too many."""
    with reading_session(local) as session:
        return session.request(method, local.deployment.reading_url + path, headers=headers, timeout=PATIENCE)


@pytest.fixture(scope="module")
def make_caller(guarded: LocalEnvironment) -> Callable[..., Caller]:
    iam = guarded.emulator.aws.make("iam")

    def make(name: str, *routes: str) -> Caller:
        iam.create_user(UserName=name)
        stage = guarded.deployment.reading_url.split("/execute-api/")[1]
        resources = [f"arn:aws:execute-api:{REGION}:000000000000:{stage}/{route}" for route in routes]
        statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resources}
        if routes:
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName=name, PolicyName="Reading", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Caller(guarded, Credentials(key["AccessKeyId"], key["SecretAccessKey"]))

    return make


@pytest.fixture(scope="module")
def dispatch(make_caller: Callable[..., Caller]) -> Caller:
    """Give the dispatch system, which may invoke what `invoke_statement` lets it."""
    paths = ("service-requests", "service-requests/*", "service-requests/*/events")
    return make_caller("dispatch", *(f"{method}/{path}" for method in ("GET", "HEAD") for path in paths))


@pytest.fixture(scope="module")
def trips(guarded: LocalEnvironment, old_key: RSAPrivateKey) -> list[str]:
    """Give the ids of five service requests, the oldest first; the last one has two events."""
    vectorcare = vectorcare_of(guarded, old_key)
    odd = "VC-Prüf 1+2"  # a path cannot hold it as it is
    made = [webhook(minutes_ago=10 - number, service_request_id=odd if number == 0 else None) for number in range(5)]
    made.append(
        webhook(service_request_id=made[-1].service_request_id, request_status="ASSIGNED", action="BROADCAST_ACCEPTED")
    )
    for each in made:
        assert vectorcare.send(each.body).status == 200
    guarded.stack.settle()
    return [each.service_request_id for each in made[:5]]


@pytest.fixture
def few_requests(guarded: LocalEnvironment, dispatch: Caller) -> Iterator[int]:
    """Let the stage take that many requests, and no more for as long as any machine needs to send some."""
    gateway = guarded.emulator.aws.make("apigateway")
    api, stage = guarded.deployment.reading_url.rsplit("/", 2)[1:]
    before = gateway.get_stage(restApiId=api, stageName=stage)["methodSettings"]["*/*"]

    def allow(*, rate: float, burst: int) -> None:
        limits = {"rateLimit": rate, "burstLimit": burst}
        patches = [
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(value)} for name, value in limits.items()
        ]
        gateway.update_stage(restApiId=api, stageName=stage, patchOperations=patches)

    allow(rate=1000, burst=1000)
    dispatch.ask("/service-requests?status=AVAILABLE")  # whatever was asked before is forgotten
    allow(rate=0.0001, burst=2)
    yield 2
    allow(rate=before["throttlingRateLimit"], burst=before["throttlingBurstLimit"])


def test_each_route_answers_an_allowed_caller_as_the_document_says(dispatch: Caller, trips: list[str]) -> None:
    one = quote(trips[0])
    for resource, path in ((ONE, f"/{one}"), (EVENTS, f"/{one}/events"), (LIST, "?status=AVAILABLE")):
        # When
        answer = dispatch.ask(f"/service-requests{path}")
        # Then
        assert (answer.status_code, complaints(resource, 200, answer.json())) == (200, [])
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("authorization", [None, "Bearer abc", "AWS4-HMAC-SHA256 nonsense"])
def test_unsigned_requests_are_refused(guarded: LocalEnvironment, trips: list[str], authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    for path in (f"/{trips[1]}", f"/{trips[1]}/events", "?status=AVAILABLE"):
        answer = send(guarded, f"/service-requests{path}", headers=headers)
        assert (answer.status_code, trips[1] in answer.text) == (403, False)


def test_a_signature_is_good_for_its_key_and_its_request_alone(dispatch: Caller, trips: list[str]) -> None:
    # Given a secret that is not the key's, and a signature over another request
    forger = replace(dispatch, credentials=Credentials(dispatch.credentials.access_key, "not-the-secret"))
    path = f"/service-requests/{trips[1]}"
    # When
    forged = forger.ask(path)
    moved = dispatch.ask(f"/service-requests/{trips[2]}", sent=path)
    # Then
    assert (forged.status_code, moved.status_code) == (403, 403)


def test_a_principal_reads_no_more_than_its_policy_says(make_caller: Callable[..., Caller], trips: list[str]) -> None:
    # Given somebody without a policy, and somebody who may list alone
    stranger = make_caller("stranger")
    lister = make_caller("lister", "GET/service-requests")
    # When, Then
    for path in (f"/{trips[1]}", f"/{trips[1]}/events", "?status=AVAILABLE"):
        assert stranger.ask(f"/service-requests{path}").status_code == 403
    assert lister.ask("/service-requests?status=AVAILABLE").status_code == 200
    assert lister.ask(f"/service-requests/{trips[1]}").status_code == 403


def test_requests_beyond_the_limit_are_refused(guarded: LocalEnvironment, dispatch: Caller, few_requests: int) -> None:
    # Given a signed request, When it is sent more often than the stage allows
    url = f"{guarded.deployment.reading_url}/service-requests?status=AVAILABLE"
    signed = AWSRequest(method="GET", url=url)
    SigV4Auth(dispatch.credentials, "execute-api", REGION).add_auth(signed)

    def ask() -> int:
        certificate = str(guarded.emulator.certificate_file)
        return requests.get(url, headers=dict(signed.headers), verify=certificate, timeout=PATIENCE).status_code

    # Then those beyond it are refused
    assert [ask() for _ in range(few_requests + 2)] == [200] * few_requests + [429] * 2


def test_the_guides_example_in_python_reads_all_pages(
    dispatch: Caller, trips: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the code that the guide has
    namespace: dict[str, Any] = {}
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
    exec(code, namespace)  # noqa: S102 this project's own document
    session = boto3.Session(dispatch.credentials.access_key, dispatch.credentials.secret_key)
    client = namespace["ServiceRequests"](dispatch.local.deployment.reading_url, REGION, session)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(dispatch.local.emulator.certificate_file))
    # When, Then
    assert [each["service_request_id"] for each in client.with_status("AVAILABLE")] == trips[3::-1]


def test_the_guides_command_reads(dispatch: Caller, trips: list[str]) -> None:
    # Given the line that the guide has
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    (command,) = re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.DOTALL)
    # When
    completed = subprocess.run(  # noqa: S602 this project's own document
        command,
        shell=True,
        env={
            "PATH": os.environ["PATH"],
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": dispatch.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": dispatch.credentials.secret_key,
            "READING_API_URL": dispatch.local.deployment.reading_url,
            "CURL_CA_BUNDLE": str(dispatch.local.emulator.certificate_file),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    # Then
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert [each["service_request_id"] for each in json.loads(completed.stdout)["service_requests"]] == trips[3::-1]
