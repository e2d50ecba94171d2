"""Whether what runs is what was deployed: the stack, its settings, its versions, and the account around it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cli.lib.account import QUOTAS, read_quota
from cli.lib.verification.finding import Finding, failed, not_checked, ok, warning
from cli.lib.verification.one_webhook import DESCRIPTION, MINUTES
from cli.lib.verification.subject import Function, Subject
from stacks.config import release
from stacks.config.environment import of_file
from vectorcare_bridge.webhooks import signature

_DEPLOY = "The file was changed after the last deployment, or the function by hand. Deploy:"


def stack_status(subject: Subject) -> Iterator[Finding]:
    """See how the last deployment ended, and which version it was."""
    check = "stack"
    described = subject.stack.client("cloudformation").describe_stacks(StackName=subject.stack.name)["Stacks"][0]
    status, version = described["StackStatus"], subject.stack.outputs.get("Version", "of an unknown version")
    seen = f"{subject.stack.name} {version} is {status}"
    if status.endswith("_IN_PROGRESS"):
        yield warning(check, f"{seen}: a deployment is running.", "Verify again when it has ended.")
    elif "ROLLBACK" in status or status.endswith("_FAILED"):
        yield warning(
            check,
            f"{seen}: the last deployment was undone, so what runs is older.",
            "Read its reason in the CloudFormation console, tab Events.",
        )
    else:
        yield ok(check, f"{seen}.")
    file = subject.organization
    if file and file.environment == "production" and not subject.is_local:
        check = "termination protection"
        if described.get("EnableTerminationProtection"):
            yield ok(check, "It is on.")
        else:
            yield warning(
                check,
                "It is off: one command removes the stack.",
                "aws cloudformation update-termination-protection --enable-termination-protection "
                f"--stack-name {subject.stack.name}",
            )


def settings(subject: Subject) -> Iterator[Finding]:
    """Compare the organization's file with the environment of the functions that VectorCare and the queues call."""
    file = subject.organization
    if file is None:
        yield not_checked(
            "organization's file",
            f"There is no {subject.stack.organization}.toml to compare with.",
            "Name its folder: --organizations DIR",
        )
        return
    for function in subject.functions:
        wanted = of_file(file, function.service)
        if not wanted or _is_changed_locally(subject, function):
            continue
        check = f"settings of {function.service}"
        deployed = _configuration(subject, function).get("Environment", {}).get("Variables", {})
        other = [name for name, value in wanted.items() if deployed.get(name) != value]
        if not other:
            yield ok(check, "They are the file's.")
        for name in other:
            key = name.lower()
            seen = _keys(deployed.get(name, ""), wanted[name]) if name == "PUBLIC_KEYS" else f"{key} is not the file's."
            yield failed(check, seen, f"{_DEPLOY} {subject.deploy}")


def versions(subject: Subject) -> Iterator[Finding]:
    """See that each function is well, and that the aliases are at the release that was deployed last."""
    deployed = {
        resource.physical_id.split(":")[6]: resource.physical_id.rpartition(":")[2]
        for resource in subject.of_type("AWS::Lambda::Version")
    }
    found: list[Finding] = []
    releases = set()
    for function in subject.functions:
        running = _configuration(subject, function)
        found += _state(function, running)
        if function.alias and not _is_changed_locally(subject, function):
            releases |= {_release(running)} if running.get("Description") != DESCRIPTION else set()
            found += _alias(subject, function, running, deployed.get(function.name))
    if len(releases) > 1:
        found.append(
            failed(
                "functions",
                f"They are of different releases: {', '.join(sorted(releases))}.",
                "A deployment or a rollback was interrupted. Start it again.",
            )
        )
    if not any(function.alias for function in subject.functions):
        found.append(
            warning(
                "functions",
                "They have no alias: in a deployment, code and settings change one after the other.",
                f"An earlier version of the bridge deployed them. Deploy again: {subject.deploy}",
            )
        )
    yield from _together(found) or [
        ok("functions", f"All {len(subject.functions)} are well, and at {', '.join(releases)}.")
    ]


def quotas(subject: Subject) -> Iterator[Finding]:
    """Read the account's limits that may be too small for a burst."""
    for name in QUOTAS:
        quota = read_quota(subject.stack.client, name)
        seen = f"{quota.value:g} {quota.unit}"
        yield warning(name, seen, quota.warning) if quota.warning else ok(name, seen)


def _together(found: Sequence[Finding]) -> list[Finding]:
    """Say the same about several functions once, as after a rollback."""
    same: dict[tuple[str, str], list[Finding]] = {}
    for finding in found:
        same.setdefault((finding.seen, finding.to_do), []).append(finding)
    return [
        first
        if not others
        else replace(first, check=f"functions {', '.join(_service(each) for each in (first, *others))}")
        for first, *others in same.values()
    ]


def _service(finding: Finding) -> str:
    return finding.check.removeprefix("function ")


def _is_changed_locally(subject: Subject, function: Function) -> bool:
    """Whether the local environment has given a function other settings: its sender calls the simulator."""
    return subject.is_local and function.service == "sender"


def _state(function: Function, running: Mapping[str, Any]) -> Iterator[Finding]:
    state, update = running.get("State", "Active"), running.get("LastUpdateStatus", "Successful")
    if state == "Failed" or update == "Failed":
        yield failed(
            f"function {function.service}",
            f"Its state is {state}, its last update {update}.",
            f"Look at {function.name} in the Lambda console.",
        )


def _alias(subject: Subject, function: Function, running: Mapping[str, Any], deployed: str | None) -> Iterator[Finding]:
    """Find where an alias is not at the version that the template has."""
    check, client = f"function {function.service}", subject.stack.client("lambda")
    update = f"aws lambda update-alias --function-name {function.name} --name {function.alias}"
    alias = client.get_alias(FunctionName=function.name, Name=function.alias)
    if alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
        yield warning(check, "A part of its calls goes to another version.", f"{update} --routing-config {{}}")
    if deployed in (None, alias["FunctionVersion"]):
        return
    last = _release(client.get_function_configuration(FunctionName=function.name, Qualifier=deployed))
    if running.get("Description") == DESCRIPTION:
        yield warning(
            check,
            "Its alias is at the version of a verification that was killed. That is the deployed code, and its "
            f"throw-away key was accepted for {MINUTES} minutes.",
            f"{update} --function-version {deployed}",
        )
    elif last == _release(running):
        yield warning(
            check,
            f"Its alias is at version {alias['FunctionVersion']}, and version {deployed} was deployed last.",
            f"Nobody rolled back: both are of one release. {update} --function-version {deployed}",
        )
    else:
        yield warning(
            check,
            f"It is at {_release(running)}, and {last} was deployed last: somebody rolled back.",
            "Find out why. The next deployment moves it on.",
        )


def _release(configuration: Mapping[str, Any]) -> str:
    named = release.named(configuration.get("Description", ""))
    return f"version {named[0]}, release {named[1]}" if named else "a version without a release"


def _configuration(subject: Subject, function: Function) -> dict[str, Any]:
    answer: dict[str, Any] = subject.stack.client("lambda").get_function_configuration(FunctionName=function.target)
    return answer


def _keys(deployed: str, wanted: str) -> str:
    """Name the keys that differ, as logs and metrics do."""
    try:
        there, here = ({key.fingerprint for key in signature.load_keys(each)} for each in (deployed, wanted))
    except ValueError:
        return "What is deployed as public_keys cannot be read."
    parts = [
        f"{', '.join(sorted(keys))} only {where}"
        for keys, where in ((here - there, "in the file"), (there - here, "deployed"))
        if keys
    ]
    return f"public_keys is not the file's: {'; '.join(parts) or 'the order differs'}."
