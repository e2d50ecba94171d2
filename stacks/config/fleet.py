"""What several organizations' files must not share."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from stacks.config.organization import Organization

# What a stack adds to its own name, with a hyphen, for the names of its queues, APIs and dashboards. An alarm's name is
# one word without a hyphen after the stack's, so that it is no other stack's alarm.
DERIVED_NAMES = ("inbound", "outbound", "reading", "business", "engineer")

# The dashboards of a stack in a second region have that region's name too.
_DERIVED = re.compile(rf"(?P<owner>.+)-(?P<what>{'|'.join(DERIVED_NAMES)})(-[a-z]{{2,}}(-[a-z]+)+-[0-9])?")


def name_problems(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Name the files of which another makes the same name on AWS, and what to do."""
    first = {path.stem.casefold(): path for path in reversed(paths)}
    for path in paths:
        name = path.stem.casefold()
        if first[name] is not path:
            yield path, f"differs from {first[name].name} only in case; rename one of them"
        derived = _DERIVED.fullmatch(name)
        if derived and derived["owner"] in first:
            owner = first[derived["owner"]].name
            what = (
                f"has the name that {owner} gives to its own {derived['what']} resources, so that AWS would mix the two"
            )
            yield path, f"{what}; rename it"


def second_stack_problems(
    organizations: Mapping[Path, Organization], paths: Iterable[Path]
) -> Iterator[tuple[Path, str]]:
    """Name the files whose second stack has the id, on the CDK's command line, of another file's stack."""
    names = {path.stem.casefold(): path for path in paths}
    for path, organization in organizations.items():
        second = organization.second
        other = names.get(f"{path.stem}-{second.region}".casefold()) if second else None
        if other:
            yield (
                path,
                f"twin.region: makes a stack VectorCareBridge-{other.stem}, which is {other.name}'s; rename that file, "
                "or choose another region",
            )


def shared_customer_ids(organizations: Mapping[Path, Organization]) -> Iterator[tuple[list[Path], str]]:
    """Warn of files with one ``customer_id``: each stack takes the other's webhooks, if one key signs for both."""
    owners: dict[str, list[Path]] = defaultdict(list)
    for path, organization in organizations.items():
        for customer_id in (organization.customer_id, *organization.former_customer_ids):
            owners[customer_id].append(path)
    for paths in owners.values():
        if len(paths) > 1:
            yield (
                paths,
                f"{' and '.join(path.name for path in paths)} have one customer_id. VectorCare may sign for all its "
                "customers with one key, and then each of these stacks takes the other's webhooks. Give each its own.",
            )
