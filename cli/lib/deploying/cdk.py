"""The CDK command line: it runs without a terminal, all that it says goes to a log, and progress is read from it."""

import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cli.lib.errors import BridgeError

ROOT = Path(__file__).resolve().parents[3]
CDK = ROOT / "cdk"

# Such as: Stack | 12/135 | 10:11:12 AM | CREATE_COMPLETE | AWS::SQS::Queue | Inbound/Queue (InboundQueue1234) reason
_EVENT = re.compile(
    r"\|\s*(?:(\d+)/(\d+))?\s*\|[^|]*\|\s*([A-Z_]+)\s*\|\s*(AWS::[\w:]+|Custom::[\w@-]+)\s*\|\s*(\S+(?: \(\w+\))?)"
)
_TICK = 1.0  # seconds between two looks at what is silent
_RUNNING: set["subprocess.Popen[str]"] = set()
_LAST_WORDS = 12  # lines of CDK's that an error repeats


@dataclass(frozen=True)
class Progress:
    """How far CloudFormation is: `done` of `total` steps, the newest one last. Without a total it is not known."""

    text: str
    done: int = 0
    total: int = 0


Watch = Callable[[Progress], None]


@dataclass(frozen=True)
class Cdk:
    """The CDK command line, for one profile and region.

    Attributes
    ----------
    profile, region : str | None
        None is what the environment variables say.
    log_file : Path
        Everything it says is added here.
    """

    profile: str | None
    region: str | None
    log_file: Path

    def synthesize(self, directory: Path, *, context: Mapping[str, str], watch: Watch) -> None:
        """Write the stacks to `directory`.

        Raises
        ------
        BridgeError
            There is a mistake in a file or in the code; the text repeats what the synthesis said.
        """
        given = [part for key, value in context.items() for part in ("--context", f"{key}={value}")]
        lines = self._run("synth", "--quiet", "--output", str(directory), *given, watch=watch)
        if lines is not None:
            raise BridgeError(
                "The synthesis failed, so nothing was deployed:\n"
                + "\n".join(f"  {line}" for line in _own_words(lines)[-_LAST_WORDS:])
                + f"\nAll of it: {self.log_file}"
            )

    def deploy(self, directory: Path, stack: str, *arguments: str, watch: Watch) -> list[str] | None:
        """Run `cdk deploy` for a stack of an assembly; None, or what it said if it failed."""
        return self._run(
            *("deploy", "--app", str(directory), stack, "--exclusively"),
            *("--require-approval", "never", "--progress", "events"),
            *arguments,
            watch=watch,
        )

    def _run(self, *arguments: str, watch: Watch) -> list[str] | None:
        # `--ci` puts all on standard output, so that nothing changes its order.
        command = [str(CDK), *arguments, "--ci", "--no-color", "--no-notices"]
        command += ["--profile", self.profile] if self.profile else []
        lines: list[str] = []
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("a", encoding="utf-8") as log, _running(command, self._environment()) as process:
            for line in _lines_of(process):
                if line is None:
                    watch(Progress(""))
                    continue
                lines.append(line)
                log.write(f"{line}\n")
                found = _EVENT.search(line)
                if found:
                    watch(Progress(f"{found[3]} {found[5]}", int(found[1] or 0), int(found[2] or 0)))
            code = process.wait()
        return lines if code else None

    def _environment(self) -> dict[str, str]:
        # The account is that of the profile, whatever keys the shell has; CDK does as boto3 does if there is none.
        return {**os.environ, **({"AWS_REGION": self.region} if self.region else {})}


def last_words(lines: Sequence[str]) -> list[str]:
    """Find what CDK said at last, without its notes."""
    return _own_words(lines)[-_LAST_WORDS:]


def _own_words(lines: Sequence[str]) -> list[str]:
    """Leave out what says nothing about a failure."""
    noise = re.compile(r"^\s*$|feature flags are not configured|^\s*at |Subprocess exited with|: (start|success): ")
    return [line.rstrip() for line in lines if not noise.search(line)]


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    try:
        # Its own session: Ctrl-C ends this program first, which then says what goes on in AWS.
        process = subprocess.Popen(  # noqa: S603 no shell
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise BridgeError(f"{CDK} cannot be run ({error.strerror}). make deploy installs what it needs.") from None
    _RUNNING.add(process)
    try:
        yield process
    finally:
        _leave(process)
        _RUNNING.discard(process)
        process.wait()


def leave_all() -> None:
    """End every CDK command line; what CloudFormation has begun goes on."""
    for process in [*_RUNNING]:
        _leave(process)


def _leave(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


def _lines_of(process: "subprocess.Popen[str]") -> Iterator[str | None]:
    """Give each line, and None whenever there was none for a second."""
    lines: queue.Queue[str | None] = queue.Queue()
    output = process.stdout
    assert output is not None  # noqa: S101 it is a pipe

    def read() -> None:
        for line in output:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=_TICK)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield line
