"""The command line: `python -m dashboards --help`."""

import json
import sys
from pathlib import Path

import click
from rich.progress import track

from dashboards import definition, picture, readings
from local.aws import Clients
from terminal.command import Command, say
from terminal.screen import screen


@click.command(cls=Command)
@click.option(
    "--stand",
    "stand_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".local/stand.json"),
    show_default=True,
    help="What a stand writes while it serves.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".local/dashboards"),
    show_default=True,
    help="The folder that the pictures go to.",
)
def main(stand_file: Path, output: Path) -> None:
    """Draw the dashboards of a local stand as PNG pictures, from what it has measured.

    Widgets, places and metrics are those of the deployed dashboards. What only AWS measures stays empty and is named.

    \b
    Example:
      make run                in one terminal, and leave it serving
      python -m dashboards    in another
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    try:
        stand = json.loads(stand_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise click.ClickException(f"No stand is serving ({stand_file} is not there). Start one: make run") from None
    console = screen(sys.stderr)
    aws = Clients(endpoint_url=stand["endpoint_url"], certificate_file=None)
    cloudwatch = aws.make("cloudwatch")
    with console.status("Reading what the stand has measured"):
        measured = readings.collect(
            aws, queue_urls=[value for name, value in stand.items() if name.endswith("queue_url")]
        )
        states = {
            alarm["AlarmName"]: alarm["StateValue"]
            for page in cloudwatch.get_paginator("describe_alarms").paginate()
            for alarm in page["MetricAlarms"]
        }
        names = [entry["DashboardName"] for entry in cloudwatch.list_dashboards()["DashboardEntries"]]
    output.mkdir(parents=True, exist_ok=True)
    for name in track(names, description="Drawing", console=console):
        body = cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
        file = output / f"{name}.png"
        picture.draw(name, definition.read(body), measured, states, file=file)
        say(file)


if __name__ == "__main__":
    sys.exit(main(prog_name="python -m dashboards"))
