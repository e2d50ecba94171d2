"""The command line: `python -m verification.mutation`."""

import subprocess
import sys
import time

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cli.terminal.command import CliCommand, say
from cli.terminal.screen import Screen, screen
from verification.mutation import engine, equivalents
from verification.mutation.judge import Verdict, judge


@click.command(cls=CliCommand)
def main() -> None:
    """Put faults into the rules one by one, and see that a test notices each."""
    console = screen()
    engine.prepare()
    try:
        with engine.running() as process:
            _watch(process, console)
    except KeyboardInterrupt:
        sys.exit(130)
    if process.returncode:
        sys.exit(f"The engine failed; all that it said: {engine.LOG}\n{engine.LOG.read_text(errors='replace')[-2000:]}")
    verdict = judge(engine.mutants(), equivalents.load())
    _explain(verdict, console)
    say(verdict.last_line())
    sys.exit(0 if verdict.is_good else 1)


def _watch(process: subprocess.Popen[bytes], console: Screen) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("all tests, without a mutant", total=None)
        tenths = 0
        while process.poll() is None:
            judged, total = engine.progress()
            if judged:
                bar.update(task, description="mutants", completed=judged, total=total)
                if not console.is_terminal and judged * 10 // total > tenths:
                    tenths = judged * 10 // total
                    say(f"{judged} of {total} mutants")
            time.sleep(1)


def _explain(verdict: Verdict, console: Screen) -> None:
    table = Table("module", "mutants", "killed", "score")
    for module, (total, killed) in verdict.by_module().items():
        table.add_row(module, str(total), str(killed), f"{100 * killed / total:.1f} %")
    console.print(table)
    for mutant in verdict.unknown:
        console.print(f"[red]survived[/] {mutant.module}.{mutant.function}")
        console.print(f"  - {mutant.before}\n  + {mutant.after}", markup=False)
    for entry in verdict.stale:
        console.print(f"[red]no survivor any more[/] {entry.function}")
        console.print(f"  - {entry.before}", markup=False)


if __name__ == "__main__":
    main()
