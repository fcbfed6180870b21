"""Progress of long commands on standard error: a bar in a terminal, else a line every 30 seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from airflow_provider_claude.core.progress import Progress, Seen


@contextmanager
def progress(
    what: str, total: int | None, stream: TextIO, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Seen]:
    """Shows on *stream* how many *what* are done of *total*. *what* is text of ours: nothing of a row or a path is in it."""
    if stream.isatty():
        with _bar(what, total, stream) as seen:
            yield seen
        return

    def say(line: str) -> None:
        stream.write(f"{line}\n")
        stream.flush()

    yield Progress(say, clock, what, total).add


@contextmanager
def _bar(what: str, total: int | None, stream: TextIO) -> Iterator[Seen]:
    """A bar with rate and time left, which is gone when the work is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}, {task.fields[rate]} a second,"),
        TimeElapsedColumn(),
        TextColumn("so far,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Bar(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(what, total=total, rate="0")

        def seen(count: int) -> None:
            speed = bar.tasks[0].speed or 0.0
            bar.update(task, advance=count, rate=f"{speed:,.0f}")

        yield seen
