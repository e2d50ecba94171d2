"""What calls the functions: event sources, schedules, and the stream of the state."""

from collections.abc import Iterator

from cli.lib.verification.finding import Finding, failed, ok, warning
from cli.lib.verification.subject import Subject

_FED = {
    "processor": "webhooks wait in the queue",
    "publisher": "no change is published",
    "sender": "no command is sent",
}
"""The functions that an event source calls, and what happens without it."""

_BY_HAND = "A deployment does not put back what was changed by hand."


def event_sources(subject: Subject) -> Iterator[Finding]:
    """See that queue and stream call their functions, by the alias."""
    client = subject.stack.client("lambda")
    seen = set()
    for resource in subject.of_type("AWS::Lambda::EventSourceMapping"):
        source = client.get_event_source_mapping(UUID=resource.physical_id)
        function = subject.function_of(source["FunctionArn"])
        if function is None or function.service not in _FED:
            continue
        seen.add(function.service)
        check = f"event source of {function.service}"
        is_on = source["State"] in ("Enabled", "Enabling", "Creating", "Updating")
        if function.service == "sender" and subject.organization and not subject.organization.sends_commands:
            yield _of_the_second(check, is_on=is_on)
        elif not is_on:
            yield failed(
                check,
                f"It is {source['State'].lower()}, so {_FED[function.service]}.",
                f"{_BY_HAND} Run: aws lambda update-event-source-mapping --uuid {resource.physical_id} --enabled",
            )
        elif function.alias and not source["FunctionArn"].endswith(f":{function.alias}"):
            yield failed(
                check,
                f"It does not call the alias {function.alias}.",
                f"{_BY_HAND} Run: aws lambda update-event-source-mapping --uuid {resource.physical_id} "
                f"--function-name {function.target}",
            )
        elif str(source.get("LastProcessingResult", "")).startswith("PROBLEM"):
            yield warning(
                check, f"It is enabled, and says {source['LastProcessingResult']}.", f"Read the log of {function.name}"
            )
        else:
            yield ok(check, f"It is {source['State'].lower()}.")
    for service in sorted(_FED.keys() - seen):
        yield failed(
            f"event source of {service}", f"There is none, so {_FED[service]}.", f"Deploy again: {subject.deploy}"
        )


def _of_the_second(check: str, *, is_on: bool) -> Finding:
    """Judge the sender of the region that sends no commands: two would send each command twice."""
    if is_on:
        return failed(
            check,
            "It is enabled, and the other region's too: both send commands.",
            "Disable one, and set commands under [twin] in the organization's file: docs/second-region.md",
        )
    return ok(check, "It is disabled: the other region sends commands.")


def schedules(subject: Subject) -> Iterator[Finding]:
    """See that the drain runs each minute, and that the busy hours switch the alarm Silence."""
    for resource in subject.of_type("AWS::Events::Rule"):
        rule = subject.stack.client("events").describe_rule(Name=resource.physical_id)
        is_drain = "Drain" in resource.logical_id
        check, without = (
            ("schedule of drain", "webhooks that the queue refused stay in the spool")
            if is_drain
            else ("schedule of reconcile", "what this region misses is not fetched")
        )
        if rule["State"] == "ENABLED":
            yield ok(check, f"It is enabled: {rule['ScheduleExpression']}.")
        else:
            command = f"aws events enable-rule --name {resource.physical_id}"
            yield failed(check, f"It is disabled, so {without}.", f"{_BY_HAND} Run: {command}")
    disabled = [
        resource.physical_id
        for resource in subject.of_type("AWS::Scheduler::Schedule")
        if subject.stack.client("scheduler").get_schedule(Name=resource.physical_id)["State"] != "ENABLED"
    ]
    check = "schedules of the alarm Silence"
    if disabled:
        yield warning(
            check,
            f"{', '.join(disabled)} is disabled, so the alarm does not follow the busy hours.",
            "Enable it in the console of EventBridge Scheduler.",
        )
    elif any(subject.of_type("AWS::Scheduler::Schedule")):
        yield ok(check, "They are enabled.")


def stream(subject: Subject) -> Iterator[Finding]:
    """See that the state's table has a stream, and that the publisher reads that one."""
    check, name = "stream of the state", subject.stack.outputs["ServiceRequestsTable"]
    table = subject.stack.client("dynamodb").describe_table(TableName=name)["Table"]
    specification = table.get("StreamSpecification", {})
    if not specification.get("StreamEnabled"):
        yield failed(
            check,
            "It is off, so no change is published.",
            f"{_BY_HAND} A new stream has a new ARN, and the publisher's event source names the old one: "
            "docs/verifying.md#what-somebody-changed-by-hand",
        )
        return
    arns = [
        subject.stack.client("lambda").get_event_source_mapping(UUID=resource.physical_id)["EventSourceArn"]
        for resource in subject.of_type("AWS::Lambda::EventSourceMapping")
    ]
    if table["LatestStreamArn"] not in arns:
        yield failed(
            check,
            "It was switched off and on: the publisher reads the former stream.",
            "docs/verifying.md#what-somebody-changed-by-hand",
        )
    elif specification.get("StreamViewType") != "NEW_AND_OLD_IMAGES":
        yield failed(
            check,
            f"It carries {specification.get('StreamViewType')}, and the publisher compares old and new.",
            "docs/verifying.md#what-somebody-changed-by-hand",
        )
    else:
        yield ok(check, "It is on, and the publisher reads it.")
