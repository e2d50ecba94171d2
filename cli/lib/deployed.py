"""Settings of the deployed functions: a command uses the same rule and the same keys."""

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cli.lib.errors import BridgeError
from cli.lib.organization_file import read_key_file
from cli.lib.stack import Stack
from vectorcare_bridge.webhooks import signature
from vectorcare_bridge.webhooks.fold import OrderBy, Rule


def rule(stack: Stack) -> Rule:
    """Read the processor's rule.

    Raises
    ------
    BridgeError
        AWS does not show the function's environment.
    """
    environment = _environment(stack, "ProcessorFunction")
    return Rule(OrderBy(environment["ORDER_BY"]), int(environment["STATE_RETENTION_DAYS"]))


def journal_retention_days(stack: Stack) -> int:
    """Read how many days the processor has the journal keep an entry.

    Raises
    ------
    BridgeError
        AWS does not show the function's environment.
    """
    return int(_environment(stack, "ProcessorFunction")["JOURNAL_RETENTION_DAYS"])


def keys(stack: Stack) -> tuple[signature.Key, ...]:
    """Read VectorCare's public keys, with which ingest verifies.

    Raises
    ------
    BridgeError
        AWS does not show the function's environment.
    """
    return signature.load_keys(_environment(stack, "IngestFunction")["PUBLIC_KEYS"])


def former_keys(files: Iterable[Path]) -> list[signature.Key]:
    """Read public keys that VectorCare used before, from PEM files.

    Raises
    ------
    BridgeError
        One of them is not such a file.
    """
    return [signature.load_keys(base64.b64encode(read_key_file(file)).decode())[0] for file in files]


def _environment(stack: Stack, output: str) -> dict[str, str]:
    name = stack.outputs[output]
    answer: dict[str, Any] = stack.client("lambda").get_function_configuration(FunctionName=name)
    variables: dict[str, str] | None = answer.get("Environment", {}).get("Variables")
    if not variables:
        raise BridgeError(f"AWS does not show the environment variables of function {name}, which hold its settings.")
    return variables
