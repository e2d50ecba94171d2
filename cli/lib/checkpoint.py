"""How far a replay has come, in a file, so that it can be resumed."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from cli.lib.journal import Key

_FORMAT = 1
MOST_TOLD = 1000
"""Service requests that a result lists one by one; all are counted."""


@dataclass(slots=True)
class Checkpoint:
    """What was done, and where to go on.

    Attributes
    ----------
    selection : dict
        What was asked for; a checkpoint fits no other.
    next_key : Key or None
        Where the next page of the journal begins; None at the beginning.
    scanned : int
        Entries read.
    outcomes : Counter of str
        Service requests by outcome.
    told : list of dict
        The ones worth telling, without values; `MOST_TOLD` of them.
    """

    selection: dict[str, Any]
    next_key: Key | None = None
    scanned: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    told: list[dict[str, Any]] = field(default_factory=list)


def load(file: Path, selection: dict[str, Any]) -> Checkpoint:
    """Read how far a replay had come; where there is no file, it has not begun.

    Raises
    ------
    click.ClickException
        The file is no checkpoint, or one of another replay.
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
            told=content["told"],
        )
        if not isinstance(found.scanned, int) or not isinstance(found.told, list):
            raise TypeError  # noqa: TRY301 told with the others
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise click.ClickException(f"{file} is not what an interrupted replay left. Name another file.") from None
    if content.get("format") != _FORMAT or found.selection != selection:
        raise click.ClickException(
            f"{file} belongs to another replay ({json.dumps(found.selection)}). Call it as it was called then, or name "
            "another file."
        )
    return found


def save(file: Path, checkpoint: Checkpoint) -> None:
    """Write how far a replay has come: wholly or not at all."""
    content = {
        "format": _FORMAT,
        "selection": checkpoint.selection,
        "next_key": checkpoint.next_key,
        "scanned": checkpoint.scanned,
        "outcomes": checkpoint.outcomes,
        "told": [
            # A file that lies about is no place for values.
            {**told, "changes": [{"field": change["field"]} for change in told["changes"]]}
            for told in checkpoint.told
        ],
    }
    unfinished = file.with_name(f"{file.name}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
        json.dump(content, lines)
    unfinished.replace(file)
