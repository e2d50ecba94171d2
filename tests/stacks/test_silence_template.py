"""The silence alarm notifies in busy hours, about busy hours only."""

import json
from collections.abc import Mapping
from typing import Any

from tests.stacks.templates import Template, alarms, of_type, referred, rendered

SCHEDULE = "AWS::Scheduler::Schedule"


def test_actions_are_enabled_only_while_the_alarm_looks_back_on_busy_hours(templates: Mapping[str, Template]) -> None:
    # Given 06:30-22:15 on Saturdays and Sundays, and an hour and a half of silence
    template = templates["everything"]
    # When
    calls = {action: call["ScheduleExpression"] for action, (call, _) in called(template).items()}
    # Then
    assert calls == {
        "enableAlarmActions": "cron(0 8 ? * SAT,SUN *)",
        "setAlarmState": "cron(1 8 ? * SAT,SUN *)",
        "disableAlarmActions": "cron(15 22 ? * SAT,SUN *)",
    }
    assert {call["ScheduleExpressionTimezone"] for call, _ in called(template).values()} == {"America/Los_Angeles"}
    # And an alarm that the night left in ALARM is set back: an action follows a change of state alone
    assert called(template)["setAlarmState"][1]["StateValue"] == "OK"


def test_the_clock_is_about_the_silence_alarm_and_may_do_nothing_else(templates: Mapping[str, Template]) -> None:
    # Given
    template = templates["minimal"]
    (silence,) = (
        name
        for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items()
        if alarm["Properties"] == alarms(template)["Silence"]
    )
    # When
    calls = called(template)
    (role_name,) = {referred(call["Target"]["RoleArn"]) for call, _ in calls.values()}
    role = template["Resources"][role_name]["Properties"]
    # Then
    for _, parameters in calls.values():
        assert parameters.get("AlarmNames", [parameters.get("AlarmName")]) == [f"<{silence}>"]
    ((statement,),) = (policy["PolicyDocument"]["Statement"] for policy in role["Policies"])
    assert referred(statement["Resource"]) == silence
    assert {action.removeprefix("cloudwatch:").casefold() for action in statement["Action"]} == {
        action.casefold() for action in calls
    }
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "scheduler.amazonaws.com"}


def test_without_that_alarm_there_is_no_clock(templates: Mapping[str, Template]) -> None:
    template = templates["addresses"]
    assert "Silence" not in alarms(template)
    assert SCHEDULE not in {resource["Type"] for resource in template["Resources"].values()}


def called(template: Template) -> dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Give the schedules by the action that they call, each with its parameters."""
    found = {}
    for schedule in of_type(template, SCHEDULE).values():
        properties = schedule["Properties"]
        action = rendered(properties["Target"]["Arn"]).rsplit(":", 1)[1]
        found[action] = properties, json.loads(rendered(properties["Target"]["Input"]))
    return found
