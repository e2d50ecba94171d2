"""Rule: in an account that runs ten functions at once, what works behind the door leaves ingest its share."""

import math
import re

from tests.stacks.templates import Template, called, functions, of_type

# Lambda Developer Guide, "Lambda quotas": a new account may start with fewer than 1,000; the least seen is 10.
NEW_ACCOUNT = 10
# One runs some ten webhooks a second.
FOR_INGEST = 1
# DynamoDB Developer Guide, "On-demand capacity mode": a new table takes 4,000 writes a second, and one partition 1,000.
# Each partition has an open shard in the stream, and Lambda reads each shard with one function at a time.
SHARDS = 4
# Run by somebody's choice, and named in docs/operations.md: a person's redrive, and the readers of the reading API.
# And for the seconds of an update, the check of new versions.
BY_CHOICE = {"redrive", "reader", "start_check"}


def test_a_new_accounts_ten_executions_leave_ingest_its_share(templates: dict[str, Template]) -> None:
    # Given the defaults, and whatever calls functions without anybody's choice
    template = templates["minimal"]
    names = {id(function): name for name, function in functions(template).items()}
    most: dict[str, int] = {}
    for source in (each["Properties"] for each in of_type(template, "AWS::Lambda::EventSourceMapping").values()):
        function = called(template, source["FunctionName"])
        is_stream = "StartingPosition" in source
        at_once = SHARDS * source.get("ParallelizationFactor", 1) if is_stream else concurrency_of(source)
        most[names[id(function)]] = at_once
    for rule in (each["Properties"] for each in of_type(template, "AWS::Events::Rule").values()):
        (minutes,) = re.findall(r"rate\((\d+) minutes?\)", rule["ScheduleExpression"])
        for target in rule["Targets"]:
            function = called(template, target["Arn"])
            most[names[id(function)]] = math.ceil(function["Properties"]["Timeout"] / 60 / int(minutes))
    # Then all of it together, each with as many as it can ever have, is less than the account allows
    assert most.keys() == functions(template).keys() - BY_CHOICE - {"ingest"}
    assert sum(most.values()) <= NEW_ACCOUNT - FOR_INGEST, most


def concurrency_of(source: dict[str, dict[str, int]]) -> int:
    return source["ScalingConfig"]["MaximumConcurrency"]
