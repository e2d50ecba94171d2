"""One run: load and faults, rest, audit."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from local import processes
from local.environment import LocalEnvironment
from local.errors import LocalError
from local.organization import load_private_key
from simulator import GIVES_UP_AFTER
from verification.load import audit, growth, lateness, plan, proxy
from verification.load.audit import Audit
from verification.load.clients import Sent, WebhookClients
from verification.load.faults import CallFaults
from verification.load.growth import Growth
from verification.load.lateness import Lateness
from verification.load.monitor import Monitor
from verification.load.screen import LoadScreen
from verification.load.workers import Killer

QUIET_SECONDS = 3.0
"""Nothing must wait for this long: longer than a call that ingest has given up may still take effect."""

_DRAIN_EVERY = 5.0  # seconds, while waiting for rest
_FAULTS_END_AFTER = 600.0  # seconds after the last webhook, even if the queue is not worked off
_LONGEST_REST = 1800.0  # seconds; the longest wait that the processor gives a message is half of that
_TICK = 0.5


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a run does to the local environment; times in seconds, `rate` and `outage_every` as in clients and faults.

    `visibility_timeout` is the queue's for the time of the run. A batch whose worker was killed comes back after this;
    on the stack it is 360 s. A shorter one changes when, not whether, and delivers more messages twice. One batch may
    take `work_seconds`; tests, which must not depend on the machine's speed, set it and `gives_up_after` high.
    """

    webhooks: int
    clients: int
    rate: float | None = None
    kills: bool
    refused_share: float
    outage_every: float = 0.0
    visibility_timeout: int = 30
    gives_up_after: float = GIVES_UP_AFTER
    work_seconds: float = lateness.WORK_SECONDS


@dataclass
class LoadResult:
    """What a run showed; the parts that it did not come to are None."""

    load: Load
    sent: Sent = field(default_factory=Sent)
    kills: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    sending_seconds: float = 0.0
    rest_seconds: float = 0.0
    audit: Audit | None = None
    lateness: Lateness | None = None
    growth: Growth | None = None

    @property
    def is_good(self) -> bool:
        return bool(
            self.audit
            and self.audit.adds_up
            and self.lateness
            and self.lateness.is_in_time
            and (self.growth is None or self.growth.is_flat)
        )

    def last_line(self) -> str:
        found = self.audit
        lost, doubled, stale = (len(found.lost), len(found.doubled), len(found.stale)) if found else ("?", "?", "?")
        return (
            f"sent {self.sent.sent}, accepted {self.sent.accepted}, refused {self.sent.sent - self.sent.accepted}, "
            f"kills {self.kills.total()}, refusals {self.refusals.total()}, "
            f"lost {lost}, doubled {doubled}, stale {stale}"
        )


class LoadRun:
    """Loads the local environment of an organization whose private key is there.

    `result` fills meanwhile, so that an interrupted run can be summed up too.
    """

    def __init__(self, local: LocalEnvironment, load: Load, *, screen: LoadScreen) -> None:
        if local.organization.private_key_file is None:
            raise LocalError("Without the organization's private key nothing can be signed.")
        self.result = LoadResult(load)
        self._local = local
        self._load = load
        self._screen = screen
        self._rng = random.Random()  # noqa: S311 shuffles and chooses, keeps no secret
        self._faults = CallFaults(self._rng)
        self.result.refusals = self._faults.counts
        self._private_key = load_private_key(local.organization.private_key_file)

    def play(self) -> None:
        """Do all of it; `result` holds what it showed."""
        with self._screen.phase(f"Signing {self._load.webhooks} webhooks"):
            events = plan.make(self._load.webhooks, self._private_key, self._rng)
        earlier, dead = audit.journal_keys(self._local), self._local.stack.dead()
        log_file = self._local.emulator.log_file
        log_begin = log_file.stat().st_size
        monitor = Monitor(self._local)
        monitor.start()
        try:
            with (
                _visibility(self._local, self._load.visibility_timeout),
                proxy.between(self._local, self._faults),
            ):
                begin = time.time()
                self._send(events, monitor)
                end = begin + self.result.sending_seconds
                self._rest(monitor)
        finally:
            monitor.stop()
        result = self.result
        with self._screen.phase("Accounting for all of them"):
            result.audit = audit.take(self._local, events, result.sent, earlier=earlier, dead_before=dead)
            with log_file.open(encoding="utf-8", errors="replace") as log:
                log.seek(log_begin)
                result.lateness = lateness.measure(
                    result.sent,
                    lateness.read(log),
                    monitor.looks,
                    kills=self._load.kills,
                    visibility_timeout=self._load.visibility_timeout,
                    work_seconds=self._load.work_seconds,
                )
        if self._load.rate:
            result.growth = growth.measure(monitor.memory, begin=begin, end=end)

    def _send(self, events: Sequence[plan.LoadEvent], monitor: Monitor) -> None:
        """Send everything, with faults until the queue is worked off."""
        result, load = self.result, self._load
        url = self._local.deployment.webhook_url
        clients = WebhookClients(url, events, count=load.clients, rate=load.rate, gives_up_after=load.gives_up_after)
        killer = Killer(self._local, self._rng, progress=lambda: self._progress(monitor))
        result.sent, result.kills = clients.sent, killer.kills
        self._faults.share, self._faults.outage_every = load.refused_share, load.outage_every
        begin = time.monotonic()
        try:
            clients.start()
            if load.kills:
                killer.start()
            self._watch("Sending", monitor, lambda: not clients.are_busy, total=len(events))
            result.sending_seconds = time.monotonic() - begin
            sent_at = time.time()
            self._watch("Working off what is queued", monitor, lambda: _is_worked_off(monitor, sent_at))
        finally:
            clients.stop()
            killer.stop()
            self._faults.share = self._faults.outage_every = 0.0

    def _rest(self, monitor: Monitor) -> None:
        """Wait until nothing waits anywhere, the faults having ended."""
        begin = time.monotonic()
        drained = begin - _DRAIN_EVERY

        def is_quiet() -> bool:
            nonlocal drained
            if time.monotonic() - drained > _DRAIN_EVERY:
                self._local.stack.invoke("DrainFunction", {})
                drained = time.monotonic()
            # After the longest rest the audit says what is left.
            return monitor.quiet_seconds() >= QUIET_SECONDS or time.monotonic() - begin > _LONGEST_REST

        self._watch("Waiting until all is quiet", monitor, is_quiet)
        self.result.rest_seconds = time.monotonic() - begin

    def _watch(self, doing: str, monitor: Monitor, is_over: Callable[[], bool], *, total: int | None = None) -> None:
        with self._screen.progress(doing, total=total) as show:
            while not is_over():
                time.sleep(_TICK)
                self._local.emulator.check()
                show(self.result.sent.sent, self._so_far(monitor))

    def _progress(self, monitor: Monitor) -> int:
        """Count webhooks accepted and webhooks worked off."""
        accepted, latest = self.result.sent.accepted, monitor.latest
        return 2 * accepted - (latest.visible + latest.hidden if latest else 0)

    def _so_far(self, monitor: Monitor) -> str:
        latest, result = monitor.latest, self.result
        waiting = f"queue {latest.visible} + {latest.hidden} hidden, spool {latest.spooled}, " if latest else ""
        return (
            f"{waiting}accepted {result.sent.accepted}, kills {result.kills.total()}, "
            f"refusals {result.refusals.total()}"
        )


def _is_worked_off(monitor: Monitor, sent_at: float) -> bool:
    """Whether no message waits to be taken, or none of this can be expected any more."""
    latest = monitor.latest
    return bool(latest and latest.at >= sent_at and not latest.visible) or time.time() > sent_at + _FAULTS_END_AFTER


@contextmanager
def _visibility(local: LocalEnvironment, seconds: int) -> Iterator[None]:
    sqs, url = local.emulator.aws.sqs, local.deployment.outputs["QueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
    try:
        yield
    finally:
        if processes.interrupted_by() is None:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": before["VisibilityTimeout"]})
