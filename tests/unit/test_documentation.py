"""What the functions log and count is what the documentation says they do."""

import re
from pathlib import Path

from vectorcare_bridge.observability import Metric

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def test_every_metric_is_in_the_table() -> None:
    # Given the first column of the metrics' table
    rows = re.findall(r"^\| (`\w+`.*?) \|", OPERATIONS.split("## What is counted")[1], flags=re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`([A-Z]\w+)`", row)]
    # Then it names each metric once
    assert sorted(documented) == sorted(Metric)


def test_every_log_line_is_in_the_table() -> None:
    # Given the lines that the functions' source writes, and the first column of their table
    sources = [path.read_text() for path in (ROOT / "lambdas").rglob("*.py")]
    written = {name for source in sources for name in re.findall(r'observability\.log\(\s*"([\w.]+)"', source)}
    section = OPERATIONS.split("## What is logged")[1].split("## What is counted")[0]
    rows = re.findall(r"^\| (`\w+\.\w+`.*?) \|", section, flags=re.MULTILINE)
    # Then it names each of them
    assert {name for row in rows for name in re.findall(r"`([\w.]+)`", row)} == written
    assert written
