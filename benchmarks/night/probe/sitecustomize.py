"""What a task process costs, written down as it ends. Python loads this module at the start of every process that finds it.

A task runs in a fork of the executor's worker and ends with `os._exit`. The plugin beside this file tells which task it is
and when its operator starts. All times are CPU seconds of the process since its fork, but for `wall`; bytes are
those that it reads and writes, files, sockets and pipes alike, from the operator's start on.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import sys
import time
from typing import Any

from benchmarks.meter import bytes_moved, memory_mb

_import, _import_module, _exit = builtins.__import__, importlib.import_module, os._exit


class Task:
    """The task of this process. Empty in all other processes."""

    def __init__(self) -> None:
        self.name = self.run_id = ""
        self.depth = 0
        self.imports = 0.0
        self.started = time.monotonic()
        self.start_cpu = self.start_imports = 0.0
        self.start_read = self.start_written = 0
        self.fork_mb = 0.0
        self.modules = set(sys.modules)

    def starts(self, name: str, run_id: str) -> None:
        """The operator of the task called *name* is about to run."""
        self.name, self.run_id = name, run_id
        self.start_cpu, self.start_imports = time.process_time(), self.imports
        self.start_read, self.start_written = bytes_moved()

    def ends(self) -> dict[str, Any]:
        total, wall = time.process_time(), time.monotonic() - self.started
        read, written = bytes_moved()
        return {
            "task": self.name,
            "run_id": self.run_id,
            "cpu": total,
            "start": self.start_cpu - self.start_imports,
            "imports": self.imports,
            "work": total - self.start_cpu - (self.imports - self.start_imports),
            "waiting": max(wall - total, 0.0),
            "wall": wall,
            "bytes_read": read - self.start_read,
            "bytes_written": written - self.start_written,
            "fork_mb": self.fork_mb,
            "peak_mb": memory_mb("VmHWM"),
            "modules": sorted(set(sys.modules) - self.modules),
        }


task = Task()


def _forked() -> None:
    task.__init__()  # type: ignore[misc] - the child starts anew
    task.fork_mb = memory_mb("VmRSS")


def _timed(load: Any) -> Any:
    """*load* with its CPU time added to the task's imports, but for what an import within it has added already."""

    def timed(*args: Any, **kwargs: Any) -> Any:
        if task.depth:
            return load(*args, **kwargs)
        task.depth, began = 1, time.process_time()
        try:
            return load(*args, **kwargs)
        finally:
            task.depth = 0
            task.imports += time.process_time() - began

    return timed


def _record_and_exit(status: int) -> None:
    if task.name:
        line = json.dumps(task.ends()) + "\n"
        with open(os.environ["NIGHT_TASKS"], "a") as file:  # noqa: PTH123 - one write, whole, beside other processes
            file.write(line)
    _exit(status)


if "NIGHT_TASKS" in os.environ:
    builtins.__import__ = _timed(_import)
    importlib.import_module = _timed(_import_module)
    os._exit = _record_and_exit  # type: ignore[assignment]
    os.register_at_fork(after_in_child=_forked)
