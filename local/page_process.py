"""Starts the page's server as a process of its own, which sees the stack from outside as an operator does."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local import patience, processes
from local.deployment import PROJECT
from local.errors import LocalError

DESCRIPTION = "PAGE_ENVIRONMENT"
"""The environment variable that tells the process what `stand.json` says."""


@contextmanager
def serving(description: Mapping[str, Any], directory: Path) -> Iterator[str]:
    """Serve the page for as long as the block lasts; gives its URL.

    Parameters
    ----------
    description : mapping
        What `stand.json` says.
    directory : Path
        Where the log goes.

    Raises
    ------
    LocalError
        It does not start.
    """
    log_file = directory / "console.log"
    process = processes.start(
        [sys.executable, "-m", "local.page"],
        environment={
            "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "lambdas"), os.environ.get("PYTHONPATH", "")]),
            "PYTHONUNBUFFERED": "1",
            DESCRIPTION: json.dumps(dict(description)),
        },
        directory=PROJECT,
        log_file=log_file,
    )
    try:
        yield _url(log_file, is_alive=lambda: process.poll() is None)
    finally:
        processes.end(process)


def _url(log_file: Path, *, is_alive: Callable[[], bool]) -> str:
    def said() -> str:
        if not is_alive():
            raise LocalError(f"The page's server does not start. Its log: {log_file}")
        return log_file.read_text(encoding="utf-8")

    return patience.wait_until(
        said,
        lambda text: text.startswith("http://") and text.endswith("\n"),
        what=f"the page's server says where it is; its log: {log_file}",
    ).strip()
