"""Commands that deploy to AWS want the pinned Python; the tests run them on any that Lambda runs."""

import json
import os
from pathlib import Path

from stacks.functions import packaging


def for_this_python(folder: Path, **context: str) -> dict[str, str]:
    """Make variables with which the CDK command line synthesizes for this Python, and with more context.

    None are needed without more context if it is the pinned Python. CDK reads context from its user's `.cdk.json`.
    """
    if packaging.PIN.read_text().strip() != packaging.PYTHON:
        context["python"] = packaging.PYTHON
    if not context:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".cdk.json").write_text(json.dumps({"context": context}))
    cache = os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache/pip"))
    return {"HOME": str(folder), "PIP_CACHE_DIR": cache}
