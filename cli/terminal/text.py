"""Text for a terminal, a pipe or a file of any encoding: the standard library alone."""

import io
import re
import sys
from collections.abc import Callable

# What `str.isprintable` takes for visible and is not: Unicode's Default_Ignorable_Code_Point outside of its categories
# Cc, Cf and Cn, and the blank Braille pattern.
_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_IS_INVISIBLE = re.compile(f"[{_INVISIBLE}]")


def prepare() -> None:
    """Let the standard streams write and read whatever comes; each program does this first.

    What an encoding does not have is written as Python writes it in source; bytes that are no text are read as
    surrogates, as Python reads them in file names.
    """
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")


def printable(text: object, *, encoding: str | None = None) -> str:
    """Write foreign text so that it can do nothing to a terminal, nor look like something else.

    Control, bidirectional and invisible characters, and lone surrogates, are written as in Python's source; line breaks
    too.

    Parameters
    ----------
    text : object
        What `str` makes of it.
    encoding : str or None
        Of the stream that it goes to; what that does not have is written so, too. None for one that has everything.
    """
    return _escaped(str(text), lambda char: ascii(char)[1:-1], encoding=encoding)


def printable_lines(text: str, *, encoding: str | None = None) -> str:
    """Write text of several lines; all else is as in `printable`."""
    return "\n".join(printable(line, encoding=encoding) for line in text.split("\n"))


def printable_json(text: str, *, encoding: str | None = None) -> str:
    r"""Write JSON, which stays the same JSON: what is not printable, or not in the encoding, becomes ``\uXXXX``.

    Parameters
    ----------
    text : str
        JSON, in one line or several.
    encoding : str or None
        As in `printable`.
    """
    lines = text.split("\n")
    return "\n".join(_escaped(line, _json_escape, encoding=encoding) for line in lines)


def _escaped(text: str, escape: Callable[[str], str], *, encoding: str | None = None) -> str:
    # Nearly all texts are harmless, and asking that of a whole text is fast.
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
