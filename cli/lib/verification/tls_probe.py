"""What a server answers to the first message of an old version of TLS.

Python's own `ssl` may not be able to offer TLS 1.1: OpenSSL can be built without it, and a distribution's policy may
forbid it. So the message is written here, byte for byte, and nothing depends on the library.
"""

import secrets
import socket
import struct
from dataclasses import dataclass
from enum import Enum

TLS_1_1, TLS_1_2 = 0x0302, 0x0303
PROTOCOL_VERSION = 70
"""The alert of a server that does not speak the offered version (RFC 5246, section 7.2.2)."""

_HANDSHAKE, _ALERT = 22, 21  # types of records (RFC 5246, section 6.2.1)
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_HEADER_BYTES = 5  # of a record: type, version, length
_ALERT_BYTES = 2  # level and description
_SECONDS = 10.0
# Those of TLS 1.1 with ECDSA and RSA, and those of 1.2, which a server of 1.1 ignores.
_CIPHER_SUITES = (0xC009, 0xC00A, 0xC013, 0xC014, 0x002F, 0x0035, 0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA9, 0xCCA8)
_GROUPS = (0x001D, 0x0017, 0x0018)
_SIGNATURES = (0x0403, 0x0503, 0x0804, 0x0805, 0x0401, 0x0501, 0x0201, 0x0203)


class Answer(Enum):
    """What the server did."""

    ACCEPTED = "it answered with a handshake"
    ALERT = "it refused with an alert"
    CLOSED = "it closed the connection"


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer; `version` is the server's choice if it accepted, `alert` the number of its alert."""

    answer: Answer
    version: int = 0
    alert: int = 0


def offer(host: str, port: int, *, version: int) -> Answered:
    """Offer no newer version than this one, and read the first record of the answer.

    Raises
    ------
    OSError
        There is no connection, or no answer in 10 s.
    """
    with socket.create_connection((host, port), timeout=_SECONDS) as connection:
        connection.settimeout(_SECONDS)
        try:
            connection.sendall(_record(_client_hello(host, version)))
            header = _read(connection, _HEADER_BYTES)
            is_whole = len(header) == _HEADER_BYTES
            content = _read(connection, min(struct.unpack("!H", header[3:5])[0], 6)) if is_whole else b""
        except (ConnectionResetError, BrokenPipeError):
            return Answered(Answer.CLOSED)
    if header[:1] == bytes([_ALERT]) and len(content) >= _ALERT_BYTES:
        return Answered(Answer.ALERT, alert=content[1])
    if header[:1] == bytes([_HANDSHAKE]) and content[:1] == bytes([_SERVER_HELLO]):
        return Answered(Answer.ACCEPTED, version=struct.unpack("!H", content[4:6])[0])
    return Answered(Answer.CLOSED)


def _read(connection: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        more = connection.recv(count - len(read))
        if not more:
            break
        read += more
    return read


def _record(content: bytes) -> bytes:
    return struct.pack("!BHH", _HANDSHAKE, 0x0301, len(content)) + content


def _client_hello(host: str, version: int) -> bytes:
    """Write a ClientHello (RFC 5246, section 7.4.1.2) without `supported_versions`: `version` is the newest."""
    name = host.encode("idna")
    extensions = b"".join(
        (
            _extension(0, _vector(b"\0" + _vector(name))),  # server_name (RFC 6066)
            _extension(10, _vector(_numbers(_GROUPS))),
            _extension(11, b"\1\0"),  # points are not compressed
            _extension(13, _vector(_numbers(_SIGNATURES))),
            _extension(0xFF01, b"\0"),  # a first handshake (RFC 5746)
        )
    )
    body = (
        struct.pack("!H", version)
        + secrets.token_bytes(32)
        + b"\0"  # no session
        + _vector(_numbers(_CIPHER_SUITES))
        + b"\1\0"  # no compression
        + _vector(extensions)
    )
    return struct.pack("!B", _CLIENT_HELLO) + len(body).to_bytes(3, "big") + body


def _extension(kind: int, content: bytes) -> bytes:
    return struct.pack("!H", kind) + _vector(content)


def _vector(content: bytes) -> bytes:
    return struct.pack("!H", len(content)) + content


def _numbers(numbers: tuple[int, ...]) -> bytes:
    return b"".join(struct.pack("!H", number) for number in numbers)
