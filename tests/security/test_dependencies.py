"""Rule: what is installed and what is deployed is pinned by content, and can be listed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DEPLOYED = "lambdas/requirements.txt"
PINNED = (DEPLOYED, "requirements.txt", "requirements-dev.txt")
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[a-z0-9,_-]+\])?==(?P<version>[^ ;\\]+)")


def requirements(file: str) -> list[str]:
    """Read a requirements file, one requirement with all of its hashes a line."""
    text = (ROOT / file).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def pins(file: str) -> dict[str, str]:
    matches = [_REQUIREMENT.match(line) for line in requirements(file)]
    return {match["name"].lower(): match["version"] for match in matches if match}


def bill_of_materials(file: str) -> Any:
    """Write the bill of materials as `make sbom` does."""
    completed = subprocess.run(  # noqa: S603 the project's own tool and file
        [
            *(sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--output-format", "JSON"),
            *("--output-file", "-", str(ROOT / file)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(completed.stdout)


@pytest.mark.parametrize("file", PINNED)
def test_every_python_package_is_pinned_to_one_version_and_to_its_files(file: str) -> None:
    listed = requirements(file)
    assert listed
    for line in listed:
        assert _REQUIREMENT.match(line), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}( |$)", line), line


@pytest.mark.parametrize("file", PINNED[1:])
def test_tests_run_with_the_versions_that_are_deployed(file: str) -> None:
    assert pins(file).items() >= pins(DEPLOYED).items()


def test_every_npm_package_is_pinned_to_its_content() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    named = {name: package for name, package in packages.items() if name}
    assert named
    assert all(package["integrity"].startswith("sha512-") for package in named.values())


def test_the_bill_of_materials_lists_what_is_deployed_and_nothing_else() -> None:
    # When
    bill = bill_of_materials(DEPLOYED)
    # Then every pinned package is there with its version and the digests of its files
    assert {component["name"].lower(): component["version"] for component in bill["components"]} == pins(DEPLOYED)
    for component in bill["components"]:
        (distribution,) = component["externalReferences"]
        assert {digest["alg"] for digest in distribution["hashes"]} == {"SHA-256"}
    # And nothing in it changes from one run to the next
    assert bill == bill_of_materials(DEPLOYED)
    assert "timestamp" not in bill["metadata"]
    assert "serialNumber" not in bill
