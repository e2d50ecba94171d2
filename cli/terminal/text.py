"""Text for a terminal, a pipe or a file of any encoding. It needs only the standard library."""

import io
import re
import sys
from collections.abc import Callable

# Invisible characters that `str.isprintable` takes for visible: Unicode's Default_Ignorable_Code_Point outside of the
# categories Cc, Cf and Cn, and the blank Braille pattern.
_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_IS_INVISIBLE = re.compile(f"[{_INVISIBLE}]")


def prepare() -> None:
    """Let the standard streams write and read any text; each program calls this first.

    A character that the encoding does not have is written as an escape. Bytes that are not text are read as surrogates,
    as in file names.
    """
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")


def printable(text: object, *, encoding: str | None = None) -> str:
    """Escape foreign text, so that it cannot act on a terminal or look like something else.

    Control, bidirectional and invisible characters, lone surrogates and line breaks become escapes of Python's. So does
    what `encoding`, that of the stream, does not have.
    """
    return _escaped(str(text), lambda char: ascii(char)[1:-1], encoding=encoding)


def printable_lines(text: str, *, encoding: str | None = None) -> str:
    """Escape text as `printable` does, but keep its line breaks."""
    return "\n".join(printable(line, encoding=encoding) for line in text.split("\n"))


def printable_json(text: str, *, encoding: str | None = None) -> str:
    r"""Escape JSON as ``\uXXXX``, so that it stays the same JSON; which characters: as in `printable_lines`."""
    lines = text.split("\n")
    return "\n".join(_escaped(line, _json_escape, encoding=encoding) for line in lines)


def _escaped(text: str, escape: Callable[[str], str], *, encoding: str | None = None) -> str:
    # Nearly all texts are harmless, and checking a whole text is fast.
    if (
        text.isprintable()
        and (text.isascii() or not _IS_INVISIBLE.search(text))
        and (encoding is None or _fits(text, encoding))
    ):
        return text
    return "".join(char if _is_harmless(char, encoding) else escape(char) for char in text)


def _is_harmless(char: str, encoding: str | None) -> bool:
    return char.isprintable() and not _IS_INVISIBLE.match(char) and (encoding is None or _fits(char, encoding))


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return text.isascii()
    return True


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
