"""An input: recipes, and the bytes that they are about; saved as a line of JSON with the bytes after it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

INGEST, PROCESSOR = "ingest", "processor"
TARGETS = (INGEST, PROCESSOR)
MAX_MESSAGES = 10


class BadCaseError(Exception):
    """The bytes are not an input that was saved."""


class ViolationError(Exception):
    """An input breaks a rule, which is named in the same words for every input; `detail` shows it."""

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(f"{rule}: {detail}" if detail else rule)
        self.rule = rule


@dataclass(slots=True)
class Part:
    """One webhook: the bytes to sign, and how they are signed and sent if not as VectorCare and AWS do it.

    The modules `target_*` say what a recipe may hold.
    """

    recipe: dict[str, Any]
    body: bytes


@dataclass(slots=True)
class Case:
    """One input: a request has one part, a batch of messages has up to ten."""

    target: str
    parts: list[Part]

    def to_bytes(self) -> bytes:
        head = {"target": self.target, "parts": [[part.recipe, len(part.body)] for part in self.parts]}
        return json.dumps(head).encode() + b"\n" + b"".join(part.body for part in self.parts)


def parse(data: bytes) -> Case:
    """Read an input; BadCaseError if it is not one."""
    head, newline, rest = data.partition(b"\n")
    try:
        read = json.loads(head)
        target, parts = read["target"], []
        for recipe, length in read["parts"]:
            parts.append(Part(dict(recipe), rest[:length]))
            rest = rest[length:]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadCaseError(type(error).__name__) from None
    if not newline or target not in TARGETS or not 0 < len(parts) <= MAX_MESSAGES:
        raise BadCaseError("shape")
    return Case(target, parts)


def save(case: Case, folder: Path) -> Path:
    """Keep an input that breaks a rule; returns its file."""
    data = case.to_bytes()
    path = folder / f"{crc32(data):08x}.case"
    path.write_bytes(data)
    return path
