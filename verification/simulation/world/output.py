"""What the functions write: searched for what must not be in it, and read for how messages ended."""

import json
from collections import Counter, defaultdict
from typing import Any

from verification.simulation.plan.content import MARKER
from verification.simulation.world.run_context import RunContext


class Output:
    """Standard output for all containers."""

    def __init__(self, context: RunContext) -> None:
        self.metrics: Counter[str] = Counter()
        self.outcomes: defaultdict[str, list[str]] = defaultdict(list)
        self.failures: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._context = context

    def write(self, text: str) -> int:
        """Take what the running process prints; a dead one prints nothing."""
        process = self._context.scheduler.process
        if process is not None and not process.is_dead:
            self.take(text)
        return len(text)

    def flush(self) -> None:
        """Have nothing to flush."""

    def take(self, text: str) -> None:
        if MARKER in text:
            self._context.violate("a payload value was logged", text)
        if "ValidationException" in text:
            self._context.violate("a call was made that AWS refuses as it is", text)
        # Of the log lines only these are looked into: reading them all would take a tenth of a run.
        if not text.startswith("{") or ('"_aws"' not in text and '"processing.' not in text):
            return
        line = json.loads(text)
        if "_aws" in line:
            for directive in line["_aws"]["CloudWatchMetrics"]:
                for metric in directive["Metrics"]:
                    values = line[metric["Name"]]
                    self.metrics[metric["Name"]] += sum(values) if isinstance(values, list) else values
        elif line.get("message") == "processing.completed":
            self.outcomes[line["message_id"]].append(line["outcome"])
        elif line.get("message") == "processing.failed" and "message_id" in line:
            self.failures[line["message_id"]].append(line)
