"""What everything calls is an alias, which moves to a version of code and configuration of one deployment."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stacks.config import release
from stacks.config.organization import Organization
from stacks.outputs import VERSION
from tests.stacks.synthesis import template_of
from tests.stacks.templates import Template, live, of_type, referred, released


def descriptions(template: Template) -> dict[str, str]:
    return {name: function["Properties"]["Description"] for name, function in released(template).items()}


def releases(template: Template) -> set[tuple[str, str] | None]:
    return set(map(release.named, descriptions(template).values()))


@pytest.fixture
def minimal(templates: Mapping[str, Template]) -> Template:
    return templates["minimal"]


def test_a_functions_alias_names_its_version_which_stays_unless_its_deployment_fails(minimal: Template) -> None:
    for name, function in released(minimal).items():
        alias = minimal["Resources"][live(minimal, name)]["Properties"]
        version = minimal["Resources"][referred(alias["FunctionVersion"])]
        assert version["Type"] == "AWS::Lambda::Version"
        assert minimal["Resources"][referred(version["Properties"]["FunctionName"])] is function
        assert (version["DeletionPolicy"], version["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_all_functions_say_what_they_do_and_name_one_release(minimal: Template) -> None:
    ((version, _),) = filter(None, releases(minimal))
    assert version == VERSION
    for description in descriptions(minimal).values():
        assert len(description) <= 256  # Lambda's limit
    assert len(set(descriptions(minimal).values())) == len(released(minimal))


def test_aliases_move_downstream_first(template: Template) -> None:
    # Given the order in which functions hand on
    names = [name for name in release.UPSTREAM_FIRST if name in released(template)]
    assert set(names) == set(released(template))
    # Then an alias moves after those of all functions that read what its function writes
    for position, name in enumerate(names[:-1]):
        after = template["Resources"][live(template, name)]["DependsOn"]
        assert live(template, names[position + 1]) in after


@pytest.mark.parametrize(
    "change",
    [
        {"customer_id": "another"},
        {"order_by": "event_id"},
        {"publish_data": True},
        {"vectorcare_api_url": "https://vectorcare.example/openapi"},
    ],
    ids=lambda change: str(*change),
)
def test_a_changed_setting_of_one_function_is_another_release_of_all(
    minimal: Template, organizations: Mapping[str, Organization], change: Mapping[str, Any], tmp_path: Path
) -> None:
    # When
    changed = template_of(dataclasses.replace(organizations["minimal"], **change), output=tmp_path)
    # Then every function has a new version
    assert len(releases(changed)) == 1
    assert releases(changed) != releases(minimal)
    assert not of_type(changed, "AWS::Lambda::Version").keys() & of_type(minimal, "AWS::Lambda::Version").keys()


def test_the_same_settings_are_the_same_release_whatever_else_is_synthesized(
    minimal: Template, organizations: Mapping[str, Organization], tmp_path: Path
) -> None:
    # Given a template that was synthesized beside those of other organizations
    # When it is synthesized by itself, with another address for alarms
    alone = dataclasses.replace(organizations["minimal"], alarm_emails=("other@example.com",))
    # Then no function changes
    assert releases(template_of(alone, output=tmp_path)) == releases(minimal)
