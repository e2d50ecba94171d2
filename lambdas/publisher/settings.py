"""What the publisher is configured with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """Each field is the environment variable of its name; `publish_actions` holds `*` if all are published."""

    event_bus: str
    unpublished_queue_url: str
    publish_actions: frozenset[str]
    publish_data: bool
