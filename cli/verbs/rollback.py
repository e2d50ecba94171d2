"""`bridge rollback`."""

import sys
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group, RenderableType

from cli.lib import releases as lib
from cli.lib.releases import Release, Releases
from cli.options import Options, pass_options
from cli.terminal.output import confirm, emit, json_option, plain_table, printable, stderr, yes_option
from cli.terminal.progress import bar


@click.command()
@click.argument("name", metavar="[ORGANIZATION]", required=False)
@click.option("--to", metavar="RELEASE", help="Go to this release, back or forward, instead of the one before.")
@click.option("--list", "only_list", is_flag=True, help="List the releases; change nothing.")
@click.option("--dry-run", is_flag=True, help="Show what would move; change nothing.")
@yes_option
@json_option
@pass_options
def rollback(
    options: Options, *, name: str | None, to: str | None, only_list: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Have all functions run an earlier release again, within seconds.

    \b
    bridge rollback acme --list
    bridge rollback acme                    to the release before the one that runs
    bridge rollback acme --to 3f9a1c2b7d    to any other, also forward again
    bridge rollback acme --dry-run

    A release is the code and the settings of all functions, as one deployment published them. Only the functions go
    back: tables, queues, URLs and alarms stay as they are. Nothing is lost on the way, and webhooks are answered all
    the time. If it is interrupted, run it again. Before it asks, it names the settings that go back too: if VectorCare
    has a new key since then, the release before does not know it.

    The next deployment of other code or settings moves on to its own release. A deployment of what was deployed last
    moves nothing: to return to it, use --to.

    It needs the policy in the stack's output RollbackPolicyArn, beside the operator's.

    Exit code 1 if there is no such release.
    """
    if only_list and (to or dry_run):
        raise click.UsageError("--list shows all releases, and goes to none: leave out --to and --dry-run.")
    options.organization = name or options.organization
    stack = options.stack()
    with stderr().status("Reading the functions' versions ..."):
        found = lib.read(stack)
    if only_list:
        emit([_plain(found, each) for each in found.all], as_json=as_json, table=lambda: _list(found))
        return
    target = _choose(found, to)
    functions = found.to_move(target)
    settings = found.other_settings(target)
    report = {
        "organization": stack.organization,
        "release": target.id,
        "version": target.version,
        "moved": functions,
        "settings": settings,
    }
    if dry_run or not functions:
        _warn(settings)
        emit(
            report | {"dry_run": dry_run},
            as_json=as_json,
            table=lambda: _outcome(stack.organization, found, target, functions, dry_run),
        )
        return
    lib.require_rest(stack)
    _warn(settings)
    confirm(
        f"Have {', '.join(functions)} of {stack.organization} run release {target.id} (version {target.version}, "
        f"deployed {_moment(target)} UTC)?",
        yes=yes,
    )
    try:
        with bar() as progress:
            task = progress.add_task("functions", total=len(functions))
            for _ in lib.move(stack, target, functions):
                progress.advance(task)
    except KeyboardInterrupt:
        stderr().print(
            f"Interrupted. Run it again for the rest: ./bridge rollback {stack.organization} --to {target.id}"
        )
        sys.exit(130)
    emit(
        report | {"dry_run": False},
        as_json=as_json,
        table=lambda: _outcome(stack.organization, found, target, functions, dry_run),
    )


def _choose(found: Releases, to: str | None) -> Release:
    if to is None:
        if found.before is None:
            raise click.ClickException("There is no earlier release to go back to. See: ./bridge rollback --list")
        return found.before
    for each in found.all:
        if each.id == to:
            return each
    raise click.ClickException("The functions have no such release. See: ./bridge rollback --list")


def _warn(settings: Mapping[str, list[str]]) -> None:
    """Say which settings change with the code."""
    if settings:
        changed = "; ".join(f"{name}: {', '.join(keys)}" for name, keys in settings.items())
        stderr().print(f"These settings change too, to those of that release: {printable(changed)}.")
    if {"PUBLIC_KEYS", "CUSTOMER_ID", "FORMER_CUSTOMER_IDS"} & set(settings.get("ingest", ())):
        stderr().print("So ingest may refuse (401) what VectorCare signs now, or the URL that it calls now.")


def _list(found: Releases) -> RenderableType:
    if not found.all:
        return "The functions have no release yet. The next deployment publishes one: make deploy"
    table = plain_table("release", "version", "deployed (UTC)", "")
    for each in found.all:
        running = [name for name in each.versions if found.runs(each, name)]
        table.add_row(
            each.id,
            each.version,
            _moment(each),
            "runs" if len(running) == len(each.versions) else f"runs: {', '.join(running)}" if running else "",
        )
    return table


def _outcome(
    organization: str, found: Releases, target: Release, functions: list[str], dry_run: bool
) -> RenderableType:
    if not functions:
        return f"All functions run release {target.id} already."
    what = f"{', '.join(functions)} {'would run' if dry_run else 'now run'} release {target.id} ({target.version})."
    if dry_run:
        return f"{what} Nothing was changed."
    newest = found.all[0]
    if target is newest:
        return what
    return Group(
        what,
        "The next deployment of other code or settings moves on. A deployment of what was deployed last moves nothing. "
        "To return to it:",
        f"  ./bridge rollback {organization} --to {newest.id}",
    )


def _plain(found: Releases, each: Release) -> dict[str, Any]:
    return {
        "release": each.id,
        "version": each.version,
        "deployed_at": each.deployed_at,
        "runs": [name for name in each.versions if found.runs(each, name)],
        "versions": dict(each.versions),
    }


def _moment(each: Release) -> str:
    return each.deployed_at[:19].replace("T", " ")
