"""The command line: `./bridge --help`."""

import click

from cli.terminal.command import Group
from cli.terminal.options import Bridge, common_options
from cli.verbs import audit, commands, configuration, dlq, replay, restore, send, send_command, show, status, tail

_SECTIONS = {
    "See what happens": ("status", "show", "tail", "commands"),
    "Mend what went wrong": ("dlq", "replay", "restore"),
    "Prove what is kept": ("audit",),
    "Set up and try": ("new", "check", "send", "send-command"),
}


class _Sectioned(Group, Bridge):
    """Lists the commands by what they are for."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections of the help."""
        for title, names in _SECTIONS.items():
            commands = [(name, command) for name in names if (command := self.get_command(ctx, name))]
            with formatter.section(title):
                formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in commands], col_max=12)


@click.group(
    cls=_Sectioned,
    params=list(common_options(hidden=False)),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def bridge() -> None:
    """See, mend and prove what VectorCare Bridge does, on AWS or on the stand of this machine.

    \b
    bridge status                      is everything well?
    bridge show KP-ABCD1234            what happened to this service request?
    bridge dlq list                    what died, and why?
    bridge --local tail                the stand of `make run`, as webhooks arrive

    The options below may stand before or behind the command. On AWS the usual profile and region count, and the
    stack's operator policy allows all that these commands do. `bridge COMMAND --help` says more, with examples.

    \b
    Exit codes: 0 all is well; 1 it failed, or it found what needs a person; 2 it was called wrongly.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped


for _command in (
    status.status,
    show.show,
    tail.tail,
    commands.commands,
    dlq.dlq,
    replay.replay,
    restore.restore,
    audit.audit,
    configuration.new,
    configuration.check,
    send.send,
    send_command.send_command,
):
    bridge.add_command(_command)

if __name__ == "__main__":
    bridge(prog_name="bridge")
