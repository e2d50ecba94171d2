"""How a deployment changes over to its functions: all of one release, and each from one moment to the next."""

from collections.abc import Mapping
from itertools import pairwise

from stacks.config import release
from stacks.functions.function import BridgeFunction
from stacks.functions.packaging import Artifact


def roll_out(functions: Mapping[str, BridgeFunction], *, artifact: Artifact, version: str) -> None:
    """Give all functions one release, and the order in which their aliases move to it.

    The aliases move downstream first: who reads a queue or a table knows what is new before anything new is written.
    """
    release_id = release.digest(
        {
            "version": version,
            "artifact": artifact.digest,
            "functions": {name: each.configuration for name, each in functions.items()},
        }
    )
    for each in functions.values():
        each.describe(version=version, release_id=release_id)
    for upstream, downstream in pairwise(release.UPSTREAM_FIRST):
        functions[upstream].live.node.add_dependency(functions[downstream].live)
