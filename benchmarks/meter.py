"""CPU, wall clock and peak memory of the process that asks. Needs Linux, for /proc."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Self


class Meter:
    """Measures what happens in its block; everything before it (the imports, above all) is told apart."""

    def __init__(self) -> None:
        self.reading: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._base_mb = memory_mb("VmRSS")
        self._import_cpu, self._wall = _cpu(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.reading = {
            "cpu": _cpu() - self._import_cpu,
            "wall": time.perf_counter() - self._wall,
            "peak_mb": memory_mb("VmHWM"),
            "import_cpu": self._import_cpu,
            "import_mb": self._base_mb,
        }


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
