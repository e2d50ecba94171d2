"""The circuit breaker of one invocation, on the state that all invocations share."""

from sender.circuit_state import Circuit
from sender.command_log import CommandLog
from sender.vectorcare.call_result import CallResult
from vectorcare_bridge.edge import observability, runtime
from vectorcare_bridge.edge.metric import Metric

_ATTEMPTS = 3


class CircuitBreaker:
    """Says whether a call may be made, and counts how it went.

    The state is read once from the command log. If a probe is due, the first invocation to ask makes it: then the next
    call is the probe, and `is_probing` is set.
    """

    def __init__(self, command_log: CommandLog) -> None:
        self._command_log = command_log
        self._lock = runtime.lock()
        self._circuit = command_log.circuit()
        self.is_probing = False
        now = runtime.now()
        if self._circuit.is_half_open(now):
            probed = self._circuit.with_probe(now)
            self.is_probing = command_log.replace_circuit(self._circuit, probed)
            self._circuit = probed

    def allows_call(self) -> bool:
        return self.is_probing or self._circuit.open_until is None

    def seconds_left(self) -> float:
        """Return the seconds for which no call may be made."""
        return self._circuit.seconds_left(runtime.now())

    def note(self, answer: CallResult) -> None:
        """Count how a call went; a failed write does not lose the answer."""
        with self._lock:
            if not answer.is_outage and self._circuit == Circuit():
                return
            try:
                self._move(is_outage=answer.is_outage)
            except Exception as error:  # noqa: BLE001 the answer counts after any error
                observability.log("circuit.not_written", error=error)

    def _move(self, *, is_outage: bool) -> None:
        had_the_probe, self.is_probing = self.is_probing, False
        for _attempt in range(_ATTEMPTS):
            old = self._circuit
            if not is_outage and old.open_until and not had_the_probe:
                # The call began before the circuit opened: only the probe shows VectorCare's health now.
                return
            self._circuit = old.after_failure(runtime.now()) if is_outage else Circuit()
            if self._command_log.replace_circuit(old, self._circuit):
                if self._circuit.open_until and (had_the_probe or old.open_until is None):
                    observability.log("circuit.opened")
                    observability.count(Metric.CIRCUIT_OPENED)
                return
            self._circuit = self._command_log.circuit()
            # Another invocation has written since then, and ended the probe.
            had_the_probe = False
