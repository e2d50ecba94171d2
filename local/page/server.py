"""The page's routes: what it shows, and what its buttons do."""

import asyncio
import html
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypercorn.asyncio as hypercorn
from botocore.exceptions import BotoCoreError, ClientError
from hypercorn.config import Config
from requests import RequestException
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from cli.lib import redriving
from cli.lib.errors import BridgeError
from cli.lib.outbound_command import make_message
from cli.lib.redriving import Progress, Selection
from cli.lib.stack import Stack, local_stack
from cli.terminal.output import to_json
from local.page import reads, requester
from local.page.guard import Guard
from local.page.requester import NotPossibleError, Requester
from local.page.watch import Watch
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
_SILENCE = 15.0  # seconds after which a comment line keeps the connection open
_MOST_BYTES = 100_000
_STARTING = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="refresh" content="1" />
    <title>VectorCare Bridge: starting</title>
    <link rel="stylesheet" href="/static/app.css" />
  </head>
  <body>
    <header><h1>VectorCare Bridge <span>starting</span></h1></header>
    <main><section><p role="status">%s ...</p></section></main>
  </body>
</html>
"""

Json = Mapping[str, Any]


class BadRequestError(ValueError):
    """The page has asked for something that does not exist; the message says what."""


class Page:
    """The page of a local environment that runs.

    `description` is the content of `stand.json`.
    """

    def __init__(self, stack: Stack, description: Json) -> None:
        self._stack, self._description = stack, description
        self._requester = Requester(description["vectorcare_url"])
        self._watch = Watch(stack, self._requester)
        self._watching: asyncio.Task[None] | None = None

    def app(self) -> Starlette:
        routes = [
            Route("/", _index),
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/events", self._events),
            _get("/service-requests/{name}", self._show),
            _get("/settings", lambda _request: self._requester.settings()),
            _post("/settings", lambda _request, body: self._requester.change_settings(body)),
            _post("/requester/broadcast", self._broadcast),
            _post("/requester/{name}/{verb}", self._act),
            _post("/history/{call_id:int}/redeliver", self._redeliver),
            _post("/forge", self._forge),
            _post("/commands", self._command),
            _post("/redrive", self._redrive),
        ]
        return Starlette(routes=routes, middleware=[Middleware(Guard)])

    async def _events(self, _request: Request) -> Response:
        self._watching = self._watching or asyncio.create_task(self._watch.run())
        return StreamingResponse(self._lines(), media_type="text/event-stream")

    async def _lines(self) -> AsyncIterator[str]:
        async with self._watch.watching() as queue:
            while True:
                try:
                    snapshot = await asyncio.wait_for(queue.get(), _SILENCE)
                    yield f"data: {to_json(snapshot)}\n\n"
                except TimeoutError:
                    yield ": nothing new\n\n"

    def _show(self, request: Request) -> Any:
        name = request.path_params["name"]
        return {"ours": reads.service_request(self._stack, name), "theirs": self._requester.request(name)}

    def _broadcast(self, _request: Request, body: Json) -> Any:
        if not self._description["private_key_file"]:
            raise BadRequestError("Nothing can be signed. Start with --private-key to sign for this organization.")
        return self._requester.act("broadcast", body=body)

    def _act(self, request: Request, body: Json) -> Any:
        return self._requester.act(request.path_params["name"], request.path_params["verb"], body=body)

    def _redeliver(self, request: Request, _body: Json) -> Any:
        return self._requester.redeliver(request.path_params["call_id"])

    def _forge(self, _request: Request, body: Json) -> Any:
        url = self._description["webhook_url"]
        return {"status": requester.forge(url, service_request_id=body.get("service_request_id"))}

    def _redrive(self, _request: Request, body: Json) -> Any:
        invoke, selection = redriving.invoker(self._stack), Selection(DeadLetterQueue.INBOUND)
        if body.get("dry_run") is not False:
            with self._watch.paused():
                return redriving.dry_run(invoke, selection, limit=None)
        total, done = body.get("total"), Progress()
        if not isinstance(total, int) or isinstance(total, bool) or total < 1:
            raise BadRequestError("total is how many messages the dry run has found.")
        with self._watch.paused():
            redriving.redrive(invoke, selection, total=total, rate=None, done=done, advance=lambda: None)
        return {"moved": done.moved, "refused": done.refused, "stopped": done.stopped, "error": done.error}

    def _command(self, _request: Request, body: Json) -> Any:
        fields = dict(body)
        kind, name = fields.pop("command", None), fields.pop("service_request_id", None)
        if not isinstance(kind, str) or not isinstance(name, str | None):
            raise BadRequestError("command and service_request_id are texts.")
        message = make_message(kind, name, fields)
        reads.send(self._stack, message)
        return {"command_id": message["command_id"]}


class StartingPage:
    """Answers immediately: with what is being done and, as soon as everything runs, with the page itself.

    `local.page_process` writes the status file.
    """

    def __init__(self, status_file: Path) -> None:
        self._status_file = status_file
        static = Mount("/static", StaticFiles(directory=STATIC))
        self._starting = Starlette(routes=[Route("/", self._show), static], middleware=[Middleware(Guard)])
        self._page: Starlette | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        environment = self._status().get("environment") if self._page is None else None
        if environment:
            self._page = Page(local_stack(environment), environment).app()
        await (self._page or self._starting)(scope, receive, send)

    async def _show(self, _request: Request) -> Response:
        return HTMLResponse(_STARTING % html.escape(self._status()["starting"]))

    def _status(self) -> Json:
        status: Json = json.loads(self._status_file.read_text(encoding="utf-8"))
        return status


def serve(status_file: Path, *, announce: Callable[[str], None]) -> None:
    """Serve the page on a free port of loopback until the process ends.

    `announce` gets the page's URL as soon as it can be opened.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        announce(f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = Config()
        config.bind = [f"fd://{listener.fileno()}"]
        config.errorlog = config.accesslog = None
        asyncio.run(hypercorn.serve(StartingPage(status_file), config))  # type: ignore[arg-type]  # an ASGI application


async def _index(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


def _get(path: str, read: Callable[[Request], Any]) -> Route:
    async def answer(request: Request) -> Response:
        return await _answer(lambda: run_in_threadpool(read, request))

    return Route(path, answer, methods=["GET"])


def _post(path: str, act: Callable[[Request, Json], Any]) -> Route:
    async def answer(request: Request) -> Response:
        async def acted() -> Any:
            return await run_in_threadpool(act, request, await _body(request))

        return await _answer(acted)

    return Route(path, answer, methods=["POST"])


async def _answer(act: Callable[[], Awaitable[Any]]) -> Response:
    try:
        return _json(200, await act())
    except (BadRequestError, BridgeError, NotPossibleError) as error:
        return _json(400, {"message": str(error)})
    except (BotoCoreError, ClientError, RequestException) as error:  # their texts may hold what was sent
        return _json(502, {"message": f"The local environment does not answer ({type(error).__name__})."})


async def _body(request: Request) -> Json:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise BadRequestError("The body is not application/json.")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _MOST_BYTES:
            raise BadRequestError("The body is too large.")
    try:
        body = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        raise BadRequestError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise BadRequestError("The body is not a JSON object.")
    return body


def _json(status: int, content: Any) -> Response:
    return Response(to_json(content), status, media_type="application/json")
