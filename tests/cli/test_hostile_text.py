"""Whatever webhooks, files and arguments hold, no command writes it raw or ends with a traceback."""

import json
import os
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result

from cli.lib.redact import shape, value
from tests.cli.conftest import Run, receive
from tests.cli.test_dlq import die
from tests.support import webhooks
from tests.support.cloud import Cloud

ROOT = Path(__file__).parents[2]
EVIL = "\x1b[2J\u202e\u2066\u200b\u2028\x85\x00\ufeff"
RAW = frozenset(char for char in EVIL if not char.isprintable())


def is_clean(result: Result) -> bool:
    """Tell whether nothing came out raw, and no traceback."""
    return not RAW & set(result.output) and (result.exception is None or isinstance(result.exception, SystemExit))


def commands(path: Path) -> Iterator[list[str]]:
    """Give the commands that show what webhooks say, and those that repeat what was typed."""
    yield ["show", EVIL]
    yield ["show", EVIL, "--phi"]
    yield ["audit"]
    yield ["audit", EVIL]
    yield ["replay", "--all", "--dry-run"]
    yield ["dlq", "list"]
    yield ["dlq", "export", str(path)]
    yield ["dlq", "show", EVIL]
    yield ["show", "other\x1b"]
    yield ["show", "\udcff"]
    yield ["check", f"{path.parent}/{EVIL[:-2]}.toml"]
    yield [EVIL]
    yield ["show", f"--{EVIL}"]
    yield ["tail", "--since", EVIL]
    yield ["audit", "--since", EVIL]
    yield ["dlq", "list", "--queue", EVIL]
    yield ["new", EVIL, "--environment", EVIL]
    yield ["send-command", "accept", EVIL, f"{EVIL}=1"]
    yield ["status", "--stand", f"{path.parent}/{EVIL[:-2]}.json"]


@pytest.fixture
def _webhooks(cloud: Cloud) -> None:
    receive(cloud, webhooks.body(service_request_id=EVIL, event_id=f"e{EVIL}", action=EVIL, data={EVIL: EVIL, "n": 1}))
    die(
        cloud,
        webhooks.body(service_request_id=EVIL, event_timestamp=EVIL, data={EVIL: {EVIL: [1.5, EVIL]}}),
        b'{"service_request_id": "' + EVIL[:7].encode() + b'\xff"',
        b'{"service_request_id": "\\ud800", "data": {"\\udfff": NaN}}',
        b'{"data":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"data":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
        b'{"data":' + b"9" * 5000 + b', "e": 1e999999999999999999999}',
    )


@pytest.mark.usefixtures("stack", "_webhooks")
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["tables", "json"])
def test_no_command_writes_anything_raw(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    monkeypatch.setattr("cli.lib.dead_letters.runtime.now", lambda: "2026-03-01T10:00:00.000000Z")
    monkeypatch.setattr("vectorcare_bridge.edge.queue.LONG_POLL_SECONDS", 0)
    monkeypatch.chdir(tmp_path)
    for arguments in commands(tmp_path / "dead-letters.jsonl"):
        result = run(*arguments, *more)
        assert is_clean(result), (arguments, result.output, result.exception)
    # And the details of each dead letter
    for listed in json.loads(run("dlq", "list", "--json").stdout)["letters"]:
        for phi in ([], ["--phi"]):
            result = run("dlq", "show", listed["message_id"], *phi, *more)
            assert is_clean(result), (listed, result.output, result.exception)
            assert not more or json.loads(result.stdout, parse_constant=pytest.fail)
    # And the file
    written = (tmp_path / "dead-letters.jsonl").read_bytes()
    assert not RAW & (set(written.decode()) - {"\n"})
    assert [json.loads(line) for line in written.splitlines()]


@pytest.mark.parametrize(("encoding", "more"), [("ascii", ()), ("cp1252", ("--json",)), ("utf-8", ())])
def test_no_encoding_of_a_terminal_stops_a_command(tmp_path: Path, encoding: str, more: tuple[str, ...]) -> None:
    # Given a file whose name is bytes of no encoding, control characters and letters
    name = os.fsencode("中文-Müller\x1b[2J\u202e") + b"\xff.toml"
    path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))  # noqa: PTH118 bytes
    path.write_bytes((ROOT / "organizations/example.toml").read_bytes())
    # When
    checked = subprocess.run(  # noqa: S603 our own script
        [ROOT / "bridge", "check", *more, path],
        env=os.environ | {"PYTHONIOENCODING": encoding, "LANG": "C", "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    # Then
    assert checked.returncode == 1
    assert b"Traceback" not in checked.stderr
    said = checked.stdout.decode(encoding)
    assert "\x1b" not in said
    assert "\u202e" not in said
    if more:
        assert json.loads(said)[0]["file"] == str(path)


def test_a_number_of_a_dead_letter_keeps_every_digit() -> None:
    read = value(b'{"a": 12345678901234567.89, "b": 1.10, "c": 9007199254740993}')
    assert read == {"a": Decimal("12345678901234567.89"), "b": Decimal("1.10"), "c": 9007199254740993}
    assert shape(b'{"a": 1.5, "b": NaN}') == {"a": "number", "b": "number"}


@pytest.mark.parametrize("content", ["[]", "{}", '{"organization": 3}', "[" * 100_000, "\x00", '"text"', "nothing"])
def test_another_file_in_place_of_stand_json_is_one_line(run: Run, tmp_path: Path, content: str) -> None:
    # Given
    path = tmp_path / "stand.json"
    path.write_text(content)
    # When
    result = run("status", "--local", "--stand", str(path))
    # Then
    assert result.exit_code == 1
    assert "stand.json was not written by a local environment" in result.stderr
