"""The ministack process: it ends with its parent, and behaves as AWS does where ministack does not.

A function's answer comes with all that it has logged, and the event of a REST API's call is API Gateway's. It is run as
a file, so that nothing of this project is on the path of what it emulates.
"""

import ctypes
import hashlib
import json
import os
import re
import runpy
import select
import signal
import threading
import time
import zipfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextvars import ContextVar
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from hypercorn.config import Config
from ministack import app
from ministack.core import lambda_runtime
from ministack.core.lambda_runtime import Worker
from ministack.core.responses import get_region
from ministack.core.sigv4 import decode_header_value
from ministack.services import apigateway_v1
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    import queue

Scope = MutableMapping[str, Any]

# Sources: quotas of API Gateway REST APIs ("payload size") and of Lambda ("invocation payload", synchronous).
MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_EVENT_BYTES = 6 * 1024 * 1024

_PR_SET_PDEATHSIG = 1  # prctl(2)
_READ_AT_ONCE = 65536

_PRELUDE = Path(__file__).with_name("function_prelude.py")

_LONGEST_TIMEOUT = 43_000  # seconds; SQS makes no message invisible for longer than 12 h

_read_for_a_while = Worker._drain_stderr_bounded
_make_worker = Worker.__init__


class _Log:
    """The log of a function's process, read by the thread that waits for it or by its answer, whichever comes first."""

    def __init__(self, worker: Worker) -> None:
        self.pipe = worker._proc.stderr
        self._lines: queue.Queue[str] = worker._stderr_queue
        # Two, because two threads cannot use one at the same time.
        self._waiting, self._taking = select.poll(), select.poll()
        for poll in (self._waiting, self._taking):
            poll.register(self.pipe, select.POLLIN)
        self._begun = b""
        self._lock = threading.Lock()

    def wait(self) -> None:
        self._waiting.poll()

    def take(self) -> bool:
        """Take what is there; False at its end."""
        with self._lock:
            while self._taking.poll(0):
                read = os.read(self.pipe.fileno(), _READ_AT_ONCE)
                *lines, self._begun = (self._begun + read).split(b"\n")
                for line in lines if read else [self._begun]:
                    self._lines.put(line.decode(errors="replace"))
                if not read:
                    return False
            return True


def _read(worker: Worker) -> None:
    log = worker.log = _Log(worker)
    log.wait()
    while log.take():
        log.wait()


def _read_all(worker: Worker, *arguments: Any, **more: Any) -> str:
    """Return all that was logged before the answer.

    The emulator waits 5 ms for each line; on a busy machine the rest would come with the next invocation.
    """
    log = getattr(worker, "log", None)
    if log is None or worker._proc is None or log.pipe is not worker._proc.stderr:
        return str(_read_for_a_while(worker, *arguments, **more))
    log.take()
    return str(worker._drain_stderr())


def _make_patient_worker(worker: Worker, func_name: str, config: dict[str, Any], *arguments: Any) -> None:
    times = float(os.environ["LOCAL_TIMEOUTS_TIMES"])
    timeout = min(config.get("Timeout", 30) * times, _LONGEST_TIMEOUT)
    _make_worker(worker, func_name, {**config, "Timeout": timeout}, *arguments)


class _LinkedCode(zipfile.ZipFile):
    """Code that names the folder to run from: a function's process only reads it, as on AWS."""

    def extractall(self, path: Any = None, *_: Any) -> None:
        try:
            folder = self.read(os.environ["LOCAL_CODE_LINK"]).decode()
        except KeyError:
            super().extractall(path)
        else:
            Path(path).rmdir()
            Path(path).symlink_to(folder)


def _going_by(clock: Any, function: Any) -> Any:
    """Copy a function of the emulator, with another clock."""
    changed = FunctionType(function.__code__, function.__globals__ | {"time": clock}, argdefs=function.__defaults__)
    changed.__kwdefaults__ = function.__kwdefaults__
    return changed


def _use_local_clock() -> None:
    """Give functions and queues the local environment's clock, and functions longer time-outs."""
    from ministack.services import (  # noqa: PLC0415 they read the environment
        eventbridge,
        sns,
        sqs,
    )

    clock = SimpleNamespace(time=runpy.run_path(str(_PRELUDE))["now"])
    # A receiver waits in real time: with a stopped clock it would never end.
    sqs._HANDLERS["ReceiveMessage"] = _going_by(time, sqs._HANDLERS["ReceiveMessage"])
    sqs.time = clock
    eventbridge._dispatch_to_sqs = _going_by(clock, eventbridge._dispatch_to_sqs)
    sns._deliver_to_sqs = _going_by(clock, sns._deliver_to_sqs)
    prelude = f"import runpy; runpy.run_path({str(_PRELUDE)!r})['install']()\n"
    lambda_runtime._PYTHON_WORKER_SCRIPT = prelude + lambda_runtime._PYTHON_WORKER_SCRIPT
    Worker.__init__ = _make_patient_worker


_make_name = provisioners._physical_name
_SUFFIX_LENGTH = 13
_emulate = app.app
_decode_chunks = app._decode_aws_chunked_body
_execute = apigateway_v1.handle_execute
_build_event = apigateway_v1._build_lambda_event_v1
_call = apigateway_v1._call_lambda_raw
_invoke = apigateway_v1._invoke_lambda_proxy_v1
_matches = apigateway_v1._media_type_matches

_headers: ContextVar[list[tuple[bytes, bytes]] | None] = ContextVar("headers of a call of an API", default=None)


async def _as_it_came(scope: Scope, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    """Keep what the emulator would lose of an API call: the path before it is decoded, and each header line.

    API Gateway matches and passes on the path undecoded, `%2F` and all; an absolute target is its path.
    Source: captures of events of REST APIs in public issues (serverless/serverless 5037, hotsock/voker 8).
    """
    if scope["type"] == "http":
        scope = dict(scope)
        path = re.sub(rb"^https?://[^/]*", b"", scope["raw_path"], flags=re.IGNORECASE)
        if path.startswith(b"/_aws/execute-api/"):
            _headers.set(scope["headers"])
            scope["raw_path"], scope["path"] = path, path.decode("ascii")
        scope["headers"] = [(name.lower(), value) for name, value in scope["headers"]]
    await _emulate(scope, receive, send)


def _event(*arguments: Any, **more: Any) -> dict[str, Any]:
    """Return the last value of what is repeated, and all values separately.

    Source: "Input format of a Lambda function for proxy integration", API Gateway developer guide; captures of such
    events in public issues (dherault/serverless-offline 510, floci-io/floci 3548) show that it is the last one.
    """
    event: dict[str, Any] = _build_event(*arguments, **more)
    headers = _together(_headers.get() or ())
    query = event["multiValueQueryStringParameters"]
    return event | {
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": query and _last(query),
    }


def _together(lines: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """Return the values of each header, under its first spelling."""
    together: dict[str, tuple[str, list[str]]] = {}
    for name, value in lines:
        spelling = name.decode("latin-1")
        together.setdefault(spelling.lower(), (spelling, []))[1].append(decode_header_value(value))
    return dict(together.values())


def _last(values: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: those[-1] for name, those in values.items()}


class _TooLargeError(Exception):
    """Lambda would refuse the event."""


async def _execute_if_small(*arguments: Any) -> Any:
    """Refuse a body that API Gateway refuses, with its own text instead of a gateway response.

    Source of this answer and of the next one: captures in a public issue (koki-develop/lgtm-generator 10).
    """
    body = arguments[5]
    if len(body) > MAX_BODY_BYTES:
        return 413, {"Content-Type": "text; charset=utf-8"}, b"HTTP content length exceeded %d bytes." % MAX_BODY_BYTES
    return await _execute(*arguments)


async def _call_if_small(function: str, event: dict[str, Any], **more: Any) -> Any:
    if len(json.dumps(event)) > MAX_EVENT_BYTES:
        raise _TooLargeError
    return await _call(function, event, **more)


async def _invoke_if_small(*arguments: Any, **more: Any) -> Any:
    """Answer an event that Lambda refuses with the API's gateway response."""
    try:
        return await _invoke(*arguments, **more)
    except _TooLargeError:
        return apigateway_v1._GatewayError("REQUEST_TOO_LARGE", "Request Too Long", "BadRequestException")


def _name(*arguments: Any, **more: Any) -> str:
    """Give what CloudFormation names another name in another region.

    On AWS the end of such a name is random, so that two regions' stacks of one name share no role, which an account has
    only once. The emulator computes it from the names of stack and resource, which both have alike.
    """
    name = str(_make_name(*arguments, **more))
    if get_region() == os.environ["MINISTACK_REGION"]:
        return name
    end = hashlib.sha256(f"{get_region()} {name}".encode()).hexdigest()[:_SUFFIX_LENGTH]
    return name[:-_SUFFIX_LENGTH] + (end if more.get("lowercase") else end.upper())


def _behave_as_aws() -> None:
    provisioners._physical_name = _name
    lambda_runtime.zipfile = SimpleNamespace(**vars(zipfile) | {"ZipFile": _LinkedCode})
    Worker._read_stderr, Worker._drain_stderr_bounded = _read, _read_all
    Config.h11_pass_raw_headers = True  # names keep their spelling
    app.app = _as_it_came
    # Only bodies of S3's uploads are framed within the body.
    app._decode_aws_chunked_body = lambda body, headers: body if _headers.get() else _decode_chunks(body, headers)
    apigateway_v1.handle_execute = _execute_if_small
    apigateway_v1._build_lambda_event_v1 = _event
    apigateway_v1._call_lambda_raw = _call_if_small
    apigateway_v1._invoke_lambda_proxy_v1 = _invoke_if_small
    # Source: "Content type conversions in API Gateway": a body without a type counts as JSON.
    apigateway_v1._media_type_matches = lambda kind, binary: _matches(kind or "application/json", binary)


if __name__ == "__main__":
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl:
        # If the local environment is killed, no emulator stays on its port.
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _behave_as_aws()
    _use_local_clock()
    runpy.run_module("ministack", run_name="__main__")
