"""The releases that a stack's functions can run, and which one they run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cli.lib.errors import BridgeError
from cli.lib.stack import Stack
from stacks.config import release

_MOVED = "PreconditionFailedException"
# Only some organizations' files ask for it. A release from before that leaves it as it is.
_OPTIONAL = "reconcile"


@dataclass(frozen=True, kw_only=True)
class Release:
    """What one deployment published: a version of every function that the stack had.

    Attributes
    ----------
    id, version : str
        As a function's description names them.
    deployed_at : str
        When the first of its functions was changed, as AWS writes it: `2026-03-01T10:00:00.000+0000`.
    versions : mapping of str to str
        The number of each function's version, by the function's name in logs and metrics.
    """

    id: str
    version: str
    deployed_at: str
    versions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Releases:
    """All that is there, the newest first, and what each function's alias is at.

    Attributes
    ----------
    live : mapping of str to str
        The number of the version that runs, by function.
    settings : mapping of str to mapping
        The environment variables of each version, by function and number.
    """

    all: tuple[Release, ...]
    live: Mapping[str, str]
    settings: Mapping[str, Mapping[str, Mapping[str, str]]]

    @property
    def newest_live(self) -> Release | None:
        """The newest release that any function runs; None if no release has what runs."""
        return next((each for each in self.all if any(self.runs(each, name) for name in each.versions)), None)

    @property
    def before(self) -> Release | None:
        """The release before that: also that of a rollback which was interrupted; None if there is none."""
        newest = self.newest_live
        older = self.all[self.all.index(newest) + 1 :] if newest else ()
        return older[0] if older else None

    def runs(self, one: Release, function: str) -> bool:
        return self.live[function] == one.versions[function]

    def other_settings(self, target: Release) -> dict[str, list[str]]:
        """Name the environment variables that differ between what runs and a release, by function; never the values."""
        found = {}
        for name, number in target.versions.items():
            now, then = self.settings[name].get(self.live[name], {}), self.settings[name][number]
            found[name] = sorted(key for key in {*now, *then} if now.get(key) != then.get(key))
        return {name: keys for name, keys in found.items() if keys}

    def to_move(self, target: Release) -> list[str]:
        """Name the functions that do not run a release yet, in the order in which they move to it.

        Going back, who writes to a queue or a table moves before who reads it: a newer reader knows what an older one
        writes, and what the newer one has written. Going forward it is the other way round, as in a deployment.
        """
        newest = self.newest_live
        is_forward = newest is None or self.all.index(target) < self.all.index(newest)
        # After an interruption on the way forward, the target itself is the newest that runs.
        is_forward |= target is newest
        order = reversed(release.UPSTREAM_FIRST) if is_forward else release.UPSTREAM_FIRST
        return [name for name in order if name in target.versions and not self.runs(target, name)]


def read(stack: Stack) -> Releases:
    """Read the versions of all functions, and the aliases.

    Raises
    ------
    BridgeError
        The stack's functions have no alias.
    """
    functions = [name for name in release.UPSTREAM_FIRST if name != _OPTIONAL or _output(name) in stack.outputs]
    listed = {name: _list_versions(stack, name) for name in functions}
    versions = {name: _newest_of_each(found) for name, found in listed.items()}
    required = [found for name, found in versions.items() if name != _OPTIONAL]
    common = [found for found in required[0] if all(found in other for other in required)]
    releases = [
        Release(
            id=found[1],
            version=found[0],
            deployed_at=min(each[found]["LastModified"] for each in required),
            versions={name: each[found]["Version"] for name, each in versions.items() if found in each},
        )
        for found in common
    ]
    releases.sort(key=lambda one: int(one.versions["ingest"]), reverse=True)
    settings = {
        name: {each["Version"]: each.get("Environment", {}).get("Variables", {}) for each in found}
        for name, found in listed.items()
    }
    live = {name: _alias(stack, name)["FunctionVersion"] for name in versions}
    return Releases(all=tuple(releases), live=live, settings=settings)


def require_rest(stack: Stack) -> None:
    """Check that no deployment moves the aliases now.

    Raises
    ------
    BridgeError
        One does.
    """
    described = stack.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    status: str = described["StackStatus"]
    # In its cleanup an update has moved all aliases.
    if status.endswith("_IN_PROGRESS") and "CLEANUP" not in status:
        raise BridgeError(
            f"A deployment of {stack.name} is running ({status}). Wait for its end; or have CloudFormation undo it: "
            f"aws cloudformation cancel-update-stack --stack-name {stack.name}"
        )


def move(stack: Stack, target: Release, functions: list[str]) -> Iterator[str]:
    """Move functions to a release, one after the other; yields each that has been moved.

    Raises
    ------
    BridgeError
        Somebody else has moved one at the same time.
    """
    client = stack.client("lambda")
    for name in functions:
        alias = _alias(stack, name)
        try:
            client.update_alias(
                **_names(stack, name), FunctionVersion=target.versions[name], RevisionId=alias["RevisionId"]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _MOVED:
                raise
            raise BridgeError(f"Something else has moved {name} just now. Look: ./bridge rollback --list") from None
        yield name


def _list_versions(stack: Stack, name: str) -> list[Any]:
    function = _names(stack, name)["FunctionName"]
    pages = stack.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=function)
    return [version for page in pages for version in page["Versions"] if version["Version"] != "$LATEST"]


def _newest_of_each(versions: list[Any]) -> dict[tuple[str, str], Any]:
    """Choose the newest version of each release, by the release's version and id."""
    by_number = sorted(versions, key=lambda version: int(version["Version"]))
    return {found: each for each in by_number if (found := release.named(each.get("Description", "")))}


def _alias(stack: Stack, name: str) -> dict[str, Any]:
    alias: dict[str, Any] = stack.client("lambda").get_alias(**_names(stack, name))
    return alias


def _output(name: str) -> str:
    return f"{name.title()}Function"


def _names(stack: Stack, name: str) -> dict[str, str]:
    function, _, alias = stack.outputs[_output(name)].partition(":")
    if not alias:
        raise BridgeError(
            "The functions have no versions: they were deployed by an earlier version of the bridge. The next "
            "deployment publishes the first: make deploy"
        )
    return {"FunctionName": function, "Name": alias}
