"""Flaws of the processor, and of what decides over the state."""

from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from tests.verification.simulation.flaws.variant import (
    Variant,
    flawed,
    from_the_future,
    never_raises,
    outage,
    over_years,
    poisoned_without_tables,
    simultaneous,
    with_client,
    with_faults,
)
from verification.simulation.flaw import Edit, answers

_JOURNAL = "vectorcare_bridge.webhooks.journal"
_STATE = "vectorcare_bridge.webhooks.state"
_FOLD = "vectorcare_bridge.webhooks.fold"
_ENVELOPE = "vectorcare_bridge.webhooks.envelope"
_FAILURE = "vectorcare_bridge.webhooks.failure"
_PROCESS = "processor.process"
_OLDER = f"{_STATE}:State._older"
_APPEND = f"{_JOURNAL}:Journal.append"
_MAY_BEGIN = f"{_FOLD}:may_begin"


def _no_tie_break(older: Any) -> Any:
    def flawed(*names: Any) -> str:
        condition: str = older(*names)
        tie = condition.rpartition(" AND ")[2].rstrip(")")
        return condition.replace(tie, f"{tie} AND {tie.replace('<', '>')}")

    return flawed


def _erases(status_register: Any) -> Any:
    def flawed(received: Any, **how: Any) -> Any:
        nothing = {} if received.event.carries_data else dict.fromkeys(("data", "data_as_of", "data_event_id"))
        return status_register(received, **how) | nothing

    return flawed


def _newest_alone(fold: Any) -> Any:
    def flawed(*given: Any) -> Any:
        folded = fold(*given)
        if folded is None or folded.newest_data is folded.newest.event:
            return folded
        return replace(folded, newest_data=None)

    return flawed


def _put_always(put: Any) -> Any:
    def flawed(self: Any, **entry: Any) -> Any:
        client = self._client

        def put_item(*, TableName: str, Item: Any, **_condition: Any) -> Any:  # noqa: N803 boto3's names
            return client.put_item(TableName=TableName, Item=Item)

        return put(with_client(self, put_item=put_item), **entry)

    return flawed


def _put_after_a_look(put: Any) -> Any:
    def flawed(self: Any, **entry: Any) -> Any:
        client = self._client

        def put_item(*, TableName: str, Item: Any, **_condition: Any) -> Any:  # noqa: N803 boto3's names
            key = {name: Item[name] for name in ("service_request_id", "event_id")}
            known = client.get_item(TableName=TableName, Key=key, ConsistentRead=True)
            if "Item" in known:
                answer: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": known["Item"]}
                raise ClientError(answer, "PutItem")
            return client.put_item(TableName=TableName, Item=Item)

        return put(with_client(self, put_item=put_item), **entry)

    return flawed


def _goes_on(append: Any) -> Any:
    def flawed(self: Any, event: Any, webhook: Any) -> Any:
        try:
            return append(self, event, webhook)
        except Exception:  # noqa: BLE001 that is the flaw
            return append.__globals__["JournalEntry"](event, webhook.received_at)

    return flawed


def _keeps_expiry(update: Any) -> Any:
    def flawed(self: Any, event: Any, assignments: Any, condition: str, *, now: str) -> Any:
        kept = {name: value for name, value in assignments.items() if name != "expires_at" or value is not None}
        return update(self, event, kept, condition, now=now)

    return flawed


def _misspelt(status_register: Any) -> Any:
    def flawed(received: Any, **how: Any) -> Any:
        register = status_register(received, **how)
        return {"expire_at" if name == "expires_at" else name: value for name, value in register.items()}

    return flawed


VARIANTS = (
    flawed(
        "the condition is `<=`, so that the tie-break decides nothing",
        "the state went back in time",
        _OLDER,
        lambda older: lambda *names: older(*names).replace("<", "<=", 1),
    ),
    flawed(
        "no tie-break: the first of two events of one time stays",
        "the state is not the newest event",
        _OLDER,
        _no_tie_break,
        settings={"order_by": "event_timestamp"},
        trouble=simultaneous,
    ),
    flawed("an event without data erases the data", "the state went back in time", f"{_FOLD}:status_register", _erases),
    flawed(
        "an event without data keeps older data out",
        "the state's data is not the newest",
        f"{_STATE}:State._offer_data",
        answers(False),
    ),
    flawed(
        "an event that overtakes an older one of its batch keeps that one's data out",
        "the state's data is not the newest",
        f"{_FOLD}:fold",
        _newest_alone,
    ),
    flawed(
        "the journal is not checked: the last delivery wins",
        "a journal entry was changed",
        f"{_JOURNAL}:Journal._put_if_absent",
        _put_always,
    ),
    flawed(
        "the journal is asked first and written to afterwards",
        "a journal entry was changed",
        f"{_JOURNAL}:Journal._put_if_absent",
        _put_after_a_look,
    ),
    flawed(
        "other bytes under a known event id are not kept",
        "accepted, and not in the journal",
        f"{_JOURNAL}:Journal._put_if_absent",
        lambda put: lambda self, **entry: None if "redelivery_of" in entry else put(self, **entry),
    ),
    flawed(
        "an old event may make an item",
        "an event older than the retention made an item",
        f"{_FOLD}:_is_within",
        answers(True),
    ),
    flawed(
        "if there is no item, an event without data makes one without looking at the journal",
        "the state's data is not the newest",
        _MAY_BEGIN,
        lambda may_begin: lambda folded, rule, now: folded.newest_data is None or may_begin(folded, rule, now=now),
        settings={"order_by": "event_timestamp"},
        first=9,
        trouble=over_years,
    ),
    flawed(
        "if there is no item, an event makes one without looking for a greater id in the journal",
        "the state is not the newest event",
        _MAY_BEGIN,
        lambda _may_begin: lambda folded, *_rest, **_now: folded.newest_data is not None,
        settings={"order_by": "event_id"},
        trouble=over_years,
    ),
    flawed(
        "a request whose time is over is made again from the journal",
        "a closed and expired request came back",
        f"{_FOLD}:is_over",
        answers(False),
        trouble=over_years,
    ),
    flawed(
        "a replay takes every lost request for an expired one",
        "in the journal, and not in the state",
        "cli.lib.replay_plan:plan",
        Edit("fold.is_over(folded, rule, now=now)", "True"),
        trouble=over_years,
    ),
    flawed(
        "data that carries nothing is data",
        "the state's data is not the newest",
        f"{_ENVELOPE}:Event.carries_data",
        lambda _carries_data: lambda self: self.data is not None,
    ),
    flawed(
        "the revision of an item that is made again begins again",
        "the revision goes back",
        f"{_STATE}:first_revision",
        answers(0),
        trouble=over_years,
    ),
    flawed(
        "a request that is open again keeps its expiry",
        "a closed request does not expire, or an open one does",
        f"{_STATE}:State._update",
        _keeps_expiry,
    ),
    flawed(
        "the attribute of the time to live is misspelled",
        "a closed request does not expire, or an open one does",
        f"{_FOLD}:status_register",
        _misspelt,
    ),
    flawed(
        "times are compared as they were written",
        "journaled under a wrong key or time",
        f"{_ENVELOPE}:_time",
        lambda time: lambda read: time(read) and (read.get("event_timestamp") or read["last_updated"]),
    ),
    flawed(
        "events of the future are applied",
        "dated in the future, and applied",
        f"{_ENVELOPE}:FUTURE_TOLERANCE_MINUTES",
        lambda _minutes: 10**6,
        trouble=from_the_future,
    ),
    flawed(
        "the state moves although the journal refused",
        "in the state before it was in the journal",
        _APPEND,
        _goes_on,
        trouble=with_faults(FAILS=0.4),
    ),
    flawed(
        "after a conflict in the journal the delivery's own event goes on to the state",
        "the state is not what the journal says",
        _APPEND,
        lambda append: lambda self, event, webhook: replace(append(self, event, webhook), event=event),
        first=12,
    ),
    flawed(
        "after a conflict in the journal the delivery's own time goes on to the state",
        "the state is not what the journal says",
        _APPEND,
        Edit("known.event", "replace(known.event, last_updated=event.last_updated)"),
        first=12,
    ),
    flawed(
        "what is poisonous is given up before it is journaled",
        "a webhook died that nothing is wrong with",
        f"{_JOURNAL}:Journal.append_unreadable",
        never_raises,
        trouble=poisoned_without_tables,
    ),
    flawed(
        "what is poisonous is dropped",
        "can never be applied, and is not among the dead",
        f"{_PROCESS}:Processor.process",
        Edit("for one in failed]", "for one in failed if one.reason is None]"),
    ),
    flawed(
        "a permanent failure is tried again like any other",
        "a permanent failure has to wait",
        f"{_PROCESS}:Processor._return_to_queue",
        Edit(" if is_transient else 0", ""),
    ),
    flawed(
        "the reason for a death is not in the list",
        "died for no reason of the list",
        f"{_FAILURE}:FailureReason.UNSTORABLE",
        lambda _reason: "strange",
    ),
    Variant(
        "ten receives instead of thirty",
        "a webhook died that nothing is wrong with",
        settings={"max_receives": 10},
        trouble=outage("dynamodb"),
    ),
    flawed(
        "the longest wait is half a minute",
        "a webhook died that nothing is wrong with",
        f"{_FAILURE}:LONGEST_BACKOFF_SECONDS",
        lambda _seconds: 30,
        trouble=outage("dynamodb"),
    ),
)
