"""The log of a function, read from CloudWatch."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.lib.stack import Stack
from vectorcare_bridge import utc_timestamp

Line = Mapping[str, Any]


class Log:
    """The log of the function that a stack's output names; `names` are the events to read, by their `message`."""

    def __init__(self, stack: Stack, function: str, *, names: Sequence[str], fields: Sequence[str]) -> None:
        configuration = stack.client("lambda").get_function_configuration(FunctionName=stack.outputs[function])
        self._group: str = configuration["LoggingConfig"]["LogGroup"]
        self._pages = stack.client("logs").get_paginator("filter_log_events")
        self._names = tuple(names)
        self._fields = tuple(fields)

    def since(self, begin: float) -> Iterator[tuple[str, Line]]:
        """Read the events since a time, in seconds since 1970.

        Yields
        ------
        str, Line
            The text of the log line; and its `message`, its `time` as a UTC timestamp, and the fields that it has.
        """
        pattern = "{ " + " || ".join(f'($.message = "{name}")' for name in self._names) + " }"
        pages = self._pages.paginate(logGroupName=self._group, startTime=int(begin * 1000), filterPattern=pattern)
        for page in pages:
            for event in page["events"]:
                line = self._read(event["message"])
                if line:
                    yield event["message"], line

    def _read(self, text: str) -> Line | None:
        """Read one line; None if it is another one, such as Lambda's own."""
        try:
            line = json.loads(text, parse_constant=str)
            if line["message"] not in self._names:
                return None
            at = utc_timestamp.parse(line["timestamp"].replace(" ", "T"))
        except (ValueError, TypeError, KeyError):
            return None
        return {"message": line["message"], "time": at, **{name: line[name] for name in self._fields if name in line}}
