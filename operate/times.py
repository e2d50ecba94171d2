"""Points in time on the command line."""

import click

from vectorcare_bridge import instant


class Time(click.ParamType[str]):
    """An ISO 8601 time, read as a 27-character instant; without an offset it is UTC."""

    name = "time"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> str:
        """Read it."""
        try:
            return instant.parse(str(value))
        except ValueError:
            self.fail(
                "give an ISO 8601 time, such as 2026-03-01T10:00Z (UTC unless it says otherwise)", parameter, context
            )


since_option = click.option("--since", type=Time(), metavar="TIME", help="Only what was received at or after it.")
until_option = click.option("--until", type=Time(), metavar="TIME", help="Only what was received before it.")
