"""What a check has seen."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended; only `FAILED` means that the stack does not do its work."""

    OK = "ok"
    WARNING = "warning"  # it works, and a person should look
    FAILED = "failed"
    NOT_ALLOWED = "not allowed to look"
    NOT_CHECKED = "not checked"  # it cannot be seen from here, or in the local environment


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a verification; it holds no value of a payload and no secret."""

    check: str  # what was checked
    verdict: Verdict
    seen: str
    to_do: str = ""  # empty if there is nothing to do


def ok(check: str, seen: str) -> Finding:
    """Say that it is as it must be."""
    return Finding(check, Verdict.OK, seen)


def warning(check: str, seen: str, to_do: str) -> Finding:
    """Say that it works, and that a person should look."""
    return Finding(check, Verdict.WARNING, seen, to_do)


def failed(check: str, seen: str, to_do: str) -> Finding:
    """Say that the stack does not do its work."""
    return Finding(check, Verdict.FAILED, seen, to_do)


def not_allowed(check: str, seen: str, to_do: str) -> Finding:
    """Say that AWS, or the URL, does not let this person look."""
    return Finding(check, Verdict.NOT_ALLOWED, seen, to_do)


def not_checked(check: str, why: str, to_do: str = "") -> Finding:
    """Say that it cannot be seen from here."""
    return Finding(check, Verdict.NOT_CHECKED, why, to_do)
