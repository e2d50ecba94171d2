"""The command line: `python -m local run`."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from cli.terminal.command import Group, say
from local import environment, page_process, processes
from local.clients import REGION
from local.deployment import synthesize
from local.emulator import require_free
from local.environment import DEFAULT_PORT, DIRECTORY, LocalEnvironment
from local.errors import LocalError
from local.organization import LocalOrganization, choose_organization, make_local_organization
from local.report import Report
from local.vectorcare import vectorcare

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(cls=Group)
def main() -> None:
    """VectorCare Bridge on this machine alone: no AWS account, no Docker."""


@main.command()
@click.option("--once", is_flag=True, help="Stop after the scenario; exit 0 only if everything came out as it should.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Where the emulated AWS listens on 127.0.0.1; 0 picks a free port.",
)
@click.option("--organizations", type=_FOLDER, help="Folder of organization files of your own (NAME.toml).")
@click.option("--organization", metavar="NAME", help="Which of them; may be left out where there is only one.")
@click.option(
    "--private-key",
    type=_FILE,
    help="PEM file of a private key, one of whose public keys that organization's file names. "
    "Without it nothing can be signed for an organization of your own: the scenario is skipped.",
)
def run(
    *, once: bool, port: int, organizations: Path | None, organization: str | None, private_key: Path | None
) -> None:
    """Deploy the synthesized stack to an emulated AWS, play a scenario of signed webhooks, then serve.

    \b
    What happens:
      1. makes a key pair and an organization file in .local/ (the first time only)
      2. synthesizes the stack: the same template that `cdk deploy` ships
      3. starts ministack, which emulates AWS, and deploys that template
      4. delivers signed webhooks over HTTP: a service request's life, then a duplicate,
         one out of order, one re-stamped, one forged, one poisonous that is redriven;
         after each it compares what the tables hold with what they must hold
      5. serves until Ctrl-C; .local/stand.json tells scripts how to use it

    \b
    Examples:
      python -m local run                     play the scenario, then serve
      python -m local run --once              play the scenario and stop
      python -m local run --organizations organizations --organization acme
                                              serve for an organization of your own

    Everything it writes is in .local/ of the current directory, and every process ends with it.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    report = Report()
    try:
        with processes.interruptible(), environment.exclusive(DIRECTORY):
            require_free(port)
            chosen = _choose(organizations, organization, private_key)
            succeeded = _run(chosen, once=once, port=port, report=report)
    except LocalError as error:
        say(f"Error: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        number = processes.interrupted_by()
        report.say("Interrupted; everything that was started has been ended.")
        sys.exit(128 + (number or 0))
    sys.exit(0 if succeeded else 1)


def _choose(organizations: Path | None, name: str | None, private_key: Path | None) -> LocalOrganization:
    local = make_local_organization(DIRECTORY)
    if organizations is None and private_key is None and name in (None, local.name):
        return local
    return choose_organization(directory=organizations or local.directory, name=name, private_key_file=private_key)


def _run(organization: LocalOrganization, *, once: bool, port: int, report: Report) -> bool:
    with report.phase(f"Synthesizing the stack of organization {organization.name} (python app.py)"):
        assembly = synthesize(organization, directory=DIRECTORY)
    with environment.running(
        assembly, organization, directory=DIRECTORY, port=port, report=report, is_patient=once
    ) as running:
        succeeded = _play(running, report)
        if not once:
            _serve(running, report)
    return succeeded


def _play(running: LocalEnvironment, report: Report) -> bool:
    if running.organization.private_key_file is None:
        report.say(
            f"The scenario is skipped: it does not have the private key of {running.organization.name} (--private-key)."
        )
        return True
    report.headline("Scenario")
    report.explain(
        "Webhooks are signed and delivered over HTTP as VectorCare would. After each one, what the tables hold is "
        "compared with what they must hold. Nobody in them exists; times are UTC."
    )
    succeeded = running.play_scenario(report)
    report.headline("Result")
    if succeeded:
        report.say("Everything came out as it should.")
    else:
        report.say(f"Something is WRONG, see above. What the functions logged: {running.emulator.log_file}")
    return succeeded


def _serve(running: LocalEnvironment, report: Report) -> None:
    with (
        page_process.serving(running.describe(), DIRECTORY) as url,
        environment.announced(replace(running, page_url=url), DIRECTORY) as file,
    ):
        report.headline("Serving")
        report.fact("page", f"{url} (open it in a browser)")
        report.fact("webhooks", running.deployment.webhook_url)
        report.fact("health", running.deployment.health_url)
        report.fact("reading", f"{running.deployment.reading_url}/service-requests (any Authorization header)")
        if running.organization.private_key_file:
            report.fact("key", f"{running.organization.private_key_file} signs what is sent there")
        report.fact("AWS", f"{running.emulator.endpoint_url} (AWS CLI: --endpoint-url; {REGION}, any credentials)")
        report.fact("VectorCare", f"{running.vectorcare_url} (the local one: docs/simulator.md)")
        report.fact("scripts", f"{file} names tables, queues and functions")
        report.fact("operate", "./bridge --local status, and what ./bridge --help lists")
        report.fact("log", str(running.emulator.log_file))
        report.say("Ctrl-C ends it.")
        try:
            environment.serve(running)
        except KeyboardInterrupt:
            report.say("Ended.")


main.add_command(vectorcare)

if __name__ == "__main__":
    main(prog_name="python -m local")
