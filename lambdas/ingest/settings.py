"""What ingest is configured with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Each field is the environment variable of its name; only `./bridge verify --end-to-end` sets `verification`."""

    queue_url: str
    spool_bucket: str
    customer_id: str
    former_customer_ids: frozenset[str]  # accepted too, until VectorCare calls the new URL
    domain_name: str  # the organization's own; empty if it has none
    public_keys: str
    verification: str = ""
