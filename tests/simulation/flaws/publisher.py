"""Flaws of the publisher."""

from tests.simulation.flaws.variant import Variant, in_module, with_faults

VARIANTS = (
    Variant(
        "what the bus refuses is forgotten",
        "a change was not published",
        in_module("publisher.publish", "        for entry in failed:\n            self._set_aside(entry)\n", ""),
    ),
    Variant(
        "a call to the bus that is answered counts as taken",
        "a change was not published",
        in_module("vectorcare_bridge.bus", 'if "EventId" not in taken]', "if False]"),
    ),
    Variant(
        "what is set aside holds patient data",
        "patient data was set aside",
        in_module("publisher.publish", 'if name != "data"}', "}"),
    ),
    Variant(
        "patient data is published though nobody asked for it",
        "patient data was published",
        in_module("publisher.publish", "one.with_data() if self.with_data else one.detail", "one.with_data()"),
    ),
    Variant(
        "a batch that could not be published counts as done",
        "a change was not published",
        in_module("publisher.handler", "        raise NotPublishedError from None\n", ""),
        trouble=with_faults(FAILS=0.5),
    ),
)
