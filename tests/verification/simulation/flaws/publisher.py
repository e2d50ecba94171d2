"""Flaws of the publisher."""

from typing import Any

from tests.verification.simulation.flaws.variant import (
    flawed,
    never_raises,
    outage,
    with_client,
    with_faults,
    with_long_names,
)
from verification.simulation.flaw import Edit, answers

_DATA = {"publish_data": True}
_PUBLISH, _CHANGE = "publisher.publish", "publisher.change"
_BUS, _JSON = "vectorcare_bridge.edge.bus", "vectorcare_bridge.edge.exact_json"


def _takes_answers_for_success(put: Any) -> Any:
    def flawed(self: Any, together: Any) -> Any:
        client = self._client

        def put_events(**asked: Any) -> Any:
            answer = client.put_events(**asked)
            return {"Entries": [entry | {"EventId": "taken"} for entry in answer["Entries"]]}

        return put(with_client(self, put_events=put_events), together)

    return flawed


VARIANTS = (
    flawed(
        "what the bus refuses is forgotten",
        "a change was not published",
        f"{_PUBLISH}:Publisher._send_to_unpublished",
        answers(None),
        trouble=outage("events"),
    ),
    flawed(
        "a call to the bus that is answered counts as taken",
        "a change was not published",
        f"{_BUS}:Bus._put",
        _takes_answers_for_success,
    ),
    flawed(
        "what is sent to the dead-letter queue holds patient data",
        "patient data was sent to the dead-letter queue",
        f"{_PUBLISH}:Publisher._send_to_unpublished",
        Edit("name != 'data'", "True"),
        settings=_DATA,
        trouble=outage("events"),
    ),
    flawed(
        "patient data is published though it is not configured",
        "patient data was published",
        f"{_PUBLISH}:Publisher.publish",
        Edit("self.with_data", "True"),
    ),
    flawed(
        "a batch that could not be published counts as done",
        "a change was not published",
        "publisher.handler:handler",
        never_raises,
        trouble=with_faults(FAILS=0.5),
    ),
    flawed(
        "what the bus refuses once is not put on it again",
        "sent to the dead-letter queue though the bus was not asked again",
        f"{_BUS}:ATTEMPTS",
        lambda _attempts: 1,
        trouble=with_faults(EVENT_REFUSED=0.1),
    ),
    flawed(
        "numbers are published as floats",
        "the data published is not the request's",
        f"{_JSON}:_plain",
        lambda _plain: lambda number: repr(float(number)),
        settings=_DATA,
    ),
    flawed(
        "integers are published that the bus does not take",
        "sent to the dead-letter queue though the bus was not asked again",
        f"{_JSON}:_within_64_bits",
        lambda _within: lambda number: format(number, "f"),
        settings=_DATA,
        trouble=with_faults(),
    ),
    flawed(
        "names are published that no event can hold",
        "sent to the dead-letter queue, and never happened",
        "vectorcare_bridge.edge.event_detail:fit",
        lambda _fit: dict,
        trouble=with_long_names,
    ),
    flawed(
        "data is published that no event can hold",
        "sent to the dead-letter queue though the bus was not asked again",
        f"{_CHANGE}:Change.with_data",
        lambda _with_data: lambda self: self.detail | {"data": self.data},
        settings=_DATA,
        trouble=with_long_names,
    ),
    flawed(
        "data is not published though an event can hold it",
        "the data was not published",
        f"{_CHANGE}:Change.with_data",
        lambda _with_data: lambda self: self.detail,
        settings=_DATA,
    ),
)
