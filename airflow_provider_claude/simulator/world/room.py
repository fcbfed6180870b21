"""Where messages wait for their answer: one timer each, set again whenever the clock is turned."""

from __future__ import annotations

import asyncio

from airflow_provider_claude.simulator.world.clock import Clock


class WaitingRoom:
    """Waits in the simulated time of *clock*."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: set[asyncio.Future[None]] = set()
        self.closed = False

    async def wait(self, until: float) -> None:
        """Wait until this simulated time, or until the room is closed."""
        while not self.closed and (left := until - self._clock.now()) > 0:
            await self._nap(left)

    async def _nap(self, left: float) -> None:
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        # With the clock at a stand only a turn of it ends the wait.
        timer = loop.call_later(left / self._clock.speed, _wake, waiter) if self._clock.speed else None
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)
            if timer is not None:
                timer.cancel()

    def turned(self) -> None:
        """Look at the clock again: it was set ahead, or runs at another speed."""
        for waiter in self._waiting:
            _wake(waiter)

    def close(self) -> None:
        """End all waits, now and from now on."""
        self.closed = True
        self.turned()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
