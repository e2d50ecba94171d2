"""Local environments as `python -m local run` starts them, in folders that are not the user's `.local/`."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import rsa

from cli.__main__ import bridge as cli
from local import environment as environments
from local.environment import LocalEnvironment
from local.organization import LocalOrganization, load_private_key
from local.report import Report
from local.synthesis import Assembly, synthesize
from simulator import VectorCare
from tests.end_to_end.support import vectorcare_of
from tests.support import signing

CUSTOMER_ID = "f3b1c0de-not-guessable"


@pytest.fixture(scope="session")
def shared_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that all workers of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def _one_unpacked_jsii() -> None:
    """Have jsii unpack where it does for the infrastructure tests, instead of 200 MB for every environment."""
    os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(Path.home() / ".cache/aws/jsii/package-cache"))


@pytest.fixture(scope="session")
def organization(shared_directory: Path) -> LocalOrganization:
    """Give an organization in the middle of a key rotation: its file names the old key and the new one."""
    with _only_one_worker(shared_directory):
        directory = shared_directory / "organizations"
        if not directory.exists():
            directory.mkdir()
            keys = [_make_key(shared_directory / f"{name}_key.pem") for name in ("old", "new")]
            quoted = ", ".join(f'"""{key}"""' for key in keys)
            (directory / "rehearsal.toml").write_text(
                f'public_keys = [{quoted}]\nenvironment = "uat"\ncustomer_id = "{CUSTOMER_ID}"\n'
            )
    return LocalOrganization(name="rehearsal", directory=directory, private_key_file=shared_directory / "old_key.pem")


@pytest.fixture(scope="session")
def assembly(organization: LocalOrganization, shared_directory: Path) -> Assembly:
    """Give the synthesized stack; all workers deploy the same."""
    directory = shared_directory / "synthesized"
    with _only_one_worker(shared_directory):
        if not directory.exists():
            directory.mkdir()
            mask = os.umask(0o077)  # a careful user's; Lambda may read it: tests/stacks/test_artifact.py
            try:
                synthesize(organization, directory=directory)
            finally:
                os.umask(mask)
    return Assembly(directory=directory / "cdk.out", stack_name="VectorCareBridge-rehearsal")


Run = Callable[..., AbstractContextManager[LocalEnvironment]]


@pytest.fixture(scope="session")
def run(assembly: Assembly, organization: LocalOrganization, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Give what runs an environment without its schedules: the tests call the drain themselves, and count."""

    @contextmanager
    def run(*, enforce_iam: bool = False) -> Iterator[LocalEnvironment]:
        directory = tmp_path_factory.mktemp("environment")
        with environments.running(
            assembly,
            organization,
            directory=directory,
            port=0,
            report=Report(),
            enforce_iam=enforce_iam,
            is_patient=True,
        ) as running:
            events = running.emulator.aws.make("events")
            for rule in events.list_rules()["Rules"]:
                events.disable_rule(Name=rule["Name"])
            yield running

    return run


@pytest.fixture(scope="session")
def local(run: Run) -> Iterator[LocalEnvironment]:
    """Run an environment for all tests of a worker; each test expects that others have left their webhooks."""
    with run() as running:
        yield running


@pytest.fixture(scope="module")
def guarded(run: Run) -> Iterator[LocalEnvironment]:
    """Run an environment that refuses what policies do not allow, and speaks TLS."""
    with run(enforce_iam=True) as running:
        yield running


@pytest.fixture(scope="session")
def old_key(organization: LocalOrganization) -> rsa.RSAPrivateKey:
    assert organization.private_key_file is not None
    return load_private_key(organization.private_key_file)


@pytest.fixture(scope="session")
def new_key(organization: LocalOrganization, shared_directory: Path) -> rsa.RSAPrivateKey:  # noqa: ARG001 - makes it
    return load_private_key(shared_directory / "new_key.pem")


@pytest.fixture(scope="session")
def vectorcare(local: LocalEnvironment, old_key: rsa.RSAPrivateKey) -> VectorCare:
    return vectorcare_of(local, old_key)


@pytest.fixture(scope="module")
def environment_file(local: LocalEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Announce the environment as `make run` does, and give the file in which tools find it."""
    with environments.announced(local, tmp_path_factory.mktemp("announced")) as file:
        yield file


Bridge = Callable[..., Result]


@pytest.fixture(scope="module")
def bridge(environment_file: Path) -> Bridge:
    """Give what runs `./bridge` in the environment."""
    return lambda *arguments: CliRunner().invoke(cli, [*arguments, "--stand", str(environment_file)])


@pytest.fixture
def default_ports(shared_directory: Path) -> Iterator[None]:
    """Have the ports of `make run` to oneself: a command that is typed as documented names no other."""
    folder = shared_directory / "default-ports"
    folder.mkdir(exist_ok=True)
    with _only_one_worker(folder):
        yield


@contextmanager
def _only_one_worker(directory: Path) -> Iterator[None]:
    with (directory / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_key(path: Path) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_text(signing.private_pem(key))
    return signing.public_pem(key)
