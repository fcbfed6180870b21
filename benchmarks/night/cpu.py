"""CPU seconds and peak memory of the parts of an Airflow, from the operating system."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Self

import psutil

from benchmarks.meter import memory_mb

#: Seconds between two looks at the memory of all processes.
LOOK_SECONDS = 0.2


def cpu_of(parts: Mapping[str, int]) -> Counter[str]:
    """CPU seconds since their start, user and system, of each part (name to process id) and of all it has started.

    The scheduler's workers are counted by themselves: `supervisors` are the workers, `tasks` what they have forked and
    waited for.
    """
    seconds: Counter[str] = Counter()
    for name, pid in parts.items():
        for depth, process in _tree(pid):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            worker = name == "scheduler" and depth > 0
            seconds["supervisors" if worker else name] += times.user + times.system
            seconds["tasks" if worker else name] += times.children_user + times.children_system
    return seconds


def _tree(pid: int) -> Iterator[tuple[int, psutil.Process]]:
    """The process and its descendants, with their depth."""
    try:
        root = psutil.Process(pid)
        yield 0, root
        for child in root.children():
            yield 1, child
            yield from ((2, one) for one in child.children(recursive=True))
    except psutil.NoSuchProcess:
        return


class Peaks:
    """A context manager that watches the resident memory of all processes of *parts*; `mb` has each part's largest."""

    def __init__(self, parts: Mapping[str, int]) -> None:
        self.mb: dict[str, float] = {}
        self._parts = parts
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            for name, pid in self._parts.items():
                for _, process in _tree(pid):
                    try:
                        self.mb[name] = max(self.mb.get(name, 0.0), memory_mb("VmRSS", process.pid))
                    except (FileNotFoundError, ProcessLookupError):
                        continue
