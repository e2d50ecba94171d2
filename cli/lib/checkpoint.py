"""The progress of a replay, in a file, so that it can be resumed."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.lib.errors import BridgeError
from cli.lib.journal import Key

_FORMAT = 1
MOST_LISTED = 1000  # service requests; all are counted


@dataclass(slots=True)
class Checkpoint:
    """What was done of one selection of service requests, and where to continue."""

    selection: dict[str, Any]
    next_key: Key | None = None  # where the next page of the journal begins
    scanned: int = 0  # entries read
    outcomes: Counter[str] = field(default_factory=Counter)
    listed: list[dict[str, Any]] = field(default_factory=list)  # what changed or failed, `MOST_LISTED` of them


def load(file: Path, selection: dict[str, Any]) -> Checkpoint:
    """Read the file; if there is none, the replay has not begun.

    Raises
    ------
    BridgeError
        The file is not a checkpoint, or belongs to another replay.
    """
    if not file.exists():
        return Checkpoint(selection)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        found = Checkpoint(
            selection=content["selection"],
            next_key=content["next_key"],
            scanned=content["scanned"],
            outcomes=Counter(content["outcomes"]),
            listed=content["told"],
        )
        if not isinstance(found.scanned, int) or not isinstance(found.listed, list):
            raise TypeError  # noqa: TRY301 the handler below says what to do, as for every file of another kind
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BridgeError(f"{file} was not written by bridge replay. Name another file.") from None
    if content.get("format") != _FORMAT or found.selection != selection:
        raise BridgeError(
            f"{file} belongs to another replay ({json.dumps(found.selection)}). Run that one again, or name another "
            "file."
        )
    return found


def save(file: Path, checkpoint: Checkpoint) -> None:
    """Write the file, atomically."""
    content = {
        "format": _FORMAT,
        "selection": checkpoint.selection,
        "next_key": checkpoint.next_key,
        "scanned": checkpoint.scanned,
        "outcomes": checkpoint.outcomes,
        "told": [
            # Without values, which are PHI.
            {**entry, "changes": [{"field": change["field"]} for change in entry["changes"]]}
            for entry in checkpoint.listed
        ],
    }
    unfinished = file.with_name(f"{file.name}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
        json.dump(content, lines)
    unfinished.replace(file)
