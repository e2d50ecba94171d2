"""The templates of three organizations that differ in all that a file can say, synthesized once a run of the tests."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from stacks.config.organization import MAXIMUM_NAME_LENGTH, Organization, load_organizations
from tests.stacks import synthesis
from tests.stacks.organization_files import EVERYTHING, MINIMAL
from tests.stacks.templates import Template

FILES = {
    "minimal": MINIMAL,
    "addresses": MINIMAL + 'allowed_source_ips = ["203.0.113.0/24", "198.51.100.7"]\n[alarms]\nsilence_minutes = 0\n',
    "everything".ljust(MAXIMUM_NAME_LENGTH, "x"): EVERYTHING,
}
VARIANTS = {name.rstrip("x"): name for name in FILES}


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with `organizations`, their files, and `cdk.out`, what was synthesized from them."""

    def make(folder: Path) -> None:
        (folder / "organizations").mkdir()
        for name, text in FILES.items():
            (folder / "organizations" / f"{name}.toml").write_text(text)
        synthesis.application_of(folder / "organizations", output=folder / "cdk.out").synth()

    return synthesis.once_a_run(tmp_path_factory, "templates", make)


@pytest.fixture(scope="session")
def organizations(synthesized: Path) -> Mapping[str, Organization]:
    found = {each.name: each for each in load_organizations(synthesized / "organizations")}
    return {variant: found[name] for variant, name in VARIANTS.items()}


@pytest.fixture(scope="session")
def templates(synthesized: Path, organizations: Mapping[str, Organization]) -> Mapping[str, Template]:
    return {
        variant: json.loads((synthesized / "cdk.out" / f"{each.stack_name}.template.json").read_text())
        for variant, each in organizations.items()
    }


@pytest.fixture(params=VARIANTS)
def organization(request: pytest.FixtureRequest, organizations: Mapping[str, Organization]) -> Organization:
    return organizations[request.param]


@pytest.fixture
def template(organization: Organization, templates: Mapping[str, Template]) -> Template:
    return templates[organization.name.rstrip("x")]
