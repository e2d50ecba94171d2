"""Flaws of the publisher."""

from tests.verification.simulation.flaws.variant import Variant, in_module, outage, with_faults, with_long_names

_DATA = {"publish_data": True}

VARIANTS = (
    Variant(
        "what the bus refuses is forgotten",
        "a change was not published",
        in_module("publisher.publish", "        for entry in failed:\n            self._set_aside(entry)\n", ""),
        trouble=outage("events"),
    ),
    Variant(
        "a call to the bus that is answered counts as taken",
        "a change was not published",
        in_module("vectorcare_bridge.edge.bus", 'if "EventId" not in taken]', "if False]"),
    ),
    Variant(
        "what is set aside holds patient data",
        "patient data was set aside",
        in_module("publisher.publish", 'if name != "data"}', "}"),
        settings=_DATA,
        trouble=outage("events"),
    ),
    Variant(
        "patient data is published though nobody asked for it",
        "patient data was published",
        in_module("publisher.publish", "one.with_data() if self.with_data else one.detail", "one.with_data()"),
    ),
    Variant(
        "a batch that could not be published counts as done",
        "a change was not published",
        in_module("publisher.handler", "    raise NotPublishedError from None\n", ""),
        trouble=with_faults(FAILS=0.5),
    ),
    Variant(
        "what the bus refuses once is not put on it again",
        "set aside though the bus was not asked again",
        in_module(
            "vectorcare_bridge.edge.bus",
            "if is_last or not waiting or not self._has_time_for(longest):",
            "if True:",
        ),
        trouble=with_faults(EVENT_REFUSED=0.1),
    ),
    Variant(
        "numbers are published as floats",
        "the data published is not the request's",
        in_module("vectorcare_bridge.edge.exact_json", "return number(part)", "return repr(float(part))"),
        settings=_DATA,
    ),
    Variant(
        "integers are published that the bus does not take",
        "set aside though the bus was not asked again",
        in_module("vectorcare_bridge.edge.exact_json", "_write(value, _within_64_bits,", "_write(value, _plain,"),
        settings=_DATA,
        trouble=with_faults(),
    ),
    Variant(
        "names are published that no event can hold",
        "set aside, and never happened",
        in_module("publisher.change", "detail=event_detail.fit(detail)", "detail=detail"),
        trouble=with_long_names,
    ),
    Variant(
        "data is published that no event can hold",
        "set aside though the bus was not asked again",
        in_module("publisher.change", "return whole if event_detail.fits(whole) else self.detail", "return whole"),
        settings=_DATA,
        trouble=with_long_names,
    ),
    Variant(
        "data is not published though an event can hold it",
        "the data was not published",
        in_module(
            "publisher.change", "return whole if event_detail.fits(whole) else self.detail", "return self.detail"
        ),
        settings=_DATA,
    ),
)
