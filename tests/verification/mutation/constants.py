"""Numbers and names of the rules outside of functions, where the engine changes nothing, each made wrong."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA512

from verification.simulation.flaw import Flaw

_WEBHOOKS, _COMMANDS = "vectorcare_bridge.webhooks", "vectorcare_bridge.commands"
_ENVELOPE, _FAILURE, _FOLD = f"{_WEBHOOKS}.envelope", f"{_WEBHOOKS}.failure", f"{_WEBHOOKS}.fold"
_LIMITS, _COMMAND, _FIELDS = f"{_WEBHOOKS}.dynamodb_limits", f"{_COMMANDS}.command", f"{_COMMANDS}.command_fields"
_DEAD_LETTER = "vectorcare_bridge.dead_letters.dead_letter"
_RESULT, _CIRCUIT, _BACKOFF = "sender.vectorcare.call_result", "sender.circuit_state", "sender.backoff"


def _plus(more: int) -> Callable[[int], int]:
    return lambda number: number + more


def _with(**others: Any) -> Callable[[Any], Any]:
    """Give a mapping other values; its keys are names."""
    return lambda mapping: mapping | others


def _without(value: object) -> Callable[[frozenset[Any]], frozenset[Any]]:
    return lambda values: values - {value}


def _pattern(right: str, wrong: str) -> Callable[[re.Pattern[str]], re.Pattern[str]]:
    def change(pattern: re.Pattern[str]) -> re.Pattern[str]:
        if right not in pattern.pattern:
            raise LookupError(f"there is no {right} in {pattern.pattern} any more")
        return re.compile(pattern.pattern.replace(right, wrong), pattern.flags)

    return change


# Of each the flaw, and the file of unit tests that has to notice.
WRONG_CONSTANTS: tuple[tuple[Flaw, str], ...] = (
    (Flaw(f"{_WEBHOOKS}.signature", "_ALGORITHM", lambda _hash: SHA512()), "webhooks/test_signature"),
    (Flaw(_ENVELOPE, "FUTURE_TOLERANCE_MINUTES", _plus(1)), "webhooks/test_envelope"),
    (Flaw(_ENVELOPE, "_DIGEST_SUFFIX_BYTES", _plus(-1)), "webhooks/test_envelope"),
    (Flaw(_ENVELOPE, "_MAX_ATTRIBUTE_BYTES", _plus(1)), "webhooks/test_envelope"),
    (Flaw(_ENVELOPE, "_MAX_DATA_BYTES", _plus(8 * 1024)), "webhooks/test_envelope"),
    (Flaw(_FOLD, "CLOCK_SKEW_MINUTES", _plus(-1)), "webhooks/test_fold"),
    (Flaw(f"{_WEBHOOKS}.vocabulary", "CLOSED_STATUSES", lambda statuses: statuses[:1]), "webhooks/test_fold"),
    (
        Flaw("vectorcare_bridge.utc_timestamp", "_TIME", _pattern("[0-5][0-9]|60", "[0-5][0-9]|6[01]")),
        "webhooks/test_utc_timestamp",
    ),
    (Flaw(_FAILURE, "MAX_RECEIVES", _plus(-1)), "processor/test_process"),
    (Flaw(_FAILURE, "LONGEST_BACKOFF_SECONDS", _plus(1)), "webhooks/test_failure"),
    (Flaw(f"{_WEBHOOKS}.message", "_REFUSED_BY_SQS", _pattern("\ufffd", "\uffff")), "webhooks/test_message"),
    (Flaw(_LIMITS, "MAX_PARTITION_KEY_BYTES", _plus(-1)), "webhooks/test_envelope"),
    (Flaw(_LIMITS, "MAX_NAME_BYTES", _plus(1)), "webhooks/test_dynamodb_limits"),
    (Flaw(_LIMITS, "MAX_DEPTH", _plus(1)), "webhooks/test_dynamodb_limits"),
    (Flaw(_LIMITS, "LARGEST_EXPONENT", _plus(1)), "webhooks/test_dynamodb_limits"),
    (Flaw("redrive.redrive", "RESERVE_SECONDS", _plus(-60)), "redrive/test_redrive_run"),
    (Flaw("redrive.redrive", "_IN_HAND_SECONDS", _plus(-30)), "redrive/test_redrive_run"),
    (Flaw(_DEAD_LETTER, "REASONS", _with(outbound=("not_json",))), "dead_letters/test_dead_letter"),
    (Flaw(_DEAD_LETTER, "REASONS", _with(unpublished=("not_taken",))), "dead_letters/test_dead_letter"),
    (Flaw(f"{_COMMANDS}.redriven_command", "_SENT_AT", lambda _name: "sent_at"), "commands/test_redriven_command"),
    (Flaw(_FIELDS, "MAX_STATE_AGE_DAYS", _plus(-1)), "commands/test_commands"),
    (Flaw(_FIELDS, "CLOCK_TOLERANCE_SECONDS", _plus(-1)), "commands/test_commands"),
    (Flaw(_COMMAND, "ID", _pattern("{1,100}", "{1,101}")), "commands/test_commands"),
    (Flaw(_COMMAND, "_COMMAND_ID", _pattern("{1,128}", "{1,127}")), "commands/test_commands"),
    (Flaw("sender.received_command", "MAX_AGE_SECONDS", _with(location_update=1800)), "sender/test_received_command"),
    (Flaw("sender.attempt", "REPEATABLE", _without("decline")), "sender/test_attempt"),
    (Flaw("sender.attempt", "REPEATABLE", lambda kinds: kinds | {"best_time"}), "sender/test_attempt"),
    (Flaw(_FIELDS, "MAX_TEXT_LENGTH", _plus(1)), "commands/test_commands"),
    (Flaw(_FIELDS, "MAX_LOCATIONS", _plus(1)), "commands/test_commands"),
    (Flaw(_FIELDS, "_LOCATION_BOUNDS", _with(timestamp=(0, 4_102_444_801))), "commands/test_commands"),
    (Flaw(_RESULT, "_NO_WORD_ON_THE_COMMAND", _without(449)), "sender/test_call_result"),
    (Flaw(_RESULT, "_DOCUMENTED_SUCCESS", _with(change_request=HTTPStatus.CREATED)), "sender/test_call_result"),
    (Flaw(_RESULT, "_CODE", _pattern("{1,40}", "{1,41}")), "sender/test_call_result"),
    (Flaw(_RESULT, "_SERVICE_REQUEST_ID", _pattern("{4,20}", "{3,20}")), "sender/test_call_result"),
    (Flaw(_CIRCUIT, "FAILURES_TO_OPEN", _plus(1)), "sender/test_circuit_breaker"),
    (Flaw(_CIRCUIT, "OPEN_SECONDS", _plus(1)), "sender/test_circuit_breaker"),
    (Flaw(_CIRCUIT, "PROBE_SECONDS", _plus(-1)), "sender/test_circuit_breaker"),
    (Flaw(_BACKOFF, "FIRST_SECONDS", _plus(1)), "sender/test_backoff"),
    (Flaw(_BACKOFF, "LONGEST_SECONDS", _plus(1)), "sender/test_backoff"),
    (Flaw(_BACKOFF, "LONGEST_RETRY_AFTER_SECONDS", _plus(1)), "sender/test_backoff"),
    (Flaw("sender.attempt", "LONGEST_CALL_SECONDS", _plus(-1)), "sender/test_attempt"),
    (Flaw("sender.circuit_breaker", "_ATTEMPTS", _plus(-1)), "sender/test_circuit_breaker"),
)
