"""Rule: whatever is asked, the reading API answers as its OpenAPI document says, and never with a fault of its own."""

from http import HTTPStatus
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from local.environment import LocalEnvironment
from simulator import VectorCare
from tests.end_to_end.support import reading_session, webhook
from tests.support.reading import DOCUMENT

# What API Gateway itself answers, always 403, and signatures, which test_reading_api verifies. And a token that fits
# the schema is still refused unless the API issued it.
NOT_ITS_OWN = [
    checks.unsupported_method,
    checks.missing_required_header,
    checks.ignored_auth,
    checks.positive_data_acceptance,
]

LONGEST_URL = 8192


@pytest.fixture(scope="module")
def session(local: LocalEnvironment, vectorcare: VectorCare) -> requests.Session:
    """Give a session for an environment that has something to read; here any Authorization header will do."""
    known = [webhook(service_request_id="KP-ABCD1234"), webhook(request_status="ASSIGNED"), webhook()]
    for each in known:
        assert vectorcare.send(each.body).status == 200
    local.stack.settle()
    return reading_session(local)


described = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.mark.nightly
@described.parametrize()
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_describes(
    case: schemathesis.Case[Any], local: LocalEnvironment, session: requests.Session
) -> None:
    answer = case.call(
        base_url=local.deployment.reading_url, session=session, headers={"Authorization": "AWS4-HMAC-SHA256 any"}
    )
    if answer.status_code == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
        assert len(answer.request.url or "") > LONGEST_URL  # the server's own answer, before it knows the route
        return
    case.validate_response(answer, excluded_checks=NOT_ITS_OWN)
