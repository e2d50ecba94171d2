"""`python app.py` run as a program: a mistake is one line that says how to fix it."""

from pathlib import Path

from tests.stacks import synthesis
from tests.stacks.organization_files import public_pem, with_keys


def test_one_broken_file_stops_synth_and_names_itself(tmp_path: Path) -> None:
    # Given
    organizations = tmp_path / "organizations"
    organizations.mkdir()
    (organizations / "acme.toml").write_text(with_keys(public_pem()))
    (organizations / "broken.toml").write_text(with_keys(public_pem(bits=1024)))
    # When
    completed = synthesis.run_app(output=tmp_path / "out", organizations=str(organizations))
    # Then
    assert completed.returncode == 1
    assert completed.stdout == ""
    assert completed.stderr.splitlines() == [
        f"{organizations}/broken.toml: public_keys[0]: has 1024 bits, fewer than 2048; ask VectorCare for a longer key"
    ]
