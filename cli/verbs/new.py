"""`bridge new`."""

import re
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from cli.lib import place, time_zone
from cli.lib.account import Account
from cli.lib.errors import BridgeError
from cli.lib.organization_file import Draft, fingerprints, read_key, read_key_file, refuse_taken_name
from cli.options import Options, organizations_option, pass_options
from cli.terminal.command import say
from cli.terminal.output import emit, json_option, printable, stderr
from stacks.config.alarm_thresholds import AlarmThresholds

_Answers = dict[str, Any]
"""Values by the name of a draft's field."""


@click.command()
@click.argument("name")
@click.option(
    "--public-key",
    "public_key_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file of a public key that VectorCare may sign with. Repeatable.",
)
@click.option("--environment", type=click.Choice(["uat", "production"]), help="VectorCare's environment that sends.")
@click.option("--alarm-email", "alarm_emails", multiple=True, metavar="ADDRESS", help="Gets the alarms. Repeatable.")
@click.option(
    "--allow-ip", "allowed_source_ips", multiple=True, metavar="NETWORK", help="Take webhooks only from it. Repeatable."
)
@click.option(
    "--alarms-without-email",
    is_flag=True,
    help="In production: another system gets the alarms, from the stack's topic.",
)
@click.option("--account", metavar="ID", help="AWS account of the stack: it is then deployed to no other.")
@click.option("--time-zone", metavar="NAME", help="Time zone of the busy hours, such as America/Chicago.")
@click.option("--busy-hours", metavar="SPAN", help="When webhooks are expected, such as 09:00-17:00.")
@click.option(
    "--busy-day", "busy_days", multiple=True, metavar="DAY", help="Day of busy hours, such as MON. Repeatable."
)
@click.option(
    "--silence-minutes",
    type=int,
    metavar="MINUTES",
    help="Busy minutes without a webhook that raise an alarm; 0: never.",
)
@organizations_option
@json_option
@pass_options
def new(
    options: Options,
    /,
    *,
    name: str,
    public_key_files: Sequence[Path],
    organizations: Path,
    as_json: bool,
    **given: Any,
) -> None:
    """Write the file of a new organization.

    \b
    bridge new acme
    bridge new acme --public-key vectorcare.pem --environment uat --alarm-email ops@acme.example
    bridge new acme --account 123456789012 --region us-east-1 --profile acme

    It asks for what no option gives. You need the public key from VectorCare, Settings > Open API. Without a terminal,
    give --public-key and --environment, and in production --alarm-email. The customer_id, which is part of the webhook
    URL, is made here so that nobody can guess it. --region and --profile go into the file. All other keys keep their
    defaults; organizations/example.toml explains every key.

    It never overwrites a file. Exit code 1 if it wrote nothing.
    """
    path = organizations / f"{name}.toml"
    if path.exists():
        raise click.ClickException(
            f"{path} exists already, and is not overwritten. Edit it, then: ./bridge check {path}"
        )
    refuse_taken_name(path)
    draft = Draft(
        name=name,
        public_keys=tuple(map(read_key_file, public_key_files)),
        customer_id=secrets.token_urlsafe(24),
        region=options.region,
        profile=options.profile,
        **given | {"environment": given["environment"] or ""},
    )
    organization = _complete(draft).write(path)
    report = {
        "file": str(path),
        "organization": name,
        "environment": organization.environment,
        "customer_id": organization.customer_id,
        "keys": fingerprints(organization),
    }
    emit(
        report,
        as_json=as_json,
        table=lambda: Text(f"Written: {printable(path)}\nRead it, then: make deploy ORGANIZATION={name}"),
    )


def _complete(draft: Draft) -> Draft:
    """Ask for each missing value until it is right."""
    draft.check_so_far()
    if not sys.stdin.isatty():
        if missing := _missing(draft):
            raise click.UsageError(f"There is no terminal to ask on. Give {' and '.join(missing)}.")
        return draft
    for name, ask in _QUESTIONS.items():
        while getattr(draft, name) in {None, "", ()}:
            try:
                answered = replace(draft, **ask(draft))
                answered.check_so_far()
            except BridgeError as error:
                say(f"  {_without_place(str(error), draft)}", err=True)
                continue
            draft = answered
            break
    return draft


def _without_place(mistake: str, draft: Draft) -> str:
    """Leave out the line of a file that is not there yet."""
    return re.sub(rf"^{re.escape(draft.name)}\.toml(:\d+)?: ", "", mistake, flags=re.MULTILINE)


def _missing(draft: Draft) -> list[str]:
    missing = ["--public-key"] * (not draft.public_keys) + ["--environment"] * (not draft.environment)
    if draft.environment == "production" and not (draft.alarm_emails or draft.alarms_without_email):
        missing.append("--alarm-email (or --alarms-without-email)")
    return missing


def _ask_public_keys(_draft: Draft) -> _Answers:
    say("Paste the public key from VectorCare, Settings > Open API, or type the name of its file:", err=True)
    first = _line()
    if "-----BEGIN" not in first:
        file = Path(first.strip()).expanduser()
        try:
            return {"public_keys": (read_key_file(file),)}
        except OSError as error:
            raise BridgeError(f"This is neither a key nor a readable file ({error.strerror}).") from None
    lines = [first]
    while "-----END" not in lines[-1]:
        lines.append(_line())
    return {"public_keys": (read_key("".join(lines)),)}


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line


def _ask_environment(_draft: Draft) -> _Answers:
    choice = click.Choice(["uat", "production"])
    return {"environment": str(click.prompt("VectorCare's environment that sends", type=choice, err=True))}


def _ask_emails(draft: Draft) -> _Answers:
    if draft.alarms_without_email:
        return {}
    emails = _ask_list("Email addresses that get the alarms", none="nobody")
    if emails or draft.environment != "production":
        return {"alarm_emails": emails}
    question = (
        "In production somebody has to hear of an alarm. Does another system get them from the stack's SNS topic?"
    )
    if not click.confirm(question, err=True):
        raise BridgeError("Then name an address.")
    return {"alarms_without_email": True}


def _ask_networks(_draft: Draft) -> _Answers:
    return {
        "allowed_source_ips": _ask_list("Networks that webhooks come from, such as 203.0.113.0/24", none="anywhere")
    }


def _ask_list(question: str, *, none: str) -> tuple[str, ...]:
    return _listed(
        _prompt(f"{question} (separate several with commas; Enter for {none})", default="", show_default=False)
    )


def _ask_time_zone(_draft: Draft) -> _Answers:
    say("Silence in busy hours is the only sign that somebody removed the webhook in VectorCare.", err=True)
    default = time_zone.of_this_machine() or AlarmThresholds().time_zone
    return {"time_zone": _prompt("Time zone of your busy hours", default=default)}


def _ask_busy_hours(_draft: Draft) -> _Answers:
    hours = AlarmThresholds().busy_hours
    default = f"{hours.start:%H:%M}-{hours.end:%H:%M}"
    return {"busy_hours": _prompt("Hours of a day in which webhooks are expected", default=default)}


def _ask_busy_days(_draft: Draft) -> _Answers:
    days = _prompt("Days on which they are", default=",".join(AlarmThresholds().busy_days))
    return {"busy_days": _listed(days.upper())}


def _ask_silence(draft: Draft) -> _Answers:
    # Half of short busy hours: the alarm has to come in time to do something.
    default = min(AlarmThresholds().silence_minutes, draft.check_so_far().alarms.busy_hours.minutes // 2)
    question = "After how many of these minutes without a webhook an alarm is raised; 0 for never"
    answer = _prompt(question, default=str(default))
    if not answer.isascii() or not answer.isdecimal():
        raise BridgeError("This is not a number of minutes.")
    return {"silence_minutes": int(answer)}


def _offer_account(draft: Draft) -> _Answers:
    """Offer the account of the AWS profile that is in use; nothing is asked if there is none, or it does not answer."""
    if not (draft.profile or place.names_credentials()):
        return {}
    try:
        with stderr().status("Asking AWS whose credentials these are ..."):
            account = Account(draft.profile, draft.region)
    except BridgeError:
        return {}
    question = (
        f"Your AWS credentials are of account {account.id}, region {account.region}. Write both into the file, so that "
        "the stack is deployed nowhere else?"
    )
    if not click.confirm(question, default=True, err=True):
        return {}
    return {"account": account.id, "region": draft.region or account.region}


def _prompt(question: str, **more: Any) -> str:
    return str(click.prompt(question, err=True, **more)).strip()


def _listed(answer: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in answer.split(",") if part.strip())


_QUESTIONS: dict[str, Callable[[Draft], _Answers]] = {
    "public_keys": _ask_public_keys,
    "environment": _ask_environment,
    "alarm_emails": _ask_emails,
    "allowed_source_ips": _ask_networks,
    "time_zone": _ask_time_zone,
    "busy_hours": _ask_busy_hours,
    "busy_days": _ask_busy_days,
    "silence_minutes": _ask_silence,
    "account": _offer_account,
}
