"""The page's routes: what it shows, and what its buttons do."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import click
import hypercorn.asyncio as hypercorn
from botocore.exceptions import BotoCoreError, ClientError
from hypercorn.config import Config
from requests import RequestException
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from cli.lib import redriving
from cli.lib.redriving import Progress, Selection
from cli.lib.stack import Stack, on_stand
from cli.terminal.output import to_json
from cli.verbs import send_command
from local.page import reads, requester
from local.page.guard import Guard
from local.page.requester import NotPossibleError, Requester
from local.page.watch import Watch
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue

STATIC = Path(__file__).parent / "static"
_SILENCE = 15.0  # seconds after which a line says that the connection still stands
_MOST_BYTES = 100_000

Json = Mapping[str, Any]


class BadRequestError(ValueError):
    """The page has asked for what there is not; the message says what."""


class Console:
    """The page's server side.

    Parameters
    ----------
    stack : Stack
        The stand's.
    stand : mapping
        What `stand.json` says.
    """

    def __init__(self, stack: Stack, stand: Json) -> None:
        self._stack, self._stand = stack, stand
        self._requester = Requester(stand["vectorcare_url"])
        self._watch = Watch(stack, self._requester)

    def app(self) -> Starlette:
        """Make the application."""

        def post(path: str, action: Callable[[Request, Json], Awaitable[Any]]) -> Route:
            return Route(path, _answering(action), methods=["POST"])

        routes = [
            Route("/", _index),
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/events", self._events),
            Route("/service-requests/{name}", _reading(self._show)),
            Route("/settings", _reading(self._settings), methods=["GET"]),
            post("/requester/broadcast", self._broadcast),
            post("/requester/{name}/{verb}", self._act),
            post("/history/{call_id:int}/redeliver", self._redeliver),
            post("/settings", self._change_settings),
            post("/forge", self._forge),
            post("/redrive", self._redrive),
            post("/commands", self._command),
        ]
        return Starlette(routes=routes, middleware=[Middleware(Guard)], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._watch.run())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _events(self, _request: Request) -> Response:
        return StreamingResponse(self._lines(), media_type="text/event-stream")

    async def _lines(self) -> AsyncIterator[str]:
        async with self._watch.watching() as queue:
            while True:
                try:
                    picture = await asyncio.wait_for(queue.get(), _SILENCE)
                    yield f"data: {to_json(picture)}\n\n"
                except TimeoutError:
                    yield ": nothing new\n\n"

    def _show(self, request: Request) -> Any:
        name = request.path_params["name"]
        return {"ours": reads.service_request(self._stack, name), "theirs": self._requester.request(name)}

    def _settings(self, _request: Request) -> Any:
        return self._requester.settings()

    async def _broadcast(self, _request: Request, body: Json) -> Any:
        if not self._stand["private_key_file"]:
            raise BadRequestError("Nothing can be signed: the stand has not been given --private-key.")
        return await run_in_threadpool(lambda: self._requester.broadcast(body))

    async def _act(self, request: Request, body: Json) -> Any:
        way = request.path_params
        return await run_in_threadpool(lambda: self._requester.act(way["name"], way["verb"], body))

    async def _redeliver(self, request: Request, _body: Json) -> Any:
        return await run_in_threadpool(lambda: self._requester.redeliver(request.path_params["call_id"]))

    async def _change_settings(self, _request: Request, body: Json) -> Any:
        return await run_in_threadpool(lambda: self._requester.change_settings(body))

    async def _forge(self, _request: Request, body: Json) -> Any:
        name, url = body.get("service_request_id"), self._stand["webhook_url"]
        return {"status": await run_in_threadpool(lambda: requester.forge(url, service_request_id=name))}

    async def _redrive(self, _request: Request, body: Json) -> Any:
        invoke, selection = redriving.invoker(self._stack), Selection(DeadLetterQueue.INBOUND)
        if body.get("dry_run") is not False:
            return await self._watch.letters_at_rest(lambda: redriving.rehearse(invoke, selection, limit=None))
        total, done = body.get("total"), Progress()
        if not isinstance(total, int) or isinstance(total, bool) or total < 1:
            raise BadRequestError("total is how many the dry run has found.")

        def redrive() -> None:
            redriving.redrive(invoke, selection, total=total, rate=None, done=done, advance=lambda: None)

        await self._watch.letters_at_rest(redrive)
        return {"moved": done.moved, "refused": done.refused, "stopped": done.stopped, "error": done.error}

    async def _command(self, _request: Request, body: Json) -> Any:
        fields = dict(body)
        kind, name = fields.pop("command", None), fields.pop("service_request_id", None)
        if not isinstance(kind, str) or not isinstance(name, str | None):
            raise BadRequestError("command and service_request_id are texts.")
        message = send_command.make_message(kind, name, fields)
        await run_in_threadpool(lambda: reads.send(self._stack, message))
        return {"command_id": message["command_id"]}


def serve(stand: Json, *, announce: Callable[[str], None]) -> None:
    """Serve the page on a free port of loopback until the process ends.

    Parameters
    ----------
    stand : mapping
        What `stand.json` says.
    announce : callable
        Told the page's URL once it can be asked for.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = Console(on_stand(stand), stand).app()
        announce(f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = Config()
        config.bind = [f"fd://{listener.fileno()}"]
        config.errorlog = config.accesslog = None
        asyncio.run(hypercorn.serve(app, config))  # type: ignore[arg-type]  # Starlette is an ASGI application


async def _index(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


def _reading(read: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await _answer(lambda: run_in_threadpool(lambda: read(request)))

    return answer


def _answering(action: Callable[[Request, Json], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        async def act() -> Any:
            return await action(request, await _body(request))

        return await _answer(act)

    return answer


async def _answer(act: Callable[[], Awaitable[Any]]) -> Response:
    try:
        return _json(200, await act())
    except (BadRequestError, NotPossibleError) as error:
        return _json(400, {"message": str(error)})
    except click.ClickException as error:
        return _json(400, {"message": error.message})
    except (BotoCoreError, ClientError, RequestException) as error:  # their texts may hold what was sent
        return _json(502, {"message": f"The stand does not answer ({type(error).__name__})."})


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
