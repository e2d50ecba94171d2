"""An input: a recipe, and the bytes it is about; kept as one line of JSON with the bytes behind it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

INGEST, PROCESSOR = "ingest", "processor"
TARGETS = (INGEST, PROCESSOR)
MAX_MESSAGES = 10


class BadCaseError(Exception):
    """The bytes are no input of a target."""


@dataclass(slots=True)
class Part:
    """What one webhook is made of.

    Attributes
    ----------
    recipe : dict
        How it is signed and sent; whatever is absent is as VectorCare and AWS do it. See `target_*` for what is read.
    body : bytes
        What is signed.
    """

    recipe: dict[str, Any]
    body: bytes


@dataclass(slots=True)
class Case:
    """One input; a request is one part, a batch of messages up to ten."""

    target: str
    parts: list[Part]

    def to_bytes(self) -> bytes:
        """Write it."""
        head = {"target": self.target, "parts": [[part.recipe, len(part.body)] for part in self.parts]}
        return json.dumps(head).encode() + b"\n" + b"".join(part.body for part in self.parts)


def parse(data: bytes) -> Case:
    """Read an input.

    Raises
    ------
    BadCaseError
        It is none.
    """
    head, newline, rest = data.partition(b"\n")
    try:
        read = json.loads(head)
        target, described = read["target"], read["parts"]
        parts = []
        for recipe, length in described:
            parts.append(Part(dict(recipe), rest[:length]))
            rest = rest[length:]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadCaseError(type(error).__name__) from None
    if not newline or target not in TARGETS or not 0 < len(parts) <= MAX_MESSAGES:
        raise BadCaseError("shape")
    return Case(target, parts)


def save(data: bytes, folder: Path) -> Path:
    """Keep an input that breaks a rule; answer where."""
    path = folder / "violations" / f"{crc32(data):08x}.case"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
