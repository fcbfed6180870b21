"""The scheduler: which request of the lane starts next, and when.

A request starts when fewer are under way than the concurrency allows and the rate limiter has room for its tokens, as
long as the worker holds the lease. One that failed and may be tried again starts before new ones. New ones are read
only as they start, and wait where many others wait for another try or to be written down.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.sync.backoff import wait_asked
from airflow_provider_claude.core.sync.concurrency import Concurrency
from airflow_provider_claude.core.sync.pace import Headroom
from airflow_provider_claude.core.sync.token_bucket import NOTHING, Use
from airflow_provider_claude.errors import ApiUnavailableError, ClaudeError, RateLimitedError
from airflow_provider_claude.stages.sync.answer_writer import AnswerWriter
from airflow_provider_claude.stages.sync.lane_state import LaneState
from airflow_provider_claude.stages.sync.lease import Lease, lease_over
from airflow_provider_claude.stages.sync.rate_limiter import RateLimiter
from airflow_provider_claude.stages.sync.request import Pace, Request
from airflow_provider_claude.stages.sync.shedding import Shedding

#: How many answers may be waiting for an object store, which takes seconds to write them.
MOST_UNWRITTEN = 5_000

#: The longest sleep (seconds) after which a lane notices that it is stopped.
_BLINK = 0.25


@dataclass(eq=False)
class Scheduled:
    """A *request*, the *use* drawn for it, and how often it failed; *alone* of its *tries* failed while others were answered."""

    request: Request
    use: Use = NOTHING
    tries: int = 0
    alone: int = 0
    failed_at: float = math.inf

    def failed(self, at: float, last_answer: float) -> None:
        """It failed at *at*; the last answer came at *last_answer*."""
        self.tries += 1
        self.alone += last_answer > self.failed_at
        self.failed_at = at


@dataclass(kw_only=True)
class Scheduler:
    """Starts *requests*. It learns from each answer and failure how many may be under way, and what a request uses."""

    requests: Iterator[Request]
    rate_limiter: RateLimiter
    tokens: TokenModel
    pace: Pace
    lease: Lease
    writer: AnswerWriter
    shedding: Shedding
    state: LaneState
    concurrency: Concurrency
    _under_way: int = 0
    _no_more: bool = False
    _pausing: set[Scheduled] = field(default_factory=set)
    _due: deque[Scheduled] = field(default_factory=deque)

    async def next(self) -> Scheduled | None:
        """The next request to send, once it may start; it then counts as open. None when there are no more."""
        while not self.state.stopping:
            self.state.changed.clear()
            one = self._pick()
            if one is not None:
                if await self._has_room(one):
                    self._under_way += 1
                    return one
            elif self._no_more and not self._under_way and not self._pausing and not self._due:
                return None
            else:
                await self.state.changed.wait()
        return None

    def ended(self) -> None:
        """A request is no longer open."""
        self._under_way -= 1
        self.state.changed.set()

    def answered(self, one: Scheduled, used: Use, seen: Headroom, *, began: float, at: float) -> None:
        """Learn from an answer: how long it took, what it *used*, and what the API says is left."""
        self.concurrency = self.concurrency.answered(at - began, self._under_way)
        self.tokens = self.tokens.learned(
            request_bytes=len(one.request.params),
            input_tokens=used.input,
            output_tokens=used.output / one.request.items,
            in_result=one.request.in_result,
        )
        pace = self.rate_limiter.settle(one.use, used, seen)
        if self.shedding.paced(pace, at):
            self._shed()

    def failed(self, one: Scheduled, error: ClaudeError, *, at: float) -> None:
        """Learn from a failure: the API has no room."""
        if isinstance(error, RateLimitedError):
            self.lease.rate_limited += 1
            self.rate_limiter.refused(one.use, wait_asked(error))
        if isinstance(error, RateLimitedError | ApiUnavailableError):
            self.concurrency = self.concurrency.pushed_back(at)
            if self.shedding.refused(at):
                self._shed()

    def again(self, one: Scheduled, seconds: float) -> None:
        """Start *one* again in *seconds*, or as soon as there is room then."""
        self._pausing.add(one)
        asyncio.get_running_loop().call_later(seconds, self._pause_over, one)

    def _pick(self) -> Scheduled | None:
        """The next request that may be under way; None where none may now."""
        if self.writer.is_stuck or self._under_way >= int(self.concurrency.limit):
            return None
        if self._due:
            return self._due.popleft()
        pausing = len(self._pausing)
        if pausing >= self.pace.in_flight or pausing + len(self.writer.unwritten) >= most_open(self.pace, self.writer):
            return None
        request = next(self.requests, None)
        self._no_more = request is None or self.shedding.leaves(request)
        return None if request is None or self._no_more else Scheduled(request)

    async def _has_room(self, one: Scheduled) -> bool:
        """Draw what *one* is expected to use, and wait until it may be sent; False if it is not sent."""
        request = one.request
        output = self.tokens.output * request.items
        one.use = Use(1.0, float(self.tokens.input_tokens(len(request.params), request.in_result)), output)
        at = monotonic() + self.rate_limiter.draw(one.use)
        while self._is_wanted(one) and (left := at - monotonic()) > 0:  # noqa: ASYNC110 - stopped by signals
            await asyncio.sleep(min(left, _BLINK))
        if self.lease.over:
            self.state.end(lease_over())
        if not self._is_wanted(one):
            self.rate_limiter.give_back(one.use)
            return False
        return True

    def _is_wanted(self, one: Scheduled) -> bool:
        return not self.state.stopping and not self.shedding.leaves(one.request)

    def _pause_over(self, one: Scheduled) -> None:
        if one in self._pausing:
            self._pausing.remove(one)
            self._due.append(one)
            self.state.changed.set()

    def _shed(self) -> None:
        """Drop requests that wait for another try and go to a batch."""
        self._due = deque(one for one in self._due if not self.shedding.leaves(one.request))
        self._pausing = {one for one in self._pausing if not self.shedding.leaves(one.request)}
        self.state.changed.set()


def most_open(pace: Pace, writer: AnswerWriter) -> int:
    """How many requests may wait for another try or to be written down. An object store takes its time to write."""
    return pace.in_flight if writer.journal.local else max(pace.in_flight, MOST_UNWRITTEN)
