"""The stacks of all organizations: of the account that the settings lead to, and of those that the files name."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cli.lib import stack as stacks
from cli.lib.aws_error import explain
from cli.lib.errors import BridgeError
from cli.lib.place import Place, names_credentials, names_of, read_place
from cli.lib.stack import Stack

_AT_ONCE = 8  # accounts and regions
# Whoever looks at the stacks makes no clients in threads of its own: boto3 makes them in one thread only.
_SERVICES = ("cloudwatch", "dynamodb", "s3", "sqs")

_Where = tuple[str | None, str | None]
"""Profile and region; None is what the environment says."""


@dataclass(frozen=True)
class Found:
    """An organization's stack in a region. Without a stack: the problem, or nothing if it is not deployed."""

    organization: str  # empty if a problem is of an account, whoever has a stack in it
    account: str = ""
    region: str = ""
    stack: Stack | None = None
    problem: str = ""


def find(*, local: bool, profile: str | None, region: str | None, stand_file: Path, organizations: Path) -> list[Found]:
    """Find all stacks; the parameters are those of `cli.lib.stack.find`.

    With a profile or a region, only there. Else in the account and region of the environment, and in those that the
    organizations' files name.

    Raises
    ------
    BridgeError
        There is none; or only one account is asked, and AWS refuses.
    """
    if local:
        found = stacks.find(
            None, local=True, profile=None, region=None, stand_file=stand_file, organizations=organizations
        )
        return [Found(found.organization, stack=found)]
    expected: dict[_Where, list[Place]] = defaultdict(list, {(profile, region): []})
    if not (profile or region):
        for place in (read_place(organizations, name) for name in names_of(organizations)):
            for each in place.of_each_region():
                expected[each.settings_of_many()].append(each)
    if len(expected) == 1:
        seen = [_look((profile, region), expected[profile, region])]
    else:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            seen = list(threads.map(_look_or_say_why, expected, expected.values()))
    # Two profiles may lead to one account.
    all_found = {(each.organization, each.account, each.region): each for found in seen for each in found}
    if not any(each.stack or each.problem for each in all_found.values()):
        raise BridgeError(stacks.NOTHING_FOUND)
    return list(all_found.values())


def _look_or_say_why(where: _Where, expected: Sequence[Place]) -> list[Found]:
    region = where[1]
    try:
        return _look(where, expected)
    except (BotoCoreError, ClientError) as error:
        problem = explain(error)
    except BridgeError as error:
        problem = str(error)
    if expected:
        return [Found(place.organization, place.account or "", region or "", problem=problem) for place in expected]
    # The files name all that there is if nobody has named these settings.
    return [Found("", region=region or "", problem=problem)] if names_credentials() else []


def _look(where: _Where, expected: Sequence[Place]) -> list[Found]:
    """Find all stacks of an account in a region, and say of the expected ones that are not there why."""
    connect = stacks.connect_to_aws(*where)
    sts = connect("sts")
    account, region = str(sts.get_caller_identity()["Account"]), str(sts.meta.region_name)
    for service in _SERVICES:
        connect(service)
    here = Found("", account, region)
    found: Mapping[str, Found] = {
        name: replace(here, organization=name, stack=stacks.describe(name, connect))
        for name in stacks.existing(connect)
    }
    absent = []
    for place in expected:
        try:
            place.require_account(account)
        except BridgeError as error:
            absent.append(Found(place.organization, place.account or "", region, problem=str(error)))
            continue
        if place.organization not in found:
            absent.append(replace(here, organization=place.organization))
    return [*found.values(), *absent]
