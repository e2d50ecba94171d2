"""A command to VectorCare, as the dispatch system writes it."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from cli.lib.errors import BridgeError
from vectorcare_bridge.commands import command, command_fields
from vectorcare_bridge.commands.command import Kind, RefusedError, UnreadableError
from vectorcare_bridge.edge import runtime


def make_message(
    kind: str, service_request_id: str | None, fields: Mapping[str, Any], command_id: str | None = None
) -> dict[str, Any]:
    """Make the message, and check it by the sender's own rules. Without an id, it gets a new one.

    Raises
    ------
    BridgeError
        The sender could not read it, or VectorCare would refuse it.
    """
    command_id, now = command_id or str(uuid.uuid4()), runtime.now()
    message = {"command": kind, "command_id": command_id}
    message |= {"service_request_id": service_request_id} if service_request_id else {}
    message |= {"timestamp": now} if kind == Kind.STATE_UPDATE else {}
    message |= fields
    try:
        read = command.read(json.dumps(message), message_id=command_id)
        command_fields.check(read)
        command_fields.check_time(read, now=now)
    except UnreadableError as error:
        raise BridgeError(f"The sender could not read it: {error.reason}.") from None
    except RefusedError as error:
        raise BridgeError(f"VectorCare would refuse it: {error.reason}. See docs/contracts/command.json.") from None
    return message
