"""The life of a local environment: start, deploy, play, serve, leave nothing behind."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from requests import RequestException

from local import deployment, patience, processes
from local.clients import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from local.connection import connect
from local.deployment import Deployment
from local.emulator import Emulator
from local.errors import LocalError
from local.organization import LocalOrganization, load_private_key
from local.report import Report
from local.scenario import Scenario
from local.stack_reader import StackReader
from local.synthesis import Assembly
from simulator import VectorCare
from simulator.admin_api import AdminApi
from simulator.api_rules import API_PATH
from simulator.server import serving
from simulator.simulator import Simulator

DIRECTORY = Path(".local")
"""The local environment's own folder, in the directory that it is started from."""

DEFAULT_PORT = 8423

_PATIENT_TIMES = 60.0
"""The shortest time-out of a function is a second; then it is a minute."""


@dataclass(frozen=True, kw_only=True)
class LocalEnvironment:
    """A stack that runs on an emulator for one organization, and the VectorCare that its commands go to."""

    organization: LocalOrganization
    emulator: Emulator
    deployment: Deployment
    vectorcare: Simulator
    vectorcare_url: str
    page_url: str | None = None

    @property
    def stack(self) -> StackReader:
        return StackReader(self.emulator, self.deployment)

    def play_scenario(self, report: Report) -> bool:
        """Play the scenario; return whether all results are right.

        Raises
        ------
        LocalError
            There is no private key to sign with.
        """
        if self.organization.private_key_file is None:
            raise LocalError("Without the organization's private key nothing can be signed.")
        private_key = load_private_key(self.organization.private_key_file)
        sender = VectorCare(
            webhook_url=self.deployment.webhook_url,
            private_key=private_key,
            certificate_file=self.emulator.certificate_file,
            gives_up_after=patience.SECONDS,
        )
        return Scenario(
            vectorcare=sender, private_key=private_key, stack=self.stack, report=report, emulator=self.emulator
        ).play()

    def describe(self) -> dict[str, str | int | None]:
        """Return what scripts need to use the local environment: the content of stand.json."""
        outputs, key = self.deployment.outputs, self.organization.private_key_file
        return {
            "webhook_url": self.deployment.webhook_url,
            "health_url": self.deployment.health_url,
            "reading_url": self.deployment.reading_url,
            "endpoint_url": self.emulator.endpoint_url,
            "region": REGION,
            "access_key_id": ACCESS_KEY_ID,
            "secret_access_key": SECRET_ACCESS_KEY,
            "service_requests_table": outputs["ServiceRequestsTable"],
            "events_table": outputs["EventsTable"],
            "queue_url": outputs["QueueUrl"],
            "dead_letter_queue_url": outputs["DeadLetterQueueUrl"],
            "spool_bucket": outputs["SpoolBucket"],
            "redrive_function": outputs["RedriveFunction"],
            "drain_function": outputs["DrainFunction"],
            "event_bus": outputs["EventBus"],
            "unpublished_queue_url": outputs["UnpublishedQueueUrl"],
            "publisher_function": outputs["PublisherFunction"],
            "outbound_queue_url": outputs["OutboundQueueUrl"],
            "outbound_dead_letter_queue_url": outputs["OutboundDeadLetterQueueUrl"],
            "commands_table": outputs["CommandsTable"],
            "sender_function": outputs["SenderFunction"],
            "console_url": self.page_url,
            "vectorcare_url": self.vectorcare_url,
            "vectorcare_api_url": f"{self.vectorcare_url}{API_PATH}",
            "organization": self.organization.name,
            "private_key_file": str(key.resolve()) if key else None,
            "pid": os.getpid(),
        }


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Lock a folder for one local environment.

    Raises
    ------
    LocalError
        Another one runs in it.
    """
    directory.mkdir(exist_ok=True)
    with (directory / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(
                f"A local environment is running in {directory.resolve()} already{_whereabouts(directory)}. "
                f"End it with Ctrl-C where it was started."
            ) from None
        _announcement(directory).unlink(missing_ok=True)  # a killed environment leaves it behind
        yield


@contextmanager
def running(
    assembly: Assembly,
    organization: LocalOrganization,
    *,
    directory: Path,
    port: int,
    report: Report,
    enforce_iam: bool = False,
    is_patient: bool = False,
) -> Iterator[LocalEnvironment]:
    """Run a synthesized stack for as long as the block lasts.

    Parameters
    ----------
    directory : Path
        For the emulator's files; at the end only its log remains.
    port : int
        0 picks a free one.
    enforce_iam : bool
        Refuse what the roles' policies do not allow.
    is_patient : bool
        Make the time-outs of the functions, and of VectorCare's deliveries, so long that a busy machine causes no
        outages. Not for a test of a time-out.

    Raises
    ------
    LocalError
        The emulator does not start, ends, or does not take the stack.
    """
    key_file = organization.private_key_file
    vectorcare = Simulator(private_key=load_private_key(key_file) if key_file else None)
    if is_patient:
        vectorcare.delivery.gives_up_after = patience.SECONDS
    emulator = Emulator(
        directory=directory / "emulator",
        port=port,
        enforce_iam=enforce_iam,
        timeouts_times=_PATIENT_TIMES if is_patient else 1.0,
    )
    with ExitStack() as stack:
        try:
            with report.phase("Deploying the stack to an emulated AWS (ministack)"):
                stack.enter_context(emulator)
                stack.enter_context(vectorcare.running())
                url = stack.enter_context(serving(AdminApi(vectorcare)))
                deployed = deployment.deploy(assembly, emulator)
                connect(deployed, emulator, vectorcare.api, url=url)
                if key_file:  # otherwise all that it signs would be refused
                    vectorcare.delivery.certificate_file = emulator.certificate_file
                    vectorcare.delivery.register([deployed.webhook_url])
            yield LocalEnvironment(
                organization=organization,
                emulator=emulator,
                deployment=deployed,
                vectorcare=vectorcare,
                vectorcare_url=url,
            )
        except (BotoCoreError, ClientError, RequestException) as error:
            emulator.check()
            raise LocalError(f"The emulator (ministack) refused: {error}. Its log: {emulator.log_file}") from error
        finally:
            for webhook in vectorcare.unfinished():
                report.say(f"Not delivered: {webhook}")


@contextmanager
def announced(environment: LocalEnvironment, directory: Path) -> Iterator[Path]:
    """Write `stand.json`, which scripts read, for as long as the block lasts."""
    file = _announcement(directory)
    try:
        unfinished = directory / "stand.json.new"
        unfinished.write_text(json.dumps(environment.describe(), indent=2) + "\n", encoding="utf-8")
        unfinished.replace(file)
        yield file
    finally:
        with processes.uninterrupted():
            file.unlink(missing_ok=True)


def serve(environment: LocalEnvironment) -> None:
    """Run until interrupted; the emulator runs what the template schedules.

    Raises
    ------
    LocalError
        The emulator has ended.
    """
    while True:
        time.sleep(1)
        environment.emulator.check()


def _announcement(directory: Path) -> Path:
    return directory / "stand.json"


def _whereabouts(directory: Path) -> str:
    try:
        content = json.loads(_announcement(directory).read_text(encoding="utf-8"))
        return f" (process {content['pid']}, {content['endpoint_url']})"
    except (OSError, ValueError, KeyError):
        return ""
