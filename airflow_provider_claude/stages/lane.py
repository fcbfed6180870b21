"""The sync lane: requests go to the Messages API one by one, as fast as the account allows, and no answer is lost.

One event loop feeds. Each request waits for its tokens in the account's bucket and for a place among those under way;
answers correct the bucket, the places and the pace. An answer counts when it is in the journal. Whatever ends the lane,
what is under way is waited for and written down first.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from airflow_provider_claude.core.batch.answers import read_usage
from airflow_provider_claude.core.plan.tokens import TokenModel
from airflow_provider_claude.core.settle.backoff import Again, Failed, Stop, after
from airflow_provider_claude.core.settle.bucket import Use
from airflow_provider_claude.core.settle.concurrency import CEILING, Concurrency
from airflow_provider_claude.core.settle.headroom import headroom, least_share, limits_seen, pace_for
from airflow_provider_claude.core.settle.leftovers import OF_EVERYONE
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import ApiUnavailableError, ClaudeError, PendingError, RateLimitedError
from airflow_provider_claude.gateway import Message
from airflow_provider_claude.stages.journal import PART_SECONDS, Journal
from airflow_provider_claude.stages.lease import RENEW_SECONDS, Lease
from airflow_provider_claude.stages.meters import Meters
from airflow_provider_claude.store import LanesRecord

_log = logging.getLogger(__name__)

#: So long nothing may succeed before the lane gives up; a retry of its task goes on.
TROUBLE_SECONDS = 3600.0

#: A lane that had to slow down for so long is not the place for what can wait.
PATIENCE_SECONDS = 120.0

_SLOW = 0.5


class Api(Protocol):
    """What the lane needs of the asynchronous gateway."""

    async def create_message(self, params: bytes) -> Message: ...


class Request(NamedTuple):
    """One request, under the custom id that its answer is kept by. It asks about so many *items*."""

    custom_id: str
    params: bytes
    items: int = 1


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How the lane goes. *until*: the epoch second after which waiting makes no sense, None for no such moment.

    *in_flight*: the most requests under way at once. *reserve*: the share of the limits that is left to others.
    *shed*: whether what is left may go by batch, where the lane has to slow down for minutes.
    """

    until: float | None = None
    in_flight: int = int(CEILING)
    reserve: float = 0.1
    shed: bool = False


@dataclass
class _Row:
    request: Request
    use: Use
    tries: int = 0


@dataclass(kw_only=True)
class Lane:
    """One drain. Use once."""

    connect: Callable[[], AbstractAsyncContextManager[Api]]
    meters: Meters
    tokens: TokenModel
    pace: Pace
    now: Callable[[], float]
    journal: Journal
    lease: Lease
    done: int = 0
    _error: Exception | None = None
    _stopping: bool = False
    _slow_since: float | None = None
    _inside: int = 0
    _sleeping: int = 0
    _due: deque[_Row] = field(default_factory=deque)
    _lines: list[bytes] = field(default_factory=list)

    def drain(self, requests: Iterator[Request]) -> None:
        """Ask *requests* until all are answered, or have to be left. Blocks.

        Raises what hits every request (CredentialsError, BillingError, a model nobody knows), ApiUnavailableError after
        an hour without an answer, PendingError where it was stopped or has lost its lease, and OSError where answers
        cannot be written. What was answered by then is kept.
        """
        asyncio.run(self._drain(requests))

    def stop(self) -> None:
        """Send nothing more; what is under way is waited for. May be called from a signal handler."""
        self._stopping = True
        self._error = self._error or PendingError("The sync lane was stopped; a retry goes on where it was.", 1.0)

    async def _drain(self, requests: Iterator[Request]) -> None:
        self._changed, self._written = asyncio.Event(), asyncio.Event()
        self._concurrency = Concurrency.up_to(float(self.pace.in_flight))
        self._good = self.now()
        self.meters.heed(self.meters.limits, 1.0)
        async with self.connect() as self._api:
            keeper, renewer = asyncio.create_task(self._keep()), asyncio.create_task(self._renew())
            tasks: set[asyncio.Task[None]] = set()
            try:
                while (row := await self._next(requests)) is not None:
                    await self.meters.admit(row.use)
                    self._inside += 1
                    task = asyncio.create_task(self._ask(row))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            finally:
                await asyncio.gather(*tasks)
                self._stopping = True
                self._written.set()
                await keeper
                renewer.cancel()
        if self._error is not None:
            raise self._error

    async def _next(self, requests: Iterator[Request]) -> _Row | None:
        """The next row to send, when there is a place for it; None when there is none any more."""
        while True:
            self._changed.clear()
            if self._stopping:
                return None
            if self._inside < int(self._concurrency.limit):
                if self._due:
                    return self._due.popleft()
                request = next(requests, None)
                if request is not None:
                    return _Row(request, self._expected(request))
                if not self._inside and not self._sleeping:
                    return None
            await self._changed.wait()

    def _expected(self, request: Request) -> Use:
        return Use(1.0, float(self.tokens.input_tokens(len(request.params))), self.tokens.output * request.items)

    async def _ask(self, row: _Row) -> None:
        began = self.now()
        try:
            answer = await self._api.create_message(row.request.params)
            usage = read_usage(answer.body)
            if usage is None:
                raise ApiUnavailableError("The answer is no message of the API; a proxy may have sent it.")
        except ClaudeError as error:
            self._failed(row, error)
        else:
            used = Use(1.0, float(usage.input + usage.cache_write_5m + usage.cache_write_1h), float(usage.output))
            self.meters.correct(row.use, used)
            self.tokens = self.tokens.learned(
                request_bytes=len(row.request.params),
                input_tokens=used.input,
                output_tokens=used.output / row.request.items,
            )
            self._good = self.now()
            self._concurrency = self._concurrency.answered(self._good - began, self._good)
            self._heed(answer)
            self._answered(row, _succeeded(row.request.custom_id, answer.body))
        finally:
            self._inside -= 1
            self._changed.set()

    def _heed(self, answer: Message) -> None:
        seen = headroom(answer.headers)
        pace = min(pace_for(least_share(seen), self.pace.reserve), self._concurrency.pace(self._good))
        self.meters.heed(limits_seen(seen, self.meters.limits), pace)
        self._slow_since = None if pace >= _SLOW else self._slow_since or self._good
        self._consider_shedding()

    def _failed(self, row: _Row, error: ClaudeError) -> None:
        """Ask again later, or write down why not, or end the lane."""
        row.tries += 1
        now = self.now()
        if isinstance(error, RateLimitedError | ApiUnavailableError):
            self._concurrency = self._concurrency.pushed_back(now)
            self._slow_since = self._slow_since or now
            self._consider_shedding()
        match after(error, failed=row.tries, now=now, until=self._until(now), jitter=random.random()):  # noqa: S311
            case Again(seconds) if now - self._good < TROUBLE_SECONDS:
                self._sleeping += 1
                asyncio.get_running_loop().call_later(seconds, self._wake, row)
            case Again():
                self._end(ApiUnavailableError(f"Nothing was answered for an hour, the last: {error}"))
            case Failed(reason):
                self._answered(row, _errored(row.request.custom_id, error, reason))
                if getattr(error, "error_type", None) in OF_EVERYONE:
                    self._end(error)
            case Stop():
                self._end(error)
            case _:
                _log.warning("A request is left unanswered: %s", error)

    def _until(self, now: float) -> float | None:
        """Late answers are better than none: after the deadline there is no last moment any more."""
        return self.pace.until if self.pace.until is not None and now < self.pace.until else None

    def _wake(self, row: _Row) -> None:
        self._sleeping -= 1
        self._due.append(row)
        self._changed.set()

    def _end(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._stopping = True
        self._changed.set()

    def _consider_shedding(self) -> None:
        """Leave what is not sent yet to a batch, where others need the account and there is time."""
        if self.pace.shed and self._slow_since is not None and self.now() - self._slow_since > PATIENCE_SECONDS:
            _log.info("The account is busy: what is left goes back to the batch lane")
            self._stopping = True
            self._changed.set()

    def _answered(self, row: _Row, line: bytes) -> None:
        self._lines.append(line)
        self._written.set()

    async def _keep(self) -> None:
        """Write down what has come, all of it at a time."""
        while not (self._stopping and not self._lines and not self._inside):
            await self._written.wait()
            if not self.journal.local and not self._stopping:
                await asyncio.sleep(PART_SECONDS)
            self._written.clear()
            lines, self._lines = self._lines, []
            if lines:
                await self._write(lines)

    async def _write(self, lines: list[bytes]) -> None:
        """Write *lines*; they are paid for, so a store that fails is asked again before the lane ends."""
        for pause in (1.0, 3.0, 10.0, None):
            try:
                await asyncio.to_thread(self.journal.write, lines)
            except OSError as error:
                self._end(error)
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                self.done += len(lines)
                return

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await asyncio.to_thread(self.lease.renew, self.done)
            except OSError as error:
                _log.warning("The lease could not be renewed: %s", error)
            if self.lease.over:
                self._end(
                    PendingError("The lease on this attempt ran out; a retry goes on where it was.", RENEW_SECONDS)
                )


@dataclass(frozen=True, kw_only=True)
class Line:
    """An open way to an account. *account* tells it from others, for the bucket they share on this machine."""

    account: str
    connect: Callable[[], AbstractAsyncContextManager[Api]]


@dataclass(kw_only=True)
class Courier:
    """The way to the sync lane, and what the user wants of it.

    :param dial: reads the connection; called when there is something to send.
    :param now: the time in epoch seconds.
    :param in_flight: the most requests under way at once.
    :param shed: let what is left go by batch, where the lane has to slow down for minutes.
    """

    dial: Callable[[], Line]
    now: Callable[[], float]
    in_flight: int = int(CEILING)
    shed: bool = False
    _lane: Lane | None = None

    def maker(self, lanes: LanesRecord) -> Callable[[Journal, Lease], Lane]:
        """Makes lanes for a run that was planned with *lanes*."""

        def make(journal: Journal, lease: Lease) -> Lane:
            line = self.dial()
            due = None if lanes.promised is None else epoch(lanes.promised)
            self._lane = Lane(
                connect=line.connect,
                meters=Meters(line.account, lanes.limits, reserve=lanes.reserve, now=self.now),
                tokens=TokenModel(input_per_byte=lanes.input_per_byte, output=lanes.output_tokens, measured=True),
                pace=Pace(
                    until=due if due is not None and due > self.now() else None,
                    in_flight=self.in_flight,
                    reserve=lanes.reserve,
                    shed=self.shed,
                ),
                now=self.now,
                journal=journal,
                lease=lease,
            )
            return self._lane

        return make

    def stop(self) -> None:
        """End the lane that is running, if one is; see Lane.stop."""
        if self._lane is not None:
            self._lane.stop()


def _succeeded(custom_id: str, message: bytes) -> bytes:
    """An answer as a line of a batch's results. A JSON text has no newline that matters."""
    message = message.strip().replace(b"\n", b" ").replace(b"\r", b" ")
    return b'{"custom_id":"%b","result":{"type":"succeeded","message":%b}}' % (custom_id.encode(), message)


def _errored(custom_id: str, error: ClaudeError, reason: str) -> bytes:
    kind = getattr(error, "error_type", None) or "invalid_request_error"
    told = {"type": "error", "error": {"type": kind, "message": reason}, "request_id": None}
    return msgspec.json.encode({"custom_id": custom_id, "result": {"type": "errored", "error": told}})
