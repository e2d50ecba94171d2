"""The releases that a stack's functions can run, and which one they run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cli.lib.errors import BridgeError
from cli.lib.stack import Stack
from stacks.config import release

_MOVED = "PreconditionFailedException"


@dataclass(frozen=True, kw_only=True)
class Release:
    """What one deployment published: a version of every function.

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
    """

    all: tuple[Release, ...]
    live: Mapping[str, str]

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
        return [name for name in order if not self.runs(target, name)]


def read(stack: Stack) -> Releases:
    """Read the versions of all functions, and the aliases.

    Raises
    ------
    BridgeError
        The stack's functions have no alias.
    """
    versions = {name: _versions(stack, name) for name in release.UPSTREAM_FIRST}
    first, *others = versions.values()
    common = [found for found in first if all(found in other for other in others)]
    releases = [
        Release(
            id=found[1],
            version=found[0],
            deployed_at=min(each[found]["LastModified"] for each in versions.values()),
            versions={name: each[found]["Version"] for name, each in versions.items()},
        )
        for found in common
    ]
    releases.sort(key=lambda one: [int(number) for number in one.versions.values()], reverse=True)
    live = {name: _alias(stack, name)["FunctionVersion"] for name in versions}
    return Releases(all=tuple(releases), live=live)


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
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != _MOVED:
                raise
            raise BridgeError(f"Something else has moved {name} just now. Look: bridge rollback --list") from None
        yield name


def _versions(stack: Stack, name: str) -> dict[tuple[str, str], Any]:
    """Return the newest version of a function for each release."""
    found: dict[tuple[str, str], Any] = {}
    function = _names(stack, name)["FunctionName"]
    pages = stack.client("lambda").get_paginator("list_versions_by_function")
    for page in pages.paginate(FunctionName=function):
        for version in page["Versions"]:
            named = release.named(version.get("Description", ""))
            if version["Version"] == "$LATEST" or named is None:
                continue
            if named not in found or int(version["Version"]) > int(found[named]["Version"]):
                found[named] = version
    return found


def _alias(stack: Stack, name: str) -> dict[str, Any]:
    alias: dict[str, Any] = stack.client("lambda").get_alias(**_names(stack, name))
    return alias


def _names(stack: Stack, name: str) -> dict[str, str]:
    function, _, alias = stack.outputs[f"{name.title()}Function"].partition(":")
    if not alias:
        raise BridgeError(
            "The functions have no versions: they were deployed by an earlier version of the bridge. The next "
            "deployment publishes the first: make deploy"
        )
    return {"FunctionName": function, "Name": alias}
