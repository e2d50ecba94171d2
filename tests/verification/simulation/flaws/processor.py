"""Flaws of the processor, and of what decides over the state."""

from tests.verification.simulation.flaws.variant import (
    Variant,
    from_the_future,
    in_module,
    outage,
    over_years,
    poisoned_without_tables,
    simultaneous,
    with_faults,
)

_STORE = "vectorcare_bridge.webhooks.store"
_FOLD = "vectorcare_bridge.webhooks.fold"
_ENVELOPE = "vectorcare_bridge.webhooks.envelope"

VARIANTS = (
    Variant(
        "the condition is `<=`, so that the tie-break decides nothing",
        "the state went back in time",
        in_module(_STORE, "f\"({first.format('<')} OR", "f\"({first.format('<=')} OR"),
    ),
    Variant(
        "no tie-break: the first of two events of one instant stays",
        "the state is not the newest event",
        in_module(_STORE, "AND {second.format('<')}))", "AND {second.format('<')} AND {second.format('>')}))"),
        settings={"order_by": "event_timestamp"},
        trouble=simultaneous,
    ),
    Variant(
        "an event without data erases the data",
        "the state went back in time",
        in_module(
            _STORE,
            "        if event.carries_data:\n            assignments |= fold.data_register(event)\n",
            "        assignments |= (fold.data_register(event) if event.carries_data else\n"
            "            dict.fromkeys(('data', 'data_as_of', 'data_event_id')))\n",
        ),
    ),
    Variant(
        "an event without data keeps older data out",
        "the state's data is not the newest",
        in_module(
            _STORE, "if with_data is not None and not data_taken and", "if with_data is event and not data_taken and"
        ),
    ),
    Variant(
        "the journal is checked by nobody: the last delivery wins",
        "a journal entry was changed",
        in_module(_STORE, '                ConditionExpression="attribute_not_exists(event_id)",\n', ""),
    ),
    Variant(
        "other bytes under a known event id are not kept",
        "accepted, and not in the journal",
        in_module(_STORE, "if has_other_bytes:", "if False:"),
    ),
    Variant(
        "an old event may make an item",
        "an event older than the retention made an item",
        in_module(_FOLD, "if _is_within(one.event, rule, at=one.received_at)]", "]"),
    ),
    Variant(
        "where there is no item, an event without data makes one without looking at the journal",
        "the state's data is not the newest",
        in_module(
            _FOLD,
            "data is not None and _is_within(data, rule, at=now)",
            "(data is None or _is_within(data, rule, at=now))",
        ),
        settings={"order_by": "event_timestamp"},
        first=9,
        trouble=over_years,
    ),
    Variant(
        "where there is no item, an event makes one without looking for a greater id in the journal",
        "the state is not the newest event",
        in_module(
            _FOLD,
            "return rule.order_by is OrderBy.EVENT_TIMESTAMP and data is not None",
            "return data is not None",
        ),
        settings={"order_by": "event_id"},
        trouble=over_years,
    ),
    Variant(
        "a request whose time is over is made again from the journal",
        "a closed and expired request came back",
        in_module("processor.process", "may_begin = not fold.is_over(folded, self._rule, now=now)", "may_begin = True"),
        trouble=over_years,
    ),
    Variant(
        "data that carries nothing is data",
        "the state's data is not the newest",
        in_module(_ENVELOPE, "return self.data != 0 and not _is_blank(self.data)", "return self.data is not None"),
    ),
    Variant(
        "the revision of an item that is made again begins again",
        "the revision goes back",
        in_module(_STORE, "return utc_timestamp.epoch_milliseconds(now)", "return 0"),
        trouble=over_years,
    ),
    Variant(
        "a replay takes every lost request for an expired one",
        "in the journal, and not in the state",
        in_module("cli.lib.replay_plan", "fold.is_over(folded, rule, now=now)", "True"),
        trouble=over_years,
    ),
    Variant(
        "a request that is open again keeps its expiry",
        "a closed request does not expire, or an open one does",
        in_module(
            _STORE,
            "absent = sorted(assignments.keys() - present.keys())",
            "absent = sorted(assignments.keys() - present.keys() - {'expires_at'})\n"
            "        assignments = {\n            name: value\n            for name, value in assignments.items()\n"
            "            if value is not None or name in absent\n        }",
        ),
    ),
    Variant(
        "an event that overtakes an older one of its batch keeps that one's data out",
        "the state's data is not the newest",
        in_module(
            _FOLD,
            "newest_data=with_data[-1] if with_data else None",
            "newest_data=with_data[-1] if with_data and with_data[-1] is oldest_first[-1].event else None",
        ),
    ),
    Variant(
        "times are compared as they were written",
        "journaled under a wrong key or time",
        in_module(_ENVELOPE, "return utc_timestamp.parse(value)", "instant.parse(value)\n        return value"),
    ),
    Variant(
        "events of the future are applied",
        "dated in the future, and applied",
        in_module(_ENVELOPE, "FUTURE_TOLERANCE_MINUTES = 15", "FUTURE_TOLERANCE_MINUTES = 10**6"),
        trouble=from_the_future,
    ),
    Variant(
        "the state moves although the journal refused",
        "in the state before it was in the journal",
        in_module(
            "processor.process",
            "        except Exception as error:  # noqa: BLE001 whatever it is, the message is tried again\n"
            "            return _Failed(delivery, error, event=event)\n\n    def _enter_unreadable",
            "        except Exception:\n"
            "            return _Journaled(delivery, Entry(event, delivery.webhook.received_at))\n\n"
            "    def _enter_unreadable",
        ),
        trouble=with_faults(FAILS=0.4),
    ),
    Variant(
        "what is poisonous is dropped",
        "can never be applied, and is not among the dead",
        in_module(
            "processor.process",
            "return [one.delivery.message_id for one in failed]",
            "return [one.delivery.message_id for one in failed if one.reason is None]",
        ),
    ),
    Variant(
        "a permanent failure is tried again like any other",
        "a permanent failure has to wait",
        in_module("processor.process", "if is_transient else 0", ""),
    ),
    Variant(
        "the reason for a death is not in the list",
        "died for no reason of the list",
        in_module("vectorcare_bridge.webhooks.failure", 'UNSTORABLE = "unstorable"', 'UNSTORABLE = "strange"'),
    ),
    Variant(
        "after a conflict in the journal the delivery's own event goes on to the state",
        "the state is not what the journal says",
        in_module(
            _STORE,
            "event=known.event",
            "event=event",
        ),
        first=12,
    ),
    Variant(
        "what is poisonous is given up before it is journaled",
        "a webhook died that nothing is wrong with",
        in_module(
            "processor.process",
            "        except Exception as error:  # noqa: BLE001 not yet kept for good, so not yet given up\n"
            "            return _Failed(delivery, error, event=event)\n",
            "        except Exception:\n            pass\n",
        ),
        trouble=poisoned_without_tables,
    ),
    Variant(
        "ten receives instead of thirty",
        "a webhook died that nothing is wrong with",
        settings={"max_receives": 10},
        trouble=outage("dynamodb"),
    ),
    Variant(
        "the longest wait is half a minute",
        "a webhook died that nothing is wrong with",
        in_module(
            "vectorcare_bridge.webhooks.failure", "LONGEST_BACKOFF_SECONDS = 900", "LONGEST_BACKOFF_SECONDS = 30"
        ),
        trouble=outage("dynamodb"),
    ),
    Variant(
        "the attribute of the time to live is misspelled",
        "a closed request does not expire, or an open one does",
        in_module(_FOLD, '"expires_at": expires_at(', '"expire_at": expires_at('),
    ),
    Variant(
        "after a conflict in the journal the delivery's own time goes on to the state",
        "the state is not what the journal says",
        in_module(_STORE, "event=known.event", "event=replace(known.event, last_updated=event.last_updated)"),
        first=12,
    ),
    Variant(
        "the journal is asked first and written to afterwards",
        "a journal entry was changed",
        in_module(
            _STORE,
            """        try:
            self._client.put_item(
                TableName=self._table,
                Item=_attributes(item),
                ConditionExpression="attribute_not_exists(event_id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except""",
            """        try:
            self._client.update_item(
                TableName=self._table,
                Key=_attributes({name: item[name] for name in ("service_request_id", "event_id")}),
                UpdateExpression="SET #asked = :asked",
                ConditionExpression="#asked = :asked",
                ExpressionAttributeNames={"#asked": "asked"},
                ExpressionAttributeValues=_attributes({":asked": 1}),
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            stored = _stored_item(error)
            if stored:
                return stored
        try:
            self._client.put_item(TableName=self._table, Item=_attributes(item))
        except""",
        ),
    ),
)
