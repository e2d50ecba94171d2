"""Numbers and names of the rules that stand outside of functions, where the engine changes nothing, each made wrong."""

from dataclasses import dataclass

from simulation.world.loader import Flaw


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

WRONG_CONSTANTS = (
    _wrong(_SIGNATURE, "hashes import SHA256", "hashes import SHA512 as SHA256", "signature"),
    _wrong(_ENVELOPE, "FUTURE_TOLERANCE_MINUTES = 15", "FUTURE_TOLERANCE_MINUTES = 16", "envelope"),
    _wrong(_ENVELOPE, "_DIGEST_SUFFIX_BYTES = 65", "_DIGEST_SUFFIX_BYTES = 64", "envelope"),
    _wrong(_ENVELOPE, "_MAX_ATTRIBUTE_BYTES = 1024", "_MAX_ATTRIBUTE_BYTES = 1025", "envelope"),
    _wrong(_ENVELOPE, "storable.MAX_ITEM_BYTES - 8 * 1024", "storable.MAX_ITEM_BYTES", "envelope"),
    _wrong(_FOLD, "CLOCK_SKEW_MINUTES = 15", "CLOCK_SKEW_MINUTES = 14", "fold"),
    _wrong(_FOLD, 'frozenset({"COMPLETED", "UNAVAILABLE"})', 'frozenset({"COMPLETED"})', "fold"),
    _wrong(_INSTANT, ")60(", ")6[01](", "instant"),
    _wrong(_FAILURE, "MAX_RECEIVES = 30", "MAX_RECEIVES = 29", "process"),
    _wrong(_FAILURE, "LONGEST_BACKOFF_SECONDS = 900", "LONGEST_BACKOFF_SECONDS = 901", "failure"),
    _wrong(_MESSAGE, r"\ue000-\ufffd", r"\ue000-\uffff", "message"),
    _wrong(_STORABLE, "MAX_PARTITION_KEY_BYTES = 2048", "MAX_PARTITION_KEY_BYTES = 2047", "envelope"),
    _wrong(_STORABLE, "MAX_NAME_BYTES = 64 * 1024 - 1", "MAX_NAME_BYTES = 64 * 1024", "storable"),
    _wrong(_STORABLE, "MAX_DEPTH = 32", "MAX_DEPTH = 33", "storable"),
    _wrong(_STORABLE, "= -130, 125", "= -130, 126", "storable"),
    _wrong("redrive.redrive", "RESERVE_SECONDS = 60", "RESERVE_SECONDS = 0", "redrive_run"),
)
