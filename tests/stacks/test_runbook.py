"""The runbook has a section for every alarm, and an alarm for every section."""

import re
from pathlib import Path

import pytest

from stacks.config.alarm_thresholds import AlarmThresholds
from tests.stacks.templates import Template, alarms, of_type, rest_api_id

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
PARTS = ("**It means.**", "**Do now.**", "**It is over when.**", "**Ignore it if.**")


def sections() -> dict[str, str]:
    """Give the sections of the part "Alarms" by their headings."""
    (part,) = re.findall(r"^# Alarms$(.*?)^# ", RUNBOOK, flags=re.MULTILINE | re.DOTALL)
    _, *found = re.split(r"^### (.*)$", part, flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


def test_every_alarm_has_its_section_and_every_section_its_alarm(templates: dict[str, Template]) -> None:
    assert sorted(sections()) == sorted(alarms(templates["everything"]))


def test_every_alarm_names_its_section(template: Template) -> None:
    for name, alarm in alarms(template).items():
        assert alarm["AlarmDescription"].endswith(f"Runbook: docs/runbook.md#{name.lower()}")


@pytest.mark.parametrize("name", sections())
def test_a_section_says_what_it_means_what_to_do_when_it_is_over_and_when_to_ignore_it(name: str) -> None:
    # Given the places of the parts in a section
    places = [sections()[name].find(part) for part in PARTS]
    # Then all are there, in this order
    assert -1 not in places
    assert places == sorted(places)


def test_every_threshold_of_the_file_is_named() -> None:
    assert not [key for key in vars(AlarmThresholds()) if f"`{key}`" not in RUNBOOK]


def test_the_dashboards_have_the_names_that_it_says(template: Template) -> None:
    stack = template["Resources"][rest_api_id(template, "webhook")]["Properties"]["Name"]
    names = {each["Properties"]["DashboardName"] for each in of_type(template, "AWS::CloudWatch::Dashboard").values()}
    assert names == {f"{stack}-{part}" for part in re.findall(r"`\$STACK-(\w+)`", RUNBOOK)}


def test_what_it_names_in_italics_is_on_a_dashboard(template: Template) -> None:
    named = set(re.findall(r"(?<!\*)\*([A-Za-z][\w ]+)\*(?!\*)", RUNBOOK)) - {"Redeliver"}
    drawn = str([each["Properties"] for each in of_type(template, "AWS::CloudWatch::Dashboard").values()])
    assert [title for title in sorted(named) if title not in drawn] == []
