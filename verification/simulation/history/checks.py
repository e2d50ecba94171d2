"""What must hold when a run has come to rest."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

from vectorcare_bridge.webhooks.vocabulary import WebhookOutcome
from verification.simulation.history.webhooks import (
    FUTURE_TOLERANCE_SECONDS,
    UNREADABLE,
    Entered,
    WebhookHistory,
    body_of,
    newest,
    rank,
)
from verification.simulation.models.queue import QueuedMessage
from verification.simulation.models.values import Item
from verification.simulation.plan.content import Content, ContentKind
from verification.simulation.plan.plan import Sending
from verification.simulation.world.output import Output
from verification.simulation.world.run_context import RunContext
from verification.simulation.world.scheduler import timestamp_at

REASONS = frozenset(
    {
        "not_json",
        "not_an_object",
        "unsupported_version",
        "missing_field",
        "bad_timestamp",
        "timestamp_in_future",
        "unstorable",
        "exhausted",
    }
)


class WebhookChecks:
    """The checks of one run."""

    def __init__(self, context: RunContext, history: WebhookHistory) -> None:
        self._history = history
        self._settings = context.settings
        self._now = context.now

    def journal(self, journal: Mapping[tuple[str, ...], Item]) -> None:
        """Check that every webhook that was answered 2xx is in the journal, byte for byte, with its signature, once."""
        for body, signatures in self._history.accepted.items():
            content = self._history.contents[body]
            found = [key for key in self._history.journaled.get(body, []) if key in journal]
            readable = [key for key in found if key[0] != UNREADABLE]
            if content.kind is ContentKind.FORBIDDEN:
                continue
            if not found:
                self._violate("accepted, and not in the journal", content)
            elif content.kind is ContentKind.EVENT and self._has_come(content) and len(readable) != 1:
                self._violate(f"readable, and {len(readable)} times in the journal", content)
            elif len(found) - len(readable) > 1:
                self._violate("unreadable, and twice in the journal", content)
            for key in found:
                entry = journal[key]
                if entry["body"]["B"] != body or entry["signature"]["S"] not in self._history.signatures[body]:
                    self._violate("not as it was signed", content)
            if not signatures:
                self._violate("accepted without a signature", content)

    def state(self, state: Mapping[tuple[str, ...], Item]) -> None:
        """Check that the state is the fold of the journal in both registers, and there unless it is over."""
        events: defaultdict[str, list[Entered]] = defaultdict(list)
        for (service_request_id, *_), entered in self._history.first_entries.items():
            events[service_request_id].append(entered)
        for service_request_id in events.keys() | {key[0] for key in state}:
            self._check_registers(service_request_id, events[service_request_id], state.get((service_request_id,)))

    def _check_registers(self, service_request_id: str, events: list[Entered], item: Item | None) -> None:
        order_by = self._settings.order_by
        began = self._history.began(service_request_id)
        counting = [one.content for one in events if one.content.last_updated >= began]
        latest = newest(counting, order_by)
        if item is None:
            if latest and not self._history.is_over(latest, self._now):
                self._violate("in the journal, and not in the state", latest)
            return
        if latest is None or item["event_id"]["S"] != latest.event_id:
            self._history.violate("the state is not the newest event", f"{service_request_id}: {item['event_id']}")
        newest_data = newest((one for one in counting if one.carries_data), order_by)
        due = newest_data and rank(newest_data.last_updated, newest_data.event_id, order_by)
        _, held = self._history.registers(item)
        if held != due:
            self._history.violate("the state's data is not the newest", f"{service_request_id}: {held}")

    def terminal(
        self, queue: int, spool: int, dead_letters: list[QueuedMessage], reason_of: Callable[[QueuedMessage], str]
    ) -> None:
        """Check that nothing is on its way, and that the dead can never be applied, each for a reason."""
        if queue or spool:
            self._history.violate("not at rest", f"{queue} messages in the queue, {spool} objects in the spool")
        dead = Counter(map(body_of, dead_letters))
        for message in dead_letters:
            content = self._history.contents[body_of(message)]
            reason = reason_of(message)
            expected = content.reason or "timestamp_in_future"
            if content.kind is ContentKind.EVENT and self._has_come(content):
                self._violate("dead, and nothing is wrong with it", content)
            elif reason not in REASONS or reason != expected:
                self._violate(f"dead for {reason} instead of {expected}", content)
        for body in self._history.accepted:
            content = self._history.contents[body]
            is_bad = content.kind is ContentKind.UNREADABLE or (
                content.kind is ContentKind.EVENT and not self._has_come(content)
            )
            if is_bad and not dead[body]:
                self._violate("can never be applied, and is not among the dead", content)

    def all_accepted(self, sendings: Iterable[Sending]) -> None:
        """Check that nothing was refused in a run without any trouble."""
        for sending in sendings:
            if not sending.forgery and sending.content.body not in self._history.accepted:
                self._violate("signed for us, and not accepted though nothing was in its way", sending.content)

    def counts(self, output: Output, done: list[str]) -> None:
        """Check that every message that left the queue as done was counted, and all that was answered 2xx."""
        for message_id in done:
            if not output.outcomes.get(message_id):
                self._history.violate("done, and without an outcome", message_id)
        answered = sum(count for status, count in self._history.answers.items() if status < 300)  # noqa: PLR2004
        if output.metrics["Accepted"] < answered:
            self._history.violate("accepted, and not counted", f"{output.metrics['Accepted']} of {answered}")
        outcomes = Counter(outcome for outcomes in output.outcomes.values() for outcome in outcomes)
        for outcome in WebhookOutcome:
            if outcomes[outcome] < output.metrics[outcome.capitalize()]:
                self._history.violate("counted more often than logged", outcome)
        unknown = {
            line["reason"] for lines in output.failures.values() for line in lines if line.get("reason")
        } - REASONS
        if unknown:
            self._history.violate("died for no reason of the list", str(sorted(unknown)))

    def deaths(self, output: Output, dead_letters: list[QueuedMessage]) -> None:
        """Check that what can never be applied was given up without a wait, with its reason."""
        for message in dead_letters:
            content = self._history.contents[body_of(message)]
            lines = output.failures.get(message.id, [])
            if content.reason and not any(line.get("reason") == content.reason for line in lines):
                self._violate("died without a log line", content)
        for line in (line for lines in output.failures.values() for line in lines):
            if line.get("reason") not in {None, "exhausted"} and line["retry_in_seconds"]:
                self._history.violate("a permanent failure has to wait", str(line["reason"]))

    def _has_come(self, content: Content) -> bool:
        return content.last_updated <= timestamp_at(self._now + FUTURE_TOLERANCE_SECONDS - self._settings.skew)

    def _violate(self, rule: str, content: Content) -> None:
        name = f"{content.service_request_id} {content.event_id} {content.body[:60]!r}"
        self._history.violate(rule, name)
