"""Has the functions speak to AWS through the proxy that refuses."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from local import patience, processes
from local.environment import LocalEnvironment
from local.errors import LocalError
from local.synthesis import PROJECT
from verification.load.proxy import CONTROL
from verification.load.workers import names


class Refusals:
    """A running proxy.

    Parameters
    ----------
    url : str
        Where it listens.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def set(self, *, share: float, outage_every: float = 0.0) -> None:
        """Refuse this share of all calls, and every so many seconds all calls of one service; 0 and 0 refuse none."""
        self._ask({"share": share, "outage_every": outage_every})

    def counts(self) -> Counter[str]:
        """Count what was refused, by service and kind."""
        return self._ask(None)

    def _ask(self, wanted: dict[str, float] | None) -> Counter[str]:
        with requests.Session() as session:
            session.trust_env = False
            return Counter(session.post(self.url + CONTROL, json=wanted, timeout=patience.SECONDS).json())


@contextmanager
def between(stand: LocalEnvironment, directory: Path) -> Iterator[Refusals]:
    """Put the proxy between a stand's functions and its emulator for as long as the block lasts.

    Parameters
    ----------
    stand : LocalEnvironment
        Whose functions.
    directory : Path
        Where the proxy's log goes.

    Raises
    ------
    LocalError
        The proxy does not start.
    """
    log_file = directory / "proxy.log"
    process = processes.start(
        [sys.executable, "-m", "verification.load.proxy", str(stand.emulator.port)],
        environment={"PYTHONUNBUFFERED": "1"},
        directory=PROJECT,
        log_file=log_file,
    )
    try:
        url = f"http://127.0.0.1:{_port(process, log_file)}"
        before = {name: _redirect(stand, name, {"AWS_ENDPOINT_URL": url}) for name in names(stand).values()}
        try:
            yield Refusals(url)
        finally:
            if processes.interrupted_by() is None:  # else the stand ends now, and its functions with it
                for name, variables in before.items():
                    _set(stand, name, variables)
    finally:
        processes.end(process)


def _port(process: subprocess.Popen[bytes], log_file: Path) -> int:
    def said() -> str:
        if process.poll() is not None:
            raise LocalError(f"The proxy does not start. Its log: {log_file}")
        return log_file.read_text(encoding="utf-8")

    return int(
        patience.wait_until(
            said,
            lambda text: text.endswith("\n") and text.strip().isdecimal(),
            what=f"the proxy says where it listens; its log: {log_file}",
        )
    )


def _redirect(stand: LocalEnvironment, name: str, changes: dict[str, str]) -> dict[str, str]:
    variables = stand.emulator.aws.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    _set(stand, name, {**variables, **changes})
    return dict(variables)


def _set(stand: LocalEnvironment, name: str, variables: dict[str, str]) -> None:
    stand.emulator.aws.functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
