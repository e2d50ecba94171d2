"""What the emulator drops from the template, and the stand puts back."""

import pytest

from local.environment import LocalEnvironment


@pytest.mark.parametrize("table", ["EventsTable", "ServiceRequestsTable"])
def test_items_expire_by_the_attribute_that_the_template_names(local: LocalEnvironment, table: str) -> None:
    # When
    answer = local.emulator.aws.dynamodb.describe_time_to_live(TableName=local.deployment.outputs[table])

    # Then
    assert answer["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
