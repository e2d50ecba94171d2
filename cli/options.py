"""The options of all commands: whose stack, and where it is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cli.lib.stack import Stack

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Options:
    """The values of the options of all commands."""

    organization: str | None = None
    local: bool = False
    stand_file: Path = ROOT / ".local" / "stand.json"  # which `make run` writes while it serves
    profile: str | None = None
    region: str | None = None

    def stack(self) -> "Stack":
        from cli.lib import stack  # noqa: PLC0415 boto3 takes long to import, and help does without

        return stack.find(self.organization, **self.where())

    def where(self, **other: Any) -> dict[str, Any]:
        """Say where stacks are looked for, as `cli.lib.stack.find` takes it; some of it may be another place's."""
        return {
            "local": self.local,
            "profile": self.profile,
            "region": self.region,
            "stand_file": self.stand_file,
            "organizations": ROOT / "organizations",
            **other,
        }


pass_options = click.make_pass_decorator(Options, ensure=True)

organizations_option = click.option(
    "--organizations",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / "organizations",
    metavar="DIR",
    help="Folder of the organization files. Default: organizations/ of this project.",
)

former_keys_option = click.option(
    "--key",
    "former_keys",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="PEM file of a public key that VectorCare used before. Repeatable.",
)


def common_options(*, hidden: bool) -> list[click.Option]:
    """Make the options of all commands; only the help of `bridge` itself shows them."""
    return [
        _option("--organization", "organization", "Whose stack. Not needed if there is only one.", hidden, "NAME"),
        _option("--local", "local", "Use the local environment (make run) instead of AWS.", hidden, None),
        _option(
            "--profile", "profile", "AWS profile. Default: AWS_PROFILE, or the organization's file.", hidden, "NAME"
        ),
        _option(
            "--region",
            "region",
            "AWS region. Default: AWS_REGION, the organization's file, or the profile's.",
            hidden,
            "NAME",
        ),
        _option("--stand", "stand_file", "Use the local environment that wrote this stand.json.", hidden, "FILE"),
    ]


def _option(name: str, attribute: str, text: str, hidden: bool, metavar: str | None) -> click.Option:
    return click.Option(
        [name],
        help=text,
        hidden=hidden,
        metavar=metavar,
        is_flag=metavar is None,
        type=click.Path(dir_okay=False, path_type=Path) if attribute == "stand_file" else None,
        expose_value=False,
        callback=_store(attribute),
    )


def _store(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def store(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value is None or value is False:
            return
        options = context.ensure_object(Options)
        setattr(options, attribute, value)
        options.local |= attribute == "stand_file"

    return store
