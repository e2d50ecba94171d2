"""The ministack process: AWS on loopback, for as long as the local environment runs.

It gets its own environment variables, because the functions inherit all of them, and its own folders, because it leaves
the unpacked code of every function behind.
"""

import copy
import datetime
import os
import shutil
import socket
import sys
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from local import patience, processes
from local.certificate import write_certificate
from local.clients import REGION, Clients
from local.errors import LocalError

if TYPE_CHECKING:
    import subprocess

HOST = "127.0.0.1"
CODE_LINK = "folder"
"""The file in a function's zip that names the folder to run it from: so 30 MB are not packed and unpacked."""

_ATTEMPTS_AT_A_FREE_PORT = 5
_PROCESS = Path(__file__).with_name("ministack_process.py")


class Emulator:
    """ministack on a port of loopback: a context manager that starts it, and ends it with all its workers.

    Parameters
    ----------
    directory : Path
        For everything it writes; emptied at the start and at the end, except for the log.
    port : int
        0 picks a free one.
    enforce_iam : bool
        Refuse what the roles' policies do not allow. The emulator then speaks HTTPS, because the queues' policies
        refuse plain HTTP.
    timeouts_times : float
        Multiplies the functions' time-outs: on a busy machine AWS's own would fail.
    """

    def __init__(self, *, directory: Path, port: int, enforce_iam: bool = False, timeouts_times: float = 1.0) -> None:
        self.log_file = directory.with_suffix(".log")
        self.port = port
        self._directory = directory.resolve()  # the emulator works in it, so a relative path would change its meaning
        self._enforce_iam = enforce_iam
        self._timeouts_times = timeouts_times
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint_url(self) -> str:
        """Where the emulated AWS answers."""
        return f"{'https' if self._enforce_iam else 'http'}://{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process, while it runs; the functions' workers are its children."""
        return self._process.pid if self._process else None

    @property
    def certificate_file(self) -> Path | None:
        """What clients must trust, if the emulator speaks HTTPS."""
        return self._directory / "certificate.pem" if self._enforce_iam else None

    @cached_property
    def aws(self) -> Clients:
        """Clients of the emulator, once it runs."""
        return Clients(endpoint_url=self.endpoint_url, certificate_file=self.certificate_file)

    def in_region(self, region: str) -> Self:
        """Give the same emulator with clients of another region: what is in one region, the other does not have."""
        other = copy.copy(self)
        other.aws = Clients(endpoint_url=self.endpoint_url, certificate_file=self.certificate_file, region=region)
        return other

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def move_clock(self, *, seconds_ahead: float) -> None:
        """Set the clock of queues and functions ahead of the machine's, or behind it; 0 is the machine's."""
        self._set_clock(seconds_ahead, pace=1)

    def stop_clock(self, *, at: datetime.datetime) -> None:
        """Stop the clock of queues and functions at that time, until it is moved again."""
        self._set_clock(at.timestamp(), pace=0)

    def check(self) -> None:
        """Check that the emulator still runs.

        Raises
        ------
        LocalError
            It has ended; the text has the end of its log.
        """
        if self._process is None or self._process.poll() is not None:
            log = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
            raise LocalError(
                "\n".join([f"The emulator (ministack) has ended. The end of its log, {self.log_file}:", *log[-15:]])
            )

    def _start(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)
        (self._directory / "temporary").mkdir(parents=True)
        if self.certificate_file:
            write_certificate(self.certificate_file)
        if self.port:
            require_free(self.port)
            self._launch()
            return
        for attempt in range(_ATTEMPTS_AT_A_FREE_PORT):
            self.port = _find_free_port()
            try:
                self._launch()
            except LocalError:  # another program may have taken the port in between
                if attempt == _ATTEMPTS_AT_A_FREE_PORT - 1:
                    raise
            else:
                return

    def _launch(self) -> None:
        self._process = processes.start(
            [sys.executable, "-P", str(_PROCESS)],
            environment=self._environment(),
            directory=self._directory,
            log_file=self.log_file,
        )
        patience.wait_until(self._answers, what=f"the emulator (ministack) answers; its log: {self.log_file}")

    def _stop(self) -> None:
        with processes.uninterrupted():
            if self._process is not None:
                processes.end(self._process)
            shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def _clock_file(self) -> Path:
        return self._directory / "clock"

    def _set_clock(self, begin: float, *, pace: int) -> None:
        unfinished = self._clock_file.with_suffix(".new")
        unfinished.write_text(f"{begin} {pace}", encoding="ascii")
        unfinished.replace(self._clock_file)

    def _answers(self) -> bool:
        self.check()
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def _environment(self) -> dict[str, str]:
        home = str(self._directory)
        environment = {
            "PATH": os.defpath,
            "HOME": home,  # otherwise the functions would read the user's ~/.aws
            "TMPDIR": f"{home}/temporary",
            "STATE_DIR": f"{home}/state",
            "S3_DATA_DIR": f"{home}/s3",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": f"unix://{home}/no-docker",  # otherwise it removes containers of the user's Docker
            "AWS_EC2_METADATA_DISABLED": "true",
            "LOCAL_CODE_LINK": CODE_LINK,
            "LOCAL_CLOCK": str(self._clock_file),
            "LOCAL_TIMEOUTS_TIMES": str(self._timeouts_times),
        }
        if self._enforce_iam:
            # The functions have to trust it too.
            names = ("MINISTACK_SSL_CERT", "MINISTACK_SSL_KEY", "AWS_CA_BUNDLE")
            environment |= {"AUTH": "true", "USE_SSL": "1"} | dict.fromkeys(names, f"{home}/certificate.pem")
        return environment


def require_free(port: int) -> None:
    """Check that no other program listens on a port of loopback.

    Raises
    ------
    LocalError
        Another program does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise LocalError(
                f"Port {port} of {HOST} is in use by another program. "
                f"End that, or choose another port with --port (0 picks a free one)."
            ) from None


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
