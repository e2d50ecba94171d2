"""`bridge rollback`: all functions run the release before or any other, also after an interruption."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import Result

from cli.lib.stack import Stack
from stacks.config import release
from tests.cli.conftest import Run, parsed

OLD, MIDDLE, NEW = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"


@dataclass
class Lambda:
    """The functions' versions, each with its description, and their aliases."""

    versions: dict[str, list[str]]
    live: dict[str, str]
    moved: list[str] = field(default_factory=list)
    before_move: Callable[[str], None] = lambda _name: None
    status: str = "UPDATE_COMPLETE"
    settings: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)

    def get_paginator(self, operation: str) -> "Lambda":
        assert operation == "list_versions_by_function"
        return self

    def paginate(self, *, FunctionName: str) -> Iterator[Mapping[str, Any]]:  # noqa: N803 boto3's names
        for number, description in enumerate(self.versions[FunctionName], start=1):
            at = f"2026-03-0{number}T10:00:00.000+0000"
            version = {"Version": str(number), "Description": description, "LastModified": at}
            yield {
                "Versions": [version | {"Environment": {"Variables": self.settings.get((FunctionName, number), {})}}]
            }
        yield {"Versions": [{"Version": "$LATEST", "Description": self.versions[FunctionName][-1], "LastModified": ""}]}

    def get_alias(self, *, FunctionName: str, Name: str) -> Mapping[str, str]:  # noqa: N803 boto3's names
        assert Name == "live"
        return {"FunctionVersion": self.live[FunctionName], "RevisionId": self.live[FunctionName]}

    def update_alias(self, *, FunctionName: str, Name: str, FunctionVersion: str, RevisionId: str) -> None:  # noqa: N803 boto3's names
        assert Name == "live"
        self.before_move(FunctionName)
        if RevisionId != self.live[FunctionName]:
            raise ClientError({"Error": {"Code": "PreconditionFailedException", "Message": ""}}, "UpdateAlias")
        self.live[FunctionName] = FunctionVersion
        self.moved.append(FunctionName)

    def describe_stacks(self, **_: Any) -> Mapping[str, Any]:
        return {"Stacks": [{"StackStatus": self.status}]}


def published(*releases: str) -> list[str]:
    return [release.describe("Works.", version="1.0.0", release=each) for each in releases]


@pytest.fixture
def functions() -> Lambda:
    """Give functions with three releases, of which the newest runs; a version without one was not deployed."""
    names = release.UPSTREAM_FIRST
    versions = {name: [*published(OLD, MIDDLE, NEW), "made by hand"] for name in names}
    versions["sender"] = published(OLD, MIDDLE, MIDDLE, NEW)  # changed twice under one release
    live = dict.fromkeys(names, "3") | {"sender": "4"}
    return Lambda(versions, live)


@pytest.fixture(autouse=True)
def _deployed(stack: Stack, functions: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {f"{name.title()}Function": f"{name}:live" for name in release.UPSTREAM_FIRST}
    deployed = replace(stack, outputs=outputs, client=lambda _service: functions)
    monkeypatch.setattr("cli.lib.stack.find", lambda *_, **__: deployed)


def running(functions: Lambda) -> set[str]:
    """Name the releases that the aliases are at."""
    found = (functions.versions[name][int(number) - 1] for name, number in functions.live.items())
    return {named[1] for description in found if (named := release.named(description))}


def succeeded(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def test_all_functions_go_back_to_the_release_before_those_that_write_first(run: Run, functions: Lambda) -> None:
    # When
    report = parsed(succeeded(run("rollback", "--yes", "--json")))
    # Then
    assert running(functions) == {MIDDLE}
    assert functions.moved == report["moved"] == list(release.UPSTREAM_FIRST)
    assert functions.live["sender"] == "3"  # the newest version of that release


def test_they_go_forward_again_those_that_read_first(run: Run, functions: Lambda) -> None:
    # Given
    succeeded(run("rollback", "--yes", "--to", OLD))
    functions.moved.clear()
    # When
    result = succeeded(run("rollback", "--yes", "--to", NEW))
    # Then
    assert running(functions) == {NEW}
    assert functions.moved == list(reversed(release.UPSTREAM_FIRST))
    assert "--to" not in result.output  # nothing to come back from


def test_it_says_what_the_next_deployment_does(run: Run) -> None:
    result = succeeded(run("rollback", "--yes"))
    assert f"bridge rollback acme --to {NEW}" in result.output
    assert "next deployment of other code or settings moves on" in result.output


@pytest.mark.parametrize("arguments", [("--yes",), ("--yes", "--to", MIDDLE)])
def test_an_interrupted_rollback_goes_on_where_it_was(run: Run, functions: Lambda, arguments: tuple[str, ...]) -> None:
    # Given
    def interrupt(name: str) -> None:
        if name == "processor":
            raise KeyboardInterrupt

    functions.before_move = interrupt
    interrupted = run("rollback", *arguments)
    assert (interrupted.exit_code, running(functions)) == (130, {MIDDLE, NEW})
    assert f"bridge rollback acme --to {MIDDLE}" in interrupted.output
    # When
    functions.before_move = lambda _name: None
    succeeded(run("rollback", *arguments))
    # Then no further than the first would have gone, and each has moved once
    assert running(functions) == {MIDDLE}
    assert functions.moved == list(release.UPSTREAM_FIRST)


def test_an_interrupted_way_forward_ends_those_that_read_first(run: Run, functions: Lambda) -> None:
    # Given
    succeeded(run("rollback", "--yes", "--to", OLD))
    functions.live |= {"sender": "4", "reader": "3"}
    functions.moved.clear()
    # When
    succeeded(run("rollback", "--yes", "--to", NEW))
    # Then
    assert functions.moved == list(reversed(release.UPSTREAM_FIRST))[2:]


def test_a_dry_run_and_a_list_move_nothing(run: Run, functions: Lambda) -> None:
    # When
    planned = parsed(succeeded(run("rollback", "--dry-run", "--json")))
    listed = parsed(succeeded(run("rollback", "--list", "--json")))
    # Then
    assert (planned["release"], planned["moved"], planned["dry_run"]) == (MIDDLE, list(release.UPSTREAM_FIRST), True)
    assert [each["release"] for each in listed] == [NEW, MIDDLE, OLD]
    assert [len(each["runs"]) for each in listed] == [len(release.UPSTREAM_FIRST), 0, 0]
    assert functions.moved == []


def test_it_names_the_settings_that_change_too_and_no_value(run: Run, functions: Lambda) -> None:
    # Given another key since the release before, and a setting that only one of them has
    functions.settings = {
        ("ingest", 3): {"PUBLIC_KEYS": "new-value", "QUEUE_URL": "same"},
        ("ingest", 2): {"PUBLIC_KEYS": "old-value", "QUEUE_URL": "same"},
        ("sender", 4): {"LIMIT": "5"},
    }
    # When
    result = succeeded(run("rollback", "--dry-run", "--json"))
    # Then
    assert parsed(result)["settings"] == {"ingest": ["PUBLIC_KEYS"], "sender": ["LIMIT"]}
    assert "401" in result.stderr
    assert "value" not in result.output


def test_the_list_says_which_functions_run_which_release(run: Run, functions: Lambda) -> None:
    functions.live["ingest"] = "2"
    lines = succeeded(run("rollback", "--list")).stdout.splitlines()
    newest, before, oldest = lines[1:4]
    assert newest.startswith(f"{NEW}  1.0.0    2026-03-03 10:00:00  runs: reconcile, redrive, drain, processor")
    assert before.split()[-2:] == ["runs:", "ingest"]
    assert "runs" not in oldest


def test_a_release_counts_only_if_every_function_has_it(run: Run, functions: Lambda) -> None:
    functions.versions["reader"] = [*published(OLD), "removed", *published(NEW)]
    listed = parsed(succeeded(run("rollback", "--list", "--json")))
    assert [each["release"] for each in listed] == [NEW, OLD]


def test_a_function_that_a_release_did_not_have_stays_as_it_is(run: Run, functions: Lambda) -> None:
    # Given a function that the file asks for since the newest release
    functions.versions["reconcile"] = published(NEW)
    functions.live["reconcile"] = "1"
    # When
    succeeded(run("rollback", "--yes"))
    # Then
    assert functions.moved == [name for name in release.UPSTREAM_FIRST if name != "reconcile"]


def test_a_release_that_was_deployed_again_is_the_newest(run: Run, functions: Lambda) -> None:
    # Given a deployment of the first release after the second
    functions.versions = dict.fromkeys(functions.versions, published(OLD, NEW, OLD))
    functions.live = dict.fromkeys(functions.live, "3")
    # When
    succeeded(run("rollback", "--yes"))
    # Then
    assert running(functions) == {NEW}


def test_without_an_earlier_release_it_says_so(run: Run, functions: Lambda) -> None:
    functions.live = dict.fromkeys(functions.live, "1")
    result = run("rollback", "--yes")
    assert result.exit_code == 1
    assert "no earlier release" in result.output
    assert functions.moved == []


def test_an_unknown_release_is_refused(run: Run, functions: Lambda) -> None:
    result = run("rollback", "--yes", "--to", "0000000000")
    assert (result.exit_code, functions.moved) == (1, [])
    assert "--list" in result.output


def test_it_waits_for_no_deployment_and_starts_in_none(run: Run, functions: Lambda) -> None:
    functions.status = "UPDATE_IN_PROGRESS"
    result = run("rollback", "--yes")
    assert (result.exit_code, functions.moved) == (1, [])
    assert "UPDATE_IN_PROGRESS" in result.output


def test_it_stops_if_something_else_moves_a_function(run: Run, functions: Lambda) -> None:
    # Given a deployment that moves an alias between the look and the move
    functions.before_move = lambda name: functions.live.update({name: "1"})
    # When
    result = run("rollback", "--yes")
    # Then
    assert (result.exit_code, functions.moved) == (1, [])
    assert "Something else has moved reconcile" in result.output


def test_it_asks_before_it_moves_anything(run: Run, functions: Lambda) -> None:
    result = run("rollback")
    assert (result.exit_code, functions.moved) == (1, [])
    assert "--yes" in result.output


def test_functions_of_an_earlier_version_of_the_bridge_have_no_release(
    run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {f"{name.title()}Function": name for name in release.UPSTREAM_FIRST}
    monkeypatch.setattr("cli.lib.stack.find", lambda *_, **__: replace(stack, outputs=outputs))
    result = run("rollback")
    assert result.exit_code == 1
    assert "make deploy" in result.output
