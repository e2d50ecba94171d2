"""Service requests out of a seed, with every documented field. Nobody in them exists, and that can be seen."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from simulator.trip import trip
from simulator.webhook import iso

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


def invent(random: Random, service_request_id: str, *, now: datetime) -> dict[str, Any]:
    """Invent a service request.

    Parameters
    ----------
    random : Random
        Decides everything but the times' day.
    service_request_id : str
        Whose page `service_request_web_url` names.
    now : datetime
        The pickup is one to five hours later.
    """
    pickup = now + timedelta(minutes=random.randrange(60, 300, 5))
    number, age, kilograms = random.randrange(1, 100_000), random.randrange(100, 130), random.randrange(400, 1500) / 10
    language = random.choice(_LANGUAGES)
    home, place = random.random() < 0.5, random.sample(_PLACES, 2)  # noqa: PLR2004 one in two goes home
    return trip(service_request_id, pickup=pickup) | {
        **{flag: random.choice((True, False, None)) for flag in _FLAGS},
        "destination_is_home": home,
        "destination_location": _location(random, "Nowhere Home" if home else place[1]),
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
        "pickup_location": _location(random, place[0]),
        "travel_authorization_number": f"INVENTED-{random.randrange(1, 100_000):05}",
    }


def alter(random: Random, data: dict[str, Any]) -> dict[str, Any]:
    """Invent what a requester changes: the pickup moves, and one flag; answers the changed fields alone."""
    pickup = datetime.fromisoformat(data["pickup_date_time"]) + timedelta(minutes=random.randrange(5, 60, 5))
    flag = random.choice(_FLAGS)
    return {
        "pickup_date_time": iso(pickup),
        "revised_eta": iso(pickup + timedelta(minutes=5)),
        flag: not data[flag],
    }


def _location(random: Random, name: str) -> dict[str, Any]:
    street = f"{random.randrange(1, 1000)} Imaginary Lane"
    return {
        "address": f"{street}, Nowhere, CA 00000",
        "city": "Nowhere",
        "country": "US",
        "lat": round(random.uniform(33.9, 34.2), 5),
        "lng": round(random.uniform(-118.5, -118.1), 5),
        "name": name,
        "state": "CA",
        "street": street,
        "zip": "00000",
    }
