"""One run: everything put together, from the first webhook until nothing moves any more."""

import logging
import os
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from random import Random
from typing import TextIO, cast
from unittest import mock

from verification.simulation.history.webhooks import WebhookHistory
from verification.simulation.plan import keys
from verification.simulation.plan.plan import PlannedRedrive, SimulationPlan
from verification.simulation.world.client import Wire
from verification.simulation.world.container import Container
from verification.simulation.world.event_sources import QueueSource, StreamSource
from verification.simulation.world.faults import Faults
from verification.simulation.world.fleet import Fleet
from verification.simulation.world.functions import FUNCTIONS, QUEUE, environment
from verification.simulation.world.loader import Loader
from verification.simulation.world.operations import Operations
from verification.simulation.world.outbound import SimulatedOutbound
from verification.simulation.world.output import Output
from verification.simulation.world.run_context import RunContext
from verification.simulation.world.scheduler import Scheduler, seconds_of
from verification.simulation.world.storage import SimulatedStorage
from verification.simulation.world.vectorcare import SimulatedVectorCare
from verification.simulation.world.watched_queue import WatchedQueue

_LOOK_SECONDS = 30.0
_LONGEST_QUIETING_SECONDS = 12 * 3600.0
_LAST_REDRIVES = 5
_FAR_SECONDS = 7 * 86_400.0


class World:
    """A run of a plan; `trace` takes each line of the trace."""

    def __init__(self, plan: SimulationPlan, loader: Loader, trace: Callable[[str], None] | None = None) -> None:
        self.plan = plan
        # Each part draws its own, so that the course of one changes little when another draws once more.
        randoms = {
            name: Random(f"{name} {plan.seed} {plan.variation}")  # noqa: S311 it keeps no secret
            for name in ("time", "faults", "world", "outbound")
        }
        self._trace = trace
        self.scheduler = Scheduler(randoms["time"], begins=min(0.0, plan.begins))
        self.faults = Faults({**plan.rates, **plan.outbound.rates}, randoms["faults"])
        self.context = context = RunContext(plan.settings, self.scheduler, self.faults, randoms["world"], self.say)
        apart = replace(context, random=randoms["outbound"])
        self.history = WebhookHistory(context)
        self.output = Output(context)
        self.outbound = SimulatedOutbound(apart, plan)
        self.storage = SimulatedStorage(context, self.history, self.outbound)
        self.state_at_rest = dict(self.storage.state.items)
        self.wire = Wire(context, self.storage.models)
        self.done: list[str] = []
        self._environment = environment(plan.settings, (keys.OLD,))
        self.fleets = {
            function.name: Fleet(
                apart if function.name == "sender" else context,
                function,
                self._environment,
                loader=loader,
                wire=self.wire,
                write=self._write,
            )
            for function in FUNCTIONS
        }
        self.vectorcare = SimulatedVectorCare(context, self.fleets["ingest"], self.history)
        self.storage.expired = self.vectorcare.replay
        self.queue_source = QueueSource(
            context, self.storage.sqs, QUEUE, self.fleets["processor"], deleted=self.done.append
        )
        self.storage.queue.visible = self.queue_source.message_visible
        self.storage.outbound_queue.visible = self.outbound.begin(
            self.storage.sqs, self.storage.outbound_queue, self.storage.outbound_dead_letters, self.fleets["sender"]
        )
        self.stream_source = StreamSource(context, self.fleets["publisher"])
        self.storage.changed = self.stream_source.changed
        self.operations = Operations(context, self.fleets, self.vectorcare, self.storage, self.history)

    def run(self) -> None:
        """Let everything happen; then, without faults, let it come to rest, redrive, and let it rest again."""
        with mock.patch.dict(os.environ, self._environment), redirect_stdout(cast("TextIO", self.output)):
            try:
                self._run()
            finally:
                self._close()

    def say(self, who: str, what: str) -> None:
        if self._trace:
            self._trace(f"{self.scheduler.now:14.6f}  {who:14}  {what}")

    def _run(self) -> None:
        for sending in self.plan.sendings:
            self.vectorcare.plan(sending)
        for operation in self.plan.operations:
            self.operations.plan(operation)
        self.operations.every_minute()
        self.trouble_ended = self._end_of_trouble()
        self.scheduler.run(self.trouble_ended)
        self.say("simulation", "no more faults")
        self.faults.stop(self.scheduler.now)
        self._come_to_rest()
        self.scheduler.run(max(self.scheduler.now, self._last_future()))
        self._let_dead_letters_settle()
        self._redrive_what_was_ahead()
        for _ in range(_LAST_REDRIVES):
            dead_letters = len(self.storage.dead_letters)
            self.operations.redrive(PlannedRedrive(self.scheduler.now, {}))
            self._come_to_rest()
            if len(self.storage.dead_letters) == dead_letters:
                break
        self._redrive_the_last(self.storage.outbound_dead_letters, "outbound")
        self._redrive_the_last(self.storage.unpublished, "unpublished")
        self.operations.replay_the_damaged()
        self._come_to_rest()
        # A replay repairs what it should have left alone, so the processor's state is checked as it was before.
        self.state_at_rest = dict(self.storage.state.items)
        self.operations.replay_at_rest()
        self._come_to_rest()

    def _let_dead_letters_settle(self) -> None:
        """Wait until all dead letters are visible: a redrive that crashed may have hidden some for a long time."""
        while any(queue.resurfacing for queue in self.storage.dead_letter_queues()):
            self.scheduler.run(self.scheduler.now + _LOOK_SECONDS)
        self.scheduler.run(max(self.scheduler.now, *(queue.settles_at for queue in self.storage.dead_letter_queues())))

    def _redrive_what_was_ahead(self) -> None:
        """Redrive by its reason what was dated ahead: now that its time has come, each is found."""
        reason = "timestamp_in_future"
        dead = self.storage.dead_letters
        ahead = {one.id for one in dead.messages() if self.history.about(one).get("reason") == reason}
        if not ahead or len(dead) >= self.plan.settings.in_flight_limit:
            return
        self.operations.redrive(PlannedRedrive(self.scheduler.now, {"reason": reason}))
        self._come_to_rest()
        if ahead & {one.id for one in dead.messages()}:
            self.context.violate("a redrive by reason left what had died for it", reason)

    def _redrive_the_last(self, dead_letters: WatchedQueue, queue: str) -> None:
        """Redrive what can be, until some runs on end have changed nothing.

        Of a message's copies each run takes one, and of a trip's commands the first may be all that it lets end: or
        none, when the call that decides over an open circuit was spent on another trip.
        """
        unchanged = 0
        while unchanged < _LAST_REDRIVES:
            before = Counter(message.body for message in dead_letters.messages())
            if not before:
                return
            self.operations.redrive(PlannedRedrive(self.scheduler.now, {"queue": queue}))
            self._come_to_rest()
            is_changed = Counter(message.body for message in dead_letters.messages()) != before
            unchanged = 0 if is_changed else unchanged + 1

    def _end_of_trouble(self) -> float:
        sent = max((sending.at for sending in self.plan.sendings), default=0.0)
        ends = [getattr(operation, "ends", getattr(operation, "at", 0.0)) for operation in self.plan.operations]
        return max([sent + 100.0, self.plan.outbound.ends + 100.0, *ends])

    def _last_future(self) -> float:
        """Say when the last event that is dated in the future can be applied."""
        dates = [seconds_of(content.last_updated) for content in self.history.contents.values() if content.last_updated]
        return max((date for date in dates if date < _FAR_SECONDS), default=0.0) + self.plan.settings.skew

    def _come_to_rest(self) -> None:
        deadline = self.scheduler.now + _LONGEST_QUIETING_SECONDS
        self.scheduler.run(self.scheduler.now + _LOOK_SECONDS)
        while not self._is_at_rest():
            if self.scheduler.now > deadline:
                self.context.violate("never at rest", f"{len(self.storage.queue)} messages")
                return
            self.scheduler.run(self.scheduler.now + _LOOK_SECONDS)

    def _is_at_rest(self) -> bool:
        under_way = self.vectorcare.under_way + self.queue_source.under_way + self.wire.on_the_way
        is_empty = self.storage.is_empty() and self.stream_source.is_empty()
        return (
            not under_way
            and is_empty
            and self.outbound.is_at_rest()
            and not any(fleet.under_way for fleet in self.fleets.values())
        )

    def _write(self, container: Container, text: str) -> None:
        if not container.is_dead:
            self.output.take(text)

    def _close(self) -> None:
        for fleet in self.fleets.values():
            fleet.close()
        self.scheduler.run(self.scheduler.now)
        for container in (one for fleet in self.fleets.values() for one in fleet.containers):
            # A container's logger has its name; Python would keep it for ever.
            logging.Logger.manager.loggerDict.pop(container.name, None)
