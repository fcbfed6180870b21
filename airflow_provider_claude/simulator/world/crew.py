"""The worker processes: a clerk who checks bodies, a writer who answers them. They end when the server does."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any, TypeVar

import msgspec

from airflow_provider_claude.simulator.world.end_batch import Settled, SettleJob
from airflow_provider_claude.simulator.world.worker import Compare, Job, Settle, Take, Taken

_Answer = TypeVar("_Answer")
#: An answer is one line of small numbers; examples and cache entries make it at most some 100 kB.
_LINE_LIMIT = 4_000_000


class WorkerDiedError(RuntimeError):
    """A worker process ended in the middle of a job; its stderr says why."""


class Worker:
    """One worker process, one job at a time."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Start the process."""
        module = "airflow_provider_claude.simulator.world.worker"
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdin=PIPE, stdout=PIPE, limit=_LINE_LIMIT, start_new_session=True
        )

    async def stop(self) -> None:
        """End the process; a job in its hands is dropped."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def do(self, job: Job, kind: type[_Answer]) -> _Answer:
        """Have one job done.

        Raises WorkerDiedError.
        """
        async with self._turn:
            if self._process is None or self._process.stdin is None or self._process.stdout is None:
                raise WorkerDiedError("the worker was not started")
            self._process.stdin.write(msgspec.json.encode(job) + b"\n")
            await self._process.stdin.drain()
            line = await self._process.stdout.readline()
        if not line:
            raise WorkerDiedError(f"the worker ended in the middle of {type(job).__name__}")
        return msgspec.json.decode(line, type=kind)


class Crew:
    """Both workers: taking a batch never waits for the answers of another."""

    def __init__(self) -> None:
        self._clerk = Worker()
        self._writer = Worker()

    async def start(self) -> None:
        """Start the processes."""
        await self._clerk.start()
        await self._writer.start()

    async def stop(self) -> None:
        """End the processes."""
        await self._clerk.stop()
        await self._writer.stop()

    async def take(self, path: str) -> Taken:
        """Check a create body on disk."""
        return await self._clerk.do(Take(path), Taken)

    async def settle(self, job: SettleJob) -> Settled:
        """Write the results of a batch."""
        return await self._writer.do(Settle(job), Settled)

    async def compare(self, files: list[tuple[str, str]]) -> dict[str, Any]:
        """What was billed twice in these files."""
        return await self._clerk.do(Compare(files), dict[str, Any])
