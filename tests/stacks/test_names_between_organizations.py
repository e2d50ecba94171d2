"""No two organizations' files make one name on AWS: the names are read from the templates."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stacks.config import fleet
from stacks.config.organization import Organization
from stacks.config.twin import Twin
from tests.stacks import synthesis
from tests.stacks.templates import Template

ALARM = "AWS::CloudWatch::Alarm"


def names(template: Template, stack: str) -> set[tuple[str, str]]:
    """Give each fixed name that begins with the stack's, by its kind, without the stack's: `-inbound`, or nothing."""
    found = set()
    for resource in template["Resources"].values():
        for key, value in resource.get("Properties", {}).items():
            if key.endswith("Name") and isinstance(value, str) and value.startswith(stack):
                found.add((resource["Type"], value.removeprefix(stack)))
        for name, value in dimensions(resource):
            if isinstance(value, str) and value.startswith(stack):
                found.add((f"dimension {name}", value.removeprefix(stack)))
    return found


def dimensions(value: Any) -> Iterator[tuple[str, Any]]:
    """Give the dimensions of the metrics of an alarm or, as text, of a dashboard."""
    match value:
        case {"Name": str(name), "Value": child}:
            yield name, child
        case dict():
            for child in value.values():
                yield from dimensions(child)
        case list():
            for child in value:
                yield from dimensions(child)


@pytest.fixture(scope="module")
def made(
    organizations: Mapping[str, Organization],
    templates: Mapping[str, Template],
    tmp_path_factory: pytest.TempPathFactory,
) -> set[tuple[str, str]]:
    """Give the names of all variants, and of a stack in a second region."""
    twin = replace(organizations["minimal"], region="us-east-1", twin=Twin(region="us-west-2")).second
    assert twin is not None
    second = synthesis.template_of(twin, output=tmp_path_factory.mktemp("second"))
    stacks = [(templates[variant], each.stack_name) for variant, each in organizations.items()]
    return {name for stack in (*stacks, (second, twin.stack_name)) for name in names(*stack)}


def test_the_names_that_a_stack_derives_from_its_own_are_known(made: set[tuple[str, str]]) -> None:
    assert {kind for kind, _ in made} >= {"AWS::SQS::Queue", "AWS::ApiGateway::RestApi", "dimension ApiName"}
    derived = {name.removeprefix("-").removesuffix("-us-west-2") for kind, name in made if name and kind != ALARM}
    assert derived == set(fleet.DERIVED_NAMES)
    # And an alarm's is one word: if another stack's name began with it, the rest would have a hyphen
    assert [name for kind, name in made if kind == ALARM and "-" in name.removeprefix("-")] == []


def test_files_whose_stacks_would_share_a_name_are_refused(made: set[tuple[str, str]]) -> None:
    # Given the names of acme-reading and so on, as acme's own names with more behind them
    suffixes = {name for _, name in made if name}
    sharing = {suffix for suffix in suffixes if any((kind, suffix + name) in made for kind, name in made)}
    # When
    refused = {
        suffix
        for suffix in suffixes
        for path, what in fleet.name_problems([Path("Acme.toml"), Path(f"acme{suffix}.toml")])
        if path.stem == f"acme{suffix}" and "Acme.toml gives to its own" in what
    }
    # Then
    assert "-reading" in sharing
    assert sharing <= refused
    # And so are those that only look the same to people
    assert refused == {name for kind, name in made if name and kind != ALARM}
