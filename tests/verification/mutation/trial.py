"""Unit tests on functions with one wrong constant, each time in a process of its own."""

import multiprocessing
import os
import sys
from collections.abc import Sequence

import pytest

from tests.verification.mutation.constants import WRONG_CONSTANTS
from verification.simulation.world.loader import Finder, compiled

# What takes most of the time to import, and is none of the functions: imported once, and forked from then on.
_PRELOADED = ["boto3", "cryptography.hazmat.primitives.asymmetric.rsa", "hypothesis", "moto.sqs.models", "pytest"]

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(_PRELOADED)


def run(tests: Sequence[str], wrong: int | None = None) -> int:
    """Run test files, with the constant of that number made wrong; answer pytest's exit code."""
    process = _forks.Process(target=_run, args=(tests, wrong))
    process.start()
    process.join()
    return process.exitcode if process.exitcode is not None else -1


def _run(tests: Sequence[str], wrong: int | None) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.environ.pop("PYTEST_ADDOPTS", None)  # it is for the run that this is a part of
    if wrong is not None:
        flaw, _noticed_by = WRONG_CONSTANTS[wrong]
        sys.meta_path.insert(0, Finder({flaw.module: compiled(flaw.module, (flaw,))}, {flaw.module: [flaw]}))
    # Nothing here asks for schemathesis, and its plugin takes longer to import than most of these tests to run.
    sys.exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:schemathesis", *tests]))
