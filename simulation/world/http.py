"""A session with VectorCare's API, over the wire that all calls take; its errors are those of `requests`."""

from collections.abc import Iterator, Mapping
from functools import partial
from random import Random
from typing import Any

import requests
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from urllib3.exceptions import MaxRetryError, NewConnectionError

from simulation.world.client import Client, Wire

_RETRY_AFTER = (None, None, "1", "20", "400")
_SERVER_ERROR, _UNAVAILABLE, _GATEWAY_TIMEOUT = 500, 503, 504


class Response:
    """A response, as far as the functions look into it."""

    def __init__(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.status_code = status
        self.headers = headers or {}
        self._body = body

    def __enter__(self) -> "Response":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def iter_content(self, _size: int) -> Iterator[bytes]:
        """Read the body."""
        yield self._body


class Session:
    """A session of one container.

    Parameters
    ----------
    wire : Wire
        To the model, which it names `vectorcare`.
    """

    def __init__(self, wire: Wire, process: Any, random: Random) -> None:
        self._wire = wire
        self._process = process
        self._random = random

    def close(self) -> None:
        """Close no connection, as there is none."""

    def request(
        self, method: str, url: str, *, data: Any, headers: Mapping[str, str], timeout: tuple[float, float], **_: Any
    ) -> Response:
        """Send a request, once."""
        client = Client(
            self._wire, self._process, "vectorcare", connect_timeout=timeout[0], read_timeout=timeout[1], attempts=1
        )
        send = partial(client.request, method=method, url=url, data=data, headers=headers)
        try:
            answer = send(asked_at=self._wire.scheduler.now)
        except ClientError as error:
            return self._refusal(error.response["Error"]["Code"])
        except EndpointConnectionError:
            reason = NewConnectionError(None, "refused")  # type: ignore[arg-type]  # nobody asks which connection
            raise requests.ConnectionError(MaxRetryError(None, url, reason)) from None  # type: ignore[arg-type]  # nor which pool
        except ConnectTimeoutError:
            raise requests.ConnectTimeout from None
        except ReadTimeoutError:
            if not self._random.randrange(3):
                return Response(_GATEWAY_TIMEOUT)
            raise requests.ReadTimeout from None
        except Exception:  # noqa: BLE001 whatever it was, the connection has ended
            raise requests.ConnectionError("reset") from None
        return Response(answer.status, answer.body, answer.headers)

    def _refusal(self, code: str) -> Response:
        if code == "TooManyRequests":
            wait = self._random.choice(_RETRY_AFTER)
            return Response(429, headers={} if wait is None else {"Retry-After": wait})
        return Response(_SERVER_ERROR if code == "InternalError" else _UNAVAILABLE)
