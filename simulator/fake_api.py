"""A fake of VectorCare's API: it records the calls, answers by the documented rules, and injects faults."""

import threading
import time
from collections import deque
from collections.abc import Callable

from simulator.api_rules import TOKEN_PATH, ApiRules
from simulator.http_types import InjectedFault, Request, Response, error

_KEPT_CALLS = 10_000


class FakeApi:
    """The documented rules, and faults; hold `lock` to change anything while it serves."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.rules = ApiRules(clock)
        # One for each of the next calls: of the API, and for a token.
        self.faults: deque[InjectedFault] = deque()
        self.token_faults: deque[InjectedFault] = deque()
        self.is_down = False  # every call is answered 503
        self.calls: list[Request] = []
        self.token_calls: list[Request] = []
        self.lock = threading.RLock()

    def answer(self, request: Request) -> Response:
        with self.lock:
            is_for_token = request.path == TOKEN_PATH
            calls = self.token_calls if is_for_token else self.calls
            calls.append(request)
            del calls[:-_KEPT_CALLS]
            if self.is_down:
                return error(503, "api:unknown_error")
            faults = self.token_faults if is_for_token else self.faults
            return self._inject(faults.popleft(), request) if faults else self.rules.answer(request)

    def _inject(self, fault: InjectedFault, request: Request) -> Response:
        is_replaced = fault.status is not None or fault.is_reset
        right = self.rules.answer(request) if fault.takes_effect or not is_replaced else Response(500)
        return Response(
            status=right.status if fault.status is None else fault.status,
            body=right.body if fault.body is None else fault.body,
            headers={**right.headers, **fault.headers},
            delay=fault.delay,
            is_reset=fault.is_reset,
        )
