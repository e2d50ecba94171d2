"""Parsers of the values in an organization's file, and the error of an invalid one."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

_T = TypeVar("_T")


class InvalidError(ValueError):
    """Invalid values.

    Attributes
    ----------
    problems : tuple of (str, str)
        For each value, its place below its key, and what is wrong and how to fix it.
    """

    def __init__(self, text: str = "", *, at: str = "", problems: Sequence[tuple[str, str]] = ()) -> None:
        self.problems = tuple(problems) or ((at, text),)
        super().__init__("; ".join(f"{where}: {what}" if where else what for where, what in self.problems))

    def below(self, at: str) -> list[tuple[str, str]]:
        """Name the problems from one level above."""
        return [(at + where, what) for where, what in self.problems]


def text(value: object) -> str:
    """Check that a value is a string; InvalidError if it is not."""
    if not isinstance(value, str):
        raise InvalidError("is not a text; put it between quotes")
    return value


def matching(pattern: str, problem: str) -> Callable[[object], str]:
    """Make a parser of strings that match a pattern as a whole; ``problem`` is the error of others."""

    def parse(value: object) -> str:
        found = text(value)
        if not re.fullmatch(pattern, found):
            raise InvalidError(problem)
        return found

    return parse


def one_of(*choices: str) -> Callable[[object], str]:
    """Make a parser of strings that are one of the choices."""

    def parse(value: object) -> str:
        found = text(value)
        if found not in choices:
            raise InvalidError(f"is not one of its values; choose {' or '.join(choices)}")
        return found

    return parse


def boolean(value: object) -> bool:
    """Parse true or false; InvalidError if it is neither."""
    if not isinstance(value, bool):
        raise InvalidError("is neither true nor false; write one of them, without quotes")
    return value


def whole_number(minimum: int, maximum: int) -> Callable[[object], int]:
    """Make a parser of whole numbers from minimum to maximum, both included."""

    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            raise InvalidError(f"is not a whole number in range; choose one from {minimum} to {maximum}")
        return value

    return parse


def list_of(parse_item: Callable[[object], _T]) -> Callable[[object], tuple[_T, ...]]:
    """Make a parser of lists without repetition."""

    def parse(value: object) -> tuple[_T, ...]:
        if not isinstance(value, list):
            raise InvalidError("is not a list; put its values between [ and ]")
        first: dict[_T, int] = {}
        problems: list[tuple[str, str]] = []
        for index, raw in enumerate(value):
            try:
                item = parse_item(raw)
            except InvalidError as error:
                problems += error.below(f"[{index}]")
                continue
            if first.setdefault(item, index) != index:
                problems.append((f"[{index}]", f"repeats [{first[item]}]; remove one of them"))
        if problems:
            raise InvalidError(problems=problems)
        return tuple(first)

    return parse


def table(
    value: object, parsers: Mapping[str, Callable[[object], Any]]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Parse a table as `parse_keys` does, each place with a dot before it; InvalidError if it is not a table."""
    if not isinstance(value, dict):
        raise InvalidError("is not a table; write its keys below a line of its name between [ and ]")
    parsed, problems = parse_keys(value, parsers)
    return parsed, [(f".{where}", what) for where, what in problems]


def parse_keys(
    document: Mapping[str, Any], parsers: Mapping[str, Callable[[object], Any]]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Parse keys, each by its own parser.

    Returns
    -------
    dict of str to Any, list of (str, str)
        The valid values; and the places of the others, with what is wrong.
    """
    parsed: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    for key, raw in document.items():
        if key not in parsers:
            problems.append((shown(key), fix_of_unknown(key, parsers)))
            continue
        try:
            parsed[key] = parsers[key](raw)
        except InvalidError as error:
            problems += error.below(key)
    return parsed, problems


def shown(key: str) -> str:
    """Name an unknown key, unless it could be a secret that was typed in the wrong place."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", key) else "a key"


def fix_of_unknown(key: str, known: Iterable[str]) -> str:
    """Suggest the key that was meant, or list all."""
    names = list(known)
    nearest = difflib.get_close_matches(key, names, n=1)
    fix = f"did you mean {nearest[0]}?" if nearest else f"the keys are {', '.join(names)}"
    return f"is not a key of this file; {fix}"
