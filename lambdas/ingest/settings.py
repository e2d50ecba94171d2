"""What ingest is configured with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Each field is the environment variable of its name."""

    queue_url: str
    spool_bucket: str
    customer_id: str
    public_keys: str
