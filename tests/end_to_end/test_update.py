"""Rule: an update, a failed update and a rollback lose no webhook, and VectorCare sees nothing of them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from cli.__main__ import bridge
from local import deployment
from local import environment as environments
from local.environment import LocalEnvironment
from local.errors import LocalError
from local.synthesis import Assembly
from simulator import VectorCare
from tests.end_to_end.another_release import (
    ANOTHER_CUSTOMER_ID,
    Change,
    another_release,
    answer_by_a_setting,
    have_another_customer_id,
    import_what_is_not_there,
    lose_a_variable,
)
from tests.end_to_end.conftest import Run
from tests.end_to_end.support import vectorcare_of, webhook
from tests.support.wait import wait_until

THREADS = 3
BEFORE, AFTER = "accepted", "accepted by another release"


@dataclass
class Load:
    """Webhooks that are sent all the time: the events' ids by what was answered, in the order of the answers."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def send(self, vectorcare: VectorCare) -> None:
        while not self._stopping.is_set():
            event = webhook()
            try:
                answer = vectorcare.send(event.body)
            except Exception as error:  # noqa: BLE001 whatever it is, it is what VectorCare would have seen
                self.failures.append(repr(error))
                continue
            if answer.status == 200:
                self.accepted.add(event.event_id)
            self.answers.append((answer.status, answer.text))

    @contextmanager
    def sent(self, vectorcare: VectorCare) -> Iterator[None]:
        threads = [threading.Thread(target=self.send, args=(vectorcare,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            self.go_on()
            yield
            self.go_on()
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def go_on(self) -> None:
        """Wait until each thread has had answers to what it sent from now on."""
        count = len(self.answers) + len(self.failures) + 3 * THREADS
        wait_until(lambda: len(self.answers) + len(self.failures) >= count, what="webhooks are answered")

    @property
    def statuses(self) -> list[str]:
        """What was answered, without repetitions that follow each other."""
        found: list[str] = []
        for _, text in self.answers:
            status = json.loads(text).get("status", text)
            if [status] != found[-1:]:
                found.append(status)
        return found


@pytest.fixture(scope="module")
def updated(run: Run) -> Iterator[LocalEnvironment]:
    with run() as local:
        yield local


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for a release's code, which stays: the next update may be rolled back to it."""
    return tmp_path_factory.mktemp("release")


@pytest.fixture
def vectorcare(updated: LocalEnvironment, old_key: RSAPrivateKey) -> VectorCare:
    return vectorcare_of(updated, old_key)


def test_an_update_and_a_rollback_under_load_answer_every_webhook_and_keep_it(
    updated: LocalEnvironment, vectorcare: VectorCare, assembly: Assembly, folder: Path
) -> None:
    # Given webhooks that come all the time
    load = Load()
    with load.sent(vectorcare), environments.announced(updated, folder) as stand:
        # When code and settings of a function are changed, so that neither works with what was before
        deployment.deploy(another_release(assembly, folder, answer_by_a_setting), updated.emulator)
        load.go_on()
        # And when all functions go back
        rolled_back = CliRunner().invoke(bridge, ["rollback", "--yes", "--stand", str(stand)])
        load.go_on()
    # Then every webhook was accepted, by one release or the other
    assert rolled_back.exit_code == 0, rolled_back.output
    assert load.failures == []
    assert {status for status, _ in load.answers} == {200}
    assert load.statuses[0] == load.statuses[-1] == BEFORE
    assert set(load.statuses) == {BEFORE, AFTER}
    # And is in the journal
    assert_kept(updated, load)


@pytest.mark.parametrize("change", [import_what_is_not_there, pytest.param(lose_a_variable, marks=pytest.mark.nightly)])
def test_a_version_that_does_not_start_never_takes_traffic(
    updated: LocalEnvironment,
    vectorcare: VectorCare,
    assembly: Assembly,
    folder: Path,
    change: Change,
) -> None:
    # Given
    load, before = Load(), live(updated)
    # When
    with load.sent(vectorcare), pytest.raises(LocalError) as failed:
        deployment.deploy(another_release(assembly, folder, change), updated.emulator)
    # Then the stack is rolled back, and says why
    assert "UPDATE_ROLLBACK_COMPLETE" in str(failed.value)
    (ingest,) = (name for name in before if "IngestFunction" in name)
    assert f"These functions do not start: {ingest.removesuffix(':live')} (" in str(failed.value)
    # And nobody has seen anything of it
    assert live(updated) == before
    assert load.failures == []
    assert {status for status, _ in load.answers} == {200}
    assert load.statuses == [BEFORE]
    assert_kept(updated, load)


@pytest.mark.nightly
def test_a_change_of_customer_id_under_load_refuses_neither_the_old_url_nor_the_new(
    updated: LocalEnvironment, vectorcare: VectorCare, old_key: RSAPrivateKey, assembly: Assembly, folder: Path
) -> None:
    # Given webhooks that come to the old URL all the time
    load, moved = Load(), Load()
    with load.sent(vectorcare):
        # When the customer id is changed, with the old one in former_customer_ids
        deployment.deploy(another_release(assembly, folder, have_another_customer_id), updated.emulator)
        # And the new URL is VectorCare's second webhook
        with moved.sent(vectorcare_of(updated, old_key, customer_id=ANOTHER_CUSTOMER_ID)):
            load.go_on()
    # Then every webhook was accepted, and is in the journal
    for each in (load, moved):
        assert each.failures == []
        assert {status for status, _ in each.answers} == {200}
        assert_kept(updated, each)


def live(local: LocalEnvironment) -> dict[str, str]:
    """Name the version of each function that runs."""
    functions = local.emulator.aws.functions
    names = [value for name, value in local.deployment.outputs.items() if name.endswith("Function")]
    return {name: functions.get_function_configuration(FunctionName=name)["Version"] for name in names}


def assert_kept(local: LocalEnvironment, load: Load) -> None:
    local.stack.settle()
    journaled = {str(entry["event_id"]) for entry in local.stack.everything("EventsTable")}
    assert load.accepted <= journaled
    assert (local.stack.dead(), local.stack.spooled()) == (0, 0)
