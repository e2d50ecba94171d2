"""The command line: `./bridge --help`."""

import click

from cli.group import BridgeGroup
from cli.options import ROOT, common_options

_COMMANDS = {
    "See what happens": {
        "status": "cli.verbs.status:status",
        "show": "cli.verbs.show:show",
        "tail": "cli.verbs.tail:tail",
        "commands": "cli.verbs.commands:commands",
    },
    "Fix what went wrong": {
        "dlq": "cli.verbs.dlq:dlq",
        "replay": "cli.verbs.replay:replay",
        "restore": "cli.verbs.restore:restore",
        "rollback": "cli.verbs.rollback:rollback",
        "reconcile": "cli.verbs.reconcile:reconcile",
    },
    "Verify": {
        "verify": "cli.verbs.verify:verify",
        "audit": "cli.verbs.audit:audit",
    },
    "Set up and try": {
        "new": "cli.verbs.new:new",
        "check": "cli.verbs.check:check",
        "deploy": "cli.verbs.deploy:deploy",
        "send": "cli.verbs.send:send",
        "send-command": "cli.verbs.send_command:send_command",
    },
    "Remove": {
        "destroy": "cli.verbs.destroy:destroy",
        "leftovers": "cli.verbs.leftovers:leftovers",
    },
}


@click.group(
    cls=BridgeGroup,
    sections=_COMMANDS,
    params=list(common_options(hidden=False)),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option((ROOT / "VERSION").read_text(encoding="utf-8").strip(), message="%(prog)s %(version)s")
def bridge() -> None:
    """Operate VectorCare Bridge, on AWS or in the local environment of this machine.

    \b
    bridge status                      is everything well?
    bridge show KP-ABCD1234            what happened to this service request?
    bridge dlq list                    which messages are dead letters, and why?
    bridge --local tail                webhooks as they arrive in the environment of `make run`

    Give the options below before or after the command. On AWS, bridge uses your profile and region as the AWS
    command line does. The stack's operator policy allows everything that these commands do, except deploy,
    rollback, destroy and leftovers.
    `bridge COMMAND --help` explains a command, with examples.

    \b
    Exit codes: 0 all is well; 1 the command failed, or found something that needs a person; 2 wrong usage.
    """


if __name__ == "__main__":
    bridge(prog_name="bridge")
