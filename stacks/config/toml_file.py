"""Reading a TOML file so that all its mistakes can be named at once, each with its line."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.config.errors import ConfigurationError
from stacks.config.parsers import shown

Key = tuple[str, ...]

_TOKEN = re.compile(
    r'(?P<text>"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?!"")(?:[^"\\\n]|\\.)*"'
    r"|'(?!'')[^'\n]*')"
    r"|(?P<unclosed>\"\"\"|''')"
    r"|(?P<comment>#[^\n]*)|(?P<break>\n)|(?P<blank>[ \t\r]+)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)"
    r"|(?P<word>[^\"'#\[\]{},\s]+|.)",
    re.DOTALL,
)
_KEY = r"""[ \t]*(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
# Where a new statement must begin, whatever is not closed before it. A line of base64 ends in "=".
_BEGINNING = re.compile(
    rf"^(?:{_KEY}(?:[ \t]*\.{_KEY})*[ \t]*=[ \t]*[^\s=]|[ \t]*\[\[?{_KEY}(?:[ \t]*\.{_KEY})*[ \t]*\]\]?[ \t]*(?:#|$))",
    re.MULTILINE,
)
REST = "the rest"
"""The key of a problem: nothing from its line on was read."""

# Whoever sees so many has named another file, or has to begin again.
_MOST_PROBLEMS = 50
_LONGEST = 200_000  # characters; the longest that fits AWS's limits has 20,000
_COMPARE = "compare it with organizations/example.toml"


@dataclass
class Document:
    """What a file says.

    Attributes
    ----------
    content : dict
        As `tomllib` gives it; without the statements that it does not read.
    problems : list of (int, str, str)
        Line, key and mistake of those statements.
    lines : dict of str to int
        The line of each key, such as ``alarms.time_zone``, and of each item of a list, such as ``alarm_emails[2]``.
    ends : dict of str to int
        The last line of each key's value.
    """

    text: str = ""
    content: dict[str, Any] = field(default_factory=dict)
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)

    def line(self, where: str) -> int | None:
        """Find the line of a key or an item, or else of the list or table that it belongs to."""
        while where:
            if where in self.lines:
                return self.lines[where]
            where = where[: max(where.rfind("."), where.rfind("["), 0)]
        return None


@dataclass(frozen=True, slots=True)
class _Statement:
    """A table's header, or a key with its value; `items` are the lines of a list's items."""

    text: str
    line: int
    is_closed: bool
    items: tuple[int, ...]


def read(path: Path) -> Document:
    """Read a TOML file.

    Raises
    ------
    ConfigurationError
        It cannot be read, or is not UTF-8.
    """
    text = _text(path)
    collector = _Collector(Document(text))
    document = collector.document
    for statement in _statements(text):
        if len(document.problems) == _MOST_PROBLEMS:
            document.problems.append((statement.line, REST, f"was not read: too much is wrong; {_COMPARE}"))
            break
        collector.add(statement)
    try:
        document.content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        if not document.problems:
            document.problems.append((_line_of(error), "a line", f"is not TOML; {_COMPARE}"))
    else:
        document.problems = []
    return document


def _text(path: Path) -> str:
    try:
        # Editors on Windows may put a byte order mark first.
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); check its path and permissions") from None
    except UnicodeDecodeError as error:
        # Of UTF-16, every line is wrong.
        before = error.object[: error.start]
        line = f":{before.count(bytes([10])) + 1}" if before else ""
        raise ConfigurationError(f"{path}{line}: is not UTF-8 text; save it as UTF-8") from None
    if len(text) > _LONGEST:
        raise ConfigurationError(f"{path}: is too long for an organization's file; name another, or shorten it")
    if "\0" in text:
        # UTF-16 without a byte order mark: Latin text in it is valid UTF-8 with NUL characters.
        raise ConfigurationError(f"{path}: is not UTF-8 text; save it as UTF-8")
    return text.replace("\r\n", "\n")


def _statements(text: str) -> Iterator[_Statement]:
    """Cut a file into its statements; one that is not closed ends where the next must begin."""
    start, line = 0, 1
    while start < len(text):
        end, is_closed, items = _scan(text, start)
        if not is_closed:
            first_break = text.find("\n", start)
            following = _BEGINNING.search(text, first_break + 1) if first_break >= 0 else None
            end = following.start() if following else len(text)
        statement = text[start:end]
        lead = len(statement) - len(statement.lstrip())
        if statement.strip() and statement.lstrip()[0] != "#":
            own = line + statement.count("\n", 0, lead)
            yield _Statement(statement.strip(), own, is_closed, tuple(line + item for item in items))
        line += statement.count("\n")
        start = end


def _scan(text: str, start: int) -> tuple[int, bool, list[int]]:
    """Find the end of the statement or blank line that begins here.

    Returns
    -------
    int, bool, list of int
        The end; whether everything was closed before it; and the items of the outermost list, as lines below this one.
    """
    items: list[int] = []
    depth, line, is_due, has_equals = 0, 0, False, False
    for token in _TOKEN.finditer(text, start):
        kind = token.lastgroup
        if kind == "unclosed":
            return len(text), False, items
        if is_due and kind not in {"blank", "break", "comment", "close"}:
            items.append(line)
            is_due = False
        match kind:
            case "open":
                depth += 1
                is_due = depth == 1 and has_equals and token[0] == "["
            case "close":
                depth -= 1
                is_due = False
            case "comma":
                is_due = depth == 1
            case "word":
                has_equals = has_equals or "=" in token[0]
            case "break" if depth <= 0:
                return token.end(), True, items
        line += token[0].count("\n")
    return len(text), depth <= 0, items


@dataclass
class _Collector:
    """Puts statements together, each by itself: one that cannot be read hides no other."""

    document: Document
    table: Key = ()  # to which the next keys belong

    def add(self, statement: _Statement) -> None:
        """Add a statement to the document, or what is wrong with it."""
        if not statement.is_closed:
            what = f"is not closed: a quote or a bracket is missing at its end; {_COMPARE}"
            self._refuse(statement, statement.line, what)
            return
        try:
            parsed = tomllib.loads(statement.text)
        except (ValueError, RecursionError) as error:
            self._refuse(statement, statement.line + _line_of(error) - 1, _mistake(statement.text, error))
            return
        key, value = _leaf(parsed)
        if statement.text.startswith("["):
            self.table = key
        else:
            key = self.table + key
        where = _written(key)
        if first := self.document.lines.get(where):
            self._refuse(statement, statement.line, f"is in line {first} already; remove one of them")
            return
        self._keep(key, value)
        self.document.lines[where] = statement.line
        self.document.ends[where] = statement.line + statement.text.count("\n")
        self.document.lines |= {f"{where}[{index}]": line for index, line in enumerate(statement.items)}

    def _keep(self, key: Key, value: Any) -> None:
        table = self.document.content
        for part in key[:-1]:
            inner = table.setdefault(part, {})
            table = inner if isinstance(inner, dict) else {}  # a contradiction, which the whole file's error names
        table.setdefault(key[-1], value)

    def _refuse(self, statement: _Statement, line: int, what: str) -> None:
        found = re.match(r"[ \t]*([A-Za-z0-9_.-]+)[ \t]*=", statement.text)
        header = re.match(r"\[+[ \t]*([A-Za-z0-9_.-]+)[ \t]*\]", statement.text)
        match found, header:
            case re.Match(), _:
                where = _written(self.table + tuple(found[1].split(".")))
            case _, re.Match():
                where = f"[{_written(tuple(header[1].split('.')))}]"
            case _:
                where = "a line"
        self.document.problems.append((line, where, what))


def _leaf(parsed: Any) -> tuple[Key, Any]:
    """Find the one key that a statement sets, and its value."""
    key: list[str] = []
    while isinstance(parsed, dict) and len(parsed) == 1:
        ((name, parsed),) = parsed.items()
        key.append(name)
    return tuple(key), parsed


def _written(key: Key) -> str:
    return ".".join(map(shown, key))


def _line_of(error: Exception) -> int:
    """Read the line in an error of `tomllib`; its other words could hold what the file says."""
    found = re.search(r"at line (\d+), column \d+", str(error))
    return int(found[1]) if found else 1


def _mistake(statement: str, error: Exception) -> str:
    """Name the usual mistakes in words."""
    if not isinstance(error, tomllib.TOMLDecodeError):
        return f"is not TOML: a number is too long, or a list is nested too deeply; {_COMPARE}"
    key, sign, value = statement.partition("=")
    if not sign:
        return "is not TOML; write it as key = value, or put # before it if it is a remark"
    if not value.strip() or value.lstrip().startswith("#"):
        return "has no value; write one, or remove the line"
    if re.match(r"""[ \t]*(?:"[^"]*|'[^']*)$""", value):
        return "has no quote at its end; add it"
    if re.match(r"[ \t]*[A-Za-z]", value) and '"' not in key:
        return "is neither true, false nor a number; put text between quotes, and write true and false in small letters"
    return f"is not TOML; {_COMPARE}"
