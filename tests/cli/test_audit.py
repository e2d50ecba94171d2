"""`bridge audit` on a stack in moto."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.cli.conftest import Run, parsed, receive
from tests.support import signing, webhooks
from tests.support.cloud import Cloud

pytestmark = pytest.mark.usefixtures("stack")

FORMER = signing.private_key("former")


def tamper(entry: dict[str, Any], **changes: Any) -> None:
    boto3.resource("dynamodb").Table("events").put_item(Item=entry | changes)


def history(cloud: Cloud) -> None:
    """Have a readable webhook, a redelivery with other bytes, and an unreadable one."""
    receive(cloud, webhooks.body())
    receive(cloud, webhooks.body(action="OTHER"))
    receive(cloud, b"no JSON of Zebulon")


def test_what_the_processor_journaled_holds(cloud: Cloud, run: Run) -> None:
    # Given
    history(cloud)

    # When
    result = run("audit", "--json")

    # Then
    assert result.exit_code == 0, result.output
    assert (parsed(result)["audited"], parsed(result)["by_fault"]) == (3, {})
    assert list(parsed(result)["by_key"].values()) == [3]


def test_every_change_of_an_entry_is_found_and_named_without_its_content(cloud: Cloud, run: Run) -> None:
    # Given
    history(cloud)
    redelivery, first, unreadable = sorted(cloud.journal(), key=lambda entry: "redelivery_of" not in entry)
    if "reason" in first:
        first, unreadable = unreadable, first
    others = {
        "body": (first | {"body": first["body"].value.replace(b"81.5", b"91.5")}, "no key verifies it"),
        "signature": (first | {"signature": "c2ln"}, "no key verifies it"),
        "base64": (first | {"signature": "&"}, "signature is not base64"),
        "unsigned": (first | {"signature": ""}, "no signature"),
        "time": (first | {"last_updated": "2026-03-02T00:00:00.000000Z"}, "signed, but the entry's time is not"),
        "moved": (first | {"event_id": "another"}, "signed, but it is another event's"),
        "taken out": (first | {"redelivery_of": first["event_id"]}, "signed, but it is another event's"),
        "put in": ({**redelivery, "event_id": "another"}, "signed, but it is another event's"),
        "unreadable": (unreadable | {"event_id": "another"}, "signed, but it is another event's"),
        "empty": ({"service_request_id": "VC-1", "event_id": "empty"}, "not an entry"),
    }
    table = boto3.resource("dynamodb").Table("events")
    for name, (item, fault) in others.items():
        table.put_item(Item=item)

        # When
        result = run("audit")

        # Then
        assert result.exit_code == 1, name
        assert fault in result.output, (name, result.output)
        assert "1 failed" in result.output, name
        assert webhooks.INVENTED_NAME not in result.output
        key = {part: item[part] for part in ("service_request_id", "event_id")}
        table.delete_item(Key=key)
        if key["event_id"] == first["event_id"]:
            table.put_item(Item=first)


def test_a_former_key_can_be_named(cloud: Cloud, run: Run, tmp_path: Path) -> None:
    # Given
    receive(cloud, webhooks.body())
    entry = cloud.journal()[0]
    tamper(entry, signature=signing.sign(entry["body"].value, FORMER))
    pem = tmp_path / "former.pem"
    pem.write_text(signing.public_pem(FORMER))
    no_key = tmp_path / "no_key.pem"
    no_key.write_text("Zebulon")

    # When
    without = run("audit", "VC-TEST0001")
    with_it = run("audit", "VC-TEST0001", "--key", str(pem), "--json")
    refused = run("audit", "--key", str(no_key))

    # Then
    assert (without.exit_code, with_it.exit_code, refused.exit_code) == (1, 0, 1)
    assert list(parsed(with_it)["by_key"].values()) == [0, 1]
    assert "Zebulon" not in refused.output


def test_a_range_audits_only_what_was_received_in_it(cloud: Cloud, run: Run) -> None:
    # Given
    history(cloud)

    # When / Then
    assert parsed(run("audit", "--until", "2026-03-01T12:00Z", "--json"))["audited"] == 0
    assert parsed(run("audit", "--since", "2026-03-01T12:00Z", "--json"))["audited"] == 3
    assert run("audit", "VC-TEST0001", "--since", "2026-03-01").exit_code == 2
    assert run("audit", "VC-NOBODY").exit_code == 1
