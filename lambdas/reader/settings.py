"""What the reader is configured with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """Each field is the environment variable of its name."""

    events_table: str
    service_requests_table: str
    status_index: str
