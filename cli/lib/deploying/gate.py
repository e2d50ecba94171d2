"""The health gate: the alarms that roll an update back, by CloudFormation's rollback configuration.

Source: "Roll back your CloudFormation stack on alarm breach with rollback triggers", CloudFormation user guide. An
alarm that goes to ALARM during the update, or within the monitoring time after it, rolls the whole update back;
INSUFFICIENT_DATA does not. An alarm that does not exist fails the update. There are at most five. CloudFormation keeps
them for later updates, so each update says which ones count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALARMS = ("NotKept", "ServerErrors", "ProcessorErrors", "Freshness")
"""What a bad version shows first; names after the stack's."""

MINUTES = 5
"""How long CloudFormation watches them after the update: the longest of their periods."""


@dataclass(frozen=True)
class Gate:
    """The alarms that count for one update.

    Attributes
    ----------
    arns : tuple[str, ...]
        None: the update is not watched.
    left_out : mapping of str to str
        Why an alarm does not count, by its name.
    """

    arns: tuple[str, ...] = ()
    left_out: Mapping[str, str] | None = None

    @property
    def arguments(self) -> list[str]:
        """The options of `cdk deploy`; `none` also removes what an earlier update has set."""
        if not self.arns:
            return ["--rollback-trigger-alarm-arns", "none"]
        named = [part for arn in self.arns for part in ("--rollback-trigger-alarm-arns", arn)]
        return [*named, "--monitoring-time-minutes", str(MINUTES)]


def choose(stack_name: str, described: list[dict[str, Any]]) -> Gate:
    """Choose the alarms, given what DescribeAlarms (`MetricAlarms`) says about those of `names`."""
    found = {alarm["AlarmName"]: alarm for alarm in described}
    arns, left_out = [], {}
    for short, name in zip(ALARMS, names(stack_name), strict=True):
        if name not in found:
            left_out[short] = "the deployed version does not have it yet"
        elif found[name]["StateValue"] == "ALARM":
            left_out[short] = "it is in ALARM already, so it would undo any update"
        else:
            arns.append(found[name]["AlarmArn"])
    return Gate(tuple(arns), left_out)


def names(stack_name: str) -> list[str]:
    """Name the alarms of a stack that can count."""
    return [f"{stack_name}-{name}" for name in ALARMS]
