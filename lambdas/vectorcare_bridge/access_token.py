"""VectorCare's access token, asked for with the organization's client credentials.

It stays in this process. Between processes it could be shared through a table only; there everyone who may read
the commands, and each of its backups, would hold a key to VectorCare. A process asks for one every 48 minutes.
"""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from vectorcare_bridge import aws, instant, observability, vectorcare_answer
from vectorcare_bridge.vectorcare_answer import Answer, Verdict

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from vectorcare_bridge.vectorcare_http import Http

RENEW_AFTER = 0.8
RETRY_RENEWAL_SECONDS = 60
_DEFAULT_LIFE_SECONDS = 300


class NoTokenError(Exception):
    """There is no token to be had; `answer` says what that means for the call."""

    def __init__(self, answer: Answer, *, is_refused: bool = False) -> None:
        super().__init__("no access token")
        self.answer = answer
        self.is_refused = is_refused


class AccessToken:
    """The token of one process.

    Parameters
    ----------
    http : Http
        Carries the request.
    secrets : SecretsManagerClient
        Has the credentials.
    url : str
        VectorCare's token endpoint; empty where nobody knows it.
    secret : str
        ARN or name of the JSON secret with `client_id` and `client_secret`.
    """

    def __init__(self, http: "Http", secrets: "SecretsManagerClient", *, url: str, secret: str) -> None:
        self._http = http
        self._secrets = secrets
        self._url = url
        self._secret = secret
        self._credentials: dict[str, str] | None = None
        self._token: str | None = None
        self._renew_at = self._ends_at = ""
        self._lock = aws.lock()

    def current(self) -> str:
        """Give the token, renewed once 80 % of its life are over.

        Raises
        ------
        NoTokenError
            There is none, and the last one has ended.
        """
        with self._lock:
            now = aws.now()
            if self._token is None or now >= self._renew_at:
                try:
                    self._renew()
                except NoTokenError:
                    if self._token is None or now >= self._ends_at:
                        raise
                    self._renew_at = _after(now, RETRY_RENEWAL_SECONDS)
            return self._token or ""

    def instead_of(self, refused: str) -> str:
        """Give another token than the one that VectorCare has refused; of many that ask, one renews it.

        Raises
        ------
        NoTokenError
            There is none.
        """
        with self._lock:
            if self._token == refused:
                self._token = None
            if self._token is None:
                self._renew()
            return self._token or ""

    def _renew(self) -> None:
        if not self._url:
            raise NoTokenError(Answer(Verdict.LATER, "token_url_missing", is_outage=True), is_refused=True)
        status, body = self._ask(self._credentials or self._read_credentials())
        if _is_refusal(status):
            # The secret may have been rotated since it was read.
            status, body = self._ask(self._read_credentials())
        if _is_refusal(status):
            answer = Answer(Verdict.LATER, "credentials_refused", status, is_outage=True)
            raise NoTokenError(answer, is_refused=True)
        token, life = _read(body)
        if status != HTTPStatus.OK or token is None:
            raise NoTokenError(Answer(Verdict.LATER, "no_token", status, is_outage=True))
        now = aws.now()
        self._token = token
        self._renew_at, self._ends_at = _after(now, RENEW_AFTER * life), _after(now, life)

    def _ask(self, credentials: dict[str, str]) -> tuple[int, bytes]:
        response = self._http.request("POST", self._url, form={**credentials, "grant_type": "client_credentials"})
        if isinstance(response, Answer):
            # Whatever happened to it, no command was in it.
            raise NoTokenError(Answer(Verdict.LATER, response.reason, is_outage=True))
        if response.status == HTTPStatus.TOO_MANY_REQUESTS or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait = vectorcare_answer.seconds(response.retry_after, now=aws.now())
            reason = f"http_{response.status}"
            raise NoTokenError(Answer(Verdict.LATER, reason, response.status, wait, is_outage=True))
        return response.status, response.body

    def _read_credentials(self) -> dict[str, str]:
        try:
            values = json.loads(self._secrets.get_secret_value(SecretId=self._secret)["SecretString"])
            self._credentials = {name: str(values[name]) for name in ("client_id", "client_secret")}
        except Exception as error:  # noqa: BLE001 whatever it is, no call was made; its text may repeat the secret
            observability.log("secret.unreadable", error=error)
            answer = Answer(Verdict.LATER, "secret_unreadable", is_outage=True)
            raise NoTokenError(answer, is_refused=True) from None
        if not self._credentials["client_id"]:
            # The stack's placeholder: nobody has put VectorCare's credentials into the secret yet.
            self._credentials = None
            raise NoTokenError(Answer(Verdict.LATER, "secret_not_filled", is_outage=True), is_refused=True)
        return self._credentials


def _is_refusal(status: int) -> bool:
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR


def _read(body: bytes) -> tuple[str | None, float]:
    """Take token and life in seconds out of an answer; a life that is not told is short."""
    try:
        values: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None, 0
    token = values.get("access_token") if isinstance(values, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        return None, 0
    life = values.get("expires_in")
    is_number = isinstance(life, int | float) and not isinstance(life, bool) and 0 < life < 1e9  # noqa: PLR2004 30 years
    return token, life if is_number else _DEFAULT_LIFE_SECONDS


def _after(now: str, seconds: float) -> str:
    return instant.later(now, minutes=seconds / 60)
