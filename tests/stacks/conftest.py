"""The templates of organizations that differ in all that a file can say, synthesized once a process."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from stacks.config.organization import STACK_PREFIX, Organization, load_organizations
from tests.stacks import organization_files, synthesis
from tests.stacks.templates import Template

MINIMAL = organization_files.with_keys(organization_files.public_pem())
FILES = {
    "minimal": MINIMAL,
    "addresses": MINIMAL + 'allowed_source_ips = ["203.0.113.0/24", "198.51.100.7"]\n[alarms]\nsilence_minutes = 0\n',
    "ipv6": MINIMAL + 'allowed_source_ips = ["2001:db8::/32"]\n',
    "domain": MINIMAL
    + 'domain_name = "webhooks.example.com"\n'
    + 'certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"\n',
    "everything": organization_files.with_keys(*(organization_files.public_pem(bits=4096) for _ in range(4)))
    + 'environment = "production"\n'
    + 'customer_id = "W6m~x.Zk3_q-9Jt2Rb7u"\n'
    + 'order_by = "event_id"\n'
    + 'publish_actions = ["BROADCAST_RECEIVED", "BROADCAST_ACCEPTED"]\n'
    + "publish_data = true\n"
    + 'vectorcare_api_url = "https://vectorcare.example.com/openapi/v2.0"\n'
    + 'vectorcare_token_url = "https://vectorcare.example.com/token"\n'
    + 'alarm_emails = ["oncall@example.com", "lead@example.com"]\n'
    + "journal_retention_days = 400\nstate_retention_days = 30\nmax_concurrency = 2\n"
    + "[alarms]\nfreshness_seconds = 120\nwaiting_messages = 500\nanswer_milliseconds = 5000\nrefused_webhooks = 2\n"
    + "duplicates_per_hour = 40\nsilence_minutes = 90\n"
    + "publishing_seconds = 600\ncommand_seconds = 90\nfailed_commands_percent = 40\n"
    + 'busy_hours = "06:30-22:15"\nbusy_days = ["SAT", "SUN"]\ntime_zone = "America/Los_Angeles"\n',
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("organizations")
    for name, text in FILES.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


@pytest.fixture(scope="session")
def organizations(folder: Path) -> Mapping[str, Organization]:
    return {organization.name: organization for organization in load_organizations(folder)}


@pytest.fixture(scope="session")
def templates(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Template]:
    assembly = synthesis.application_of(folder, output=tmp_path_factory.mktemp("cdk.out")).synth()
    return {stack.stack_name.removeprefix(STACK_PREFIX): stack.template for stack in assembly.stacks}


@pytest.fixture(params=FILES)
def organization(request: pytest.FixtureRequest, organizations: Mapping[str, Organization]) -> Organization:
    return organizations[request.param]


@pytest.fixture
def template(organization: Organization, templates: Mapping[str, Template]) -> Template:
    return templates[organization.name]


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give what `python app.py` wrote."""
    output = tmp_path_factory.mktemp("assembly")
    completed = synthesis.run_app(output=output, architecture=synthesis.ARCHITECTURE)
    assert completed.returncode == 0, completed.stderr
    return output


@pytest.fixture(scope="session")
def artifact(assembly: Path) -> Path:
    """Give the functions' built artifact."""
    (built,) = assembly.glob("functions-*")
    return built
