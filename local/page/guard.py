"""Only the page itself may use its server: checks of Host and Origin, and security headers."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HOSTS = ("127.0.0.1", "localhost")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses requests that another site makes a browser send, also through a host name that points here."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: "Message") -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if is_own(Headers(scope=scope)):
            await self._app(scope, receive, send_guarded)
        else:
            await PlainTextResponse("Pages from elsewhere may not do this.", 403)(scope, receive, send_guarded)


def is_own(headers: "Headers") -> bool:
    """Return whether a request names this machine, and comes from the page itself or from no page."""
    host, origin = headers.get("host", ""), headers.get("origin")
    try:
        if urlsplit(f"//{host}").hostname not in _HOSTS:
            return False
    except ValueError:
        return False
    site = headers.get("sec-fetch-site", "none")
    return origin in (None, f"http://{host}") and site in ("same-origin", "none")
