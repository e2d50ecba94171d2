"""The simulator standalone, to test another receiver: `python -m local vectorcare`."""

import sys
import threading
from pathlib import Path

import click

from cli.terminal.command import say
from local import processes
from local.connection import CLIENT_ID, CLIENT_SECRET
from local.errors import LocalError
from local.organization import keep_private_key
from simulator.admin_api import AdminApi
from simulator.api_rules import API_PATH, TOKEN_PATH
from simulator.delivery import MOST_WEBHOOKS
from simulator.server import serving
from simulator.simulator import Simulator

DIRECTORY = Path(".local/vectorcare")
DEFAULT_PORT = 8424


@click.command()
@click.option(
    "--webhook-url",
    "webhook_urls",
    multiple=True,
    metavar="URL",
    help=f"Where webhooks are sent; up to {MOST_WEBHOOKS}. https://, or http:// on this machine.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Where it listens on 127.0.0.1; 0 picks a free port.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0.001, 1e6),
    default=1.0,
    show_default=True,
    help="How many times as fast as real time retries and expiry come.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Decides on the sample data and on disorder.")
def vectorcare(*, webhook_urls: tuple[str, ...], port: int, speed: float, seed: int) -> None:
    """Run a VectorCare to test against: its Open API 2.0, a marketplace, and signed webhooks.

    \b
    Example:
      python -m local vectorcare --webhook-url http://127.0.0.1:8080/webhook
      curl -X POST http://127.0.0.1:8424/requester/broadcast

    Nobody in its data exists. docs/simulator.md lists what it can do. Ctrl-C ends it.
    """
    try:
        with processes.interruptible():
            _run(webhook_urls, port=port, speed=speed, seed=seed)
    except LocalError as error:
        say(f"Error: {error}", err=True)
        sys.exit(1)


def _run(webhook_urls: tuple[str, ...], *, port: int, speed: float, seed: int) -> None:
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    simulator = Simulator(private_key=keep_private_key(DIRECTORY / "private_key.pem"), seed=seed, speed=speed)
    simulator.api.rules.clients[CLIENT_ID] = CLIENT_SECRET
    simulator.public_key_file = DIRECTORY / "public_key.pem"
    simulator.write_public_key()
    try:
        simulator.delivery.register(webhook_urls)
    except ValueError as error:
        raise LocalError(str(error)) from None
    try:
        with simulator.running(), serving(AdminApi(simulator), port=port) as url:
            _explain(simulator, url)
            threading.Event().wait()
    except OSError as error:
        raise LocalError(
            f"Port {port} of 127.0.0.1 cannot be opened ({error.strerror}). Choose another: --port."
        ) from None
    except KeyboardInterrupt:
        _account(simulator)


def _explain(simulator: Simulator, url: str) -> None:
    facts = {
        "webhooks go to": ", ".join(simulator.delivery.urls) or "nowhere yet: --webhook-url, or PUT /settings",
        "public key": f"{(DIRECTORY / 'public_key.pem').resolve()} verifies X-VectorCare-Signature",
        "API": f"{url}{API_PATH}",
        "token URL": f"{url}{TOKEN_PATH}",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "broadcast": f"curl -X POST {url}/requester/broadcast",
        "requests": f"curl {url}/requester/requests",
        "calls made": f"curl {url}/webhooks/history",
        "settings": f"curl {url}/settings",
    }
    for name, text in facts.items():
        say(f"  {name:<15} {text}")
    say("docs/simulator.md has the rest. Ctrl-C ends it.")


def _account(simulator: Simulator) -> None:
    counts = simulator.delivery.history(0)["counts"]
    say(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))
    for webhook in simulator.unfinished():
        say(f"Not delivered: {webhook}")
