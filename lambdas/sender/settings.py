"""What the sender is configured with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """Each field is the environment variable of its name.

    The secret holds VectorCare's `client_id` and `client_secret` as JSON. `vectorcare_token_url` is empty if it
    is unknown: then there is no token, and nothing is sent.
    """

    outbound_queue_url: str
    outbound_dead_letter_queue_url: str
    commands_table: str
    event_bus: str
    credentials_secret: str
    vectorcare_api_url: str
    vectorcare_token_url: str
