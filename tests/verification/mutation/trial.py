"""Unit tests on another copy of the functions, each time in a process of its own."""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

# What takes most of the time to import, and is none of the functions: imported once, and forked from then on.
_PRELOADED = [
    "boto3",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "hypothesis",
    "moto",
    "moto.sqs.models",
    "pytest",
]

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(_PRELOADED)


def run(functions: Path, tests: Sequence[str]) -> int:
    """Run test files on the functions in another folder; answer pytest's exit code."""
    process = _forks.Process(target=_run, args=(functions, tests))
    process.start()
    process.join()
    return process.exitcode if process.exitcode is not None else -1


def _run(functions: Path, tests: Sequence[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.environ.pop("PYTEST_ADDOPTS", None)  # it is for the run that this is a part of
    # Nothing here asks for schemathesis, and its plugin takes longer to import than most of these tests to run.
    options = [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:schemathesis",
        "-o",
        f"pythonpath=. {functions}",
    ]
    sys.exit(pytest.main([*options, *tests]))
