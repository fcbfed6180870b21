"""The sync lane: requests go to the Messages API one by one, as fast as the account allows, and no answer is lost.

One event loop feeds. Each request waits for a place among those under way, and for its turn at the account's buckets;
answers correct the places, the buckets and the pace. An answer counts when it is in the journal. Whatever ends the lane,
what is under way is waited for and written down first. Requests are read as they are sent: no more than some hundred are
held at a time.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field

from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.load.answers import read_usage
from airflow_provider_claude.core.settle.unresolved import OF_EVERYONE
from airflow_provider_claude.core.sync.backoff import Again, Failed, Stop, after, wait_asked
from airflow_provider_claude.core.sync.concurrency import Concurrency
from airflow_provider_claude.core.sync.headroom import Headroom, headroom
from airflow_provider_claude.core.sync.token_bucket import NOTHING, Use
from airflow_provider_claude.errors import (
    ApiUnavailableError,
    ClaudeError,
    PendingError,
    RateLimitedError,
    UnknownFateError,
)
from airflow_provider_claude.gateway.async_client import Message
from airflow_provider_claude.masking import masked
from airflow_provider_claude.stages.sync.journal import PART_SECONDS, Journal
from airflow_provider_claude.stages.sync.lease import RENEW_SECONDS, Lease
from airflow_provider_claude.stages.sync.lines import errored_line, succeeded_line
from airflow_provider_claude.stages.sync.rate_limiter import RateLimiter
from airflow_provider_claude.stages.sync.request import Api, Pace, Request

_log = logging.getLogger(__name__)


#: So long nothing may succeed before the lane gives up; a retry of its task goes on.
TROUBLE_SECONDS = 3600.0


#: So many requests that are rejected one after the other, and none answered, are no accident: the account has reached a
#: limit on spending, say. They are not given up for it.
MANY_REJECTED = 20


#: A lane that had to slow down for so long is not the place for what can wait.
PATIENCE_SECONDS = 120.0


#: Seconds after which a request counts as unanswered, whatever still trickles in.
ANSWER_SECONDS = 900.0


#: So many answers may be on their way to an object store, which takes seconds to write them.
MOST_UNWRITTEN = 5_000


#: Seconds between tries to write answers down.
WRITE_PAUSES = (1.0, 3.0, 10.0)


_SLOW = 0.5


#: The longest sleep (seconds) after which a lane notices that it is stopped.
_BLINK = 0.25


@dataclass(eq=False)
class _Row:
    """A request, what was drawn for it, and how it fared: *alone* of its *tries* failed while others were answered."""

    request: Request
    use: Use = NOTHING
    tries: int = 0
    alone: int = 0
    failed_at: float = math.inf


@dataclass(kw_only=True)
class Lane:
    """One drain. Use once. Moments are the event loop's, which no change of the clock moves."""

    connect: Callable[[], AbstractAsyncContextManager[Api]]
    rate_limiter: RateLimiter
    tokens: TokenModel
    pace: Pace
    now: Callable[[], float]
    journal: Journal
    lease: Lease
    done: int = 0
    _error: Exception | None = None
    _stopping: bool = False
    _over: bool = False
    _stuck: bool = False
    _shed: bool = False
    _exhausted: bool = False
    _slow_since: float | None = None
    _inside: int = 0
    _asleep: set[_Row] = field(default_factory=set)
    _due: deque[_Row] = field(default_factory=deque)
    _lines: list[bytes] = field(default_factory=list)
    _rejected: list[bytes] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop | None = None

    def send_all(self, requests: Iterator[Request]) -> None:
        """Ask *requests* until all are answered, or have to be left. Blocks.

        Raises what hits every request (CredentialsError, BillingError, a model nobody knows), ApiUnavailableError after
        an hour without an answer, PendingError where it was stopped or has lost its lease, and what the store raised
        where answers cannot be written. What was answered by then is kept.
        """
        self.lease.under_way = self.pace.in_flight + self._most_open()
        try:
            asyncio.run(self._send_all(requests))
        finally:
            self._write_rest()
            self.rate_limiter.close()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Send nothing more; what is under way is waited for. For signal handlers and any thread."""
        self._error = self._error or PendingError("The sync lane was stopped; a retry goes on where it was.", 1.0)
        self._stopping = True
        if self._loop is not None:
            with suppress(RuntimeError):  # its loop has ended
                self._loop.call_soon_threadsafe(self._changed.set)

    async def _send_all(self, requests: Iterator[Request]) -> None:
        self._changed, self._written = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._concurrency = Concurrency.up_to(float(self.pace.in_flight))
        self._good = self._time()
        async with self.connect() as self._api:
            keeper, renewer = asyncio.create_task(self._keep()), asyncio.create_task(self._renew())
            keeper.add_done_callback(self._keeper_ended)
            tasks: set[asyncio.Task[None]] = set()
            try:
                while (row := await self._next(requests)) is not None:
                    self._inside += 1
                    task = asyncio.create_task(self._ask(row))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            finally:
                self._stopping = True
                if tasks:
                    await asyncio.wait(tasks)
                if self._error is None:
                    self._keep_rejected()
                self._over = True
                self._written.set()
                await keeper
                renewer.cancel()

    async def _next(self, requests: Iterator[Request]) -> _Row | None:
        """The next row to send, when it is its turn; None when there is none any more."""
        while not self._stopping:
            self._changed.clear()
            row = self._pick(requests)
            if row is not None:
                if await self._turn(row):
                    return row
                continue
            if self._exhausted and not self._inside and not self._asleep and not self._due:
                return None
            await self._changed.wait()
        return None

    def _pick(self, requests: Iterator[Request]) -> _Row | None:
        """The next row there is a place for. New ones wait where many have to be asked again, or are not written yet."""
        if self._stuck or self._inside >= int(self._concurrency.limit):
            return None
        if self._due:
            return self._due.popleft()
        asleep = len(self._asleep)
        if asleep >= self.pace.in_flight or asleep + len(self._lines) >= self._most_open():
            return None
        request = next(requests, None)
        self._exhausted = request is None or self._is_left(request)
        return None if request is None or self._exhausted else _Row(request)

    def _most_open(self) -> int:
        """How many requests may wait for another try or to be written down. An object store takes its time to write."""
        return self.pace.in_flight if self.journal.local else max(self.pace.in_flight, MOST_UNWRITTEN)

    def _output(self, row: _Row) -> float:
        """The output tokens that *row* is expected to use."""
        return self.tokens.output * row.request.items

    async def _turn(self, row: _Row) -> bool:
        """Draw what *row* is expected to use, and wait until it may be sent; False where it is not sent any more."""
        row.use = Use(1.0, float(self.tokens.input_tokens(len(row.request.params))), self._output(row))
        at = self._time() + self.rate_limiter.draw(row.use)
        while self._wanted(row) and (left := at - self._time()) > 0:  # noqa: ASYNC110 - stopped by signals
            await asyncio.sleep(min(left, _BLINK))
        if self.lease.over:
            self._end(_lease_over())
        if not self._wanted(row):
            self.rate_limiter.give_back(row.use)
            return False
        return True

    def _wanted(self, row: _Row) -> bool:
        return not self._stopping and not self._is_left(row.request)

    def _is_left(self, request: Request) -> bool:
        """Whether *request* is left to a batch."""
        return self._shed and not request.urgent

    async def _ask(self, row: _Row) -> None:
        """Send *row*. Whatever goes wrong here ends the lane, and nothing else."""
        try:
            await self._try(row)
        except asyncio.CancelledError:
            self.lease.unsure += 1
            self._end(PendingError("The sync lane was interrupted; a retry goes on where it was.", 1.0))
            raise
        except Exception as error:  # noqa: BLE001 - it is raised when all that is under way is written down
            self._end(error)
        finally:
            self._inside -= 1
            self._changed.set()

    async def _try(self, row: _Row) -> None:
        began = self._time()
        try:
            answer = await self._answer(row.request.params)
            usage = read_usage(answer.body)
            if usage is None:
                self.lease.unsure += 1
                raise ApiUnavailableError("The answer is no message of the API; a proxy may have sent it.")
        except ClaudeError as error:
            self._failed(row, error)
            return
        self._keep_rejected()
        self._answered(succeeded_line(row.request.custom_id, answer.body))
        used = Use(1.0, float(usage.input + usage.cache_write_5m + usage.cache_write_1h), float(usage.output))
        self._learn(row, used, headroom(answer.headers), began)

    async def _answer(self, params: bytes) -> Message:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._api.create_message(params)
        except TimeoutError as error:
            raise UnknownFateError(f"No whole answer came within {ANSWER_SECONDS:.0f} seconds.") from error

    def _learn(self, row: _Row, used: Use, seen: Headroom, began: float) -> None:
        """Go by what an answer has shown."""
        self._good = self._time()
        self._concurrency = self._concurrency.answered(self._good - began, self._inside)
        self.tokens = self.tokens.learned(
            request_bytes=len(row.request.params),
            input_tokens=used.input,
            output_tokens=used.output / row.request.items,
        )
        pace = self.rate_limiter.settle(row.use, used, seen)
        self._slow_since = None if pace >= _SLOW else self._slow_since or self._good
        self._consider_shedding()

    def _failed(self, row: _Row, error: ClaudeError) -> None:
        """Ask again later, or write down why not, or end the lane."""
        now = self._time()
        row.tries += 1
        row.alone += self._good > row.failed_at
        row.failed_at = now
        self.lease.unsure += isinstance(error, UnknownFateError)
        if isinstance(error, RateLimitedError):
            self.rate_limiter.refused(row.use, wait_asked(error))
        if isinstance(error, RateLimitedError | ApiUnavailableError):
            self._concurrency = self._concurrency.pushed_back(now)
            self._slow_since = self._slow_since or now
            self._consider_shedding()
        until, jitter = self.pace.until, random.random()  # noqa: S311
        match after(error, failed=row.tries, alone=row.alone, now=self.now(), until=until, jitter=jitter):
            case Again() if self._is_left(row.request):
                pass
            case Again(seconds) if now - self._good < TROUBLE_SECONDS:
                self._asleep.add(row)
                asyncio.get_running_loop().call_later(seconds, self._wake, row)
            case Again():
                self._end(ApiUnavailableError(f"Nothing was answered for an hour, the last: {error}"))
            case Failed(reason):
                self._rejected.append(errored_line(row.request.custom_id, error, reason))
                if getattr(error, "error_type", None) in OF_EVERYONE or len(self._rejected) >= MANY_REJECTED:
                    self._end(error)
            case Stop():
                self._end(error)

    def _wake(self, row: _Row) -> None:
        if row in self._asleep:
            self._asleep.remove(row)
            self._due.append(row)
            self._changed.set()

    def _end(self, error: Exception | None) -> None:
        self._error = self._error or error
        self._stopping = True
        self._changed.set()

    def _consider_shedding(self) -> None:
        """Leave what is not sent yet and not urgent to a batch, where others need the account and there is time."""
        slow = self._slow_since is not None and self._time() - self._slow_since > PATIENCE_SECONDS
        if slow and not self._shed and self.now() < self.pace.shed_until:
            _log.info("The account is busy: requests that are not sent yet and not urgent go back to the batch lane")
            self._shed = True
            self._due = deque(row for row in self._due if row.request.urgent)
            self._asleep = {row for row in self._asleep if row.request.urgent}
            self._changed.set()

    def _keep_rejected(self) -> None:
        """Write down which requests were rejected: it was their own fault, as others were answered, or they were few."""
        for line in self._rejected:
            self._answered(line)
        self._rejected.clear()

    def _answered(self, line: bytes) -> None:
        self._lines.append(line)
        self._written.set()

    async def _keep(self) -> None:
        """Write down what has come, all of it at a time, until nothing more can come."""
        while self._lines or not self._over:
            await self._written.wait()
            if not self.journal.local and not self._stopping:
                await asyncio.sleep(PART_SECONDS)
            self._written.clear()
            if self._lines and not await self._write():
                return

    def _keeper_ended(self, keeper: asyncio.Task[None]) -> None:
        """Nothing more is sent where nobody would write it down."""
        if keeper.cancelled():
            self._end(PendingError("The sync lane was interrupted; a retry goes on where it was.", 1.0))
        elif isinstance(error := keeper.exception(), Exception):
            self._end(error)

    async def _write(self) -> bool:
        """Write down what has come. It is paid for: a store that fails is asked again, and nothing is sent meanwhile."""
        for pause in (*WRITE_PAUSES, None):
            lines = list(self._lines)
            try:
                await asyncio.to_thread(self.journal.write, lines)
            except Exception as error:  # noqa: BLE001 - each store has errors of its own
                _log.warning("%d answers could not be written yet: %s", len(lines), masked(str(error)))
                self._stuck = True
                if pause is None:
                    self._end(error)
                    return False
                await asyncio.sleep(pause)
            else:
                self._stuck = False
                self._kept(len(lines))
                self._changed.set()
                return True
        return False

    def _kept(self, count: int) -> None:
        del self._lines[:count]
        self.done += count

    def _write_rest(self) -> None:
        """The last try for answers that could not be written, or that came while everything was interrupted."""
        if not self._lines:
            return
        try:
            self.journal.write(self._lines)
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            _log.error("%d answers are paid for and lost: %s", len(self._lines), masked(str(error)))
            self.lease.unsure += len(self._lines)
            self._error = self._error or error
        else:
            self._kept(len(self._lines))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await asyncio.to_thread(self.lease.renew, self.done)
            except Exception as error:  # noqa: BLE001 - each store has errors of its own
                _log.warning("The lease of the attempt could not be renewed: %s", masked(str(error)))
            if self.lease.over:
                self._end(_lease_over())


def _lease_over() -> PendingError:
    return PendingError("The lease on this attempt ran out; a retry goes on where it was.", RENEW_SECONDS)
