"""A user's settings of pip decide where packages come from, and nothing else."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stacks.config.errors import ConfigurationError
from stacks.functions import clean_pip, packaging

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "user": "yes",
    "target": "/dev/null/target",
    "prefix": "/dev/null/prefix",
    "root": "/dev/null/root",
    "require-virtualenv": "yes",
    "no-deps": "yes",
    "dry-run": "yes",
    "ignore-installed": "yes",
    "constraint": "/dev/null/constraints.txt",
    "requirement": "/dev/null/requirements.txt",
    "no-binary": ":all:",
    "platform": "win_amd64",
    "python": "/dev/null/python",
    "log": "/dev/null/log",
    "isolated": "yes",
    "global": "yes",
    "site": "yes",
}


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start without what this machine has set."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_DIRS", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Give a folder with one wheel, of a package that needs another one that is nowhere."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    information = "tiny-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{information}/RECORD", "")
    return folder


def configuration(path: Path, section: str, **settings: str) -> Path:
    path.write_text(f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    return path


def set_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str) -> None:
    if where == "environment":
        for name, value in ELSEWHERE.items():
            monkeypatch.setenv(f"PIP_{name.upper().replace('-', '_')}", value)
    else:
        file = configuration(tmp_path / "pip.conf", where, **ELSEWHERE)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    fake = tmp_path / "fake" / "pip"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("raise SystemExit('another pip')")
    monkeypatch.setenv("PYTHONPATH", str(fake.parent))
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONUSERBASE", "/nowhere")


@pytest.mark.parametrize("where", ["environment", "install"])
def test_what_says_what_is_installed_and_where_has_no_effect(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wheels: Path, where: str
) -> None:
    # Given
    set_everywhere(monkeypatch, tmp_path, where)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "yes")
    target = tmp_path / "target"
    # When
    ran = subprocess.run(  # noqa: S603 our own words
        clean_pip.command("install", "--quiet", "--only-binary=:all:", "--target", str(target), "tiny"),
        env=clean_pip.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    # Then
    assert ran.returncode == 0, ran.stderr
    assert (target / "tiny.py").is_file()


@pytest.mark.parametrize("section", ["global", "install"])
def test_where_packages_come_from_is_kept_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, section: str
) -> None:
    # Given
    kept = {
        "index-url": "https://user:p'w=1@packages.example/simple",
        "extra-index-url": "\n    https://a.example/simple\n    https://b.example/simple",
        "trusted-host": "a.example",
        "cert": "/etc/company.pem",
        "proxy": "http://proxy.example:3128",
    }
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration(tmp_path / "pip.conf", section, **kept, **ELSEWHERE)))
    monkeypatch.setenv("PIP_CERT", "/etc/newer.pem")
    # When
    settings = {name: value for name, value in clean_pip.environment().items() if name.startswith("PIP_")}
    # Then the environment goes before the file, as for pip
    assert settings.pop("PIP_EXTRA_INDEX_URL").split() == ["https://a.example/simple", "https://b.example/simple"]
    assert settings == {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": kept["index-url"],
        "PIP_TRUSTED_HOST": "a.example",
        "PIP_CERT": "/etc/newer.pem",
        "PIP_PROXY": "http://proxy.example:3128",
    }


def test_proxies_and_certificates_of_all_programs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"HTTPS_PROXY": "http://p.example", "REQUESTS_CA_BUNDLE": "/etc/company.pem", "NO_PROXY": "localhost"}
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    assert others.items() <= clean_pip.environment().items()


def test_settings_that_pip_cannot_read_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Given
    (tmp_path / "pip.conf").write_text("no section")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    # When
    with pytest.raises(ConfigurationError) as failed:
        packaging.build(tmp_path / "out", architecture="arm64")
    program = subprocess.run(  # noqa: S603 our own script
        [sys.executable, "-I", ROOT / "stacks" / "functions" / "clean_pip.py", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    # Then
    assert str(failed.value).startswith("pip: its settings cannot be read (")
    assert "\n" not in str(failed.value)
    assert program.returncode == 1
    assert len(program.stderr.splitlines()) == 1


def test_the_makefile_installs_the_same_way() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "python -I stacks/functions/clean_pip.py install" in makefile
    assert not [line for line in makefile.splitlines() if line.lstrip("\t@").startswith(("pip ", "python -m pip"))]
