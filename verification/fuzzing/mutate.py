"""Changes to an input that keep its shape: its recipe, or its bytes as JSON, or its bytes as bytes."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from verification.fuzzing import grammar
from verification.fuzzing.case import INGEST, MAX_MESSAGES, BadCaseError, Case, Part, parse
from verification.fuzzing.hostile import STRINGS

Havoc = Callable[[bytes, int], bytes]

_MAX_BODY = 6000


def mutate(data: bytes, target: str, random: Random, *, max_size: int, havoc: Havoc) -> bytes:
    """Change an input.

    Parameters
    ----------
    data : bytes
        An input; anything else is replaced by a new one.
    max_size : int
        Bytes that the changed one may have.
    havoc : callable
        Changes bytes blindly (or guided by what they were compared with), up to a length.
    """
    case = _read(data, target)
    if case is None:
        case = grammar.case(target, random)
    else:
        for _ in range(random.choice((1, 1, 2, 3))):
            _change(case, random, havoc)
    changed = case.to_bytes()
    while len(changed) > max_size:
        changed = grammar.case(target, random).to_bytes()
    return changed


def _read(data: bytes, target: str) -> Case | None:
    try:
        case = parse(data)
    except BadCaseError:
        return None
    return case if case.target == target else None


def bit_havoc(random: Random) -> Havoc:
    """Make a havoc that needs no fuzzer: bits turned, pieces cut out, doubled or put in."""

    def havoc(data: bytes, max_size: int) -> bytes:
        place = random.randint(0, len(data))
        end = min(len(data), place + random.randint(1, 8))
        piece = random.choice(
            (b"", data[place:end] * 2, random.randbytes(3), random.choice(STRINGS).encode("utf-8", "surrogatepass"))
        )
        return (data[:place] + piece + data[end:])[:max_size]

    return havoc


def _change(case: Case, random: Random, havoc: Havoc) -> None:
    part = random.choice(case.parts)
    grammar.maybe_inflate(part.recipe, random)
    [change] = random.choices(("havoc", "edit", "new body", "what is around it"), (20, 45, 5, 30))
    if change == "havoc":
        part.body = havoc(part.body, _MAX_BODY)
    elif change == "edit":
        part.body = _edited(part.body, random)[:_MAX_BODY]
    elif change == "new body":
        part.body = grammar.body(random)
    elif case.target == INGEST:
        _change_request(part, random)
    elif grammar.chance(random, 0.5):
        _change_batch(case, random)
    else:
        part.recipe = grammar.message(random).recipe


def _change_request(part: Part, random: Random) -> None:
    if grammar.chance(random, 0.35):  # back to what gets past the door
        part.recipe = {"key": part.recipe.get("key")} if grammar.chance(random, 0.5) else {}
    elif grammar.chance(random, 0.2):
        part.recipe = grammar.request(random).recipe
    else:
        grammar.disturb(part.recipe, random)
        for name in ("tamper", "after", "event"):
            if name in part.recipe:
                part.recipe[name] = part.recipe[name][-4:]


def _change_batch(case: Case, random: Random) -> None:
    """Take a message out, send one twice, or the same event with other bytes, or another one."""
    # Toward few: each costs as much as an input of its own.
    limit = random.choice((1, 1, 1, 2, 2, 3, MAX_MESSAGES))
    if len(case.parts) > limit:
        del case.parts[: len(case.parts) - limit]
    elif len(case.parts) < MAX_MESSAGES:
        part = random.choice(case.parts)
        is_same = grammar.chance(random, 0.75)
        again = Part(dict(part.recipe), part.body + b" " * random.randint(0, 2)) if is_same else grammar.message(random)
        case.parts.insert(random.randint(0, len(case.parts)), again)


def _edited(body: bytes, random: Random) -> bytes:
    """Change one value, name or field of a JSON object; bytes that are none get a new one."""
    try:
        envelope = json.loads(body.decode("utf-8", "surrogatepass"), parse_int=_kept, parse_float=_kept)
    except (ValueError, RecursionError):
        return grammar.body(random)
    if not isinstance(envelope, dict) or grammar.chance(random, 0.4):
        envelope = envelope if isinstance(envelope, dict) else grammar.whole(random)
        grammar.set_field(envelope, random)
    else:
        _edit_inside(envelope, random)
    try:
        return grammar.spelled(envelope, random)
    except (RecursionError, ValueError):
        return grammar.body(random)


def _edit_inside(node: Any, random: Random) -> None:
    while True:
        places = list(node) if isinstance(node, dict) else range(len(node))
        if not places:
            return
        place = random.choice(places)
        if isinstance(node[place], dict | list) and node[place] and grammar.chance(random, 0.7):
            node = node[place]
            continue
        if isinstance(node, dict) and grammar.chance(random, 0.2):
            node[random.choice(STRINGS)] = node.pop(place)
        else:
            node[place] = grammar.value(random)
        return


def _kept(digits: str) -> str:
    return grammar.NUMBER_PLACE + digits
