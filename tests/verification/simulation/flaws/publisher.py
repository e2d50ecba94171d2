"""Flaws of the publisher."""

from tests.verification.simulation.flaws.variant import (
    flawed,
    never_raises,
    outage,
    with_faults,
    with_long_names,
)
from verification.simulation.flaw import Edit, answers

_DATA = {"publish_data": True}
_PUBLISH, _CHANGE = "publisher.publish", "publisher.change"
_BUS, _JSON = "vectorcare_bridge.edge.bus", "vectorcare_bridge.edge.exact_json"


VARIANTS = (
    flawed(
        "what the bus refuses is forgotten",
        "a change was not published",
        _PUBLISH,
        "Publisher._send_to_unpublished",
        answers(None),
        trouble=outage("events"),
    ),
    flawed(
        "what is sent to the dead-letter queue holds patient data",
        "patient data was sent to the dead-letter queue",
        _PUBLISH,
        "Publisher._send_to_unpublished",
        Edit('_ != "data"', "True"),
        settings=_DATA,
        trouble=outage("events"),
    ),
    flawed(
        "patient data is published though nobody asked for it",
        "patient data was published",
        _PUBLISH,
        "Publisher.publish",
        Edit("self.with_data", "True"),
    ),
    flawed(
        "a batch that could not be published counts as done",
        "a change was not published",
        "publisher.handler",
        "handler",
        never_raises,
        trouble=with_faults(FAILS=0.5),
    ),
    flawed(
        "what the bus refuses once is not put on it again",
        "sent to the dead-letter queue though the bus was not asked again",
        _BUS,
        "ATTEMPTS",
        lambda _attempts: 1,
        trouble=with_faults(EVENT_REFUSED=0.1),
    ),
    flawed(
        "numbers are published as floats",
        "the data published is not the request's",
        _JSON,
        "_plain",
        lambda _plain: lambda number: repr(float(number)),
        settings=_DATA,
    ),
    flawed(
        "names are published that no event can hold",
        "sent to the dead-letter queue, and never happened",
        "vectorcare_bridge.edge.event_detail",
        "fit",
        lambda _fit: dict,
        trouble=with_long_names,
    ),
    flawed(
        "data is not published though an event can hold it",
        "the data was not published",
        _CHANGE,
        "Change.with_data",
        lambda _with_data: lambda self: self.detail,
        settings=_DATA,
    ),
)
