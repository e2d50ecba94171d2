"""VectorCare's access token, requested with the organization's client credentials.

It stays in this process. Processes could share it only through a table, and then everyone who may read the commands,
and each backup, would hold a key to VectorCare. A process requests a token every 48 minutes.
"""

import json
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sender.vectorcare import call_result
from sender.vectorcare.call_result import CallResult, Verdict
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import observability, runtime
from vectorcare_bridge.utc_timestamp import UtcTimestamp

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from sender.vectorcare.http import Http, HttpResponse

RENEW_AFTER = 0.8
RETRY_RENEWAL_SECONDS = 60
"""While the old token is still valid."""
FAILED_RENEWAL_SECONDS = 5
"""A failed renewal is remembered for this long: otherwise each thread that waited for it would start its own."""
_DEFAULT_LIFE_SECONDS = 300

_REFUSALS = frozenset({"invalid_client", "unauthorized_client"})
"""Of credentials, in the field `error` (RFC 6749, section 5.2)."""
_NOT_HERE = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.PERMANENT_REDIRECT,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.GONE,
    }
)
"""Answers of a URL that is not a token endpoint."""


class NoTokenError(Exception):
    """There is no token.

    Attributes
    ----------
    answer : CallResult
        The result of the call that needed it.
    is_refused : bool
        A person has to change the secret or the organization's file.
    is_remembered : bool
        It is the failure of a moment ago, and no new one.
    """

    def __init__(self, answer: CallResult, *, is_refused: bool = False, is_remembered: bool = False) -> None:
        super().__init__("no access token")
        self.answer = answer
        self.is_refused = is_refused
        self.is_remembered = is_remembered


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    renew_at: UtcTimestamp
    ends_at: UtcTimestamp


class AccessToken:
    """The token of one process.

    `url` is VectorCare's token endpoint, empty if it is unknown; `secret` is the ARN or name of the JSON secret with
    `client_id` and `client_secret`.
    """

    def __init__(self, http: "Http", secrets: "SecretsManagerClient", *, url: str, secret: str) -> None:
        self._http = http
        self._secrets = secrets
        self._url = url
        self._secret = secret
        self._credentials: dict[str, str] | None = None
        self._token: _Token | None = None
        self._failure: NoTokenError | None = None
        self._ask_again_at = ""
        self._lock = runtime.lock()

    def current(self) -> str:
        """Return the token; it is renewed after 80 % of its life.

        Raises
        ------
        NoTokenError
            There is none, and the last one has expired.
        """
        with self._lock:
            now, token = runtime.now(), self._token
            if token is None or now >= token.ends_at:
                return self._renew()
            if now < token.renew_at:
                return token.value
            # One thread renews it; the others use the old one meanwhile.
            self._token = replace(token, renew_at=utc_timestamp.later(now, seconds=RETRY_RENEWAL_SECONDS))
        try:
            return self._renew()
        except NoTokenError:
            return token.value

    def instead_of(self, refused: str) -> str:
        """Return a token other than the one that VectorCare refused; if many threads ask, one renews it.

        Raises
        ------
        NoTokenError
            There is none.
        """
        with self._lock:
            if self._token and self._token.value == refused:
                self._token = None
            return self._token.value if self._token else self._renew()

    def _renew(self) -> str:
        if self._failure and runtime.now() < self._ask_again_at:
            raise NoTokenError(self._failure.answer, is_refused=self._failure.is_refused, is_remembered=True)
        try:
            token = self._ask_for_token()
        except NoTokenError as error:
            self._failure = error
            self._ask_again_at = utc_timestamp.later(runtime.now(), seconds=FAILED_RENEWAL_SECONDS)
            raise
        self._failure, self._token = None, token
        return token.value

    def _ask_for_token(self) -> _Token:
        if not self._url:
            raise NoTokenError(CallResult(Verdict.LATER, "token_url_missing", is_outage=True), is_refused=True)
        known = self._credentials
        response = self._ask(known or self._read_credentials())
        if known and _refuses_credentials(response):
            # The secret may have been rotated since it was read.
            response = self._ask(self._read_credentials())
        if _refuses_credentials(response):
            answer = CallResult(Verdict.LATER, "credentials_refused", response.status, is_outage=True)
            raise NoTokenError(answer, is_refused=True)
        if response.status in _NOT_HERE:
            answer = CallResult(Verdict.LATER, "token_url_wrong", response.status, is_outage=True)
            raise NoTokenError(answer, is_refused=True)
        now = runtime.now()
        is_success = HTTPStatus(200) <= response.status < HTTPStatus.MULTIPLE_CHOICES
        if not is_success:
            wait = call_result.retry_after_seconds(response.retry_after, now=now)
            reason = f"token_http_{response.status}"
            raise NoTokenError(CallResult(Verdict.LATER, reason, response.status, wait, is_outage=True))
        token, life = _read(response.body)
        if token is None:
            raise NoTokenError(CallResult(Verdict.LATER, "no_token", response.status, is_outage=True))
        renew_at, ends_at = (utc_timestamp.later(now, seconds=seconds) for seconds in (RENEW_AFTER * life, life))
        return _Token(token, renew_at, ends_at)

    def _ask(self, credentials: dict[str, str]) -> "HttpResponse":
        response = self._http.request("POST", self._url, form={**credentials, "grant_type": "client_credentials"})
        if isinstance(response, CallResult):
            # Whatever happened to the request, no command was in it.
            raise NoTokenError(CallResult(Verdict.LATER, response.reason, is_outage=True))
        return response

    def _read_credentials(self) -> dict[str, str]:
        try:
            values = json.loads(self._secrets.get_secret_value(SecretId=self._secret)["SecretString"])
            self._credentials = {name: str(values[name]) for name in ("client_id", "client_secret")}
        except Exception as error:  # noqa: BLE001 no call was made; the error's text may repeat the secret
            observability.log("secret.unreadable", error=error)
            answer = CallResult(Verdict.LATER, "secret_unreadable", is_outage=True)
            raise NoTokenError(answer, is_refused=True) from None
        if not self._credentials["client_id"]:
            # The stack's placeholder: VectorCare's credentials are not in the secret yet.
            self._credentials = None
            raise NoTokenError(CallResult(Verdict.LATER, "secret_not_filled", is_outage=True), is_refused=True)
        return self._credentials


def _refuses_credentials(response: "HttpResponse") -> bool:
    error = _parse(response.body).get("error")
    is_refusal = HTTPStatus.BAD_REQUEST <= response.status < HTTPStatus.INTERNAL_SERVER_ERROR
    is_named = isinstance(error, str) and error in _REFUSALS
    return response.status == HTTPStatus.UNAUTHORIZED or (is_refusal and is_named)


def _parse(body: bytes | None) -> dict[str, Any]:
    try:
        values = json.loads(body or b"")
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _read(body: bytes | None) -> tuple[str | None, float]:
    """Read token and life in seconds; a life that makes no sense is taken as short."""
    values = _parse(body)
    token = values.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        return None, 0
    life: Any = values.get("expires_in")
    is_number = isinstance(life, int | float) and not isinstance(life, bool) and 0 < life < 1e9  # noqa: PLR2004 30 years
    return token, life if is_number else _DEFAULT_LIFE_SECONDS
