"""Which request of the sync lane starts next, and when."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.core.sync.concurrency import Concurrency
from airflow_provider_claude.errors import ApiUnavailableError, PendingError
from airflow_provider_claude.stages.sync.answer_writer import AnswerWriter
from airflow_provider_claude.stages.sync.journal import Journal
from airflow_provider_claude.stages.sync.lane_state import LaneState
from airflow_provider_claude.stages.sync.lease import LEASE_SECONDS, Lease
from airflow_provider_claude.stages.sync.rate_limiter import RateLimiter
from airflow_provider_claude.stages.sync.request import Pace, Request
from airflow_provider_claude.stages.sync.scheduler import Scheduled, Scheduler
from airflow_provider_claude.stages.sync.shedding import Shedding
from airflow_provider_claude.store import RunFolder
from tests.stages.submit.test_recover import in_

LIMITS = AccountLimits(requests=600_000, input_tokens=600_000_000, output_tokens=600_000_000)

Act = Callable[[Scheduler], Coroutine[Any, Any, Any]]


@dataclass
class Late:
    """A clock, *seconds* late."""

    seconds: float = 0.0

    def __call__(self) -> str:
        return in_(self.seconds)()


@pytest.fixture
def late() -> Late:
    return Late()


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: Late) -> Scheduler:
    """Of six requests, the first of them urgent; four may be under way."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shard = RunFolder(UPath(tmp_path / "run")).shard(1)
    Path(shard.path.path).mkdir(parents=True)
    lease, state, pace = Lease(shard, 1, late), LaneState(), Pace(in_flight=4)
    return Scheduler(
        requests=(Request(f"r-{number}", b"{}", urgent=not number) for number in range(6)),
        rate_limiter=RateLimiter("test", LIMITS, reserve=0.1, now=time.time),
        tokens=TokenModel(),
        pace=pace,
        lease=lease,
        writer=AnswerWriter(journal=Journal(shard, 1, 1), lease=lease, state=state),
        shedding=Shedding(until=math.inf, now=time.time),
        state=state,
        concurrency=Concurrency.up_to(4),
    )


def run(scheduler: Scheduler, act: Act) -> Any:
    async def within() -> Any:
        async with asyncio.timeout(10):
            return await act(scheduler)

    return asyncio.run(within())


async def started(scheduler: Scheduler, count: int) -> list[Scheduled]:
    found = [await scheduler.next() for _ in range(count)]
    assert all(found)
    return [one for one in found if one is not None]


def names(started: list[Scheduled]) -> list[str]:
    return [one.request.custom_id for one in started]


async def turns() -> None:
    """Let all that is due happen."""
    for _ in range(10):
        await asyncio.sleep(0)


async def waits(scheduler: Scheduler) -> bool:
    """Whether none starts now."""
    task = asyncio.create_task(scheduler.next())
    await turns()
    return task.cancel()


def test_as_many_start_as_may_be_under_way_and_one_more_when_one_has_ended(scheduler: Scheduler) -> None:
    async def act(scheduler: Scheduler) -> None:
        assert names(await started(scheduler, 4)) == ["r-0", "r-1", "r-2", "r-3"]
        assert await waits(scheduler)
        scheduler.ended()
        assert names(await started(scheduler, 1)) == ["r-4"]

    run(scheduler, act)


def test_one_that_failed_starts_again_before_new_ones(scheduler: Scheduler) -> None:
    async def act(scheduler: Scheduler) -> list[str]:
        [first] = await started(scheduler, 1)
        scheduler.again(first, 0.0)
        scheduler.ended()
        await turns()
        return names(await started(scheduler, 2))

    assert run(scheduler, act) == ["r-0", "r-1"]


def test_the_end_comes_when_the_last_one_has_ended(scheduler: Scheduler) -> None:
    async def act(scheduler: Scheduler) -> None:
        for _ in range(6):
            await started(scheduler, 1)
            scheduler.ended()
        assert await scheduler.next() is None

    run(scheduler, act)


def test_while_answers_cannot_be_written_none_starts(scheduler: Scheduler) -> None:
    async def act(scheduler: Scheduler) -> None:
        scheduler.writer.is_stuck = True
        assert await waits(scheduler)
        scheduler.writer.is_stuck = False
        assert names(await started(scheduler, 1)) == ["r-0"]

    run(scheduler, act)


@pytest.mark.parametrize("local", [True, False])
def test_while_as_many_wait_for_another_try_as_may_be_under_way_no_new_one_starts(
    scheduler: Scheduler, local: bool
) -> None:
    scheduler.writer.journal.local = local

    async def act(scheduler: Scheduler) -> None:
        for one in await started(scheduler, 4):
            scheduler.again(one, 1_000.0)
            scheduler.ended()
        assert await waits(scheduler)

    run(scheduler, act)


def test_where_the_lane_sheds_what_waits_for_another_try_starts_only_if_it_is_urgent(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_claude.stages.sync.shedding.PATIENCE_SECONDS", 0.0)

    async def act(scheduler: Scheduler) -> None:
        for one in await started(scheduler, 3):
            scheduler.again(one, 0.0 if one.request.urgent else 1_000.0)
            scheduler.ended()
        scheduler.failed(Scheduled(Request("r-9", b"{}")), ApiUnavailableError("HTTP 529"), at=1.0)
        assert names(await started(scheduler, 1)) == ["r-0"]
        scheduler.ended()
        assert await scheduler.next() is None

    run(scheduler, act)


def test_after_a_push_back_fewer_may_be_under_way(scheduler: Scheduler) -> None:
    async def act(scheduler: Scheduler) -> None:
        [first] = await started(scheduler, 1)
        scheduler.failed(first, ApiUnavailableError("HTTP 529"), at=1.0)
        await started(scheduler, 1)
        assert await waits(scheduler)

    run(scheduler, act)


def test_on_a_lease_that_ran_out_none_starts_and_the_lane_ends(scheduler: Scheduler, late: Late) -> None:
    late.seconds = LEASE_SECONDS + 1

    async def act(scheduler: Scheduler) -> None:
        assert await scheduler.next() is None

    run(scheduler, act)
    assert isinstance(scheduler.state.error, PendingError)
    assert "ran out" in str(scheduler.state.error)
