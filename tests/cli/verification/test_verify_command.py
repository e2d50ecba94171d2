"""`bridge verify`: what it asks before, what it prints, and its exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.lib.stack import Outputs, Stack
from cli.lib.verification.end_to_end import Outcome
from cli.lib.verification.finding import Finding, Verdict
from cli.verbs import verify
from tests.cli.conftest import Run
from tests.support import signing

FINE = Finding("health", Verdict.OK, "It answered 200.")
BROKEN = Finding("schedule", Verdict.FAILED, "It is disabled.", "aws events enable-rule --name x")
LOOSE = Finding("alarms reach nobody", Verdict.WARNING, "Nobody is subscribed.", "Add alarm_emails.")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """Put findings in the place of those of a stack, which `bridge` finds."""
    findings = [FINE]
    stack = Stack("acme", Outputs(), lambda _: None)
    monkeypatch.setattr("cli.lib.stack.find", lambda *_, **__: stack)
    monkeypatch.setattr(verify, "verify_stack", lambda *_, **__: list(findings))
    return findings


@pytest.mark.parametrize(
    ("more", "code"), [([], 0), ([LOOSE], 0), ([LOOSE, BROKEN], 1)], ids=["fine", "warning", "failed"]
)
def test_only_what_failed_fails(run: Run, found: list[Finding], more: list[Finding], code: int) -> None:
    found += more
    shown, printed = run("verify", "acme"), run("verify", "acme", "--json")
    assert (shown.exit_code, printed.exit_code) == (code, code)
    assert [each["verdict"] for each in json.loads(printed.stdout)["findings"]] == [each.verdict for each in found]
    # A command to copy stands on a line of its own
    assert all(f"  {each.to_do}" in shown.stdout.splitlines() for each in more)


@pytest.mark.usefixtures("found")
def test_production_is_asked_for_and_uat_is_not(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    begun: list[Any] = []

    def end_to_end(*arguments: Any, **_: Any) -> Outcome:
        begun.append(arguments)
        return Outcome([FINE])

    monkeypatch.setattr(verify, "verify_end_to_end", end_to_end)
    file = tmp_path / "acme.toml"
    text = f'public_keys = ["""{signing.public_pem()}"""]\ncustomer_id = "not-to-be-guessed-1234"\n'
    arguments = ("verify", "acme", "--end-to-end", "--organizations", str(tmp_path))
    # When it is production, or nobody knows
    for environment in ('environment = "production"\nalarm_emails = ["a@example.com"]\n', None):
        file.unlink(missing_ok=True)
        if environment:
            file.write_text(text + environment)
        result = run(*arguments)
        # Then nothing begins
        assert (result.exit_code, begun) == (1, [])
        assert "Use --yes" in result.stderr
    # When it is UAT, or somebody says yes
    assert run(*arguments, "--yes").exit_code == 0
    file.write_text(text)
    assert run(*arguments).exit_code == 0
    assert len(begun) == 2


@pytest.mark.usefixtures("found")
def test_a_private_key_is_for_an_end_to_end_verification(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(signing.private_pem())
    result = run("verify", "acme", "--private-key", str(tmp_path / "key.pem"))
    assert (result.exit_code, "--end-to-end" in result.stderr) == (2, True)


@pytest.mark.usefixtures("found")
def test_an_interruption_has_its_exit_code(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "verify_end_to_end", lambda *_, **__: Outcome([FINE], is_interrupted=True))
    assert run("verify", "acme", "--end-to-end", "--yes").exit_code == 130
