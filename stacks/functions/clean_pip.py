"""Run pip with the user's settings of where packages come from, and without those of what is installed where.

Workspaces set PIP_USER or PIP_TARGET, and companies have a pip.conf. Without its index or proxy pip may not work at
all; what is installed, and where, is for this project to decide. The Makefile runs this file as a program,
``python -I stacks/functions/clean_pip.py install …``, so it imports only the standard library.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping

# How packages are found and fetched (pip documentation, "pip install", "Package index options" and "General options").
_KEPT = (
    "cache-dir",
    "cert",
    "client-cert",
    "default-timeout",
    "extra-index-url",
    "find-links",
    "index-url",
    "keyring-provider",
    "no-cache-dir",
    "no-index",
    "proxy",
    "pypi-url",
    "resume-retries",
    "retries",
    "timeout",
    "trusted-host",
    "use-deprecated",
    "use-feature",
)
# pip's own order: later settings win.
_SECTIONS = ("global.", "install.", ":env:.")
# A file's settings for all commands also apply to `pip config`, and the first four would make it read less.
_OF_CONFIG = {
    "PIP_USER": "0",
    "PIP_GLOBAL": "0",
    "PIP_SITE": "0",
    "PIP_ISOLATED": "0",
    "PIP_LOG": os.devnull,
    "PIP_PYTHON": sys.executable,
}


class PipError(Exception):
    """pip cannot read its settings; the text is pip's."""


def command(*arguments: str) -> list[str]:
    """Return a command line of this Python's pip, without PYTHONPATH, PYTHONHOME and the user's own packages."""
    return [sys.executable, "-I", "-m", "pip", *arguments]


def environment() -> dict[str, str]:
    """Return the environment for pip: the process's own, with no settings of pip but those that are kept.

    Raises
    ------
    PipError
        pip cannot read its settings.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    neutral = {name: value for name, value in own.items() if not name.startswith("PIP_")}
    return neutral | _kept(own) | {"PIP_CONFIG_FILE": os.devnull}


def _kept(own: Mapping[str, str]) -> dict[str, str]:
    listed = subprocess.run(  # noqa: S603 nothing in it comes from outside
        command("config", "list", "--disable-pip-version-check"),
        env={**_without_settings(own), **_OF_CONFIG},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if listed.returncode:
        raise PipError((listed.stderr.strip() or f"exit status {listed.returncode}").splitlines()[-1])
    found = dict(line.split("=", 1) for line in listed.stdout.splitlines() if "=" in line)
    return {
        f"PIP_{key.upper().replace('-', '_')}": str(ast.literal_eval(found[section + key]))
        for section in _SECTIONS
        for key in _KEPT
        if section + key in found
    }


def _without_settings(own: Mapping[str, str]) -> dict[str, str]:
    """Remove variables that would stop even `pip config list`, such as PIP_REQUIRE_VIRTUALENV or PIP_LOG."""
    kept = {"PIP_CONFIG_FILE", *(f"PIP_{key.upper().replace('-', '_')}" for key in _KEPT)}
    return {name: value for name, value in own.items() if name in kept or not name.startswith("PIP_")}


if __name__ == "__main__":
    try:
        os.execve(sys.executable, command(*sys.argv[1:]), environment())  # noqa: S606 no shell is wanted
    except PipError as error:
        sys.exit(str(error))
