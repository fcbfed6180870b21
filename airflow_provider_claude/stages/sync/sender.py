"""The sync lane: requests go to the Messages API one by one, as fast as the account allows, and no answer is lost.

`Lane` sends each request and decides what its answer or error means. `scheduler.py` says which request starts and when,
`answer_writer.py` writes the answers, `shedding.py` decides what goes to a batch.

All runs in one event loop. However the lane ends, it first waits for its open requests and writes their answers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from time import monotonic

from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.load.answers import read_usage
from airflow_provider_claude.core.settle.unresolved import OF_EVERYONE
from airflow_provider_claude.core.sync.backoff import Again, Failed, Stop, after
from airflow_provider_claude.core.sync.concurrency import Concurrency
from airflow_provider_claude.core.sync.pace import headroom
from airflow_provider_claude.core.sync.token_bucket import Use
from airflow_provider_claude.errors import ApiUnavailableError, ClaudeError, UnknownFateError
from airflow_provider_claude.gateway.async_client import Message
from airflow_provider_claude.stages.sync.answer_writer import AnswerWriter
from airflow_provider_claude.stages.sync.journal import Journal
from airflow_provider_claude.stages.sync.lane_state import LaneState, interrupted
from airflow_provider_claude.stages.sync.lease import Lease, keep_renewed
from airflow_provider_claude.stages.sync.rate_limiter import RateLimiter
from airflow_provider_claude.stages.sync.request import Api, Pace, Request
from airflow_provider_claude.stages.sync.result_lines import errored_line, succeeded_line
from airflow_provider_claude.stages.sync.scheduler import Scheduled, Scheduler, most_open
from airflow_provider_claude.stages.sync.shedding import Shedding

#: Seconds without any answer after which the lane ends; a retry of its task resumes it.
TROUBLE_SECONDS = 3600.0

#: This many rejections in a row, without an answer, have a common cause, such as a spending limit. Then the rejections do
#: not count, and the lane ends.
MANY_REJECTED = 20

#: Seconds after which a request counts as unanswered, whatever still trickles in.
ANSWER_SECONDS = 900.0


@dataclass(kw_only=True)
class Lane:
    """One run of the sync lane, on the connection that *connect* opens. Use once.

    *now*: the time in epoch seconds. *journal*: where the answers go. *lease*: the lease of this worker.
    """

    connect: Callable[[], AbstractAsyncContextManager[Api]]
    rate_limiter: RateLimiter
    tokens: TokenModel
    pace: Pace
    now: Callable[[], float]
    journal: Journal
    lease: Lease

    def __post_init__(self) -> None:
        self._state = LaneState()
        self.writer = AnswerWriter(journal=self.journal, lease=self.lease, state=self._state)
        self._shedding = Shedding(until=self.pace.shed_until, now=self.now)

    def send_all(self, requests: Iterator[Request]) -> None:
        """Send *requests* until all are answered, or cannot be. Blocks.

        Raises what hits every request (CredentialsError, BillingError, an unknown model), ApiUnavailableError after
        an hour without an answer, PendingError where it was stopped or has lost its lease, and what the store raised
        where answers cannot be written. The answers so far are kept.
        """
        self.lease.under_way = self.pace.in_flight + most_open(self.pace, self.writer)
        try:
            asyncio.run(self._send_all(self._scheduler_of(requests)))
        finally:
            self.writer.write_rest()
            self.rate_limiter.close()
        if self._state.error is not None:
            raise self._state.error

    @property
    def rate_limited(self) -> int:
        """How many requests the API has refused because the account was busy (429)."""
        return self.lease.rate_limited

    def stop(self) -> None:
        """Send nothing more, and wait for the open requests. For signal handlers and any thread."""
        self._state.stop()

    def _scheduler_of(self, requests: Iterator[Request]) -> Scheduler:
        return Scheduler(
            requests=requests,
            rate_limiter=self.rate_limiter,
            tokens=self.tokens,
            pace=self.pace,
            lease=self.lease,
            writer=self.writer,
            shedding=self._shedding,
            state=self._state,
            concurrency=Concurrency.up_to(float(self.pace.in_flight)),
        )

    async def _send_all(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._state.started()
        self._last_answer = monotonic()
        async with self.connect() as self._api:
            writing = self.writer.start()
            renewing = asyncio.create_task(keep_renewed(self.lease, lambda: self.writer.done, self._state))
            tasks: set[asyncio.Task[None]] = set()
            try:
                while (one := await scheduler.next()) is not None:
                    task = asyncio.create_task(self._send(one))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            finally:
                self._state.stopping = True
                if tasks:
                    await asyncio.wait(tasks)
                if self._state.error is None:
                    self.writer.add_rejections()
                self.writer.close()
                await writing
                renewing.cancel()

    async def _send(self, one: Scheduled) -> None:
        """Send *one*. Any error here ends the lane, and nothing else."""
        try:
            await self._try(one)
        except asyncio.CancelledError:
            self.lease.unsure += 1
            self._state.end(interrupted())
            raise
        except Exception as error:  # noqa: BLE001 - it is raised when all that is under way is written down
            self._state.end(error)
        finally:
            self._scheduler.ended()

    async def _try(self, one: Scheduled) -> None:
        began = monotonic()
        try:
            answer = await self._answer(one.request.params)
            usage = read_usage(answer.body)
            if usage is None:
                self.lease.unsure += 1
                raise ApiUnavailableError("The answer is not a message of the API; a proxy may have sent it.")
        except ClaudeError as error:
            self._failed(one, error)
            return
        self.writer.add_rejections()
        self.writer.add(succeeded_line(one.request.custom_id, answer.body))
        self._last_answer = monotonic()
        used = Use(1.0, float(usage.input + usage.cache_write_5m + usage.cache_write_1h), float(usage.output))
        self._scheduler.answered(one, used, headroom(answer.headers), began=began, at=self._last_answer)

    async def _answer(self, params: bytes) -> Message:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._api.create_message(params)
        except TimeoutError as error:
            raise UnknownFateError(f"No whole answer came within {ANSWER_SECONDS:.0f} seconds.") from error

    def _failed(self, one: Scheduled, error: ClaudeError) -> None:
        """Send *one* again later, or write down why not, or end the lane."""
        at = monotonic()
        one.failed(at, self._last_answer)
        self.lease.unsure += isinstance(error, UnknownFateError)
        self._scheduler.failed(one, error, at=at)
        until, jitter = self.pace.until, random.random()  # noqa: S311
        match after(error, failed=one.tries, alone=one.alone, now=self.now(), until=until, jitter=jitter):
            case Again() if self._shedding.leaves(one.request):
                pass
            case Again(seconds) if at - self._last_answer < TROUBLE_SECONDS:
                self._scheduler.again(one, seconds)
            case Again():
                self._state.end(ApiUnavailableError(f"No request was answered for an hour. The last error: {error}"))
            case Failed(reason):
                rejected = self.writer.hold_back(errored_line(one.request.custom_id, error, reason))
                if getattr(error, "error_type", None) in OF_EVERYONE or rejected >= MANY_REJECTED:
                    self._state.end(error)
            case Stop():
                self._state.end(error)
