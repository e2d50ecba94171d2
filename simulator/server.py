"""HTTP on loopback for the simulator."""

import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from simulator.http_types import Request, Response


class Answering(Protocol):
    """Answers requests: the fake API, or the admin API too."""

    def answer(self, request: Request) -> Response:
        """Answer a request."""


@contextmanager
def serving(api: Answering, *, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve it on loopback, on a free port unless one is given; yields the URL without a path.

    With `tls`, which has a certificate, it speaks HTTPS as VectorCare does. OSError if the port is taken.
    """
    server = _Server(("127.0.0.1", port), _handler(api))
    server.tls = tls
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # An open connection or a slow answer must not delay the end.
    block_on_close = False
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the TLS handshake happens in its own thread, at the first read."""
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing if the other side hung up."""


def _handler(api: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits for the other side to confirm the headers

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            response = api.answer(Request(self.command, self.path, headers, body))
            time.sleep(response.delay)
            if response.is_reset:
                self._reset()
            else:
                self._write(response)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 the base class's names

        def _write(self, response: Response) -> None:
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        def _reset(self) -> None:
            self.close_connection = True
            # Lingering for no time sends RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())

        def log_message(self, *_: Any) -> None:
            """Print nothing: requests carry payloads."""

    return Handler
