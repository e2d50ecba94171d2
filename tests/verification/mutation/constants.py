"""Numbers and names of the rules that stand outside of functions, where the engine changes nothing, each made wrong."""

from dataclasses import dataclass

from verification.simulation.world.loader import Flaw


@dataclass(frozen=True)
class WrongConstant:
    """A constant made wrong, and the file of unit tests that has to notice."""

    flaw: Flaw
    noticed_by: str

    @property
    def name(self) -> str:
        """What it says now."""
        return f"{self.flaw.module}: {self.flaw.replacements[0][1]}"


def _wrong(module: str, right: str, wrong: str, noticed_by: str) -> WrongConstant:
    return WrongConstant(Flaw(module, ((right, wrong),)), f"tests/unit/test_{noticed_by}.py")


_ENVELOPE, _FAILURE, _FOLD, _INSTANT, _MESSAGE, _SIGNATURE, _STORABLE = (
    f"vectorcare_bridge.{name}"
    for name in ("envelope", "failure", "fold", "instant", "message", "signature", "storable")
)
_ANSWER, _CIRCUIT, _COMMAND, _FIELDS, _LETTER, _REDRIVEN, _RETRY = (
    f"vectorcare_bridge.{name}"
    for name in (
        "vectorcare_answer",
        "circuit",
        "command",
        "command_fields",
        "dead_letter",
        "redriven_command",
        "retry",
    )
)

WRONG_CONSTANTS = (
    _wrong(_SIGNATURE, "hashes import SHA256", "hashes import SHA512 as SHA256", "signature"),
    _wrong(_ENVELOPE, "FUTURE_TOLERANCE_MINUTES = 15", "FUTURE_TOLERANCE_MINUTES = 16", "envelope"),
    _wrong(_ENVELOPE, "_DIGEST_SUFFIX_BYTES = 65", "_DIGEST_SUFFIX_BYTES = 64", "envelope"),
    _wrong(_ENVELOPE, "_MAX_ATTRIBUTE_BYTES = 1024", "_MAX_ATTRIBUTE_BYTES = 1025", "envelope"),
    _wrong(_ENVELOPE, "storable.MAX_ITEM_BYTES - 8 * 1024", "storable.MAX_ITEM_BYTES", "envelope"),
    _wrong(_FOLD, "CLOCK_SKEW_MINUTES = 15", "CLOCK_SKEW_MINUTES = 14", "fold"),
    _wrong(_FOLD, 'frozenset({"COMPLETED", "UNAVAILABLE"})', 'frozenset({"COMPLETED"})', "fold"),
    _wrong(_INSTANT, "[0-5][0-9]|60)", "[0-5][0-9]|6[01])", "instant"),
    _wrong(_FAILURE, "MAX_RECEIVES = 30", "MAX_RECEIVES = 29", "process"),
    _wrong(_FAILURE, "LONGEST_BACKOFF_SECONDS = 900", "LONGEST_BACKOFF_SECONDS = 901", "failure"),
    _wrong(_MESSAGE, r"\ue000-\ufffd", r"\ue000-\uffff", "message"),
    _wrong(_STORABLE, "MAX_PARTITION_KEY_BYTES = 2048", "MAX_PARTITION_KEY_BYTES = 2047", "envelope"),
    _wrong(_STORABLE, "MAX_NAME_BYTES = 64 * 1024 - 1", "MAX_NAME_BYTES = 64 * 1024", "storable"),
    _wrong(_STORABLE, "MAX_DEPTH = 32", "MAX_DEPTH = 33", "storable"),
    _wrong(_STORABLE, "= -130, 125", "= -130, 126", "storable"),
    _wrong("redrive.redrive", "RESERVE_SECONDS = 60", "RESERVE_SECONDS = 0", "redrive_run"),
    _wrong("redrive.redrive", "_IN_HAND_SECONDS = 60", "_IN_HAND_SECONDS = 30", "redrive_run"),
    _wrong(_LETTER, "(*command.Unreadable, Reason.EXHAUSTED)", "tuple(command.Unreadable)", "dead_letter"),
    _wrong(_LETTER, "tuple(unpublished.Reason)", "(unpublished.Reason.NOT_TAKEN,)", "dead_letter"),
    _wrong(_REDRIVEN, '"first_message_id", "first_sent_at"', '"message_id", "sent_at"', "redriven_command"),
    _wrong(_COMMAND, "MAX_STATE_AGE_DAYS = 7", "MAX_STATE_AGE_DAYS = 6", "commands"),
    _wrong(_COMMAND, "CLOCK_TOLERANCE_SECONDS = 60", "CLOCK_TOLERANCE_SECONDS = 59", "commands"),
    _wrong(_COMMAND, "{1,100}", "{1,101}", "commands"),
    _wrong(_COMMAND, "{1,128}", "{1,127}", "commands"),
    _wrong(_COMMAND, "LOCATION_UPDATE: 15 *", "LOCATION_UPDATE: 30 *", "commands"),
    _wrong(_COMMAND, "Kind.ACCEPT, Kind.DECLINE})", "Kind.ACCEPT})", "attempt"),
    _wrong(_COMMAND, "Kind.ACCEPT, Kind.DECLINE})", "Kind.ACCEPT, Kind.DECLINE, Kind.BEST_TIME})", "attempt"),
    _wrong(_FIELDS, "MAX_TEXT_LENGTH = 450", "MAX_TEXT_LENGTH = 451", "commands"),
    _wrong(_FIELDS, "MAX_LOCATIONS = 200", "MAX_LOCATIONS = 201", "commands"),
    _wrong(_FIELDS, "(0, 4_102_444_800)", "(0, 4_102_444_801)", "commands"),
    _wrong(_ANSWER, "449,", "448,", "vectorcare_answer"),
    _wrong(
        _ANSWER, "Kind.CHANGE_REQUEST: HTTPStatus.OK", "Kind.CHANGE_REQUEST: HTTPStatus.CREATED", "vectorcare_answer"
    ),
    _wrong(_ANSWER, "{1,40}:", "{1,41}:", "vectorcare_answer"),
    _wrong(_ANSWER, "[A-Z0-9]{4,20}", "[A-Z0-9]{3,20}", "vectorcare_answer"),
    _wrong(_CIRCUIT, "FAILURES_TO_OPEN = 5", "FAILURES_TO_OPEN = 6", "circuit"),
    _wrong(_CIRCUIT, "OPEN_SECONDS = 30", "OPEN_SECONDS = 31", "circuit"),
    _wrong(_CIRCUIT, "PROBE_SECONDS = 60", "PROBE_SECONDS = 59", "circuit"),
    _wrong(_RETRY, "FIRST_SECONDS = 2", "FIRST_SECONDS = 3", "retry"),
    _wrong(_RETRY, "LONGEST_SECONDS = 900", "LONGEST_SECONDS = 901", "retry"),
    _wrong(_RETRY, "LONGEST_RETRY_AFTER_SECONDS = 300", "LONGEST_RETRY_AFTER_SECONDS = 301", "retry"),
    _wrong("sender.attempt", "LONGEST_CALL_SECONDS = 45", "LONGEST_CALL_SECONDS = 44", "attempt"),
    _wrong("sender.circuit_breaker", "_ATTEMPTS = 3", "_ATTEMPTS = 2", "breaker"),
)
