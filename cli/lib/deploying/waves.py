"""The order in which many stacks are updated, and what of it is done."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cli.lib.errors import BridgeError
from stacks.config.organization import Organization

SIZES = (1, 3, 10)
"""Organizations in the first wave, the second, and each one after that."""


def canary_of(organizations: Sequence[Organization], *, asked: str | None = None) -> str:
    """Choose who goes first: the one that was asked for, else the first UAT organization, else the first.

    Raises
    ------
    BridgeError
        The one that was asked for is not among them.
    """
    names = [each.name for each in organizations]
    if asked is not None and asked not in names:
        raise BridgeError(f"The canary {asked} is not among those that are deployed: {', '.join(names)}")
    uat = [each.name for each in organizations if each.environment == "uat"]
    return asked or [*uat, *names][0]


def waves(names: Sequence[str], *, canary: str) -> list[list[str]]:
    """Put the names into waves: the canary alone, three, then ten at a time."""
    rest = [name for name in names if name != canary]
    found, sizes = [[canary]], [*SIZES[1:]]
    while rest:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        found.append(rest[:size])
        rest = rest[size:]
    return found


@dataclass
class Record:
    """What a deployment of many has reached, in a file, so that it can be resumed.

    Attributes
    ----------
    done : dict of str to str
        The digest of each stack's template that was deployed and verified, by the stack's name and place. A stack is
        done only with the same template: whoever corrects something in between has it deployed everywhere.
    """

    path: Path
    names: list[str]
    canary: str
    done: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the record of the last deployment of many.

        Raises
        ------
        BridgeError
            There is none.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(path, list(content["names"]), str(content["canary"]), dict(content["done"]))
        except OSError:
            raise BridgeError("There is nothing to resume. Deploy all: ./bridge deploy --all") from None
        except (ValueError, LookupError, TypeError):
            raise BridgeError(f"{path} is damaged. Deploy all again; what is up to date is not changed") from None

    def save(self) -> None:
        """Write the record; a reader sees the old one or the new one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".new")
        content: Mapping[str, object] = {"names": self.names, "canary": self.canary, "done": self.done}
        unfinished.write_text(json.dumps(content, indent=2), encoding="utf-8")
        unfinished.replace(self.path)
