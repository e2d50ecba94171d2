"""What drain is configured with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DrainSettings:
    """Each field is the environment variable of its name."""

    queue_url: str
    spool_bucket: str
