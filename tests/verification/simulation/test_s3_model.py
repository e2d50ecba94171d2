"""The model of S3 answers as moto and ministack do, to the same random calls."""

import itertools
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulators import Emulator
from verification.simulation.models.s3 import S3, Bucket

CALLS = 150
KEYS = [f"webhooks/2026-03-01T12:00:0{second}.000000Z-{letter}" for second in range(3) for letter in "abZ"] + ["other"]
names = (f"bucket-{number}" for number in itertools.count())


def outcome(call: Any, **parameters: Any) -> Any:
    """Write an answer in one way."""
    try:
        answer = call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    if "Body" in answer:
        body = answer["Body"]
        return body if isinstance(body, bytes) else body.read(), answer["Metadata"]
    return [stored["Key"] for stored in answer.get("Contents", [])], answer.get("IsTruncated")


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.nightly)])
def test_the_same_calls_are_answered_alike(emulator: Emulator, seed: int) -> None:
    # Given a bucket in both
    random, name = Random(seed), next(names)
    client = emulator.client("s3")
    client.create_bucket(Bucket=name)
    sides = (S3({name: Bucket()}), client)
    for _ in range(CALLS):
        # When both are called alike
        operation = random.choice(("put_object", "get_object", "delete_object", "list_objects_v2"))
        parameters: dict[str, Any] = {"Bucket": name, "Key": random.choice(KEYS)}
        if operation == "put_object":
            parameters |= {"Body": random.randbytes(5), "Metadata": {"Signature": random.choice("ab")}}
        if operation == "list_objects_v2":
            parameters = {"Bucket": name, "Prefix": random.choice(("webhooks/", "other", "none"))}
        # Then they answer alike
        assert outcome(getattr(sides[0], operation), **parameters) == outcome(
            getattr(sides[1], operation), **parameters
        ), (operation, parameters)


def test_pages_go_on_where_the_last_one_ended_whatever_was_deleted(emulator: Emulator) -> None:
    # Given ten objects
    name = next(names)
    client = emulator.client("s3")
    client.create_bucket(Bucket=name)
    listings = []
    for side in (S3({name: Bucket()}), client):
        for key in KEYS:
            side.put_object(Bucket=name, Key=key, Body=b"x")
        # When they are listed by threes, and deleted meanwhile
        listing: list[list[str]] = []
        token: dict[str, str] = {}
        while True:
            page = side.list_objects_v2(Bucket=name, Prefix="webhooks/", MaxKeys=3, **token)
            listing.append([stored["Key"] for stored in page["Contents"]])
            for key in listing[-1]:
                side.delete_object(Bucket=name, Key=key)
            if not page["IsTruncated"]:
                break
            token = {"ContinuationToken": page["NextContinuationToken"]}
        listings.append(listing)
    # Then both show all of them, in order
    assert listings[0] == listings[1]
    assert [key for page in listings[0] for key in page] == sorted(KEYS[:-1])
