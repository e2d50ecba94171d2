"""VectorCare's side of the wire: webhooks in its form, signed in its way.

Fields and rules are those of VectorCare's public documentation (openapi.vectorcare.com/v2: "Webhooks > Overview",
"Webhooks > Verification"). Every patient is invented, and can be seen to be.
"""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

SIGNATURE_HEADER = "X-VectorCare-Signature"
GIVES_UP_AFTER = 10.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One event of a service request, as VectorCare's envelope says it.

    Attributes
    ----------
    event_id : str
        Unique per event; lexicographic order is chronological.
    event_timestamp : datetime
        When VectorCare sent it, in UTC.
    service_request_id : str
        Such as `VC-BSBBCY5Q`.
    request_status : str
        AVAILABLE, ASSIGNED, COMPLETED or UNAVAILABLE.
    action : str
        What triggered it.
    data : mapping or None
        The whole service request; None with UNAVAILABLE.
    """

    event_id: str
    event_timestamp: datetime
    service_request_id: str
    request_status: str
    action: str
    data: Mapping[str, Any] | None

    @property
    def body(self) -> bytes:
        """The bytes that go over the wire."""
        return json.dumps(
            {
                "event_id": self.event_id,
                "event_timestamp": iso(self.event_timestamp),
                "service_request_id": self.service_request_id,
                "request_status": self.request_status,
                "action": self.action,
                "data": self.data,
            }
        ).encode()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the receiver answered.

    Attributes
    ----------
    status : int
        HTTP status code.
    text : str
        Body.
    seconds : float
        How long it took.
    """

    status: int
    text: str
    seconds: float


class VectorCare:
    """Sends webhooks to one URL, signed with one private key.

    Parameters
    ----------
    webhook_url : str
        As it is pasted into VectorCare's settings, `customer_id` included.
    private_key : RSAPrivateKey
        Signs, unless a signature is given.
    certificate_file : Path or None
        What to trust where the URL's certificate is the stand's own.
    """

    def __init__(self, *, webhook_url: str, private_key: RSAPrivateKey, certificate_file: Path | None = None) -> None:
        self._webhook_url = webhook_url
        self._private_key = private_key
        self._verify = str(certificate_file) if certificate_file else True

    def send(self, body: bytes, *, signature: str | None = None) -> Answer:
        """Deliver a webhook once.

        Parameters
        ----------
        body : bytes
            Sent byte for byte.
        signature : str or None
            Instead of the right one.
        """
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between this and loopback
            begin = time.monotonic()
            response = session.post(
                self._webhook_url,
                data=body,
                headers={
                    "Content-Type": "application/json",
                    SIGNATURE_HEADER: signature if signature is not None else sign(body, self._private_key),
                },
                timeout=GIVES_UP_AFTER,
                verify=self._verify,
            )
        return Answer(status=response.status_code, text=response.text, seconds=time.monotonic() - begin)


def sign(body: bytes, private_key: RSAPrivateKey) -> str:
    """Sign a body as VectorCare does: RSA PKCS#1 v1.5 over SHA-256 of the raw bytes, in base64."""
    return base64.b64encode(private_key.sign(body, PKCS1v15(), SHA256())).decode()


def new_event_id(at: datetime) -> str:
    """Make 32 hex characters whose order is that of the events' times."""
    return f"{int(at.timestamp() * 1000):012x}{secrets.token_hex(10)}"


def new_service_request_id() -> str:
    """Make an id of VectorCare's form that no other run has used."""
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return "VC-" + "".join(secrets.choice(alphabet) for _ in range(8))


def iso(at: datetime) -> str:
    """Write an instant as VectorCare does: UTC, milliseconds, `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def trip(service_request_id: str, *, pickup: datetime) -> dict[str, Any]:
    """Describe a service request with every documented field; nobody in it exists.

    Parameters
    ----------
    service_request_id : str
        Whose page `service_request_web_url` names.
    pickup : datetime
        When the invented patient is to be picked up.
    """
    return {
        "account_name": "Invented Health Plan",
        "agreed_for_time": iso(pickup),
        "can_ambulate": False,
        "cct_criteria": None,
        "change_request_enabled": True,
        "collection_id": None,
        "destination_is_home": True,
        "destination_location": _location("Nowhere Home", "2 Imaginary Lane", lat=34.05, lng=-118.24),
        "escalated": None,
        "facility_name": "Made-Up General Hospital",
        "has_own_wheelchair": True,
        "hospice": None,
        "intravenous_therapy": None,
        "is_dialysis_trip": False,
        "is_inpatient": True,
        "is_recent_onset": None,
        "is_round_trip_first_trip": False,
        "is_round_trip_return_trip": False,
        "isolation_precaution": None,
        "medical_supervision": None,
        "medications": None,
        "organization_id": "invented-organization",
        "override_approver": None,
        "override_reason": None,
        "patient_active_membership": True,
        "patient_age": 101,
        "patient_coverages": ["Invented Coverage"],
        "patient_date_of_birth": "1925-01-01",
        "patient_first_name": "Nobody",
        "patient_gender": "unknown",
        "patient_girth_inches": 40,
        "patient_height_inches": 68,
        "patient_id": "invented-patient",
        "patient_interpreter_required": False,
        "patient_is_ready": None,
        "patient_language_spoken": "Esperanto",
        "patient_language_written": "Esperanto",
        "patient_last_name": "Atall",
        "patient_membership_primary_id": "INVENTED-1",
        "patient_membership_primary_prefix": None,
        "patient_membership_secondary_id": None,
        "patient_membership_secondary_prefix": None,
        "patient_middle_name": None,
        "patient_over_300p": False,
        "patient_weight_kg": 70.5,
        "patient_weight_lbs": 155.4,
        "pickup_date_time": iso(pickup),
        "pickup_is_home": False,
        "pickup_location": _location("Made-Up General Hospital", "1 Imaginary Lane", lat=34.06, lng=-118.25),
        "return_on_will_call": None,
        "revised_eta": iso(pickup + timedelta(minutes=5)),
        "round_trip_other_service_request_id": None,
        "service_request_web_url": f"https://vectorcare.invalid/requests/{service_request_id}",
        "travel_authorization_number": "INVENTED-2",
        "wait_and_return": False,
    }


def _location(name: str, street: str, *, lat: float, lng: float) -> dict[str, Any]:
    return {
        "address": f"{street}, Nowhere, CA 00000",
        "city": "Nowhere",
        "country": "US",
        "lat": lat,
        "lng": lng,
        "name": name,
        "state": "CA",
        "street": street,
        "zip": "00000",
    }
