"""Commands that deploy to AWS want the pinned Python; the tests run them on any that Lambda runs."""

import json
import os
from pathlib import Path

from stacks.functions import packaging


def for_this_python(folder: Path) -> dict[str, str]:
    """Make variables with which the CDK command line synthesizes for this Python: none if it is the pinned one.

    CDK reads more context from its user's `.cdk.json`.
    """
    if packaging.PIN.read_text().strip() == packaging.PYTHON:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".cdk.json").write_text(json.dumps({"context": {"python": packaging.PYTHON}}))
    cache = os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache/pip"))
    return {"HOME": str(folder), "PIP_CACHE_DIR": cache}
