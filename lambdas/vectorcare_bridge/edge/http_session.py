"""A session of `requests` that is bounded in time, tries no call twice, follows no redirect and keeps no cookie.

Its read time-out is for a whole answer. That of `requests` starts over with every byte, so an answer that trickles in
would take forever.
"""

import io
import socket
import ssl
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from vectorcare_bridge.edge import runtime


class Session(requests.Session):
    """It takes nothing from the environment: a stray .netrc would replace the Authorization header."""

    def __init__(self, *, connections: int) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(pool_maxsize=connections, max_retries=0))

    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[requests.Response]:
        """Follow no redirect: `requests` would read its body, and fail on a bad `Location`."""
        return iter(())


class _Reader(io.RawIOBase):
    """What comes in, until the socket's time-out is used up as a whole."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._incoming = connection.makefile("rb", buffering=0)
        self._seconds = connection.gettimeout() or 0
        self._ends_at = runtime.monotonic() + self._seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds_left = self._ends_at - runtime.monotonic()
        if seconds_left <= 0:
            raise TimeoutError
        self._connection.settimeout(seconds_left)
        try:
            return self._incoming.readinto(buffer)
        finally:
            self._connection.settimeout(self._seconds)

    def close(self) -> None:
        self._incoming.close()
        super().close()


class _Incoming:
    """As much of a socket as a response asks of it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._connection))


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(_Incoming(sock), *args, **options)  # type: ignore[arg-type]  # it needs only `makefile`

    def _read_status(self) -> tuple[str, int, str]:
        """Read on after any interim answer, such as 103: `http.client` does so only after 100 (RFC 9110, 15.2)."""
        version, status, reason = super()._read_status()  # type: ignore[misc]  # not in the stubs
        is_interim = HTTPStatus.SWITCHING_PROTOCOLS < status < HTTPStatus.OK
        return version, HTTPStatus.CONTINUE if is_interim else status, reason


def _connect(connect: Callable[[], None], connection: HTTPConnection) -> None:
    """Connect; whatever keeps the connection from being made, nothing has been sent."""
    try:
        connect()
    except (NewConnectionError, ConnectTimeoutError, ssl.SSLCertVerificationError):
        raise
    except OSError as error:
        raise NewConnectionError(connection, "no connection") from error


class _HttpConnection(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        _connect(super().connect, self)


class _HttpsConnection(HTTPSConnection):
    response_class = _Response

    def connect(self) -> None:
        _connect(super().connect, self)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
