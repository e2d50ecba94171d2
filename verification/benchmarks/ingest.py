"""Ingest's cold start with and without the artifact's bytecode, and what the deadline's thread costs.

Run it with `make benchmark`; it takes about a minute.
"""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from stacks.functions import packaging
from tests.support import signing
from vectorcare_bridge.webhooks import signature

ARCHITECTURE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
ENVIRONMENT = {
    "ORGANIZATION": "benchmark",
    "QUEUE_URL": "https://queue.invalid",
    "SPOOL_BUCKET": "spool",
    "CUSTOMER_ID": "benchmark",
    "FORMER_CUSTOMER_IDS": "",
    "DOMAIN_NAME": "",
    "POWERTOOLS_METRICS_NAMESPACE": "VectorCareBridge",
    "POWERTOOLS_SERVICE_NAME": "ingest",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    # As Lambda's file system, which cannot be written to.
    "PYTHONDONTWRITEBYTECODE": "1",
}
STARTS = 9
CALLS = 3000


def cold_start(folder: Path, statement: str) -> float:
    """Median seconds of a process that imports from `folder`."""
    environment = ENVIRONMENT | {"PYTHONPATH": str(folder), "PUBLIC_KEYS": signing.encoded_public_key()}
    seconds = []
    for _ in range(STARTS):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-S", "-c", statement], env=environment, check=True)  # noqa: S603 our own code
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def each(call: Callable[[], object]) -> float:
    """Mean seconds of a call."""
    begun = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - begun) / CALLS


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        compiled, plain = Path(temporary, "compiled"), Path(temporary, "plain")
        compiled.mkdir()
        packaging.build(compiled, architecture=ARCHITECTURE)
        shutil.copytree(compiled, plain, ignore=shutil.ignore_patterns("__pycache__"))
        bare = cold_start(compiled, "pass")
        with_bytecode = cold_start(compiled, "import ingest.handler")
        without = cold_start(plain, "import ingest.handler")
    keys = signature.load_keys(signing.encoded_public_key())
    body = os.urandom(3000)
    header = signing.sign(body)
    verify = each(lambda: signature.verify(body, header, keys))
    with ThreadPoolExecutor(16) as executor:
        thread = each(lambda: executor.submit(int).result(timeout=5))
    click.echo(f"cold start of ingest   {with_bytecode / bare:5.1f} times bare Python's")
    click.echo(f"the same, no bytecode  {without / with_bytecode:5.1f} times as long")
    click.echo(f"signature of 3 KB      {verify * 1e6:5.0f} microseconds here")
    click.echo(f"deadline's thread      {thread / verify:5.1f} times that")


if __name__ == "__main__":
    main()
