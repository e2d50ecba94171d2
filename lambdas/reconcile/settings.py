"""What reconcile is configured with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """Each field is the environment variable of its name; the stack has the same name in the other region."""

    queue_url: str
    events_table: str
    public_keys: str
    journal_retention_days: int
    stack_name: str
    other_region: str
