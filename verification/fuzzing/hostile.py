"""Values that have broken readers of JSON, of times and of headers before."""

from typing import Any

from verification.simulation.plan.content import MARKER

# One value a line would be hundreds of lines.
# fmt: off
_CHARACTERS = (
    "", " ", "\x00", "\ufeff", "\uffff", "\ufffe", "\ud800", "\udfff\ud800", "\U0010ffff", "\u2028\u2029",
    "\x7f\x85\x9f", "e\u0301", "\u202e" + MARKER, "I\u0307\u0131\u017f\u212a", "\u0661\u0662",
)
_WORDS = (
    "null", "NaN", "-Infinity", "__proto__", "__class__", "{0.__class__}", "%s%n", "${jndi:ldap://x.invalid}",
    "'; DROP TABLE events; --", "#data = :data", ":one", "unreadable", "a#" + "0" * 64, "../../etc/passwd",
    "\r\nSet-Cookie: a=b", "=1+1",
)
# What a status, an action, and the two ids may hold at most, and one more.
_LENGTHS = (*("x" * length for length in (63, 1024, 1025, 2048, 2049)), "\u00e9" * 512)
STRINGS = (*_CHARACTERS, *_WORDS, *_LENGTHS, MARKER, MARKER * 3)

NUMBERS = (
    "0", "-0", "-0.0", "1.0", "1.50", "100", "00", "01", "+1", ".5", "1.", "0x10", "NaN", "Infinity", "-Infinity",
    "1_000", "9007199254740993", "1e125", "1e126", "9.99e125", "1e-130", "1e-131", "1e999999999", "1e-999999999",
    "1E+9999999999999999999", "0e99999999999999999999", "0.1234567890123456789012345678901234567890",
    "123456789012345678901234567890123456789", "1" + "0" * 125, "1" + "0" * 400,
    *("7" * digits for digits in (38, 39, 400, 4301)),
)

# The clock shows 2026-03-01T12:00:00Z.
TIMES = (
    "2026-03-01T10:00:00.000Z", "2026-03-01T11:59:59Z", "2026-03-01T12:14:59.999999Z", "2026-03-01T12:15:00.5Z",
    "2026-03-02T00:00:00Z", "2026-01-30T12:15:00Z", "2020-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:60-12:00",
    "2026-02-29T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T23:59:60Z", "2026-03-01T10:00:60", "2026-03-01",
    "20260301T100000Z", "2026-W09-7T10:00Z", "2026-060T10", "2026-03-01T10:00:00,123456789Z",
    "2026-03-01T10:00:00.1234567890123Z", "2026-03-01 10:00:00+05:30", "2026-03-01T10:00:00+99:99",
    "2026-03-01T10:00:00-00:00", "2026-03-01T10:00:00z", "+12026-03-01T10:00:00Z", "2026-13-01T10:00:00Z",
    "\u0662\u0660\u0662\u0666-03-01T10:00:00Z", "2026-03-01T10:00:00Z\n", "2026-03-01T10:00:00ZZ", "1772366400",
    "2026", "--03-01", "T10:00", "60", MARKER,
)

HEADERS = (
    "x-vectorcare-signature", "X-VECTORCARE-SIGNATURE", "X-VectorCare-Signature ", " X-VectorCare-Signature",
    "X_VectorCare_Signature", "X-VectorCare-\u017fignature", "X-VectorCare-S\u0131gnature",
    "X-VectorCare-Signature\x00", "",
)

JSON_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**400, "", MARKER, "\ud800", "\uffff", [], [None], ["POST"], {},
    {"": ""}, {"a": {"b": []}},
)
