"""The answer writer: puts answers into the journal while the lane keeps sending. An answer counts once it is there.

Answers are paid for. If the store fails, the writer tries again, and nothing is sent meanwhile. Unwritten answers are
tried once more at the lane's end.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from airflow_provider_claude.masking import masked
from airflow_provider_claude.stages.sync.journal import PART_SECONDS, Journal
from airflow_provider_claude.stages.sync.lane_state import LaneState, interrupted
from airflow_provider_claude.stages.sync.lease import Lease

_log = logging.getLogger(__name__)

#: Seconds between tries to write answers.
WRITE_PAUSES = (1.0, 3.0, 10.0)


@dataclass(kw_only=True)
class AnswerWriter:
    """Writes result lines to *journal*. *done*: how many requests have their answer there, *unwritten*: lines that wait.

    *is_stuck*: the last try to write failed.
    """

    journal: Journal
    lease: Lease
    state: LaneState
    done: int = 0
    is_stuck: bool = False
    unwritten: list[bytes] = field(default_factory=list)
    _rejections: list[bytes] = field(default_factory=list)
    _is_closed: bool = False
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, line: bytes) -> None:
        """Have *line* written."""
        self.unwritten.append(line)
        self._arrived.set()

    def hold_back(self, line: bytes) -> int:
        """Keep the *line* of a rejected request until others are answered: all may be rejected for the same reason.

        Returns how many are held back.
        """
        self._rejections.append(line)
        return len(self._rejections)

    def add_rejections(self) -> None:
        """Write the rejections: the requests themselves caused them, because others were answered, or they were few."""
        for line in self._rejections:
            self.add(line)
        self._rejections.clear()

    def start(self) -> asyncio.Task[None]:
        """Write from now on, in a task that ends after `close`. Where it fails, the lane ends."""
        task = asyncio.create_task(self._write_all())
        task.add_done_callback(self._ended)
        return task

    def close(self) -> None:
        """Nothing more will be added: end when all is written."""
        self._is_closed = True
        self._arrived.set()

    def write_rest(self) -> None:
        """The last try for answers that could not be written, or that came while everything was interrupted."""
        if not self.unwritten:
            return
        try:
            self.journal.write(self.unwritten)
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            _log.error(
                "%d paid answers are lost, because they could not be written: %s",
                len(self.unwritten),
                masked(str(error)),
            )
            self.lease.unsure += len(self.unwritten)
            self.state.error = self.state.error or error
        else:
            self._written(len(self.unwritten))

    async def _write_all(self) -> None:
        """Write what has come, all of it at a time, until nothing more can come."""
        while self.unwritten or not self._is_closed:
            await self._arrived.wait()
            if not self.journal.local and not self.state.stopping:
                await asyncio.sleep(PART_SECONDS)
            self._arrived.clear()
            if self.unwritten and not await self._write():
                return

    async def _write(self) -> bool:
        """Write what has come, with pauses between tries. False where that failed at last; then the lane ends."""
        for pause in (*WRITE_PAUSES, None):
            lines = list(self.unwritten)
            try:
                await asyncio.to_thread(self.journal.write, lines)
            except Exception as error:  # noqa: BLE001 - each store has errors of its own
                _log.warning("%d answers could not be written yet: %s", len(lines), masked(str(error)))
                self.is_stuck = True
                if pause is None:
                    self.state.end(error)
                    return False
                await asyncio.sleep(pause)
            else:
                self.is_stuck = False
                self._written(len(lines))
                self.state.changed.set()
                return True
        return False

    def _written(self, count: int) -> None:
        del self.unwritten[:count]
        self.done += count

    def _ended(self, task: asyncio.Task[None]) -> None:
        """End the lane where the writer was interrupted or failed: nothing more may be sent that it would have to write."""
        if task.cancelled():
            self.state.end(interrupted())
        elif isinstance(error := task.exception(), Exception):
            self.state.end(error)
