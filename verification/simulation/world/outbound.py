"""The other direction: the CAD's queue, the sender behind it, and VectorCare's API behind that."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from simulator.http_types import Request, Response
from verification.simulation.history.commands import CommandHistory
from verification.simulation.history.webhooks import STANDARD_VISIBILITY_TIMEOUT
from verification.simulation.models.dynamodb import Table
from verification.simulation.models.queue import QueueModel
from verification.simulation.models.sqs import SQS
from verification.simulation.models.vectorcare_api import API, CLIENT_ID, TOKENS, SecretsManager, VectorCareApiModel
from verification.simulation.plan.plan import (
    MAX_RECEIVES,
    PlannedCommand,
    PlannedRedrive,
    Replay,
    SecretRotation,
    SimulationPlan,
    Stray,
)
from verification.simulation.world import faults
from verification.simulation.world.container import Container, InvocationOutcome
from verification.simulation.world.event_sources import QueueSource
from verification.simulation.world.fleet import Fleet
from verification.simulation.world.functions import OUTBOUND
from verification.simulation.world.run_context import RunContext
from verification.simulation.world.scheduler import START_EPOCH_SECONDS

OUTBOUND_BATCH_SIZE = 500


class SimulatedOutbound:
    """Commands on their way to VectorCare."""

    def __init__(self, context: RunContext, plan: SimulationPlan) -> None:
        self._context = context
        self._plan = plan
        self._serial = 0
        self._to_come = len(plan.outbound.commands)
        self.max_receives = plan.outbound.max_receives
        self.history = CommandHistory(
            context,
            may_die=self.max_receives < MAX_RECEIVES or plan.settings.visibility_timeout < STANDARD_VISIBILITY_TIMEOUT,
        )
        self.api = VectorCareApiModel(lambda: START_EPOCH_SECONDS + context.now, self._begun, self._arrived)
        self.api.rules.requests.update(plan.outbound.statuses)
        self.api.rules.foreign |= plan.outbound.foreign
        self.secrets = SecretsManager()
        self._change_secret()
        self._write_secret()
        self.command_log = Table(keys=("command_id",), written=self.history.order.noted)
        self.models: dict[str, Any] = {API: self.api, TOKENS: self.api, "secretsmanager": self.secrets}

    def begin(self, sqs: SQS, queue: QueueModel, dead_letters: QueueModel, sender: Fleet) -> Callable[[float], None]:
        """Let everything happen when its time comes; answers what to call when a message becomes visible."""
        self._sqs = sqs
        self._queue = queue
        self._dead_letters = dead_letters
        self._source = QueueSource(
            self._context,
            sqs,
            OUTBOUND,
            sender,
            batch_size=OUTBOUND_BATCH_SIZE,
            worked=self._worked,
        )
        plan = self._plan.outbound
        for command in plan.commands:
            self._context.at(command.at, partial(self._put, command))
        for rotation in plan.rotations:
            self._context.at(rotation.at, partial(self._rotate, rotation))
        for outage in plan.outages:
            self._context.plan_outage("VectorCare", outage)
        return self._source.message_visible

    def is_at_rest(self) -> bool:
        return not self._to_come and not len(self._queue) and not self._source.under_way

    def check(self, *, trouble_ended: float) -> None:
        plan = self._plan
        self.history.check(
            self._dead_letters.messages(),
            up_from=trouble_ended,
            patience=self._patience,
            is_untroubled=plan.is_untroubled()
            and all(isinstance(one, PlannedRedrive | Replay | Stray) for one in plan.operations)
            and not (plan.outbound.outages or plan.outbound.rotations or plan.outbound.rates)
            and self.max_receives == MAX_RECEIVES,
        )

    def _patience(self, max_age: float) -> float:
        """Say how long a command may wait when the trouble is over: for what has begun in it, then twice for itself."""
        rates, visibility = self._plan.rates, self._plan.settings.visibility_timeout
        leftovers = visibility + 600 * (faults.VISIBLE_LATE in rates) + 400 * (faults.LATE_DELIVERY in rates)
        return leftovers + 300 * (faults.THROTTLED in rates) + 2 * (60 + max_age / 10)

    def _put(self, command: PlannedCommand) -> None:
        self._to_come -= 1
        self._context.say("CAD", f"commands {command.number} {command.kind} {command.service_request_id}")
        self.history.copies.put(command)
        message_id = self._sqs.send_message(QueueUrl=OUTBOUND, MessageBody=command.body)["MessageId"]
        self.history.put(command, message_id)

    def _rotate(self, rotation: SecretRotation) -> None:
        self._context.faults.count(faults.CREDENTIALS_ROTATED)
        self._change_secret()
        if rotation.revokes:
            self.api.revoke()
        self._context.after(rotation.gap, self._write_secret)

    def _change_secret(self) -> None:
        self._serial += 1
        self.api.rules.clients[CLIENT_ID] = f"invented-secret-{self._serial}"

    def _write_secret(self) -> None:
        self.secrets.client_secret = self.api.rules.clients[CLIENT_ID]

    def _worked(self, records: Sequence[Mapping[str, Any]], outcome: InvocationOutcome) -> None:
        """Note what an invocation returned to the queue, and what it may have left half done."""
        container = outcome.container
        if outcome.error == "timed out" and not container.is_troubled:
            self._context.violate("timed out, and nothing but VectorCare was slow", container.request_id)
        failed = outcome.answer["batchItemFailures"] if outcome.answer else []
        self.history.worked(
            records,
            returned={failure["itemIdentifier"] for failure in failed},
            began_at=container.began_at,
            is_troubled=container.is_troubled or outcome.error == "crashed",
        )

    def _begun(self, request: Request, process: Container) -> None:
        self.history.begun(request, invocation=process.request_id, began_at=process.began_at)

    def _arrived(self, request: Request, response: Response, asked_at: float) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.history.arrived(request, response, asked_at=asked_at, is_known=token in self.api.issued)
