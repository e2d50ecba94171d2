"""Service requests with every documented field. All people in them are invented, and look so."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from simulator.webhook import Webhook, iso, new_event_id, new_service_request_id

_FIRST = ("Nobody", "Noone", "Madeup", "Imaginary", "Fictive", "Specimen", "Sample", "Placeholder")
_LAST = ("Atall", "Inventedson", "Fakename", "Doesnotexist", "Testperson", "Unreal", "Nonesuch")
_PLACES = (
    "Made-Up General Hospital",
    "Imaginary Dialysis Center",
    "Nonesuch Rehabilitation",
    "Fictive Clinic",
    "Unreal Nursing Home",
)
_LANGUAGES = ("Esperanto", "Volapuk", "Interlingua", "Lojban")
# Boolean or null, set by each organization.
_FLAGS = (
    "can_ambulate",
    "escalated",
    "has_own_wheelchair",
    "hospice",
    "is_dialysis_trip",
    "is_inpatient",
    "is_recent_onset",
    "isolation_precaution",
    "patient_is_ready",
    "return_on_will_call",
    "wait_and_return",
)


def sample_webhook(
    *,
    at: datetime,
    request_status: str = "AVAILABLE",
    action: str = "BROADCAST_RECEIVED",
    service_request_id: str | None = None,
    pickup: datetime | None = None,
) -> Webhook:
    """Make a webhook with invented data, by default of a new service request with its pickup in two hours.

    As at VectorCare, an UNAVAILABLE one carries no data.
    """
    name = service_request_id or new_service_request_id()
    return Webhook(
        event_id=new_event_id(at),
        event_timestamp=at,
        service_request_id=name,
        request_status=request_status,
        action=action,
        data=None if request_status == "UNAVAILABLE" else trip(name, pickup=pickup or at + timedelta(hours=2)),
    )


def trip(service_request_id: str, *, pickup: datetime) -> dict[str, Any]:
    """Describe a service request; everything except the id and the pickup is always the same."""
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


def invent(random: Random, service_request_id: str, *, now: datetime) -> dict[str, Any]:
    """Invent a service request whose pickup is one to five hours from now."""
    pickup = now + timedelta(minutes=random.randrange(60, 300, 5))
    number, age, kilograms = random.randrange(1, 100_000), random.randrange(100, 130), random.randrange(400, 1500) / 10
    language = random.choice(_LANGUAGES)
    home, place = random.random() < 0.5, random.sample(_PLACES, 2)  # noqa: PLR2004 one in two goes home
    return trip(service_request_id, pickup=pickup) | {
        **{flag: random.choice((True, False, None)) for flag in _FLAGS},
        "destination_is_home": home,
        "destination_location": _random_location(random, "Nowhere Home" if home else place[1]),
        "facility_name": place[0],
        "patient_age": age,
        "patient_coverages": [f"Invented Coverage {random.randrange(1, 10)}"],
        "patient_date_of_birth": f"{now.year - age}-01-01",
        "patient_first_name": random.choice(_FIRST),
        "patient_girth_inches": random.randrange(30, 60),
        "patient_height_inches": random.randrange(55, 80),
        "patient_id": f"invented-patient-{number:05}",
        "patient_interpreter_required": random.random() < 0.2,  # noqa: PLR2004 one in five
        "patient_language_spoken": language,
        "patient_language_written": language,
        "patient_last_name": random.choice(_LAST),
        "patient_membership_primary_id": f"INVENTED-{number:05}",
        "patient_over_300p": kilograms > 136,  # noqa: PLR2004 300 lbs
        "patient_weight_kg": kilograms,
        "patient_weight_lbs": round(kilograms * 2.20462, 1),
        "pickup_location": _random_location(random, place[0]),
        "travel_authorization_number": f"INVENTED-{random.randrange(1, 100_000):05}",
    }


def alter(random: Random, data: dict[str, Any]) -> dict[str, Any]:
    """Move the pickup and change one flag; returns only the changed fields."""
    pickup = datetime.fromisoformat(data["pickup_date_time"]) + timedelta(minutes=random.randrange(5, 60, 5))
    flag = random.choice(_FLAGS)
    return {"pickup_date_time": iso(pickup), "revised_eta": iso(pickup + timedelta(minutes=5)), flag: not data[flag]}


def _random_location(random: Random, name: str) -> dict[str, Any]:
    street = f"{random.randrange(1, 1000)} Imaginary Lane"
    lat, lng = round(random.uniform(33.9, 34.2), 5), round(random.uniform(-118.5, -118.1), 5)
    return _location(name, street, lat=lat, lng=lng)


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
