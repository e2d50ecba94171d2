"""The command line: `python -m local run`."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import click

from cli.terminal.command import Group, say
from local import environment, page_process, processes, synthesis
from local.emulator import require_free
from local.environment import DEFAULT_PORT, DIRECTORY, LocalEnvironment
from local.errors import LocalError
from local.organization import LocalOrganization, choose_organization, make_local_organization
from local.page_process import PageProcess
from local.report import Report
from local.vectorcare import vectorcare

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(cls=Group)
def main() -> None:
    """VectorCare Bridge on this machine alone: no AWS account, no Docker."""


@main.command()
@click.option("--once", is_flag=True, help="Stop after the scenario; exit 0 only if everything came out as it must.")
@click.option("--verbose", is_flag=True, help="Print what each step sends, and the tables after it.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Where the emulated AWS listens on 127.0.0.1; 0 picks a free port.",
)
@click.option("--organizations", type=_FOLDER, help="Folder of organization files of your own (NAME.toml).")
@click.option("--organization", metavar="NAME", help="Which of them; not needed if there is only one.")
@click.option(
    "--private-key",
    type=_FILE,
    help="PEM file of a private key whose public key is in that organization's file. "
    "Without it nothing can be signed for an organization of your own: the scenario is skipped.",
)
def run(
    *,
    once: bool,
    verbose: bool,
    port: int,
    organizations: Path | None,
    organization: str | None,
    private_key: Path | None,
) -> None:
    """Deploy the synthesized stack to an emulated AWS, play a scenario of signed webhooks, then serve.

    \b
    What happens:
      1. makes a key pair and an organization file in .local/ (the first time only)
      2. synthesizes the stack: the same template that `cdk deploy` ships
         (only if anything has changed since the last run)
      3. starts ministack, which emulates AWS, and deploys that template
      4. delivers signed webhooks over HTTP: a service request's life, then a duplicate,
         one out of order, one re-stamped, one forged, and a dead letter that is redriven;
         after each it compares what the tables hold with what they must hold
      5. serves until Ctrl-C; .local/stand.json has all addresses and names for scripts

    \b
    Examples:
      python -m local run                     play the scenario, then serve
      python -m local run --once              play the scenario and stop
      python -m local run --organizations organizations --organization acme
                                              serve for an organization of your own

    Everything it writes is in .local/ of the current directory, and every process ends with it.
    """
    try:
        with processes.interruptible(), environment.exclusive(DIRECTORY):
            require_free(port)
            chosen = _choose(organizations, organization, private_key)
            if once:
                succeeded = _run(chosen, port=port, report=Report(is_verbose=verbose), page=None)
            else:
                with page_process.serving(DIRECTORY) as page:
                    report = Report(is_verbose=verbose, listener=page.show_starting)
                    report.say(f"Page: {page.url} (open it in a browser; it shows what is being done)\n")
                    succeeded = _run(chosen, port=port, report=report, page=page)
    except LocalError as error:
        say(f"Error: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        say("Interrupted; everything that was started has ended.")
        sys.exit(128 + (processes.interrupted_by() or 0))
    sys.exit(0 if succeeded else 1)


def _choose(organizations: Path | None, name: str | None, private_key: Path | None) -> LocalOrganization:
    local = make_local_organization(DIRECTORY)
    if organizations is None and private_key is None and name in (None, local.name):
        return local
    return choose_organization(directory=organizations or local.directory, name=name, private_key_file=private_key)


def _run(organization: LocalOrganization, *, port: int, report: Report, page: PageProcess | None) -> bool:
    assembly = synthesis.unchanged(organization, directory=DIRECTORY)
    if assembly:
        report.say("The stack has not changed since the last run: it is not synthesized again.")
    else:
        with report.phase(f"Synthesizing the stack {organization.name} (python app.py)"):
            assembly = synthesis.synthesize(organization, directory=DIRECTORY)
    with environment.running(
        assembly, organization, directory=DIRECTORY, port=port, report=report, is_patient=page is None
    ) as running:
        succeeded = _play(running, report)
        if page:
            _serve(replace(running, page_url=page.url), page, report)
        elif succeeded:
            report.say("Next: make run, which keeps it running and shows it on a page.")
    return succeeded


def _play(running: LocalEnvironment, report: Report) -> bool:
    if running.organization.private_key_file is None:
        report.say("The scenario is skipped: nothing can be signed without the organization's --private-key.")
        return True
    report.say(
        "Playing the scenario: signed webhooks over HTTP; after each the tables are checked. All data is made up."
    )
    begin = time.monotonic()
    succeeded = running.play_scenario(report)
    if succeeded:
        report.say(f"Everything came out as it must, in {time.monotonic() - begin:.1f} s.")
    else:
        report.say(f"Something is WRONG, see above. The functions' log: {running.emulator.log_file}")
    return succeeded


def _serve(running: LocalEnvironment, page: PageProcess, report: Report) -> None:
    with environment.announced(running, DIRECTORY) as file:
        page.show_environment(running.describe())
        report.say("\nRunning. Next:")
        report.fact("send and watch", page.url)
        report.fact("send from a terminal", "./bridge --local send")
        report.fact("see what it holds", "./bridge --local status")
        report.fact("post webhooks to", running.deployment.webhook_url)
        report.fact("use it from a script", f"{file} has all addresses and names")
        report.say("Ctrl-C ends it.")
        try:
            environment.serve(running)
        except KeyboardInterrupt:
            report.say("Ended.")


main.add_command(vectorcare)

if __name__ == "__main__":
    main(prog_name="python -m local")
