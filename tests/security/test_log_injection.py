"""Rule: whatever a webhook's ids contain, a log entry is one line of JSON, and metrics are those of the code."""

import json

import pytest

from tests.support.cloud import Cloud
from tests.support.webhooks import body
from tests.unit.conftest import Output
from vectorcare_bridge.edge.metric import Metric

FORGED_LINE = '{"message":"webhook.received","valid":true,"forged":"yes"}'
FORGED_METRIC = '{"_aws":{"CloudWatchMetrics":[{"Namespace":"VectorCareBridge"}]},"Accepted":[1000000.0]}'

IDS = {
    "line feed": f"VC-1\n{FORGED_LINE}\n",
    "carriage return": f"VC-1\r{FORGED_LINE}\r",
    "a metric": f"VC-1\n{FORGED_METRIC}\n",
    "line separators": f"VC-1\u2028{FORGED_LINE}\u2029\u0085",
    "terminal escapes": "VC-1\x1b[2J\x1b]0;owned\x07\x08\x08",
    "closes the string": 'VC-1","forged":"yes',
    "NUL": "VC-1\0\0",
    "template": "${jndi:ldap://invented.invalid/a} %s {0}",
}


@pytest.mark.parametrize("hostile", IDS.values(), ids=IDS.keys())
def test_an_id_stays_inside_its_field(shared_cloud: Cloud, output: Output, hostile: str) -> None:
    # Given a validly signed webhook whose ids try to be more than ids
    assert shared_cloud.post(body(service_request_id=hostile, event_id=hostile))[0] == 200
    # When it is processed
    assert shared_cloud.process() == []
    lines = output.text().split("\n")
    # Then every line is one JSON object that a terminal can show, and the id is the value of its field
    written = [json.loads(line) for line in lines if line]
    assert all(line.isascii() and (not line or line.isprintable()) for line in lines)
    assert {line["service_request_id"] for line in written if "service_request_id" in line} == {hostile}
    assert not [line for line in written if "forged" in line]
    # And no metric came out that the code does not count
    metrics = [line for line in written if "_aws" in line]
    names = {one["Name"] for line in metrics for each in line["_aws"]["CloudWatchMetrics"] for one in each["Metrics"]}
    assert names <= set(Metric)
    assert [line["Accepted"] for line in metrics if "Accepted" in line] == [[1.0]]
