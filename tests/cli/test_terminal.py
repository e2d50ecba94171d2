"""What is foreign reaches no terminal raw, and no encoding stops a program."""

import ast
import io
import json
import os
import subprocess
import sys
import unicodedata
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.table import Table
from rich.text import Text

from cli.terminal.command import CliCommand, Group, say
from cli.terminal.screen import Screen
from cli.terminal.text import printable, printable_json, printable_lines
from cli.terminal.times import Span, Time

ROOT = Path(__file__).parents[2]
PROGRAMS = ("cli", "local", *(f"verification/{name}" for name in ("fuzzing", "load", "mutation", "simulation")))
INVISIBLE = "\u034f\u115f\u3164\ufe0f\u180e\u2800\uffa0\U000e0100\ue000\ufffe\uffff\U0010ffff"
ACTING = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # Unicode's categories of controls, formats, surrogates and separators
HOSTILE = {char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char) in ACTING} | {*INVISIBLE}
PLAIN = "Müller 中文 🚑 ½ Å \\ \" '"


def test_what_is_visible_stays() -> None:
    assert printable(PLAIN) == PLAIN
    assert printable_lines(f"{PLAIN}\n\x1b[2J\r\n") == f"{PLAIN}\n\\x1b[2J\\r\n"


def test_no_character_that_acts_or_hides_is_written_raw() -> None:
    for char in HOSTILE:
        assert printable(f"a{char}b") == f"a{ascii(char)[1:-1]}b"
        # And JSON stays the same JSON
        value = {f"a{char}": [char * 2, PLAIN]}
        written = printable_json(json.dumps(value, ensure_ascii=False, indent=1))
        assert char == "\n" or char not in written
        assert json.loads(written) == value
        assert PLAIN.split()[1] in written


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "no-such-encoding"])
def test_json_holds_only_what_the_encoding_has(encoding: str) -> None:
    # When
    written = printable_json(json.dumps({PLAIN: PLAIN}, ensure_ascii=False), encoding=encoding)
    # Then
    assert json.loads(written) == {PLAIN: PLAIN}
    assert written.isascii() or written.encode(encoding)


def test_a_usage_error_repeats_nothing_raw_of_what_was_typed() -> None:
    # Given
    @click.command(cls=CliCommand)
    @click.option("--kind", type=click.Choice(["a"]))
    @click.argument("file", type=click.Path(exists=True))
    def command(kind: str, file: str) -> None:
        raise click.ClickException(f"{kind} {file}")

    group = Group("program", commands={"run": command})
    evil = "\x1b[31m\u202e\u200b"
    for arguments in (["run", "--kind", evil], ["run", evil], [f"--{evil}"], [evil], ["run", ".", evil]):
        # When
        result = CliRunner().invoke(group, arguments)
        # Then
        assert result.exit_code == 2
        assert not set("\x1b\u202e\u200b") & set(result.output), arguments


def test_an_error_of_a_command_shows_nothing_raw_and_keeps_its_lines() -> None:
    # Given
    @click.command(cls=CliCommand)
    def command() -> None:
        say("said \x1b[2J")
        raise click.ClickException("first\nsecond \x1b[2J\ud800")

    # When
    result = CliRunner().invoke(command)
    # Then
    assert result.stdout == "said \\x1b[2J\n"
    assert result.stderr == "Error: first\nsecond \\x1b[2J\\ud800\n"
    assert result.exit_code == 1


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_table_shows_its_own_styles_and_nothing_foreign(is_terminal: bool) -> None:
    # Given
    file = io.StringIO()
    screen = Screen(file=file, force_terminal=is_terminal, color_system="standard" if is_terminal else None, width=80)
    table = Table("a")
    table.add_row(Text("evil \x1b[5m\u202e", style="red"))
    # When
    screen.print(table)
    # Then
    written = file.getvalue()
    assert "evil \\x1b[5m\\u202e" in written
    assert ("\x1b[31m" in written) is is_terminal
    assert "\x1b[5m" not in written
    assert "\u202e" not in written


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_no_encoding_stops_a_program(encoding: str) -> None:
    # Given
    script = (
        "import sys, click\n"
        "from cli.terminal.command import CliCommand, say\n"
        "from cli.terminal.screen import screen\n"
        "@click.command(cls=CliCommand)\n"
        "def main():\n"
        f"    text = sys.stdin.readline().strip() and {PLAIN!r} + chr(0xd800)\n"
        "    say(text); say(text, err=True); screen().print(text); print(text)\n"
        "    raise click.ClickException(text)\n"
        "main()\n"
    )
    # When
    ran = subprocess.run(  # noqa: S603 our own code
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)},
        input=b"M\xfcller\n",
        capture_output=True,
        check=False,
    )
    # Then
    assert ran.returncode == 1, ran.stderr
    assert b"Traceback" not in ran.stderr
    assert ran.stdout.decode(encoding)
    assert ran.stderr.decode(encoding).count("ller") == 2


def test_every_program_prepares_its_streams() -> None:
    for program in PROGRAMS:
        tree = ast.parse((ROOT / program / "__main__.py").read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert imported & {"BridgeGroup", "CliCommand", "Group"}, program


def test_nothing_prints_past_the_one_way() -> None:
    """Only JSON, which has its own escapes, and lines that are clean already, go to click as they are."""
    own_ways = {ROOT / "local/page/__main__.py", *(ROOT / "cli/terminal").glob("*.py")}
    for path in {path for name in PROGRAMS for path in (ROOT / name).rglob("*.py")} - own_ways:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"click.echo", "click.secho", "print"}:
                assert "to_json" in ast.unparse(node) or "printable" in ast.unparse(node), (path, node.lineno)
            if isinstance(node, ast.ImportFrom) and node.module == "rich.console":
                assert "Console" not in {alias.name for alias in node.names}, path


def test_a_time_without_an_offset_is_utc_and_what_could_be_another_time_is_refused() -> None:
    assert Time().convert("2026-03-01 10:00", None, None) == "2026-03-01T10:00:00.000000Z"
    for text in ("", "20260301003015", "2026-03", "now"):
        with pytest.raises(click.BadParameter, match=r"such as 2026-03-01T10:00Z"):
            Time().convert(text, None, None)


def test_a_span_is_a_number_and_a_unit() -> None:
    assert Span().convert("90s", None, None) == timedelta(seconds=90)
    for text in ("", "10", "m", "-1m", "1.5h", "10 m", "\u0661\u0660m", "12345d"):
        with pytest.raises(click.BadParameter, match="such as 10m"):
            Span().convert(text, None, None)
