"""Compare the templates of two syntheses: `python -m verification.template_changes OLD_FOLDER NEW_FOLDER`.

A rebuild of the stack's code must change nothing that is deployed. Three things may differ: what follows from the
functions' code, the output Version, and the texts of alarms.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cli.terminal.command import CliCommand, say

TEMPLATES = "*.template.json"
_ASSET = re.compile(r"\b[0-9a-f]{64}\b")
# And a description ends with the release, which follows from code and configuration.
_RELEASE = re.compile(r"Version \S+, release [0-9a-f]+\.")
# CDK ends the logical id of a function's version with a hash of the function.
_VERSION_HASH = re.compile(r"[0-9a-f]{32}$")

Change = tuple[str, str, str]
"""A path from the template's top, and the old and the new value as JSON."""


@click.command(cls=CliCommand)
@click.argument("old", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(old: Path, new: Path) -> None:
    """List what differs between the templates of OLD and NEW; exit code 1 if more than texts of alarms."""
    names = sorted({path.name for folder in (old, new) for path in folder.glob(TEMPLATES)})
    if not names:
        sys.exit(f"Neither folder has a {TEMPLATES}; synthesize with: CDK_OUTDIR=FOLDER python app.py")
    found = False
    for name in names:
        changes = list(compare(_read(old / name), _read(new / name)))
        texts = [change for change in changes if change[0].endswith("/AlarmDescription")]
        others = [change for change in changes if change not in texts]
        say(f"{name}: {len(others)} differences, {len(texts)} changed texts of alarms")
        for path, before, after in [*others, *texts]:
            say(f"  {path}\n    - {before}\n    + {after}")
        found = found or bool(others)
    sys.exit(1 if found else 0)


def compare(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """Give what differs between two templates, except for what follows from code and for the output Version."""
    for path, before, after in _differences("", _comparable(old), _comparable(new)):
        if not path.startswith("/Outputs/Version"):
            yield path, before, after


def _read(path: Path) -> dict[str, Any]:
    template: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return template


def _comparable(template: dict[str, Any]) -> Any:
    """Replace what follows from code: digests of assets, releases, and the ends of the logical ids of versions."""
    text = _RELEASE.sub("<release>", _ASSET.sub("<asset>", json.dumps(template)))
    for logical_id, resource in template.get("Resources", {}).items():
        if resource["Type"] == "AWS::Lambda::Version":
            text = text.replace(logical_id, _VERSION_HASH.sub("<code>", logical_id))
    return json.loads(text)


def _differences(path: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(f"{path}/{key}", old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{path}/{index}", before, after)
    elif old != new:
        yield path, json.dumps(old), json.dumps(new)


if __name__ == "__main__":
    main()
