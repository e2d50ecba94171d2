"""A session with VectorCare's two hosts, over the wire that all calls take; its errors are those of `requests`.

Between VectorCare and its callers are proxies, a firewall, and maintenance pages: these answer for it,
in their own words.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from urllib3.exceptions import MaxRetryError, NewConnectionError

from simulator.api_rules import TOKEN_PATH
from verification.simulation.models.vectorcare_api import API, TOKENS
from verification.simulation.world import faults
from verification.simulation.world.client import Client, Wire
from verification.simulation.world.run_context import RunContext

_RETRY_AFTER = (None, None, "1", "20", "400")
_SERVER_ERROR, _UNAVAILABLE, _GATEWAY_TIMEOUT = 500, 503, 504
_PAGE = b"<!DOCTYPE html><html><body>invented page</body></html>"
_UNKNOWN = (500, 501, 502, 503, 504, 507, 520, 521, 522, 523, 524, 525, 526, 527, 529, 530, 598, 599)
# What may answer for VectorCare, and whether the call may have come through to it all the same.
_NOT_ITS_API = (
    (200, _PAGE, True),
    (203, _PAGE, True),
    (200, b"[]", True),
    (200, None, True),
    (201, None, True),
    (302, b"", True),
    (499, b"", True),
    (403, _PAGE, False),
    (403, b"", False),
    (404, _PAGE, False),
    (408, _PAGE, False),
    (421, b"", False),
    (423, b"", False),
    (425, b"", False),
    (449, _PAGE, False),
)


class SimulatedResponse:
    """A response, as far as the functions look into it."""

    def __init__(self, status: int, body: bytes | None = b"", headers: Mapping[str, str] | None = None) -> None:
        self.status_code = status
        self.headers = headers or {}
        self._body = body

    def __enter__(self) -> "SimulatedResponse":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def iter_content(self, _size: int) -> Iterator[bytes]:
        """Read the body, which breaks off if it is None."""
        if self._body is None:
            raise requests.exceptions.ChunkedEncodingError
        yield self._body


class SimulatedSession:
    """A session of one container."""

    def __init__(self, context: RunContext, wire: Wire, process: Any) -> None:
        self._wire = wire
        self._process = process
        self._random = context.random

    def close(self) -> None:
        """Close no connection, as there is none."""

    def request(
        self,
        method: str,
        url: str,
        *,
        data: Any,
        json: Any,
        headers: Mapping[str, str],
        timeout: tuple[float, float],
        **_: Any,
    ) -> SimulatedResponse:
        prepared = requests.Request(method, url, headers, data=data, json=json).prepare()
        body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
        host = TOKENS if urlsplit(url).path == TOKEN_PATH else API
        self._wire.models[host].begins(method, url, body, process=self._process)
        instead, comes_through = self._instead()
        if instead and not comes_through:
            self._wire.pause()
            return instead
        client = Client(
            self._wire, self._process, host, connect_timeout=timeout[0], read_timeout=timeout[1], attempts=1
        )
        send = partial(client.request, method=method, url=url, data=body, headers=prepared.headers)
        try:
            answer = send(asked_at=self._wire.scheduler.now)
        except ClientError as error:
            return self._refusal(error.response["Error"]["Code"])
        except EndpointConnectionError:
            reason = NewConnectionError(None, "refused")  # type: ignore[arg-type]  # the connection is not looked at
            raise requests.ConnectionError(MaxRetryError(None, url, reason)) from None  # type: ignore[arg-type]  # nor which pool
        except ConnectTimeoutError:
            raise requests.ConnectTimeout from None
        except ReadTimeoutError:
            if not self._random.randrange(3):
                return SimulatedResponse(_GATEWAY_TIMEOUT)
            raise requests.ReadTimeout from None
        except Exception:  # noqa: BLE001 whatever it was, the connection has ended
            raise requests.ConnectionError("reset") from None
        return instead or SimulatedResponse(answer.status, answer.body, answer.headers)

    def _instead(self) -> tuple[SimulatedResponse | None, bool]:
        """Draw what is answered in place of VectorCare's API, and whether the call comes through to it."""
        random, injected = self._random, self._wire.faults
        if injected.strikes(faults.VECTORCARE_UNKNOWN):
            body = random.choice((b"", None, _PAGE, b'{"message": "invented message", "code": "api:unknown_error"}'))
            return SimulatedResponse(random.choice(_UNKNOWN), body), bool(random.randrange(2))
        if injected.strikes(faults.VECTORCARE_NOT_ITS_API):
            status, body, may_come_through = random.choice(_NOT_ITS_API)
            return SimulatedResponse(status, body), may_come_through and bool(random.randrange(2))
        return None, True

    def _refusal(self, code: str) -> SimulatedResponse:
        if code == "TooManyRequests":
            wait = self._random.choice(_RETRY_AFTER)
            return SimulatedResponse(429, headers={} if wait is None else {"Retry-After": wait})
        return SimulatedResponse(_SERVER_ERROR if code == "InternalError" else _UNAVAILABLE)
