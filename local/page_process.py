"""Starts the page's server as a separate process, which sees the stack from outside, as an operator does."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local import patience, processes
from local.errors import LocalError
from local.synthesis import PROJECT

STATUS_FILE = "PAGE_STATUS_FILE"
"""The environment variable with the path of the server's status file: what is being done, or what runs."""


class PageProcess:
    """The page while it is served; `url` is what to open in a browser, and the server reads `status_file`."""

    def __init__(self, url: str, status_file: Path) -> None:
        self.url = url
        self._status_file = status_file

    def show_starting(self, doing: str) -> None:
        """Show what is being done until everything runs."""
        _write(self._status_file, {"starting": doing})

    def show_environment(self, description: Mapping[str, Any]) -> None:
        """Show the local environment, given the content of `stand.json`."""
        _write(self._status_file, {"environment": dict(description)})


@contextmanager
def serving(directory: Path) -> Iterator[PageProcess]:
    """Serve the page for as long as the block lasts; it can be opened immediately.

    The log and the status file are in `directory`.

    Raises
    ------
    LocalError
        The server does not start.
    """
    log_file, status_file = directory / "page.log", directory.resolve() / "page.json"
    _write(status_file, {"starting": "Starting"})
    process = processes.start(
        [sys.executable, "-m", "local.page"],
        environment={
            "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "lambdas"), os.environ.get("PYTHONPATH", "")]),
            "PYTHONUNBUFFERED": "1",
            STATUS_FILE: str(status_file),
        },
        directory=PROJECT,
        log_file=log_file,
    )

    def printed() -> str:
        if process.poll() is not None:
            raise LocalError(f"The page's server does not start. Its log: {log_file}")
        return log_file.read_text(encoding="utf-8")

    try:
        url = patience.wait_until(
            printed,
            lambda text: text.startswith("http://") and text.endswith("\n"),
            what=f"the page's server prints its address; its log: {log_file}",
        )
        yield PageProcess(url.strip(), status_file)
    finally:
        processes.end(process)
        status_file.unlink(missing_ok=True)


def _write(file: Path, status: Mapping[str, Any]) -> None:
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(status), encoding="utf-8")
    unfinished.replace(file)
