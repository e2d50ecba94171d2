"""DynamoDB's condition and update expressions, parsed into functions of an item.

Grammar: DynamoDB developer guide, "Condition and filter expressions, operators, and functions" and "Using update
expressions". Document paths below the top level, sets, and list functions are not modelled and say so.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from verification.simulation.models import values
from verification.simulation.models.values import Item, Value

Names = dict[str, str]
Condition = Callable[[Item, Names, Item], bool]
Operand = Callable[[Item, Names, Item], Value | None]
Update = Callable[[Item, Names, Item], Item]
_V = TypeVar("_V")

_TOKEN = re.compile(r"\s*(<>|<=|>=|[<>=(),+\-]|[#:]?[A-Za-z0-9_]+|[.\[\]])")
_COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_ABSENT = "The provided expression refers to an attribute that does not exist in the item"
_CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")


class InvalidExpressionError(Exception):
    """DynamoDB would refuse the expression."""


@dataclass(slots=True)
class Used:
    """The placeholders that an expression uses; DynamoDB refuses those that are given and not used."""

    names: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)


@lru_cache
def condition(text: str) -> tuple[Condition, Used]:
    """Parse a condition expression."""
    parser = _Parser(text)
    parsed = parser.disjunction()
    parser.end()
    return parsed, parser.used


@lru_cache
def update(text: str) -> tuple[Update, Used]:
    """Parse an update expression; what it makes of an item is a new item."""
    parser = _Parser(text)
    parsed = parser.update()
    parser.end()
    return parsed, parser.used


@lru_cache
def reserved_words() -> frozenset[str]:
    """DynamoDB's reserved words, in capitals, from the list that moto carries."""
    spec = find_spec("moto")
    if spec is None or spec.origin is None:
        raise RuntimeError("moto, whose list of reserved words the model reads, is not installed")
    path = Path(spec.origin).parent / "dynamodb" / "parsing" / "reserved_keywords.txt"
    return frozenset(path.read_text(encoding="utf-8").split())


class _Parser:
    def __init__(self, text: str) -> None:
        self.used = Used()
        self._tokens: list[str] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if not match:
                raise InvalidExpressionError(f"Syntax error; token: {text[position]!r}")
            self._tokens.append(match[1])
            position = match.end()
        if not self._tokens:
            raise InvalidExpressionError("The expression can not be empty;")
        self._position = 0

    def end(self) -> None:
        if self._position < len(self._tokens):
            raise InvalidExpressionError(f"Syntax error; token: {self._tokens[self._position]!r}")

    def disjunction(self) -> Condition:
        parts = [self._conjunction()]
        while self._takes("OR"):
            parts.append(self._conjunction())
        if len(parts) == 1:
            return parts[0]
        return lambda item, names, given: any(part(item, names, given) for part in parts)

    def _conjunction(self) -> Condition:
        parts = [self._negation()]
        while self._takes("AND"):
            parts.append(self._negation())
        if len(parts) == 1:
            return parts[0]
        return lambda item, names, given: all(part(item, names, given) for part in parts)

    def _negation(self) -> Condition:
        if self._takes("NOT"):
            negated = self._negation()
            return lambda item, names, given: not negated(item, names, given)
        if self._takes("("):
            if self._peek() == "(" and self._closes_at_once():
                raise InvalidExpressionError("The expression has redundant parentheses;")
            inner = self.disjunction()
            self._expect(")")
            return inner
        return self._comparison()

    def _closes_at_once(self) -> bool:
        depth = 0
        for position in range(self._position, len(self._tokens)):
            depth += {"(": 1, ")": -1}.get(self._tokens[position], 0)
            if depth == 0:
                return self._tokens[position + 1 : position + 2] == [")"]
        return False

    def _comparison(self) -> Condition:
        function = self._peek()
        if function in {"attribute_exists", "attribute_not_exists"}:
            self._next()
            self._expect("(")
            path = self._path()
            self._expect(")")
            if function == "attribute_exists":
                return lambda item, names, given: path(item, names, given) is not None
            return lambda item, names, given: path(item, names, given) is None
        if function in {"attribute_type", "begins_with", "contains", "size"}:
            raise NotImplementedError(f"{function} is not modelled")
        left = self._operand()
        comparator = self._next()
        if comparator.upper() in {"BETWEEN", "IN"}:
            raise NotImplementedError(f"{comparator} is not modelled")
        if comparator not in _COMPARATORS:
            raise InvalidExpressionError(f"Syntax error; token: {comparator!r}")
        right = self._operand()
        return lambda item, names, given: values.compare(
            left(item, names, given), comparator, right(item, names, given)
        )

    def update(self) -> "_Changes":
        changes = _Changes()
        seen: set[str] = set()
        while self._peek() is not None:
            clause = self._next().upper()
            if clause not in _CLAUSES or clause in seen:
                raise InvalidExpressionError(f"Syntax error; token: {clause!r}")
            seen.add(clause)
            self._clause(clause, changes)
        paths = [*changes.assigned, *changes.removed, *changes.added]
        # Two spellings of one name (`#a` and `a`) are not seen as overlapping, as names are known later.
        if len(set(paths)) < len(paths):
            raise InvalidExpressionError("Two document paths overlap with each other")
        return changes

    def _clause(self, clause: str, changes: "_Changes") -> None:
        while True:
            path = self._name()
            if clause == "SET":
                self._expect("=")
                changes.assigned.append(path)
                changes.operands.append(self._sum())
            elif clause == "REMOVE":
                changes.removed.append(path)
            elif clause == "ADD":
                changes.added.append(path)
                changes.amounts.append(self._given())
            else:
                raise NotImplementedError("DELETE is not modelled")
            if not self._takes(","):
                return

    def _sum(self) -> Operand:
        left = self._operand_of_set()
        sign = self._peek()
        if sign not in {"+", "-"}:
            return left
        self._next()
        right = self._operand_of_set()
        factor = 1 if sign == "+" else -1
        return lambda item, names, given: _add(left(item, names, given), right(item, names, given), factor)

    def _operand_of_set(self) -> Operand:
        if self._peek() != "if_not_exists":
            return self._operand()
        self._next()
        self._expect("(")
        path = self._path()
        self._expect(",")
        otherwise = self._operand()
        self._expect(")")
        return lambda item, names, given: path(item, names, given) or otherwise(item, names, given)

    def _operand(self) -> Operand:
        return self._given() if (self._peek() or "").startswith(":") else self._path()

    def _given(self) -> Operand:
        token = self._next()
        if not token.startswith(":"):
            raise InvalidExpressionError(f"Syntax error; token: {token!r}")
        self.used.values.add(token)
        return lambda _item, _names, given: _defined(given, token)

    def _path(self) -> Operand:
        name = self._name()
        if name.startswith("#"):
            return lambda item, names, _given: item.get(_defined(names, name))
        return lambda item, _names, _given: item.get(name)

    def _name(self) -> str:
        token = self._next()
        if token.startswith("#"):
            self.used.names.add(token)
        elif not token[0].isalpha():
            raise InvalidExpressionError(f"Syntax error; token: {token!r}")
        elif token.upper() in reserved_words():
            raise InvalidExpressionError(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        if self._peek() in {".", "["}:
            raise NotImplementedError("document paths below the top level are not modelled")
        return token

    def _peek(self) -> str | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _next(self) -> str:
        token = self._peek()
        if token is None:
            raise InvalidExpressionError("Syntax error; token: <EOF>")
        self._position += 1
        return token

    def _takes(self, expected: str) -> bool:
        if (self._peek() or "").upper() != expected:
            return False
        self._position += 1
        return True

    def _expect(self, expected: str) -> None:
        if not self._takes(expected):
            raise InvalidExpressionError(f"Syntax error; token: {self._peek()!r}")


def _defined(given: dict[str, _V], placeholder: str) -> _V:
    try:
        return given[placeholder]
    except KeyError:
        raise InvalidExpressionError(f"An expression attribute used is not defined: {placeholder}") from None


@dataclass(slots=True)
class _Changes:
    """The clauses of an update expression; every operand is read from the item as it was."""

    assigned: list[str] = field(default_factory=list)
    operands: list[Operand] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    amounts: list[Operand] = field(default_factory=list)

    def __call__(self, item: Item, names: Names, given: Item) -> Item:
        new = dict(item)
        for path, operand in zip(self.assigned, self.operands, strict=True):
            value = operand(item, names, given)
            if value is None:
                raise InvalidExpressionError(_ABSENT)
            new[_resolve(path, names)] = value
        for path in self.removed:
            new.pop(_resolve(path, names), None)
        for path, amount in zip(self.added, self.amounts, strict=True):
            name = _resolve(path, names)
            new[name] = _add(item.get(name, {"N": "0"}), amount(item, names, given), 1)
        return new


def _resolve(path: str, names: Names) -> str:
    return _defined(names, path) if path.startswith("#") else path


def _add(left: Value | None, right: Value | None, factor: int) -> Value:
    if left is None or right is None:
        raise InvalidExpressionError(_ABSENT)
    if "N" not in left or "N" not in right:
        raise InvalidExpressionError("An operand in the update expression has an incorrect data type")
    return {"N": str(values.plain(left) + factor * values.plain(right))}
