"""What can be set while the simulator runs: a change is applied as a whole, or not at all."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from simulator.api_rules import RateLimit
from simulator.chaos import Chaos
from simulator.delivery import check_webhooks
from simulator.http_types import InjectedFault, InvalidRequestError
from simulator.simulator import Simulator


def read(simulator: Simulator) -> dict[str, Any]:
    """List all settings; secrets are shown only when they are made."""
    api = simulator.api
    return {
        "webhooks": simulator.delivery.urls,
        "speed": simulator.clock.speed,
        "answer_within_seconds": simulator.marketplace.answer_within,
        "disorder": asdict(simulator.delivery.chaos),
        "is_down": api.is_down,
        "faults": [_fault_content(fault) for fault in api.faults],
        "token_faults": [_fault_content(fault) for fault in api.token_faults],
        "rate_limit": asdict(api.rules.rate_limit),
        "token_life_seconds": api.rules.token_life,
        "open_api_enabled": api.rules.is_enabled,
        "public_key": simulator.public_key,
        "client_ids": list(api.rules.clients),
    }


def change(simulator: Simulator, wanted: Mapping[str, Any]) -> None:
    """Change what is named.

    Raises
    ------
    ValueError
        A setting is unknown, or cannot have that value; nothing is changed.
    """
    unknown = wanted.keys() - _SETTINGS.keys()
    if unknown:
        raise InvalidRequestError("These cannot be set: " + ", ".join(sorted(unknown)))
    parsed = {name: _SETTINGS[name][0](name, value) for name, value in wanted.items()}
    for name, value in parsed.items():
        _SETTINGS[name][1](simulator, value)


def _urls(_name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(url, str) for url in value):
        raise InvalidRequestError("webhooks is a list of URLs.")
    check_webhooks(value)
    return value


def _number(least: float) -> Callable[[str, Any], float]:
    def parse(name: str, value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= 1e6:  # noqa: PLR2004 NaN too
            raise InvalidRequestError(f"{name} is a number from {least} to a million.")
        return value

    return parse


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidRequestError(f"{name} is true or false.")
    return value


def _chaos(name: str, value: Any) -> tuple[Chaos, int | None]:
    content = _content(name, value, {"late", "duplicated", "out_of_order", "restamped", "seed"})
    seed = content.pop("seed", None)
    if seed is not None and not isinstance(seed, int):
        raise InvalidRequestError("seed is a whole number.")
    return Chaos(**content), seed


def _rate_limit(name: str, value: Any) -> RateLimit:
    content = _content(name, value, {"calls_per_second", "retry_after"})
    for key, number in content.items():
        if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 0):
            raise InvalidRequestError(f"{key} is a whole number that is not negative, or null.")
    return RateLimit(**content)


def _faults(name: str, value: Any) -> deque[InjectedFault]:
    if not isinstance(value, list):
        raise InvalidRequestError(f"{name} is a list.")
    return deque(_fault(name, fault) for fault in value)


def _fault(name: str, value: Any) -> InjectedFault:
    content = _content(name, value, {"status", "headers", "body", "delay", "is_reset", "takes_effect"})
    status, headers, body = content.get("status"), content.get("headers", {}), content.get("body")
    if status is not None and (not isinstance(status, int) or not 200 <= status <= 599):  # noqa: PLR2004 HTTP's own
        raise InvalidRequestError("status is an HTTP status from 200 to 599.")
    texts = [*headers, *headers.values()] if isinstance(headers, dict) else [None]
    if not all(isinstance(text, str) and text.isascii() and text.isprintable() for text in texts):
        raise InvalidRequestError("headers is an object of strings.")
    if body is not None and not isinstance(body, str):
        raise InvalidRequestError("body is a string.")
    return InjectedFault(
        status=status,
        headers=headers,
        body=None if body is None else body.encode(errors="replace"),
        delay=_number(0)("delay", content.get("delay", 0)),
        is_reset=_boolean("is_reset", content.get("is_reset", False)),
        takes_effect=_boolean("takes_effect", content.get("takes_effect", False)),
    )


def _fault_content(fault: InjectedFault) -> dict[str, Any]:
    return {**asdict(fault), "body": None if fault.body is None else fault.body.decode(errors="replace")}


def _content(name: str, value: Any, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() - known:
        raise InvalidRequestError(f"{name} is an object of {', '.join(sorted(known))}.")
    return dict(value)


def _apply_chaos(simulator: Simulator, value: tuple[Chaos, int | None]) -> None:
    simulator.delivery.chaos, seed = value
    if seed is not None:
        simulator.delivery.reseed(seed)


# By name: how a value is read, and how it is applied.
_SETTINGS: Mapping[str, tuple[Callable[[str, Any], Any], Callable[[Simulator, Any], None]]] = {
    "webhooks": (_urls, lambda it, urls: it.delivery.register(urls)),
    "speed": (_number(0.001), lambda it, speed: it.set_speed(speed)),
    "answer_within_seconds": (_number(0), lambda it, seconds: setattr(it.marketplace, "answer_within", seconds)),
    "disorder": (_chaos, _apply_chaos),
    "is_down": (_boolean, lambda it, is_down: setattr(it.api, "is_down", is_down)),
    "faults": (_faults, lambda it, faults: setattr(it.api, "faults", faults)),
    "token_faults": (_faults, lambda it, faults: setattr(it.api, "token_faults", faults)),
    "rate_limit": (_rate_limit, lambda it, limit: setattr(it.api.rules, "rate_limit", limit)),
    "token_life_seconds": (_number(1), lambda it, seconds: setattr(it.api.rules, "token_life", int(seconds))),
    "open_api_enabled": (_boolean, lambda it, is_enabled: setattr(it.api.rules, "is_enabled", is_enabled)),
}
