"""Progress of long commands on standard error: a bar in a terminal, else a line every 30 seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from airflow_provider_claude.core.progress import Progress, Seen, line


@contextmanager
def progress(
    what: str, total: int | None, stream: TextIO, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Seen]:
    """Shows on *stream* how many *what* are done of *total*. *what* is text of ours: nothing of a row or a path is in it."""
    if stream.isatty():
        with _bar(what, total, stream, clock) as seen:
            yield seen
        return

    def say(text: str) -> None:
        stream.write(f"{text}\n")
        stream.flush()

    yield Progress(say, clock, what, total).add


@contextmanager
def _bar(what: str, total: int | None, stream: TextIO, clock: Callable[[], float]) -> Iterator[Seen]:
    """A bar beside the line that a log would have, which is gone when the work is done."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    began = clock()
    with Bar(BarColumn(20), TextColumn("{task.description}"), console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(what, total=total)

        def seen(count: int) -> None:
            done = int(bar.tasks[0].completed) + count
            bar.update(task, advance=count, description=line(done, total, clock() - began, what))

        yield seen
