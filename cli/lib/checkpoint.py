"""The progress of a command that reads whole journals, in a file, so that it can be resumed."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.lib.errors import BridgeError
from cli.lib.journal import Key

_FORMAT = 1
MOST_LISTED = 1000  # all are counted


@dataclass(slots=True)
class Checkpoint:
    """What was done of one selection of journal entries, and where to continue."""

    selection: dict[str, Any]
    part: int = 0  # which of several journals is being read
    next_key: Key | None = None  # where the next page of the journal begins
    scanned: int = 0  # entries read
    outcomes: Counter[str] = field(default_factory=Counter)
    listed: list[dict[str, Any]] = field(default_factory=list)  # what changed or failed, `MOST_LISTED` of them


def load(file: Path, selection: dict[str, Any], *, command: str) -> Checkpoint:
    """Read the file; if there is none, the command has not begun. `command` is its name, such as replay.

    Raises
    ------
    BridgeError
        The file is not a checkpoint, or belongs to another run.
    """
    if not file.exists():
        return Checkpoint(selection)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        found = Checkpoint(
            selection=content["selection"],
            part=content.get("part", 0),
            next_key=content["next_key"],
            scanned=content["scanned"],
            outcomes=Counter(content["outcomes"]),
            listed=content["told"],
        )
        if not isinstance(found.scanned, int) or not isinstance(found.listed, list):
            raise TypeError  # noqa: TRY301 the handler below says what to do, as for every file of another kind
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BridgeError(f"{file} was not written by bridge {command}. Name another file.") from None
    if content.get("format") != _FORMAT or found.selection != selection:
        raise BridgeError(
            f"{file} belongs to another {command} ({json.dumps(found.selection)}). Run that one again, or name another "
            "file."
        )
    return found


def save(file: Path, checkpoint: Checkpoint) -> None:
    """Write the file, atomically."""
    content = {
        "format": _FORMAT,
        "selection": checkpoint.selection,
        "part": checkpoint.part,
        "next_key": checkpoint.next_key,
        "scanned": checkpoint.scanned,
        "outcomes": checkpoint.outcomes,
        "told": [
            # Without values, which are PHI.
            entry | ({"changes": [{"field": one["field"]} for one in entry["changes"]]} if "changes" in entry else {})
            for entry in checkpoint.listed
        ],
    }
    unfinished = file.with_name(f"{file.name}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
        json.dump(content, lines)
    unfinished.replace(file)
