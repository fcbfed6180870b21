"""CPU, wall clock and peak memory of the process that asks. Needs Linux, for /proc."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Self

#: Fixed loops before, and after, what is measured.
_LOOPS = 8


class Meter:
    """Measures what happens in its block; everything before it (the imports, above all) is told apart."""

    def __init__(self) -> None:
        self.reading: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._import_cpu, self._import_mb = _cpu(), memory_mb("VmRSS")
        self._loops = fixed_loops()
        self._cpu, self._wall = _cpu(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        cpu, wall = _cpu() - self._cpu, time.perf_counter() - self._wall
        loops = [*self._loops, *fixed_loops()]
        self.reading = {
            "cpu": cpu,
            "wall": wall,
            "loop": sum(loops) / len(loops),
            "best_loop": min(loops),
            "peak_mb": memory_mb("VmHWM"),
            "import_cpu": self._import_cpu,
            "import_mb": self._import_mb,
        }


def fixed_loops() -> list[float]:
    """CPU seconds of work that is always the same, some times. Where others use the machine, CPU seconds get longer."""
    return [_fixed_loop() for _ in range(_LOOPS)]


def _fixed_loop() -> float:
    began = _cpu()
    sum(n * n for n in range(200_000))
    return _cpu() - began


def _cpu() -> float:
    """Seconds of CPU, user and system, all threads. Only of this process, not of its children."""
    return time.process_time()


def memory_mb(which: str, pid: int | str = "self") -> float:
    """A line of /proc/<pid>/status in MB of a million bytes.

    VmHWM is the peak of resident memory. `ru_maxrss` would be the same, but for a child it starts at its parent's.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{which}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def bytes_moved() -> tuple[int, int]:
    """The bytes this process has read and written by system calls so far: files, sockets and pipes alike."""
    found = dict(re.findall(r"^(\w+): (\d+)$", Path("/proc/self/io").read_text(), re.MULTILINE))
    return int(found["rchar"]), int(found["wchar"])
