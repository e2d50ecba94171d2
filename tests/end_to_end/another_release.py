"""Another release of a synthesized stack: what a synthesis after a change of code and settings would differ in."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.synthesis import Assembly

HANDLER = "ingest/handler.py"
ANOTHER_CUSTOMER_ID = "0c9e7a52-not-guessable"

Change = Callable[[Path, dict[str, str]], None]
"""Gets the folder of the functions' code, and the environment variables of ingest."""


def answer_by_a_setting(code: Path, variables: dict[str, str]) -> None:
    """Change code and setting so that neither works with what was before."""
    _write(code, lambda text: text.replace('{"status": "accepted"}', '{"status": __import__("os").environ["STATUS"]}'))
    variables["STATUS"] = "accepted by another release"


def import_what_is_not_there(code: Path, _variables: dict[str, str]) -> None:
    _write(code, lambda text: f"{text}\nimport what_is_not_there\n")


def lose_a_variable(_code: Path, variables: dict[str, str]) -> None:
    del variables["QUEUE_URL"]


def have_another_customer_id(_code: Path, variables: dict[str, str]) -> None:
    """Make the first step of a move: a new customer id, and the old one beside it."""
    variables["FORMER_CUSTOMER_IDS"] = variables["CUSTOMER_ID"]
    variables["CUSTOMER_ID"] = ANOTHER_CUSTOMER_ID


def another_release(assembly: Assembly, folder: Path, change: Change) -> Assembly:
    """Copy a cloud assembly, and change the code and the settings of ingest.

    As in a synthesis, the functions' code then has another asset, all functions' descriptions name another release, and
    so all their versions have other logical ids.
    """
    release = hashlib.sha256(str(folder).encode()).hexdigest()
    files = {name: (assembly.directory / name).read_text() for name in _names(assembly)}
    (asset,) = (
        file["source"]["path"] for file in json.loads(files[_names(assembly)[1]])["files"].values() if _is_zip(file)
    )
    target = folder / "cdk.out"
    # Links, because a copy would be 30 MB; what is changed is written again.
    shutil.copytree(assembly.directory / asset, target / asset.replace(_id(asset), release), copy_function=os.link)
    template = json.loads(files[_names(assembly)[0]].replace(_id(asset), release))
    (ingest,) = (each for each in template["Resources"].values() if _is_ingest(each))
    change(target / asset.replace(_id(asset), release), ingest["Properties"]["Environment"]["Variables"])
    text = re.sub(r"release [0-9a-f]{10}\.", f"release {release[:10]}.", json.dumps(template))
    for logical_id, each in template["Resources"].items():
        if each["Type"] == "AWS::Lambda::Version":
            text = text.replace(logical_id, f"{logical_id[:-32]}{release[:32]}")
    (target / _names(assembly)[0]).write_text(text)
    (target / _names(assembly)[1]).write_text(files[_names(assembly)[1]].replace(_id(asset), release))
    return Assembly(directory=target, stack_name=assembly.stack_name)


def _names(assembly: Assembly) -> tuple[str, str]:
    return f"{assembly.stack_name}.template.json", f"{assembly.stack_name}.assets.json"


def _id(asset: str) -> str:
    return asset.removeprefix("asset.")


def _is_zip(file: dict[str, Any]) -> bool:
    return bool(file["source"]["packaging"] == "zip")


def _is_ingest(resource: dict[str, Any]) -> bool:
    return bool(resource["Type"] == "AWS::Lambda::Function" and resource["Properties"]["Handler"].startswith("ingest."))


def _write(code: Path, change: Callable[[str], str]) -> None:
    file = code / HANDLER
    text = file.read_text()
    assert change(text) != text
    file.unlink()
    file.write_text(change(text))
    for compiled in (file.parent / "__pycache__").glob("handler.*"):
        compiled.unlink()  # It is not compared with its source.
