"""What a run came to, for people: a table, what is wrong, one last line."""

from collections.abc import Sequence

from rich.table import Table

from verification.load.growth import BOUND_BYTES
from verification.load.run import LoadResult
from verification.load.screen import LoadScreen

_MIB = 1024 * 1024
_SHOWN = 5


def show(result: LoadResult, screen: LoadScreen) -> None:
    """Print all of it; the last line is for scripts too."""
    table = Table("what", "figure", title="On this machine")
    for what, figure in _rows(result):
        table.add_row(what, figure)
    screen.table(table)
    for line in _wrong(result):
        screen.say(f"WRONG: {line}")
    screen.say(result.last_line())


def _rows(result: LoadResult) -> list[tuple[str, str]]:
    sent = result.sent
    rows = [("webhooks sent, in attempts", f"{sent.sent:,}, in {sent.attempts:,}")]
    if result.sending_seconds:
        rate = sent.accepted / result.sending_seconds
        rows.append(("accepted per second, over", f"{rate:.1f}/s, {result.sending_seconds:.0f} s"))
    if sent.seconds:
        rows.append(("answered 2xx within p50, p99, max", _percentiles(sorted(sent.seconds), digits=3)))
    rows += [(f"attempts that ended in {failure}", f"{times:,}") for failure, times in sorted(sent.failures.items())]
    rows += [(f"killed workers: {function}", f"{times:,}") for function, times in sorted(result.kills.items())]
    rows += [(f"refused calls: {kind}", f"{times:,}") for kind, times in sorted(result.refusals.items())]
    if result.rest_seconds:
        rows.append(("until all was quiet, the faults over", f"{result.rest_seconds:.0f} s"))
    if audit := result.audit:
        rows.append(("journal entries", f"{audit.journaled:,}"))
        rows.append(("dead letters, queue, spool", f"{audit.dead}, {audit.waiting}, {audit.spooled}"))
    if (lateness := result.lateness) and lateness.seconds:
        rows.append(("acceptance to applied p50, p99, max", _percentiles(lateness.seconds, digits=1)))
        rows.append(("longest beyond backlog and retries", f"{lateness.longest:.1f} s of {lateness.allowed:.0f}"))
    if growth := result.growth:
        rows += [
            (
                f"memory of a worker of {function}, growth over the second half",
                f"{growth.sizes[function] / _MIB:.0f} MiB, {grown / _MIB:+.2f} MiB of {BOUND_BYTES / _MIB:.0f}",
            )
            for function, grown in sorted(growth.workers.items())
        ]
    return rows


def _wrong(result: LoadResult) -> list[str]:
    lines = []
    if result.audit:
        audit = result.audit
        lines += _named("accepted and not in the journal as it was sent", audit.lost)
        lines += _named("in the journal more than once", audit.doubled)
        lines += _named("not in the newest state", audit.stale)
        lines += _named("in the journal and never sent", audit.unknown)
        left = (audit.dead, audit.waiting, audit.spooled)
        lines += ["dead letters, queue or spool are not empty"] if any(left) else []
    if result.lateness and not result.lateness.is_in_time:
        lines.append("webhooks were applied late")
    if result.growth and not result.growth.is_flat:
        lines.append("a worker's memory grows")
    return lines


def _named(what: str, names: Sequence[str]) -> list[str]:
    return [f"{len(names)} {what}: {', '.join(names[:_SHOWN])}"] if names else []


def _percentiles(ordered: Sequence[float], *, digits: int) -> str:
    last = len(ordered) - 1
    return ", ".join(f"{ordered[round(last * share)]:.{digits}f} s" for share in (0.5, 0.99, 1.0))
