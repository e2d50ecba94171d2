"""What happens beside the webhooks: the schedule of the drain, operators, deploys, outages."""

from functools import partial
from typing import Any

from verification.simulation.history.webhooks import DEAD_LETTERS, UNREADABLE, WebhookHistory
from verification.simulation.plan import keys
from verification.simulation.plan.plan import (
    ByHand,
    Deploy,
    Loss,
    Operation,
    PlannedRedrive,
    Replay,
    Rotation,
    Stray,
)
from verification.simulation.world import faults
from verification.simulation.world.container import InvocationOutcome
from verification.simulation.world.faults import Outage
from verification.simulation.world.fleet import Fleet
from verification.simulation.world.functions import QUEUE, UNPUBLISHED, environment
from verification.simulation.world.run_context import RunContext
from verification.simulation.world.storage import SimulatedStorage
from verification.simulation.world.vectorcare import SimulatedVectorCare

_DRAIN_SECONDS = 60.0
_IDLE_SECONDS = 3600.0
# An empty spool rarely needs a run that finds nothing.
_DRAIN_OF_NOTHING = 0.05
_REPLAYED_TOGETHER = 20
_REDRIVEN = {
    "inbound": faults.REDRIVEN,
    "outbound": faults.COMMANDS_REDRIVEN,
    "unpublished": faults.EVENTS_REDRIVEN,
}


class Operations:
    """Does what the plan says, when it says so."""

    def __init__(
        self,
        context: RunContext,
        fleets: dict[str, Fleet],
        vectorcare: SimulatedVectorCare,
        storage: SimulatedStorage,
        history: WebhookHistory,
    ) -> None:
        self._context = context
        self._fleets = fleets
        self._vectorcare = vectorcare
        self._storage = storage
        self._history = history

    def plan(self, operation: Operation) -> None:
        if isinstance(operation, Outage):
            self._context.plan_outage("AWS", operation)
            return
        if isinstance(operation, Replay):
            self._context.faults.count(faults.REPLAYED)
        if isinstance(operation, PlannedRedrive):
            self._context.faults.count(_REDRIVEN[operation.event.get("queue", "inbound")])
        acts: dict[type, Any] = {
            Deploy: self._deploy,
            Rotation: self._rotate,
            ByHand: self._put,
            Stray: self._go_astray,
            Loss: self._lose,
            Replay: self._replay,
            PlannedRedrive: self.redrive,
        }
        self._context.at(operation.at, partial(acts[type(operation)], operation))

    def replay_the_damaged(self) -> None:
        self._fleets["replay"].invoke({"service_request_ids": sorted(self._history.damaged)}, self._replayed)

    def replay_at_rest(self) -> None:
        """Rebuild some states when nothing moves any more: that must not change one."""
        self._fleets["replay"].invoke({"service_request_ids": self._some_ids()}, self._replayed_at_rest)

    def every_minute(self) -> None:
        """Run the drain, as EventBridge does: at least once."""
        # Through years without webhooks the drain need not run every minute.
        idle = self._context.scheduler.next_at - self._context.now
        is_long = _IDLE_SECONDS < idle < float("inf") and not self._storage.bucket.objects
        self._context.after(idle // _DRAIN_SECONDS * _DRAIN_SECONDS if is_long else _DRAIN_SECONDS, self.every_minute)
        if not self._storage.bucket.objects and self._context.random.random() >= _DRAIN_OF_NOTHING:
            return
        for _ in range(2 if self._context.strikes(faults.DRAIN_TWICE) else 1):
            self._fleets["drain"].invoke({}, self._drained)

    def redrive(self, operation: PlannedRedrive) -> None:
        if operation.by_console:
            self._context.say("console", "redrives")
            self._move_all()
            return
        self._context.say("operator", f"redrives {operation.event}")
        self._fleets["redrive"].invoke(
            operation.event,
            partial(self._redriven, operation.event, self._context.now),
            killed_after=operation.killed_after,
        )

    def _replay(self, _replay: Replay) -> None:
        ids = self._some_ids()
        self._context.say("operator", f"replays {ids}")
        self._fleets["replay"].invoke({"service_request_ids": ids}, self._replayed)

    def _lose(self, loss: Loss) -> None:
        lost = self._storage.lose(only_data=loss.only_data)
        if lost:
            self._context.say("somebody", f"loses {'the data of ' if loss.only_data else ''}{lost}")
            self._context.faults.count(faults.LOST)
            self._history.damaged.add(lost)

    def _some_ids(self) -> list[str]:
        ids = sorted({key[0] for key in self._storage.journal.items} - {UNREADABLE})
        return self._context.random.sample(ids, min(len(ids), _REPLAYED_TOGETHER))

    def _replayed(self, outcome: InvocationOutcome) -> None:
        if "refused" in (outcome.answer or ()):
            self._context.violate("a replay was refused", str(outcome.answer))

    def _replayed_at_rest(self, outcome: InvocationOutcome) -> None:
        if outcome.answer is None or set(outcome.answer) - {"unchanged", "expired"}:
            self._context.violate("a replay at rest changes a state", f"{outcome.error} {outcome.answer}")

    def _deploy(self, deploy: Deploy) -> None:
        self._context.say("operator", f"deploys with keys {deploy.keys}")
        self._context.faults.count(faults.DEPLOYED)
        for fleet in self._fleets.values():
            fleet.deploy(environment(self._context.settings, deploy.keys))

    def _put(self, by_hand: ByHand) -> None:
        try:
            text = by_hand.content.body.decode()
        except UnicodeDecodeError:
            return
        self._context.say("operator", f"puts {by_hand.content.event_id} on the queue by hand")
        self._context.faults.count(faults.BY_HAND)
        self._history.sends(by_hand.content, "")
        self._storage.sqs.send_message(QueueUrl=QUEUE, MessageBody=text)

    def _go_astray(self, stray: Stray) -> None:
        self._context.say("operator", "puts something on the queue of unpublished events that is no event")
        self._context.faults.count(faults.BY_HAND)
        self._storage.publication.strays(stray.body)
        self._storage.sqs.send_message(QueueUrl=UNPUBLISHED, MessageBody=stray.body)

    def _rotate(self, _rotation: Rotation) -> None:
        self._context.say("VectorCare", "signs with its new key")
        self._context.faults.count(faults.ROTATED)
        self._vectorcare.key = keys.NEW

    def _drained(self, outcome: InvocationOutcome) -> None:
        if outcome.answer is not None and outcome.answer["stopped"] not in {"empty", "time", "queue", "spool"}:
            self._context.violate("the drain answers something else", str(outcome.answer))

    def _redriven(self, event: dict[str, Any], since: float, outcome: InvocationOutcome) -> None:
        if outcome.answer is not None:
            self._context.say("operator", f"reads {outcome.answer}")
            self._storage.redrives.answered(
                event,
                outcome.answer,
                seconds=self._context.now - since,
                is_in_peace=self._context.faults.stopped_at <= since,
            )

    def _move_all(self) -> None:
        """Do what StartMessageMoveTask does: send each visible message to the queue, then delete it."""
        if "sqs" in self._context.faults.outages:
            return
        sqs = self._storage.sqs
        while not self._storage.dead_letters.is_full(self._context.now):
            received = sqs.receive_message(
                QueueUrl=DEAD_LETTERS, MaxNumberOfMessages=10, VisibilityTimeout=30, MessageAttributeNames=["All"]
            )
            if not received:
                return
            for message in received["Messages"]:
                sqs.send_message(
                    QueueUrl=QUEUE, MessageBody=message["Body"], MessageAttributes=message.get("MessageAttributes", {})
                )
                sqs.delete_message(QueueUrl=DEAD_LETTERS, ReceiptHandle=message["ReceiptHandle"])
