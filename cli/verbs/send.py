"""`bridge send`."""

import itertools
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rich.progress import Progress
from rich.table import Table

from cli.lib import send_webhook
from cli.lib.stack import Stack
from cli.options import Options, organizations_option, pass_options
from cli.terminal.output import emit, json_option, plain_table, printable, stderr
from simulator import DeliveryAnswer
from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organization
from vectorcare_bridge.webhooks import envelope
from vectorcare_bridge.webhooks.failure import PermanentError

_STATUS_OF_ACTION = {
    "BROADCAST_RECEIVED": "AVAILABLE",
    "BROADCAST_ACCEPTED": "ASSIGNED",
    "BROADCAST_DECLINED": "UNAVAILABLE",
    "BROADCAST_CANCELED": "UNAVAILABLE",
    "BROADCAST_EXPIRED": "UNAVAILABLE",
    "PROPOSAL_SUBMITTED": "AVAILABLE",
    "PROPOSAL_ACCEPTED": "ASSIGNED",
    "PROPOSAL_DECLINED": "UNAVAILABLE",
    "CHANGE_REQUEST_ACCEPTED": "ASSIGNED",
    "CHANGE_REQUEST_DECLINED": "ASSIGNED",
    "REQUEST_DATA_UPDATED": "ASSIGNED",
}
"""The usual status of each action (VectorCare Open API 2.0, "Webhooks > Overview")."""


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--action", type=click.Choice(list(_STATUS_OF_ACTION)), help="Send a sample of this action.")
@click.option(
    "--key",
    "key_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file of the private key to sign with. The local environment has its own.",
)
@click.option("--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many.")
@organizations_option
@json_option
@pass_options
def send(
    options: Options,
    file: Path | None,
    *,
    action: str | None,
    key_file: Path | None,
    count: int,
    organizations: Path,
    as_json: bool,
) -> None:
    """Sign and send test webhooks, locally or to a UAT stack.

    \b
    bridge send --local                                    a sample, BROADCAST_RECEIVED
    bridge send --local --action BROADCAST_CANCELED
    bridge send webhook.json --key uat.pem --organization acme --count 2

    FILE is sent byte for byte each time, so the second one is a duplicate. Each sample is of a new service request
    with invented data.

    It never sends to production: a stack on AWS must have environment = "uat" in its organization file, and the
    public half of the key in public_keys.

    Exit code 1 if an answer is not 200.
    """
    if file and action:
        raise click.UsageError("Give a FILE or --action, not both.")
    stack = options.stack()
    key = send_webhook.read_key(_key_file(stack, key_file))
    if not stack.is_local:
        _require_uat(stack.organization, key, organizations)
    action = action or "BROADCAST_RECEIVED"
    bodies = (
        itertools.repeat(file.read_bytes(), count)
        if file
        else send_webhook.samples(action, _STATUS_OF_ACTION[action], count)
    )
    results: list[dict[str, Any]] = []
    try:
        with Progress(console=stderr(), transient=True) as progress:
            delivered = send_webhook.deliver(bodies, stack=stack, key=key)
            for body, answer in progress.track(delivered, total=count, description="Sending"):
                results.append(_summary(body, answer))
    finally:  # what was sent is reported, even if the next one fails
        if results:
            emit(results, as_json=as_json, table=lambda: _table(results))
    if any(result["status"] != HTTPStatus.OK for result in results):
        sys.exit(1)


def _key_file(stack: Stack, given: Path | None) -> Path:
    if given:
        return given
    own = stack.local_environment["private_key_file"] if stack.local_environment else None
    if not own:
        raise click.UsageError("Give the private key to sign with: --key FILE.")
    return Path(own)


def _require_uat(organization: str, key: RSAPrivateKey, organizations: Path) -> None:
    path = organizations / f"{organization}.toml"
    try:
        file = load_organization(path)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    if file.environment != "uat":
        raise click.ClickException(f'{path} says environment = "{file.environment}". bridge send works only with UAT.')
    if key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) not in file.public_keys:
        raise click.ClickException(
            f"The public half of the key is not in public_keys of {path}, so the webhooks would be refused. Make a key "
            f"(openssl genrsa -out uat.pem 2048), add its public half (openssl rsa -in uat.pem -pubout), and deploy."
        )


def _summary(body: bytes, answered: DeliveryAnswer) -> dict[str, Any]:
    answer = {"status": answered.status, "answer": answered.text, "seconds": round(answered.seconds, 3)}
    try:
        event = envelope.read(body)
    except PermanentError as error:
        return {"service_request_id": None, "event_id": None, "unreadable": error.reason, **answer}
    return {"service_request_id": event.service_request_id, "event_id": event.event_id, **answer}


def _table(results: list[dict[str, Any]]) -> Table:
    table = plain_table("service request", "event", "status", "answer")
    for result in results:
        name = result["service_request_id"] or f"unreadable: {result['unreadable']}"
        table.add_row(
            printable(name), printable(result["event_id"] or ""), str(result["status"]), printable(result["answer"])
        )
    return table
