"""Rule: VectorCare may sign for all its customers with one key, so the URL's customer_id decides whose a webhook is."""

from typing import Any

import pytest

from tests.support.cloud import CUSTOMER_ID, Cloud
from tests.support.webhooks import body

ANOTHERS_IDS = {
    "another's": "globex-9Qx4",
    "begins alike": CUSTOMER_ID[:-1],
    "goes on": CUSTOMER_ID + "0",
    "space after": CUSTOMER_ID + " ",
    "NUL after": CUSTOMER_ID + "\0",
    "another case": CUSTOMER_ID.swapcase(),
    "encoded twice": CUSTOMER_ID.replace("-", "%2D"),
    "full width": CUSTOMER_ID.replace("7", "\uff17"),
    "empty": "",
    "none": None,
}


@pytest.mark.parametrize("customer_id", ANOTHERS_IDS.values(), ids=ANOTHERS_IDS.keys())
def test_a_webhook_signed_by_vectorcare_for_another_is_refused_and_kept_nowhere(
    shared_cloud: Cloud, customer_id: str | None
) -> None:
    # Given bytes that the listed key really signed, When they come with another organization's id
    before = shared_cloud.messages()
    status, answer = shared_cloud.post(body(), customer_id=customer_id)
    # Then they are refused, without a word about which id would do
    assert (status, answer) == (401, {"error": "unknown customer_id"})
    assert (shared_cloud.messages(), shared_cloud.spooled()) == (before, [])


def test_a_given_id_beside_the_right_one_counts_for_nothing(shared_cloud: Cloud) -> None:
    # Of a parameter given twice, API Gateway hands over the last as the single value.
    twice: dict[str, Any] = {
        "queryStringParameters": {"customer_id": "globex-9Qx4"},
        "multiValueQueryStringParameters": {"customer_id": [CUSTOMER_ID, "globex-9Qx4"]},
    }
    before = shared_cloud.messages()
    assert shared_cloud.post(body(), **twice)[0] == 401
    assert shared_cloud.messages() == before
