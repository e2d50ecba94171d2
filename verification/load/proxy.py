"""A proxy between the functions and the emulated AWS that refuses some of their calls."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import requests
from requests.adapters import HTTPAdapter

from local import patience
from local.environment import LocalEnvironment
from local.live_function import variables_set
from simulator.http_types import Request, Response
from simulator.server import serving
from verification.load import faults
from verification.load.faults import CallFaults
from verification.load.workers import FUNCTIONS

_CONNECTIONS = 64
_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([a-z0-9]+)/aws4_request")  # AWS Signature Version 4
_OF_THE_CONNECTION = {"connection", "content-length", "date", "server", "transfer-encoding"}


class FaultProxy:
    """Forwards what it does not refuse."""

    def __init__(self, faults: CallFaults, url: str) -> None:
        self._faults = faults
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False  # no other proxy between this and loopback
        self._session.headers.clear()
        self._session.mount("http://", HTTPAdapter(pool_maxsize=_CONNECTIONS, pool_block=False))

    def answer(self, request: Request) -> Response:
        found = _SERVICE.search(request.headers.get("authorization", ""))
        service = found[1] if found else "unknown"
        kind = self._faults.choose(service, now=time.monotonic())
        if kind is None:
            return self._forward(request)
        if kind.takes_effect:
            self._forward(request)
        return faults.response(service, kind)

    def _forward(self, request: Request) -> Response:
        headers = {name: value for name, value in request.headers.items() if name not in {"connection", "expect"}}
        try:
            with self._session.request(
                request.method,
                self._url + request.path,
                data=request.body,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=patience.SECONDS,
            ) as found:
                body = found.raw.read(decode_content=False)
        except requests.RequestException:  # the emulator ends
            return Response(500, is_reset=True)
        kept = {name: value for name, value in found.headers.items() if name.lower() not in _OF_THE_CONNECTION}
        return Response(found.status_code, body, kept)


@contextmanager
def between(local: LocalEnvironment, faults: CallFaults) -> Iterator[None]:
    """Have the functions call AWS through the proxy while the block lasts."""
    functions = local.emulator.aws.functions
    with serving(FaultProxy(faults, f"http://127.0.0.1:{local.emulator.port}")) as url, ExitStack() as changed:
        for function in FUNCTIONS:
            name = local.deployment.outputs[f"{function}Function"]
            changed.enter_context(variables_set(functions, name, {"AWS_ENDPOINT_URL": url}))
        yield
