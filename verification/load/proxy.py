"""A proxy between the functions and the emulated AWS that refuses some calls: `python -m verification.load.proxy`.

It is a process of its own, since it sees every call that the functions make. What it refuses is told and asked under
`/_soak/`, a path that no service of AWS uses.
"""

import asyncio
import json
import os
import random
import re
import sys
import time
from dataclasses import dataclass

from verification.load.faults import STALL_SECONDS, Faults, Kind, answer

CONTROL = "/_soak/faults"

_LARGEST_HEAD = 1 << 20
_REUSED_WITHIN = 2.0  # seconds; the emulator closes idle connections after five
_SERVICE = re.compile(rb"Credential=[^/]+/\d+/[^/]+/([a-z0-9]+)/aws4_request")  # AWS Signature Version 4


@dataclass
class _Message:
    """A request or an answer: first line and headers as they came, and the body's bytes."""

    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes:
        found = re.search(rb"(?im)^" + name + rb":[ \t]*(.*?)[ \t]*\r$", self.head)
        return found[1] if found else b""


class _Upstream:
    """One connection to the emulator, opened anew when it has been idle."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0

    async def exchange(self, request: _Message) -> bytes:
        if self._streams is None or time.monotonic() - self._used > _REUSED_WITHIN:
            self.close()
            self._streams = await asyncio.open_connection(*self._address, limit=_LARGEST_HEAD)
        reader, writer = self._streams
        head = re.sub(rb"(?im)^expect:.*\r\n", b"", request.head)
        writer.write(head + request.body)
        await writer.drain()
        response = await _read(reader, is_answer=True)
        self._used = time.monotonic()
        if response.header(b"connection").lower() == b"close":
            self.close()
        return response.head + response.body

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None


class Proxy:
    """Forwards what it does not refuse."""

    def __init__(self, faults: Faults, port: int) -> None:
        self._faults = faults
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        upstream = _Upstream("127.0.0.1", self._port)
        try:
            while await self._serve_one(reader, writer, upstream):
                await writer.drain()
        except (OSError, EOFError):  # a worker was killed, or the stand ends
            pass
        finally:
            upstream.close()
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: _Upstream) -> bool:
        request = await _read(reader, writer)
        if request.head.split(b" ", 2)[1].decode() == CONTROL:
            writer.write(_response("200 OK", "application/json", self._control(request.body)))
            return True
        found = _SERVICE.search(request.header(b"authorization"))
        service = found[1].decode() if found else "unknown"
        kind = self._faults.choose(service, now=time.monotonic())
        if kind is None:
            writer.write(await upstream.exchange(request))
            return True
        if kind.is_after:
            await upstream.exchange(request)
        if kind is Kind.STALLED_AFTER:
            await asyncio.sleep(STALL_SECONDS)
        if kind.is_silent:
            return False
        writer.write(_response(*answer(service, kind)))
        return True

    def _control(self, body: bytes) -> bytes:
        if body:
            wanted = json.loads(body)
            self._faults.share, self._faults.outage_every = wanted["share"], wanted["outage_every"]
        return json.dumps(self._faults.counts).encode()


async def _read(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None = None, *, is_answer: bool = False
) -> _Message:
    """Read a request or an answer; a `writer` is told to go on where the caller waits for that (RFC 9110, 10.1.1)."""
    message = _Message(await reader.readuntil(b"\r\n\r\n"), b"")
    if is_answer and message.head.split(b" ", 2)[1] in {b"100", b"204", b"304"}:
        return message if b" 100 " not in message.head[:14] else await _read(reader, is_answer=True)
    if writer is not None and message.header(b"expect"):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if message.header(b"transfer-encoding").lower() == b"chunked":
        message.body = await _read_chunks(reader)
    else:
        message.body = await reader.readexactly(int(message.header(b"content-length") or 0))
    return message


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a chunked body as it is, its frame included (RFC 9112, 7.1)."""
    parts = []
    while True:
        size = await reader.readuntil(b"\r\n")
        length = int(size.split(b";")[0], 16)
        parts += [size, await reader.readexactly(length + 2)]
        if length == 0:
            return b"".join(parts)


def _response(status: str, content_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _main(port: int) -> None:
    proxy = Proxy(Faults(random.Random()), port)  # noqa: S311 decides what fails, keeps no secret
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=_LARGEST_HEAD)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    parent = os.getppid()
    while os.getppid() == parent:  # ends with whoever started it, however that ended
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
