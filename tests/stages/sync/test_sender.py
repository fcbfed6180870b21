"""One lane over real HTTP: no answer is lost and nothing hangs, whatever breaks on the way."""

from __future__ import annotations

import asyncio
import errno
import itertools
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anthropic
import msgspec
import pytest
from upath import UPath

from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.load.answers import read_head
from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.core.sync.backoff import MOST_ALONE
from airflow_provider_claude.core.sync.token_bucket import Use
from airflow_provider_claude.errors import (
    ApiUnavailableError,
    BillingError,
    ClaudeError,
    CredentialsError,
    PendingError,
    RateLimitedError,
)
from airflow_provider_claude.gateway.async_client import AsyncGateway, Message, open_async
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.sync.answer_writer import AnswerWriter
from airflow_provider_claude.stages.sync.journal import Journal, read_journals
from airflow_provider_claude.stages.sync.lane_factory import Connection, LaneFactory
from airflow_provider_claude.stages.sync.lease import LEASE_SECONDS, Lease
from airflow_provider_claude.stages.sync.rate_limiter import RateLimiter
from airflow_provider_claude.stages.sync.request import Api, Pace, Request
from airflow_provider_claude.stages.sync.sender import Lane
from airflow_provider_claude.store import LanesRecord, RunFolder, ShardFolder
from tests.stages.submit.test_recover import in_

LIMITS = AccountLimits(requests=600_000, input_tokens=600_000_000, output_tokens=600_000_000)
ROOT = Path(__file__).resolve().parents[3]

#: What a lane that hangs is waited for.
SOON = 20.0


def params(number: int) -> bytes:
    messages = [{"role": "user", "content": f"mail {number}"}]
    return msgspec.json.encode({"model": "claude-haiku-5-5", "max_tokens": 100, "messages": messages})


def requests(count: int) -> Iterator[Request]:
    return (Request(f"r-{number}", params(number)) for number in range(count))


Call = Callable[[bytes], "asyncio.Future[Message]"]


@dataclass
class Wrapped:
    """The real gateway, with something that happens before each call."""

    gateway: AsyncGateway
    before: Callable[[int, bytes], None]
    calls: int = 0

    async def create_message(self, params: bytes) -> Message:
        self.calls += 1
        self.before(self.calls, params)
        return await self.gateway.create_message(params)


@dataclass
class Site:
    """A shard, and lanes on it against the simulator."""

    shard: ShardFolder
    simulator: SimulatorProcess
    before: Callable[[int, bytes], None] = lambda call, params: None
    now: Callable[[], float] = time.time
    made: list[Lane] = field(default_factory=list)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Api]:
        client = anthropic.AsyncAnthropic(base_url=self.simulator.base_url, api_key="k", max_retries=0)
        async with open_async(client) as gateway:
            yield Wrapped(gateway, self.before)

    def lane(self, *, in_flight: int = 16, lease: Lease | None = None, **changes: Any) -> Lane:
        lease = lease or Lease(self.shard, 1, in_(0))
        given = {
            "connect": self.connect,
            "rate_limiter": RateLimiter("test", LIMITS, reserve=0.1, now=self.now),
            "tokens": TokenModel(),
            "pace": Pace(in_flight=in_flight),
            "now": self.now,
            "journal": Journal(self.shard, 1, lease.number),
            "lease": lease,
        }
        self.made.append(Lane(**{**given, **changes}))
        return self.made[-1]

    def answered(self) -> list[str]:
        """The custom ids of all lines, in their order."""
        return [name for name, kind in map(read_head, read_journals(self.shard, 1)) if kind == "succeeded"]

    def billed(self) -> int:
        return int(self.simulator.books()["messages"]["requests"])


@pytest.fixture
def site(claude_simulator: SimulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shard = RunFolder(UPath(tmp_path / "run")).shard(1)
    Path(shard.path.path).mkdir(parents=True)
    return Site(shard, claude_simulator)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of our own take no time."""
    monkeypatch.setattr("airflow_provider_claude.stages.sync.sender.random.random", lambda: 0.0)
    monkeypatch.setattr("airflow_provider_claude.stages.sync.answer_writer.WRITE_PAUSES", (0.0, 0.0, 0.0))


def drained(lane: Lane, given: Iterator[Request]) -> float:
    """Drain, which has to end soon; the seconds it took."""
    began = time.monotonic()
    try:
        lane.send_all(given)
    finally:
        seconds = time.monotonic() - began
        assert seconds < SOON
    return seconds


class Once:
    """Raises *error* at the call of that number."""

    def __init__(self, error: BaseException, at: int = 10) -> None:
        self.error, self.at = error, at

    def __call__(self, call: int, params: bytes) -> None:
        if call == self.at:
            raise self.error


class TestAnswers:
    def test_every_request_is_answered_and_written_down_once(self, site: Site) -> None:
        lane = site.lane()
        lane.send_all(requests(60))
        assert sorted(site.answered()) == sorted(f"r-{number}" for number in range(60))
        assert lane.writer.done == site.billed() == 60

    def test_no_requests_are_no_work(self, site: Site) -> None:
        site.lane().send_all(requests(0))
        assert site.answered() == []

    def test_requests_are_read_as_they_are_sent(self, site: Site) -> None:
        held = []

        def counted() -> Iterator[Request]:
            for number, request in enumerate(requests(300)):
                held.append(number - len(lane.writer.unwritten) - lane.writer.done)
                yield request

        lane = site.lane(in_flight=8)
        lane.send_all(counted())
        assert max(held) <= 8

    @pytest.mark.usefixtures("at_once")
    def test_while_the_api_is_down_no_more_are_read_than_may_be_under_way(self, site: Site) -> None:
        read = 0

        def counted() -> Iterator[Request]:
            nonlocal read
            for request in requests(400):
                read += 1
                yield request

        def look(call: int, params: bytes) -> None:
            if call < 300:
                assert read <= 2 * 8
                raise ApiUnavailableError("HTTP 529")

        site.before = look
        site.lane(in_flight=8).send_all(counted())
        assert sorted(site.answered()) == sorted(f"r-{number}" for number in range(400))

    @pytest.mark.usefixtures("at_once")
    @pytest.mark.parametrize(
        "fault", ["error_500", "error_504", "error_529", "rate_limit_bare", "reset_before_accept", "reset_after_accept"]
    )
    def test_a_storm_of_faults_loses_nothing_and_answers_nothing_twice(
        self, site: Site, claude_simulator: SimulatorProcess, fault: str
    ) -> None:
        claude_simulator.fault(fault, route="messages", times=40)
        drained(site.lane(), requests(60))
        assert sorted(site.answered()) == sorted(f"r-{number}" for number in range(60))

    @pytest.mark.usefixtures("at_once")
    def test_one_request_that_always_fails_does_not_hold_up_the_lane(self, site: Site) -> None:
        poison = params(7)
        tries = 0

        def fails(call: int, given: bytes) -> None:
            nonlocal tries
            if given == poison:
                tries += 1
                raise ApiUnavailableError("HTTP 500 api_error")

        site.before = fails
        drained(site.lane(in_flight=4), requests(400))
        assert len(site.answered()) == 399
        assert MOST_ALONE <= tries < 200
        (failed,) = [line for line in read_journals(site.shard, 1) if read_head(line)[1] == "errored"]
        assert msgspec.json.decode(failed)["result"]["error"]["error"]["type"] == "api_error"

    def test_an_answer_that_never_gets_whole_is_asked_again(
        self, site: Site, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_claude.stages.sync.sender.ANSWER_SECONDS", 0.3)
        claude_simulator.fault("slow", route="messages", times=2, seconds=2.0)
        drained(site.lane(), requests(4))
        assert len(site.answered()) == 4

    def test_after_a_429_no_one_sends_before_the_api_has_room(
        self, site: Site, claude_simulator: SimulatorProcess
    ) -> None:
        sent: list[float] = []
        site.before = lambda call, params: sent.append(time.monotonic())
        claude_simulator.fault("rate_limit", route="messages", times=1, retry_after=2)
        lane = site.lane(in_flight=1)
        drained(lane, requests(8))
        assert lane.rate_limited == 1
        lane.lease.give_back(8)
        _, record = site.shard.leases(1).latest()
        assert record is not None
        assert record.rate_limited == 1
        assert [later - sooner >= 1.9 for sooner, later in itertools.pairwise(sent)].count(True) == 1

    def test_limits_lower_than_planned_are_kept_after_a_few_429s_at_most(
        self, site: Site, claude_simulator: SimulatorProcess
    ) -> None:
        claude_simulator.limits(requests=1_200, burst=1)
        limits = AccountLimits(requests=60_000, input_tokens=10**9, output_tokens=10**9)
        drained(site.lane(rate_limiter=RateLimiter("test", limits, reserve=0.1, now=time.time)), requests(60))
        assert claude_simulator.traffic()["rejected"].get("messages", 0) <= 5
        assert len(site.answered()) == 60


class TestTrouble:
    """Whatever ends the lane, what was under way is waited for and kept."""

    @pytest.mark.parametrize("error", [KeyError("a bug"), ValueError("another"), MemoryError()])
    def test_a_bug_ends_the_lane_and_costs_no_other_answer(self, site: Site, error: Exception) -> None:
        site.before = Once(error)
        with pytest.raises(type(error)):
            drained(site.lane(), requests(400))
        assert 9 <= len(site.answered()) == site.billed() < 400

    def test_a_bug_after_the_answer_costs_not_even_that_answer(self, site: Site) -> None:
        class Broken(RateLimiter):
            def settle(self, *_: Any) -> float:
                raise ZeroDivisionError

        lane = site.lane(rate_limiter=Broken("test", LIMITS, reserve=0.1, now=time.time))
        with pytest.raises(ZeroDivisionError):
            drained(lane, requests(400))
        assert 1 <= len(site.answered()) == site.billed()

    def test_a_request_that_is_cancelled_from_within_ends_the_lane(self, site: Site) -> None:
        site.before = Once(asyncio.CancelledError())
        with pytest.raises(PendingError, match="interrupted"):
            drained(site.lane(), requests(400))
        assert len(site.answered()) == site.billed()

    @pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(3)])
    def test_an_interrupt_amid_a_call_keeps_what_was_answered(self, site: Site, interrupt: BaseException) -> None:
        site.before = Once(interrupt, at=50)
        lane = site.lane(in_flight=4)
        with pytest.raises(type(interrupt)):
            drained(lane, requests(400))
        assert 46 <= len(set(site.answered())) <= site.billed() < 60

    def test_a_first_interrupt_of_the_keyboard_waits_for_what_is_under_way(self, site: Site) -> None:
        def interrupt(call: int, params: bytes) -> None:
            if call == 20:
                signal.raise_signal(signal.SIGINT)

        site.before = interrupt
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # other tests may have set theirs
        try:
            with pytest.raises(KeyboardInterrupt):
                drained(site.lane(), requests(400))
        finally:
            signal.signal(signal.SIGINT, before)
        assert 20 <= len(site.answered()) == site.billed() < 60

    def test_requests_that_cannot_be_read_end_the_lane(self, site: Site) -> None:
        def broken() -> Iterator[Request]:
            yield from requests(30)
            raise OSError(errno.EIO, "the spool is gone")

        with pytest.raises(OSError, match="the spool is gone"):
            drained(site.lane(), broken())
        assert len(site.answered()) == 30

    @pytest.mark.parametrize(("fault", "kind"), [("billing", BillingError), ("bad_key", CredentialsError)])
    def test_what_meets_every_request_ends_the_lane_at_once(
        self, site: Site, claude_simulator: SimulatorProcess, fault: str, kind: type[ClaudeError]
    ) -> None:
        claude_simulator.fault(fault, route="messages", times=1_000)
        with pytest.raises(kind):
            drained(site.lane(), requests(400))
        assert claude_simulator.calls()["messages"] <= 16

    def test_a_connection_that_cannot_be_opened_sends_nothing(self, site: Site) -> None:
        @asynccontextmanager
        async def broken() -> AsyncIterator[Api]:
            raise CredentialsError("no key")
            yield

        with pytest.raises(CredentialsError):
            drained(site.lane(connect=broken), requests(4))
        assert site.answered() == []

    def test_an_hour_without_an_answer_ends_the_lane(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_claude.stages.sync.sender.TROUBLE_SECONDS", 0.0)

        def down(call: int, params: bytes) -> None:
            raise ApiUnavailableError("HTTP 529")

        site.before = down
        with pytest.raises(ApiUnavailableError, match="No request was answered for an hour"):
            drained(site.lane(), requests(400))


class TestJournal:
    def test_a_store_that_fails_for_a_moment_costs_nothing(self, site: Site, at_once: None) -> None:
        lane = site.lane()
        lane.writer.journal = Failing(site.shard, lane.lease.number, fails=range(2, 5))
        drained(lane, requests(100))
        assert sorted(site.answered()) == sorted(f"r-{number}" for number in range(100))
        assert lane.writer.done == 100

    def test_nothing_is_sent_while_answers_cannot_be_written(self, site: Site, at_once: None) -> None:
        lane = site.lane(in_flight=8)
        lane.writer.journal = Failing(site.shard, lane.lease.number, fails=range(1, 10_000))
        with pytest.raises(OSError, match="No space left"):
            drained(lane, requests(400))
        assert site.billed() <= 16
        assert site.answered() == []

    def test_answers_that_could_not_be_written_are_tried_once_more_at_the_end(self, site: Site, at_once: None) -> None:
        lane = site.lane()
        lane.writer.journal = Failing(site.shard, lane.lease.number, fails=range(1, 5))
        with pytest.raises(OSError, match="No space left"):
            drained(lane, requests(400))
        assert 1 <= len(site.answered()) == lane.writer.done == site.billed() < 400

    def test_a_store_that_raises_errors_of_its_own_is_treated_the_same(self, site: Site, at_once: None) -> None:
        class Bucket(Exception):
            """As the client of an object store raises."""

        lane = site.lane()
        lane.writer.journal = Failing(site.shard, lane.lease.number, fails=range(1, 5), error=Bucket("503"))
        with pytest.raises(Bucket):
            drained(lane, requests(400))
        assert len(site.answered()) == site.billed()

    @pytest.mark.parametrize("written", [0, 3, 40])
    def test_what_was_half_written_before_an_error_is_not_read_as_answers(
        self, site: Site, monkeypatch: pytest.MonkeyPatch, written: int
    ) -> None:
        journal, first = Journal(site.shard, 1, 1), [b'{"custom_id":"a","result":{"type":"succeeded"}}']
        journal.write(first)
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", cut_off(Path(site.shard.file("1.answers.1.jsonl").path), written))
            with pytest.raises(OSError, match="No space left"):
                journal.write([first[0].replace(b'"a"', b'"b"')])
        journal.write([first[0].replace(b'"a"', b'"c"')])
        assert site.answered() == ["a", "c"]

    def test_a_slow_object_store_does_not_hold_up_the_lane(self, site: Site) -> None:
        unwritten: list[int] = []
        lane = site.lane(in_flight=4)
        lane.journal.local = False
        site.before = lambda call, params: unwritten.append(len(lane.writer.unwritten))
        drained(lane, requests(60))
        assert max(unwritten) > 2 * 4
        assert lane.writer.done == 60

    def test_where_the_writer_has_failed_no_more_are_asked(self, site: Site) -> None:
        class Broken(AnswerWriter):
            def _written(self, count: int) -> None:
                super()._written(count)
                if not self.state.stopping:
                    raise ZeroDivisionError

        lane = site.lane(in_flight=4)
        lane.writer = Broken(journal=lane.journal, lease=lane.lease, state=lane.writer.state)
        with pytest.raises(ZeroDivisionError):
            drained(lane, requests(400))
        assert len(site.answered()) == site.billed() < 60

    def test_parts_of_an_object_store_take_the_place_of_those_that_failed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shard = RunFolder(UPath("memory://lane")).shard(1)
        journal = Journal(shard, 1, 1)
        journal.write([b"1"])
        with monkeypatch.context() as patched:
            patched.setattr("airflow_provider_claude.stages.sync.journal.write_bytes", raises)
            with pytest.raises(OSError, match="No space left"):
                journal.write([b"2"])
        journal.write([b"2", b"3"])
        assert list(read_journals(shard, 1)) == [b"1", b"2", b"3"]
        assert {"1.answers.1.000001.jsonl", "1.answers.1.000002.jsonl"} <= shard.names()


class Failing(Journal):
    """A journal of which the writes of these numbers fail."""

    def __init__(self, shard: ShardFolder, number: int, fails: range, error: Exception | None = None) -> None:
        super().__init__(shard, 1, number)
        self.fails, self.error, self.writes = fails, error or full(), 0

    def write(self, lines: Sequence[bytes]) -> None:
        self.writes += 1
        if self.writes in self.fails:
            raise self.error
        super().write(lines)


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


def raises(*_: Any) -> None:
    raise full()


def cut_off(path: Path, written: int) -> Callable[[int], None]:
    """A disk that takes so many bytes more than there were, and is full then."""
    size = path.stat().st_size

    def sync(descriptor: int) -> None:
        os.ftruncate(descriptor, size + written)
        raise full()

    return sync


class TestStop:
    def test_a_signal_ends_a_lane_that_waits_for_the_api(
        self, site: Site, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        claude_simulator.fault("rate_limit", route="messages", times=1_000, retry_after=50)
        site.before = lambda call, params: kill_soon() if call == 3 else None
        lane = site.lane()
        before = signal.signal(signal.SIGUSR1, lambda *_: lane.stop())
        try:
            with pytest.raises(PendingError, match="stopped"):
                drained(lane, requests(400))
        finally:
            signal.signal(signal.SIGUSR1, before)

    def test_another_thread_ends_a_lane_whose_requests_all_wait_for_another_try(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_claude.stages.sync.sender.random.random", lambda: 0.999)
        tried = threading.Event()

        def down(call: int, params: bytes) -> None:
            if call == 2:
                tried.set()
            raise RateLimitedError("HTTP 429", retry_after=40.0)

        site.before = down
        lane = site.lane()
        stopper = threading.Thread(target=lambda: tried.wait() and lane.stop())
        stopper.start()
        with pytest.raises(PendingError, match="stopped"):
            drained(lane, requests(2))
        stopper.join()

    def test_what_is_under_way_is_waited_for(self, site: Site, claude_simulator: SimulatorProcess) -> None:
        claude_simulator.latency("seconds:1")
        site.before = lambda call, params: site.made[0].stop() if call == 10 else None
        with pytest.raises(PendingError):
            drained(site.lane(), requests(400))
        assert 10 <= len(site.answered()) == site.billed() < 40

    def test_a_lane_that_was_stopped_before_it_began_sends_nothing(self, site: Site) -> None:
        lane = site.lane()
        lane.stop()
        with pytest.raises(PendingError):
            drained(lane, requests(4))
        assert site.billed() == 0

    def test_a_lane_that_has_ended_may_be_stopped(self, site: Site) -> None:
        lane = site.lane()
        lane.send_all(requests(4))
        lane.stop()

    def test_a_factory_that_was_stopped_early_makes_lanes_that_send_nothing(self, site: Site) -> None:
        lane_factory = LaneFactory(
            open_connection=lambda: Connection(account="test", connect=site.connect), now=time.time
        )
        lane_factory.stop()
        lease = Lease(site.shard, 1, in_(0))
        with pytest.raises(PendingError):
            lane_factory.maker(LANES)(Journal(site.shard, 1, 1), lease).send_all(requests(4))
        assert site.billed() == 0

    def test_a_request_that_waits_for_its_turn_is_not_sent_and_gives_back_what_was_drawn(self, site: Site) -> None:
        drawn = threading.Event()

        class Watched(RateLimiter):
            def draw(self, use: Use) -> float:
                try:
                    return super().draw(use)
                finally:
                    drawn.set()

        other = RateLimiter("test", LIMITS, reserve=0.1, now=lambda: 1_800_000_000.0)
        other.refused(Use(1), 50.0)
        before = other.draw(Use(1))
        lane = site.lane(rate_limiter=Watched("test", LIMITS, reserve=0.1, now=lambda: 1_800_000_000.0))
        stopper = threading.Thread(target=lambda: drawn.wait() and lane.stop())
        stopper.start()
        with pytest.raises(PendingError, match="stopped"):
            drained(lane, requests(400))
        stopper.join()
        assert site.billed() == 0
        assert other.draw(Use(1)) == pytest.approx(before + 1 / 9_000, abs=1e-6)


LANES = LanesRecord(
    lane="sync", reason="", sync_rows=4, row_seconds=0.1, safe_deadline=None, lead_seconds=0.0, late_seconds=0.0,
    limits=LIMITS, reserve=0.1, input_per_byte=0.3, output_tokens=40.0,
)  # fmt: skip


def kill_soon() -> None:
    """A signal, once the loop has gone round."""
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGUSR1)


class TestShedding:
    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_claude.stages.sync.shedding.PATIENCE_SECONDS", 0.0)

    @pytest.fixture
    def mixed(self) -> Iterator[Request]:
        """Five urgent requests, and thirty that can wait."""
        return (request._replace(urgent=number < 5) for number, request in enumerate(requests(35)))

    def test_where_the_account_is_busy_only_urgent_requests_are_asked_on(
        self, site: Site, claude_simulator: SimulatorProcess, mixed: Iterator[Request]
    ) -> None:
        claude_simulator.fault("rate_limit_bare", route="messages", times=1)
        drained(site.lane(pace=Pace(in_flight=2, shed_until=math.inf)), mixed)
        assert sorted(site.answered()) == [f"r-{number}" for number in range(5)]
        assert site.billed() == 5

    @pytest.mark.usefixtures("at_once")
    def test_what_waits_for_another_try_is_left_too_unless_it_is_urgent(
        self, site: Site, mixed: Iterator[Request]
    ) -> None:
        def busy(call: int, params: bytes) -> None:
            if 6 <= call <= 16:
                raise RateLimitedError("HTTP 429", retry_after=30.0 if call == 6 else 0.0)

        site.before = busy
        drained(site.lane(pace=Pace(in_flight=16, shed_until=math.inf), rate_limiter=Deaf()), mixed)
        assert {f"r-{number}" for number in range(5)} <= set(site.answered())
        assert len(site.answered()) == site.billed() < 35

    @pytest.mark.parametrize("until", [-math.inf, 1.0])
    def test_where_there_is_no_time_for_a_batch_all_are_asked(
        self, site: Site, claude_simulator: SimulatorProcess, mixed: Iterator[Request], until: float
    ) -> None:
        claude_simulator.fault("rate_limit_bare", route="messages", times=1)
        drained(site.lane(pace=Pace(in_flight=2, shed_until=until)), mixed)
        assert len(site.answered()) == 35

    def test_a_request_that_waits_for_its_turn_is_left_and_gives_back_what_was_drawn(self, site: Site) -> None:
        def busy(call: int, params: bytes) -> None:
            raise RateLimitedError("HTTP 429", retry_after=0.0)

        site.before, rate_limiter = busy, Slow()
        drained(site.lane(pace=Pace(in_flight=2, shed_until=math.inf), rate_limiter=rate_limiter), requests(9))
        assert (rate_limiter.drawn, rate_limiter.given_back, site.billed()) == (2, 1, 0)


class Deaf(RateLimiter):
    """A rate limiter that no 429 slows down."""

    def __init__(self) -> None:
        super().__init__("deaf", LIMITS, reserve=0.1, now=time.time)

    def refused(self, drawn: Use, seconds: float) -> None:
        self.give_back(drawn)


class Slow(Deaf):
    """A rate limiter that lets all but the first wait."""

    drawn = given_back = 0

    def draw(self, use: Use) -> float:
        self.drawn += 1
        return 0.0 if self.drawn == 1 else 50.0

    def refused(self, drawn: Use, seconds: float) -> None:
        pass

    def give_back(self, use: Use) -> None:
        self.given_back += 1


class TestLease:
    def test_nothing_is_sent_on_a_lease_that_has_run_out(self, site: Site) -> None:
        late = [0.0]

        def clock() -> str:
            return in_(late[0])()

        def suspend(call: int, params: bytes) -> None:
            if call == 5:
                late[0] = LEASE_SECONDS + 1

        site.before = suspend
        with pytest.raises(PendingError, match="ran out"):
            drained(site.lane(lease=Lease(site.shard, 1, clock), in_flight=4), requests(400))
        assert 5 <= len(site.answered()) == site.billed() <= 8

    def test_a_lease_that_cannot_be_renewed_holds_until_it_runs_out(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_claude.stages.sync.lease.RENEW_SECONDS", 0.001)

        class Unwritable(Lease):
            tries = 0

            def renew(self, done: int) -> None:
                type(self).tries += 1
                raise RuntimeError("the store says no")

        drained(site.lane(lease=Unwritable(site.shard, 1, in_(0))), requests(60))
        assert Unwritable.tries > 0
        assert len(site.answered()) == 60


WORKER = """
import os, signal, sys, tempfile
from pathlib import Path
from upath import UPath
from airflow_provider_claude.store import RunFolder
from tests.stages.sync.test_sender import Site, requests
from airflow_provider_claude.simulator.process import SimulatorProcess

folder, url, count, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
tempfile.tempdir = str(folder)
simulator = SimulatorProcess()
simulator.base_url = url
site = Site(RunFolder(UPath(folder / "run")).shard(1), simulator)
site.before = lambda call, params: os.kill(os.getpid(), signal.SIGKILL) if call == last else None
site.lane(in_flight=16).send_all(requests(count))
"""


def test_a_worker_that_was_killed_loses_what_was_under_way_and_its_successor_asks_only_the_rest(
    site: Site, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    claude_simulator.latency("lognormal:0.05,0.5")
    command = [sys.executable, "-c", WORKER, str(tmp_path), claude_simulator.base_url, "200", "80"]
    killed = subprocess.run(command, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    kept = set(site.answered())
    assert 40 < len(kept) < 80
    with pytest.raises(PendingError, match="a worker is processing it"):
        site.lane()
    left = (request for request in requests(200) if request.custom_id not in kept)
    drained(site.lane(lease=Lease(site.shard, 1, in_(LEASE_SECONDS + 60))), left)
    assert sorted(site.answered()) == sorted(f"r-{number}" for number in range(200))
    assert claude_simulator.books()["same_content"]["requests"] <= 2 * 16
