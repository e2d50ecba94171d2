"""Requests, responses and injected faults, independent of how HTTP writes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """A response after `delay` seconds; if `is_reset`, the connection ends instead."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    is_reset: bool = False


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """What goes wrong with one call; status, headers and body replace the right ones, if given."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay: float = 0  # seconds before the answer
    is_reset: bool = False  # the connection ends without an answer
    takes_effect: bool = False  # the call does what it should anyway


class InvalidRequestError(ValueError):
    """What was asked for cannot be read; the message says why."""


def answer(status: int, content: Any) -> Response:
    """Answer JSON."""
    return Response(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def error(
    status: int, code: str, message: str = "invented message", *, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer an error of the form `{message, code}`."""
    response = answer(status, {"message": message, "code": code})
    return replace(response, headers={**response.headers, **(headers or {})})


def field_error(name: str, code: str, *, in_list: bool = False) -> Response:
    """Answer an error of the form `{field: [{message, code}]}`, or a list of one."""
    content = {name: [{"message": "invented message", "code": code}]}
    return answer(400, [content] if in_list else content)
