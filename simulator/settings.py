"""What can be set about the local VectorCare while it runs: all of a change is taken, or nothing."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from simulator.chaos import Chaos
from simulator.delivery import check_webhooks
from simulator.http_types import BadRequestError, InjectedFault
from simulator.hub import Hub
from simulator.rules import RateLimit


def read(hub: Hub) -> dict[str, Any]:
    """Tell all settings; secrets are told only when they are made."""
    api = hub.api
    return {
        "webhooks": hub.delivery.urls,
        "speed": hub.clock.speed,
        "answer_within_seconds": hub.marketplace.answer_within,
        "disorder": asdict(hub.delivery.disorder),
        "is_down": api.is_down,
        "faults": [_fault_content(fault) for fault in api.faults],
        "token_faults": [_fault_content(fault) for fault in api.token_faults],
        "rate_limit": asdict(api.rules.rate_limit),
        "token_life_seconds": api.rules.token_life,
        "open_api_enabled": api.rules.is_enabled,
        "public_key": hub.public_key,
        "client_ids": list(api.rules.clients),
    }


def change(hub: Hub, wanted: Any) -> None:
    """Change what is named.

    Raises
    ------
    ValueError
        A setting is unknown, or cannot be that; nothing is changed.
    """
    if not isinstance(wanted, dict):
        raise BadRequestError("Settings are an object.")
    unknown = wanted.keys() - _SETTINGS.keys()
    if unknown:
        raise BadRequestError("These cannot be set: " + ", ".join(sorted(unknown)))
    changes = [_SETTINGS[name](hub, value) for name, value in wanted.items()]
    for apply in changes:
        apply()


_Apply = Callable[[], None]


def _webhooks(hub: Hub, value: Any) -> _Apply:
    if not isinstance(value, list) or not all(isinstance(url, str) for url in value):
        raise BadRequestError("webhooks is a list of URLs.")
    check_webhooks(value)
    return lambda: hub.delivery.register(value)


def _speed(hub: Hub, value: Any) -> _Apply:
    speed = _number(value, "speed", least=0.001)

    def apply() -> None:
        hub.clock.speed = speed
        hub.delivery.hurry()

    return apply


def _answer_within(hub: Hub, value: Any) -> _Apply:
    seconds = _number(value, "answer_within_seconds", least=0)
    return lambda: setattr(hub.marketplace, "answer_within", seconds)


def _disorder(hub: Hub, value: Any) -> _Apply:
    content = _content(value, "disorder", {"late", "duplicated", "out_of_order", "restamped", "seed"})
    seed = content.pop("seed", None)
    if seed is not None and not isinstance(seed, int):
        raise BadRequestError("seed is a whole number.")
    disorder = Chaos(**content)

    def apply() -> None:
        hub.delivery.disorder = disorder
        if seed is not None:
            hub.delivery.reseed(seed)

    return apply


def _is_down(hub: Hub, value: Any) -> _Apply:
    is_down = _boolean(value, "is_down")
    return lambda: setattr(hub.api, "is_down", is_down)


def _faults(hub: Hub, value: Any) -> _Apply:
    faults = _fault_list(value, "faults")
    return lambda: setattr(hub.api, "faults", faults)


def _token_faults(hub: Hub, value: Any) -> _Apply:
    faults = _fault_list(value, "token_faults")
    return lambda: setattr(hub.api, "token_faults", faults)


def _rate_limit(hub: Hub, value: Any) -> _Apply:
    content = _content(value, "rate_limit", {"calls_per_second", "retry_after"})
    for name, number in content.items():
        if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 0):
            raise BadRequestError(f"{name} is a whole number that is not negative, or null.")
    return lambda: setattr(hub.api.rules, "rate_limit", RateLimit(**content))


def _token_life(hub: Hub, value: Any) -> _Apply:
    seconds = int(_number(value, "token_life_seconds", least=1))
    return lambda: setattr(hub.api.rules, "token_life", seconds)


def _is_enabled(hub: Hub, value: Any) -> _Apply:
    is_enabled = _boolean(value, "open_api_enabled")
    return lambda: setattr(hub.api.rules, "is_enabled", is_enabled)


_SETTINGS: Mapping[str, Callable[[Hub, Any], _Apply]] = {
    "webhooks": _webhooks,
    "speed": _speed,
    "answer_within_seconds": _answer_within,
    "disorder": _disorder,
    "is_down": _is_down,
    "faults": _faults,
    "token_faults": _token_faults,
    "rate_limit": _rate_limit,
    "token_life_seconds": _token_life,
    "open_api_enabled": _is_enabled,
}


def _number(value: Any, name: str, *, least: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= 1e6:  # noqa: PLR2004 NaN too
        raise BadRequestError(f"{name} is a number from {least} to a million.")
    return value


def _boolean(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise BadRequestError(f"{name} is true or false.")
    return value


def _content(value: Any, name: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() - known:
        raise BadRequestError(f"{name} is an object of {', '.join(sorted(known))}.")
    return dict(value)


def _fault_list(value: Any, name: str) -> deque[InjectedFault]:
    if not isinstance(value, list):
        raise BadRequestError(f"{name} is a list.")
    return deque(_fault(fault, name) for fault in value)


def _fault(value: Any, name: str) -> InjectedFault:
    content = _content(value, name, {"status", "headers", "body", "delay", "is_reset", "takes_effect"})
    status, headers, body = content.get("status"), content.get("headers", {}), content.get("body")
    if status is not None and (not isinstance(status, int) or not 200 <= status <= 599):  # noqa: PLR2004 HTTP's own
        raise BadRequestError("status is an HTTP status from 200 to 599.")
    texts = [*headers, *headers.values()] if isinstance(headers, dict) else [None]
    if not all(isinstance(text, str) and text.isascii() and text.isprintable() for text in texts):
        raise BadRequestError("headers is an object of strings.")
    if body is not None and not isinstance(body, str):
        raise BadRequestError("body is a string.")
    return InjectedFault(
        status=status,
        headers=headers,
        body=None if body is None else body.encode(errors="replace"),
        delay=_number(content.get("delay", 0), "delay", least=0),
        is_reset=_boolean(content.get("is_reset", False), "is_reset"),
        takes_effect=_boolean(content.get("takes_effect", False), "takes_effect"),
    )


def _fault_content(fault: InjectedFault) -> dict[str, Any]:
    return {**asdict(fault), "body": None if fault.body is None else fault.body.decode(errors="replace")}
