"""Rule: whatever is asked, the reading API answers as its OpenAPI document says, and never with a fault of its own."""

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from local.stand import Stand
from local.vectorcare import VectorCare
from tests.end_to_end.support import QUIET_WITHIN, reading_session, webhook
from tests.support.reading import DOCUMENT

# Both are API Gateway's own to answer: 403 for a method that is not there, where the check wants 405. Of the other
# check's rule, that what fits the schema is taken, a token is the exception: it has to be one that was given out.
NOT_ITS_OWN = [checks.unsupported_method, checks.positive_data_acceptance]


@pytest.fixture(scope="module")
def session(stand: Stand, vectorcare: VectorCare) -> requests.Session:
    """Give a session for a stand that has something to read; without IAM enforced, any Authorization header will do."""
    known = [webhook(service_request_id="KP-ABCD1234"), webhook(request_status="ASSIGNED"), webhook()]
    for each in known:
        assert vectorcare.send(each.body).status == 200
    assert stand.holdings.settle(within=QUIET_WITHIN)
    return reading_session(stand)


@pytest.fixture(scope="module")
def described() -> Any:
    return schemathesis.openapi.from_dict(DOCUMENT)


fuzzed = schemathesis.pytest.from_fixture("described")


@fuzzed.parametrize()
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
def test_every_answer_is_one_that_the_document_describes(
    case: schemathesis.Case, stand: Stand, session: requests.Session
) -> None:
    case.call_and_validate(
        base_url=stand.deployment.reading_url,
        session=session,
        headers={"Authorization": "AWS4-HMAC-SHA256 any"},
        excluded_checks=NOT_ITS_OWN,
    )
