"""CloudFormation's custom resource `StartCheck`: it fails an update whose functions do not start.

It imports as little as it can, because it has to start when the others do not.
"""

from collections.abc import Mapping
from typing import Any

from start_check import versions
from vectorcare_bridge.edge import custom_resource, runtime

# A function has ten seconds for its imports; Lambda then begins again, for as long as an invocation may take.
_client = runtime.client("lambda", connect_timeout=3, read_timeout=40, attempts=1)
# For one last call and the answer.
_RESERVE_SECONDS = 70


def handler(request: Mapping[str, Any], context: Any) -> None:
    """Run what has not been in service yet, and answer CloudFormation; a deletion has nothing to run."""
    problem = None
    if request["RequestType"] != "Delete":
        deadline = runtime.monotonic() + context.get_remaining_time_in_millis() / 1000 - _RESERVE_SECONDS
        try:
            problem = _check(request, deadline)
        except Exception as error:  # noqa: BLE001 whatever it is: CloudFormation would wait for an answer
            problem = f"The start check itself has failed: {type(error).__name__}."
    custom_resource.answer(request, failure=problem)


def _check(request: Mapping[str, Any], deadline: float) -> str | None:
    failures = {}
    for version in versions.new(request):
        if runtime.monotonic() > deadline:
            failures[versions.name(version)] = "not checked, there was no time left"
        elif problem := versions.failure(version, client=_client, deadline=deadline):
            failures[versions.name(version)] = problem
    if not failures:
        return None
    found = ", ".join(f"{name} ({problem})" for name, problem in failures.items())
    return f"These functions do not start: {found}. Their log groups say why. What ran before stays in service."
