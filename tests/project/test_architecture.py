"""Imports run one way."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = "vectorcare_bridge"
PURE = ("signature", "instant", "failure", "message", "storable", "envelope", "exact_json", "fold", "change")
FUNCTIONS = ("ingest", "processor", "drain", "redrive", "publisher", "sender", "reader")
TOOLS = {"console", "local", "operate", "deploy", "dashboards", "simulation", "fuzzing", "mutation", "soak"}
AWS_SDK = {"boto3", "botocore"}


def imports(path: Path) -> set[str]:
    """Name the modules that a file imports, those for type checking alone left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    named: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return named


def top_level(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


@pytest.mark.parametrize("module", PURE)
def test_rules_are_free_of_aws(module: str) -> None:
    path = ROOT / "lambdas" / SHARED / f"{module}.py"
    shared = {name.split(".")[1] for name in imports(path) if name.startswith(f"{SHARED}.")}
    assert not top_level(path) & (AWS_SDK | {"aws_lambda_powertools"})
    assert shared <= set(PURE)


def test_clients_are_made_in_one_place() -> None:
    users = {path.stem for path in files("lambdas") if "boto3" in imports(path)}
    assert users == {"aws"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_know_the_shared_package_and_nothing_of_each_other(function: str) -> None:
    others = set(FUNCTIONS) - {function}
    for path in files(f"lambdas/{function}"):
        assert not top_level(path) & (others | AWS_SDK | TOOLS | {"stacks"}), path


def test_nothing_shared_imports_a_function() -> None:
    for path in files(f"lambdas/{SHARED}"):
        assert not top_level(path) & {*FUNCTIONS, *TOOLS, "stacks"}, path


def test_what_writes_to_a_terminal_knows_nobody_and_no_function_knows_it() -> None:
    for path in files("terminal"):
        assert not top_level(path) & {*FUNCTIONS, *TOOLS, SHARED, "stacks"} - {"terminal"}, path
    for path in files("lambdas"):
        assert "terminal" not in top_level(path), path


def test_stacks_know_neither_functions_nor_tools() -> None:
    for path in files("stacks"):
        assert not top_level(path) & {*FUNCTIONS, *TOOLS, SHARED}, path
