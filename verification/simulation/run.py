"""One seed: its plan run, its history checked."""

import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from verification.simulation.history.checks import WebhookChecks
from verification.simulation.models.queue import QueuedMessage
from verification.simulation.plan.draw import draw
from verification.simulation.plan.plan import SimulationPlan
from verification.simulation.world.functions import EVENTS
from verification.simulation.world.loader import Loader
from verification.simulation.world.run_context import Violation
from verification.simulation.world.scheduler import timestamp_at
from verification.simulation.world.world import World


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What came of a run: webhooks sent, retries not counted, and faults by kind."""

    seed: int
    events: int
    faults: Counter[str]
    violations: tuple[Violation, ...]


@cache
def _product() -> Loader:
    return Loader()


def run(seed: int, *, events: int = 500, trace: Callable[[str], None] | None = None) -> SimulationResult:
    """Run a seed; `trace` takes each line of the trace."""
    return run_plan(draw(seed, events), trace=trace)


def run_plan(
    plan: SimulationPlan, *, loader: Loader | None = None, trace: Callable[[str], None] | None = None
) -> SimulationResult:
    """Run a plan; what breaks in the simulation itself is a violation, too."""
    world = World(plan, loader or _product(), trace)
    try:
        world.run()
        _check(world)
    except Exception:  # noqa: BLE001 a seed that breaks the simulation has to be found and shrunk like any other
        world.context.violate("the simulation broke", traceback.format_exc())
    return SimulationResult(
        seed=plan.seed,
        events=len(plan.sendings),
        faults=world.faults.injected,
        violations=tuple(world.context.violations),
    )


def _check(world: World) -> None:
    # The one question that is put to the functions' own code: what its tools would show an operator.
    from vectorcare_bridge.dead_letters import dead_letter  # noqa: PLC0415 there once a container has been loaded
    from vectorcare_bridge.webhooks import message  # noqa: PLC0415 there once a container has been loaded
    from vectorcare_bridge.webhooks.journal import recorded_reason  # noqa: PLC0415 likewise

    def reason_of(found: QueuedMessage) -> str:
        return dead_letter.reason(
            dead_letter.DeadLetterQueue.INBOUND,
            found.body,
            message.values(found.attributes),
            sent_at=timestamp_at(found.sent_at),
            recorded=lambda body: recorded_reason(cast("Any", storage.dynamodb), EVENTS, body),
        )

    checks = WebhookChecks(world.context, world.history)
    storage = world.storage
    checks.journal(storage.journal.items)
    checks.state(world.state_at_rest)
    checks.terminal(
        len(storage.queue),
        len(storage.bucket.objects),
        storage.dead_letters.messages(),
        reason_of,
    )
    storage.publication.check(message.body for message in storage.unpublished.messages())
    world.outbound.check(trouble_ended=world.trouble_ended)
    if world.plan.is_untroubled():
        checks.all_accepted(world.plan.sendings)
    checks.counts(world.output, world.done)
    checks.deaths(world.output, storage.dead_letters.messages())
