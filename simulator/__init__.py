"""A VectorCare to test against: webhooks in its form, and its Open API 2.0 by the documented rules.

It is standalone: nothing here imports the rest of the project.
"""

from simulator.sample_data import sample_webhook, trip
from simulator.sender import GIVES_UP_AFTER, DeliveryAnswer, VectorCare
from simulator.webhook import SIGNATURE_HEADER, Webhook, iso, new_event_id, new_service_request_id, sign

__all__ = [
    "GIVES_UP_AFTER",
    "SIGNATURE_HEADER",
    "DeliveryAnswer",
    "VectorCare",
    "Webhook",
    "iso",
    "new_event_id",
    "new_service_request_id",
    "sample_webhook",
    "sign",
    "trip",
]
