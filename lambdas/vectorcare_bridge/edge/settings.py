"""Settings of a function: environment variables, read once at cold start into the function's own dataclass."""

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


class SettingsError(Exception):
    """A variable is missing or malformed; the text names function, variable and fix, and never the value."""


def load(kind: type[T], environment: Mapping[str, str] = os.environ) -> T:
    """Read a function's settings into a dataclass of its own.

    Each field is named as its variable, in lower case, and is `str`, `int`, `bool`, `frozenset[str]` (separated by
    commas) or an enumeration. A field with a default may have no variable.

    Raises
    ------
    SettingsError
        A variable is missing, or not of its field's type.
    """
    return kind(
        **{
            field.name: _read(kind, field.name, field.type, environment)
            for field in fields(kind)
            if field.default is MISSING or field.name.upper() in environment
        }
    )


def _read(kind: type[Any], name: str, of_type: Any, environment: Mapping[str, str]) -> Any:
    variable = name.upper()
    try:
        return _READ.get(of_type, of_type)(environment[variable])
    except KeyError:
        problem = "is not set"
    except ValueError:
        problem = "is malformed"
    function = kind.__module__.partition(".")[0]
    raise SettingsError(f"{function}: {variable} {problem}. Deploy the stack again: its template sets it.")


def _bool(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError
    return text == "true"


def _texts(text: str) -> frozenset[str]:
    # Nothing between two commas is no value: an empty list is an empty variable.
    return frozenset(text.split(",")) - {""}


_READ: Mapping[Any, Callable[[str], Any]] = {bool: _bool, frozenset[str]: _texts}
