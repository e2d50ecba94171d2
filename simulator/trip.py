"""A service request in VectorCare's form. Every patient is invented, and can be seen to be."""

from datetime import datetime, timedelta
from typing import Any

from simulator.webhook import iso


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
