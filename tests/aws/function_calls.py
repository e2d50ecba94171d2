"""The calls of AWS that the functions make: found in their source, and recorded while they are made."""

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, cast
from unittest import mock

import botocore.session
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.model import OperationModel, ServiceModel

from tests.support.repository import ROOT

LAMBDAS = ROOT / "lambdas"
TREES = {str(file.relative_to(LAMBDAS)): ast.parse(file.read_text(encoding="utf-8")) for file in LAMBDAS.rglob("*.py")}
_BY_NAME = {"get_paginator", "get_waiter"}  # the operation is their argument


class CallSite(NamedTuple):
    """A place in the functions' source that makes a call."""

    module: str
    function: str
    service: str
    operation: str


@cache
def service_model(service: str) -> ServiceModel:
    """Load what AWS documents of a service in machine-readable form: botocore's own calls are made by it."""
    return botocore.session.get_session().get_service_model(service)


def operation_model(service: str, operation: str) -> OperationModel:
    return service_model(service).operation_model(operation)


def services() -> set[str]:
    """Find the services of which the functions make clients."""
    return {
        str(call.args[0].value)
        for tree in TREES.values()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "runtime.client"
        and isinstance(call.args[0], ast.Constant)
    }


def call_sites() -> set[CallSite]:
    """Find each call whose name is an operation of one of these services."""
    operations = {
        xform_name(operation): (service, operation)
        for service in services()
        for operation in service_model(service).operation_names
    }
    return {
        CallSite(module, function, *operations[name])
        for module, tree in TREES.items()
        for function, name in _methods_called(tree)
        if name in operations
    }


def _methods_called(tree: ast.AST, function: str = "") -> Iterator[tuple[str, str]]:
    """Give the innermost function around each call of a method, and the method's name."""
    for node in ast.iter_child_nodes(tree):
        inner = node.name if isinstance(node, ast.FunctionDef) else function
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names = [node.func.attr]
            if node.func.attr in _BY_NAME:
                names = [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)]
            yield from ((inner, name) for name in names)
        yield from _methods_called(node, inner)


@dataclass
class Answer:
    """One answer to a call: its status, its body as it came, and the members of it that the caller looked at."""

    site: CallSite
    status: int = 0
    raw: bytes | None = None  # None if it is a stream
    parsed: Mapping[str, Any] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    is_error: bool = False


class _Structure(dict[str, Any]):
    """A structure of an answer, which notes the members that the functions' code looks at."""

    def __init__(self, values: Mapping[str, Any], path: str, read: set[str]) -> None:
        super().__init__({name: _noting(value, f"{path}{name}", read) for name, value in values.items()})
        self._path, self._read = path, read

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._note(name)
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._note(name)
        return super().get(name, default)

    def _note(self, name: object) -> None:
        if sys._getframe(2).f_code.co_filename.startswith(f"{LAMBDAS}/"):
            self._read.add(f"{self._path}{name}")


def _noting(value: Any, path: str, read: set[str]) -> Any:
    if isinstance(value, dict):
        return _Structure(value, f"{path}.", read)
    if isinstance(value, list):
        return [_noting(one, f"{path}[]", read) for one in value]
    return value


@contextmanager
def recording() -> Iterator[list[Answer]]:
    """Record the answers to all calls that the functions' code makes within."""
    answers: list[Answer] = []
    original: Callable[..., Any] = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place that all calls pass

    def call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        caller = _caller()
        if caller is None:
            return original(client, operation, parameters)
        answer = Answer(CallSite(*caller, client.meta.service_model.service_name, operation))

        def received(response_dict: Mapping[str, Any], **_: Any) -> None:
            answer.status = response_dict["status_code"]
            answer.raw = response_dict["body"] if isinstance(response_dict["body"], bytes) else None

        client.meta.events.register("response-received", received, unique_id="recording")
        try:
            answer.parsed = original(client, operation, parameters)
        except ClientError as error:
            answer.parsed, answer.is_error = error.response, True
            error.response = cast("Any", _Structure(error.response, "", answer.read))
            raise
        finally:
            client.meta.events.unregister("response-received", unique_id="recording")
            answers.append(answer)
        return _Structure(answer.parsed, "", answer.read)

    with mock.patch.object(BaseClient, "_make_api_call", call):
        yield answers


def _caller() -> tuple[str, str] | None:
    """Name the module and function of the functions' code that is making a call."""
    frame = sys._getframe(1)
    while frame := frame.f_back:  # type: ignore[assignment]  # None ends it
        if frame.f_code.co_filename.startswith(f"{LAMBDAS}/"):
            # Without what Python calls a generator or a lambda inside of it.
            names = [name for name in frame.f_code.co_qualname.split(".") if not name.startswith("<")]
            return frame.f_code.co_filename.removeprefix(f"{LAMBDAS}/"), names[-1]
    return None
