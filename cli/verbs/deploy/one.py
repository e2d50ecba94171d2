"""The deployment of one organization: its stack, or the stacks of its two regions, one after the other."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from cli.lib.deploying.changes import Permission
from cli.lib.deploying.update import Prepared, Update
from cli.lib.errors import BridgeError
from cli.terminal.command import say
from cli.terminal.output import confirm, to_json
from cli.verbs.deploy import session as shared
from cli.verbs.deploy.session import Session
from cli.verbs.deploy.verifying import has_failed, show, verify

_MOST_SHOWN = 8  # lines of new permissions
FIRST_STEPS = """\
Next:
  1. In VectorCare, Settings > Open API > Webhooks: paste the URL below,
     select version 2.0, save.
  2. Confirm the subscription that AWS has mailed to each address of
     alarm_emails. Without it, no alarm arrives.
  3. Send a test request, and see it arrive:
       ./bridge tail --organization {organization}"""
NOT_READ = "WebhookUrl among the outputs of the stack {stack}"


def deploy(session: Session) -> None:
    """Deploy, verify, and end with the URL."""
    results: list[dict[str, Any]] = []
    for update in session.open():
        if results and results[-1]["has_failed"]:  # the other region still has the version that works
            session.say(
                f"Not begun: {update.artifact.stack_name} in region {update.account.region}, because the one in "
                f"{results[-1]['region']} does not work. Repair that, then deploy again.",
                warning=True,
            )
            break
        session.say(
            f"Deploying {update.artifact.stack_name} to account {update.account.id}, region {update.account.region}."
        )
        shared.show_account(session, update)
        shared.show_warnings(session, update)
        results.append(_deploy(session, update))
    if session.as_json:
        click.echo(to_json(results, indent=2, encoding=sys.stdout.encoding))
    else:
        _end(session, results)
    if any(result["has_failed"] for result in results):
        sys.exit(1)


def check(session: Session) -> None:
    """Say what a deployment would change."""
    results = []
    places = set()
    for update in session.open():
        session.say(f"{update.artifact.id} in account {update.account.id}, region {update.account.region}:")
        if (
            place := (update.account.id, update.account.region)
        ) not in places:  # the same of all, and there may be many
            places.add(place)
            shared.show_account(session, update)
        shared.show_warnings(session, update)
        update.require_updatable()
        with session.watching("Making a change set") as watch:
            prepared = update.prepare(watch, only_look=True)
        update.discard()
        shared.show_plan(session, prepared.plan)
        if prepared.plan.permissions:
            session.say(f"{len(prepared.plan.permissions)} permissions are new.", indent="  ")
        results.append({**identity(update), **shared.plan_as_json(prepared.plan)})
    if session.as_json:
        click.echo(to_json(results, indent=2, encoding=sys.stdout.encoding))
    else:
        session.say("Nothing was changed: this was only a look.")
    if any(result["losses"] for result in results):
        sys.exit(1)


def identity(update: Update) -> dict[str, Any]:
    """Name a stack in JSON."""
    return {
        "organization": update.organization.name,
        "stack": update.artifact.stack_name,
        "account": update.account.id,
        "region": update.account.region,
    }


def _deploy(session: Session, update: Update) -> dict[str, Any]:
    update.require_updatable()
    with session.watching("Making a change set") as watch:
        prepared = update.prepare(watch)
    outputs = prepared.outputs if prepared.is_empty else _execute(session, update, prepared)
    if prepared.is_empty:
        session.say("Nothing changes: the stack is up to date.", indent="  ")
    with session.watching("Verifying") as watch:
        findings = verify(update, outputs, watch)
    show(session, update.organization.name, findings)
    return {
        **identity(update),
        **shared.plan_as_json(prepared.plan),
        "outputs": outputs,
        "findings": [asdict(finding) for finding in findings],
        "has_failed": has_failed(findings),
    }


def _execute(session: Session, update: Update, prepared: Prepared) -> dict[str, str]:
    """Ask, and execute; whatever stops it before removes the change set."""
    try:
        shared.show_plan(session, prepared.plan)
        update.require_nothing_lost(prepared, allowed=session.replace)
        shared.show_gate(session, prepared)
        _ask(session, update, prepared)
    except BaseException:
        update.discard()
        raise
    try:
        with session.watching("Creating" if prepared.plan.is_new else "Updating") as watch:
            return update.execute(watch)
    except KeyboardInterrupt:
        raise BridgeError(
            f"Stopped looking. {update.artifact.stack_name} is still being changed: CloudFormation goes on, and rolls "
            "back by itself if it fails. When it has ended, deploy again to verify it"
        ) from None


def _ask(session: Session, update: Update, prepared: Prepared) -> None:
    permissions = prepared.plan.permissions
    if not permissions:
        return
    session.say(
        f"{len(permissions)} permissions are new. In full: ./cdk diff {update.artifact.id} --security-only", indent="  "
    )
    if not prepared.plan.is_new:
        for line in _grouped(permissions)[:_MOST_SHOWN]:
            session.say(line if len(line) < shared.WIDTH - 4 else f"{line[: shared.WIDTH - 8]}...", indent="    ")
    confirm("Grant them, and deploy?", yes=session.yes)


def _grouped(permissions: Sequence[Permission]) -> list[str]:
    """Write the same permission of several holders in one line; the most frequent first."""
    holders: dict[str, list[str]] = {}
    for each in permissions:
        holders.setdefault(each.actions, []).append(each.holder)
    return [
        f"{actions}{f' ({len(found)} times)' if len(found) > 1 else ''}: {', '.join(found)}"
        for actions, found in sorted(holders.items(), key=lambda item: -len(item[1]))
    ]


def _end(session: Session, results: list[dict[str, Any]]) -> None:
    """Say what to do next; the URL is the last thing on the screen."""
    first, *_ = sorted(results, key=lambda result: not result["is_new"])
    session.say()
    if any(result["has_failed"] for result in results):
        name = first["organization"]
        session.say(f"It is deployed, and does not work. Do what each FAILED says, then: ./bridge verify {name}")
        session.say()
    if any(result["is_new"] for result in results):
        say(FIRST_STEPS.format(organization=first["organization"]))
        session.say()
    for result in results:
        where = f" ({result['region']})" if len(results) > 1 else ""
        url = result["outputs"].get("WebhookUrl", NOT_READ.format(stack=result["stack"]))
        if old := result["outputs"].get("DefaultWebhookUrl"):
            session.say(f"API Gateway's own URL works too, until keep_default_url = false{where}:\n{old}")
        session.say(f"Webhook URL{where}:\n{url}")
