"""Small recipes for large bodies, so that what is kept and mutated stays small."""

from typing import Any

_PLACE = b'"data"'
_MAX_BYTES = 1024 * 1024
INFLATIONS = ("pad", "spaces", "nest", "nest objects", "keys", "digits", "strings", "repeat")


def inflated(body: bytes, inflation: Any) -> bytes:
    """Make a body large: `[how, how much]`; much is bytes for `pad` and `spaces`, else a count.

    `pad` fills up to exactly that many bytes with a string before `data`, which leaves a JSON object one.
    """
    if not inflation:
        return body
    how, amount = str(inflation[0]), max(0, min(int(inflation[1]), _MAX_BYTES + 1))
    if how == "spaces":
        return body + b" " * (amount - len(body))
    if how == "repeat":
        return body * min(amount + 1, _MAX_BYTES // max(1, len(body)))
    place = body.rfind(_PLACE)
    if place < 0:
        return body
    return body[:place] + _filling(how, amount, len(body)) + body[place:]


def _filling(how: str, amount: int, length: int) -> bytes:
    if how == "pad":
        frame = b'"pad":"",'
        return frame[:7] + b"x" * (amount - length - len(frame)) + frame[7:]
    if how == "nest":
        amount //= 2
        return b'"deep":' + b"[" * amount + b"]" * amount + b","
    if how == "nest objects":
        amount //= 6
        return b'"deep":' + b'{"a":' * amount + b"1" + b"}" * amount + b","
    if how == "keys":
        return b"".join(b'"k%x":0,' % number for number in range(amount // 8))
    if how == "digits":
        return b'"number":' + b"7" * max(amount, 1) + b","
    return b'"list":[' + b'"",' * (amount // 3) + b'""],'
