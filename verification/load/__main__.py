"""The command line: `python -m verification.load --help`."""

import sys
from collections.abc import Sequence

import click

from cli.terminal.command import Group, say
from local import environment, processes
from local.environment import DIRECTORY
from local.errors import LocalError
from local.organization import LocalOrganization, make_local_organization
from local.synthesis import Assembly, synthesize
from verification.load import summary
from verification.load.run import Load, LoadRun
from verification.load.screen import LoadScreen

_BURST_WEBHOOKS = 10_000
_BURST_CLIENTS = 32
_BURST_REFUSED = 0.05
_OUTAGE_EVERY = 15.0  # seconds
_STEADY_MINUTES = 20.0
_STEADY_RATE = 10.0
_STEADY_CLIENTS = 8
_STEADY_REFUSED = 0.01

_share = click.FloatRange(0, 0.5)


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Put the stack under load and faults on this machine, and account for every webhook.

    Without a command: burst, then steady, each with its defaults.

    The functions are the deployed ones, on the emulated AWS of `python -m local run`. VectorCare's side is real HTTP:
    10 seconds of patience, three attempts (1 s and 2 s apart here), any 2xx is success. The last line reads
    `sent N, accepted N, refused N, kills N, refusals N, lost 0, doubled 0, stale 0`; exit 1 if anything is lost,
    doubled, stale, unknown, left over or late, or if a process grows. Everything it writes is in .local/; Ctrl-C ends
    it and shows what was seen so far.
    """
    if context.invoked_subcommand is None:
        _run([_burst(_BURST_WEBHOOKS, _BURST_CLIENTS, _BURST_REFUSED), _steady(_STEADY_MINUTES, _STEADY_RATE)])


@main.command()
@click.option("--webhooks", type=click.IntRange(min=1), default=_BURST_WEBHOOKS, show_default=True, help="How many.")
@click.option("--clients", type=click.IntRange(1, 256), default=_BURST_CLIENTS, show_default=True, help="In parallel.")
@click.option(
    "--refused", type=_share, default=_BURST_REFUSED, show_default=True, help="Share of calls to AWS that fail."
)
def burst(webhooks: int, clients: int, refused: float) -> None:
    """As fast as they are answered, while workers are killed, calls refused, and services out in turn."""
    _run([_burst(webhooks, clients, refused)])


@main.command()
@click.option("--minutes", type=click.FloatRange(min=0.1), default=_STEADY_MINUTES, show_default=True, help="How long.")
@click.option("--rate", type=click.FloatRange(0.1, 100), default=_STEADY_RATE, show_default=True, help="Per second.")
def steady(minutes: float, rate: float) -> None:
    """At a steady rate with few refusals and no kills: memory must stay flat."""
    _run([_steady(minutes, rate)])


def _burst(webhooks: int, clients: int, refused: float) -> Load:
    return Load(webhooks=webhooks, clients=clients, kills=True, refused_share=refused, outage_every=_OUTAGE_EVERY)


def _steady(minutes: float, rate: float) -> Load:
    return Load(
        webhooks=max(1, round(minutes * 60 * rate)),
        clients=_STEADY_CLIENTS,
        rate=rate,
        kills=False,
        refused_share=_STEADY_REFUSED,
    )


def _run(loads: Sequence[Load]) -> None:
    screen = LoadScreen()
    good = True
    try:
        with processes.interruptible(), environment.exclusive(DIRECTORY):
            organization = make_local_organization(DIRECTORY)
            with screen.phase("Synthesizing the stack (python app.py)"):
                assembly = synthesize(organization, directory=DIRECTORY)
            for load in loads:
                good = _run_one(load, assembly, organization, screen) and good
    except LocalError as error:
        say(f"Error: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        number = processes.interrupted_by()
        screen.say("Interrupted; everything that was started has been ended.")
        sys.exit(128 + (number or 0))
    sys.exit(0 if good else 1)


def _run_one(load: Load, assembly: Assembly, organization: LocalOrganization, screen: LoadScreen) -> bool:
    """Run in an environment of its own: the emulator keeps everything in memory and would only grow slower."""
    screen.headline("Steady" if load.rate else "Burst")
    with environment.running(assembly, organization, directory=DIRECTORY, port=0, report=screen) as running:
        run = LoadRun(running, load, screen=screen)
        try:
            run.play()
        finally:
            summary.show(run.result, screen)
    return run.result.is_good


if __name__ == "__main__":
    main(prog_name="python -m verification.load")
