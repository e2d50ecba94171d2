"""Rule: a region fetches by itself what it has missed from the other one, with the rights that its role has."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local import deployment
from local.emulator import Emulator
from local.organization import LocalOrganization
from local.stack_reader import StackReader
from local.synthesis import Assembly, synthesize
from simulator import VectorCare
from tests.end_to_end.support import webhook
from tests.support.wait import PATIENCE, wait_until
from vectorcare_bridge.reconciliation.rules import MINIMUM_AGE_MINUTES

pytestmark = pytest.mark.nightly

THERE = "us-west-2"
TWIN = f'region = "us-east-1"\n[twin]\nregion = "{THERE}"\nreconcile = "1 hour"\n'


@pytest.fixture(scope="module")
def assemblies(organization: LocalOrganization, tmp_path_factory: pytest.TempPathFactory) -> tuple[Assembly, Assembly]:
    """Synthesize the organization with a second region: two stacks."""
    folder = tmp_path_factory.mktemp("twin")
    (folder / "organizations").mkdir()
    text = (organization.directory / f"{organization.name}.toml").read_text()
    (folder / "organizations" / f"{organization.name}.toml").write_text(text + TWIN)
    first = synthesize(replace(organization, directory=folder / "organizations"), directory=folder)
    return first, replace(first, stack_id=f"{first.stack_name}-{THERE}")


@pytest.fixture(scope="module")
def regions(
    assemblies: tuple[Assembly, Assembly], old_key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Emulator, VectorCare, StackReader, StackReader]]:
    """Deploy one stack to each of two regions of an emulator that refuses what policies do not allow."""
    directory = tmp_path_factory.mktemp("environment")
    emulator = Emulator(directory=directory / "emulator", port=0, enforce_iam=True, timeouts_times=60)
    with emulator:
        found = []
        for assembly, region in zip(assemblies, (emulator, emulator.in_region(THERE)), strict=True):
            deployed = deployment.deploy(assembly, region)
            events = region.aws.make("events")
            for rule in events.list_rules()["Rules"]:
                events.disable_rule(Name=rule["Name"])
            found.append((deployed, StackReader(region, deployed)))
        (first, here), (_, there) = found
        sender = VectorCare(
            webhook_url=first.webhook_url,
            private_key=old_key,
            certificate_file=emulator.certificate_file,
            gives_up_after=PATIENCE,
        )
        yield emulator, sender, here, there


def test_a_region_fetches_what_only_the_other_one_has_received(
    regions: tuple[Emulator, VectorCare, StackReader, StackReader],
) -> None:
    # Given webhooks that only the first region has received
    emulator, vectorcare, first, second = regions
    sent = [webhook() for _ in range(3)]
    answers = [vectorcare.send(each.body) for each in sent]
    assert {answer.status for answer in answers} == {200}, answers
    first.settle()
    missed = [*first.everything("EventsTable")]
    assert (len(missed), [*second.everything("EventsTable")]) == (len(sent), [])
    # When the second region's function runs, once they are old enough
    emulator.move_clock(seconds_ahead=60 * (MINIMUM_AGE_MINUTES + 1))
    found = second.invoke("ReconcileFunction", {})
    # Then
    assert (found.get("missing"), found.get("carried_over")) == (len(sent), len(sent)), found
    wait_until(
        lambda: [*second.everything("EventsTable")],
        lambda entries: len(entries) == len(sent),
        what="the second region has applied what it fetched",
    )
    fetched = {each["event_id"]: each for each in second.everything("EventsTable")}
    assert fetched == {each["event_id"]: each for each in missed}
    # And there is nothing left to fetch, in either direction
    assert [each.invoke("ReconcileFunction", {})["missing"] for each in (first, second)] == [0, 0]
