"""Nights in scaled time: ten shards side by side, each as its tasks would do, against the simulator; due in seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import anthropic
import pendulum
import pytest
from upath import UPath

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import BillingError, LedgerError, PendingError, UnknownFateError
from airflow_provider_claude.gateway.async_client import AsyncGateway, open_async
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.settle.run import Settled, Settling
from airflow_provider_claude.stages.submit import run as stages_create
from airflow_provider_claude.stages.submit.collect_late import collect_late_of
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.stages.sync.lane_factory import Connection, LaneFactory
from airflow_provider_claude.store import AccountFolder, BatchRun, HistoryRecord, PlanRecord, RunFolder, ShardFolder
from airflow_provider_claude.triggers import watch_cutoff
from airflow_provider_claude.triggers.batch import ClaudeBatchTrigger
from tests.stages.conftest import JOB, scan_by_hand

SHARDS, ROWS = 10, 20

#: Seconds until the answers are due, and how many simulated ones pass in one.
DUE, SPEED = 40.0, 60


def now() -> str:
    return pendulum.now("UTC").isoformat()


@dataclass
class Night:
    run: RunFolder
    gateway: Gateway
    base_url: str
    due: float = 0.0

    def plan(self) -> PlanRecord:
        self.due = time.time() + DUE
        lanes = LaneSettings(
            limits=AccountLimits(requests=1200, input_tokens=10**7, output_tokens=10**7), margin=10, lead=3
        )
        settings = Settings(
            limits=Limits(rows=ROWS), trial=False, deadline=pendulum.from_timestamp(self.due).isoformat(), lanes=lanes
        )
        return plan(self.run, JOB, self.gateway, settings=settings, clock=now)

    def live(self) -> list[str]:
        """The lives of all shards, side by side; how each ended."""
        with ThreadPoolExecutor(SHARDS) as pool:
            return list(pool.map(self._life, [self.run.shard(spec.number) for spec in self.run.need_plan().shards]))

    def _life(self, shard: ShardFolder) -> str:
        batch_id = self._create(shard)
        if batch_id:
            self._wait(batch_id, shard)
        load(shard, JOB, self.gateway, clock=now)
        while True:
            try:
                step = Settling(
                    shard=shard, job=JOB, api=self.gateway, clock=now, lane_factory=self._lane_factory()
                ).go_on()
            except BillingError:
                return "no credit"
            if isinstance(step, Settled):
                return "settled"
            self._wait(step.batch_id, shard)

    def _create(self, shard: ShardFolder) -> str:
        """Create, tried again as Airflow would, until it is known whether the API took it."""
        while True:
            try:
                return create(shard, self.gateway, clock=now, grace=0.0)
            except (PendingError, UnknownFateError):
                time.sleep(0.2)

    def _wait(self, batch_id: str, shard: ShardFolder) -> None:
        trigger = ClaudeBatchTrigger.from_now(
            batch_id, conn_id="anthropic_default", poll_interval=0.5, shard=str(shard)
        )

        async def wait() -> None:
            await anext(trigger.run())

        asyncio.run(wait())

    def _lane_factory(self) -> LaneFactory:
        @asynccontextmanager
        async def connect() -> AsyncIterator[AsyncGateway]:
            async with open_async(anthropic.AsyncAnthropic(base_url=self.base_url, api_key="k")) as gateway:
                yield gateway

        return LaneFactory(open_connection=lambda: Connection(account="night", connect=connect), now=time.time)

    @property
    def abandoned(self) -> int:
        return sum(shard.abandoned(1) is not None for shard in self.run.shards())

    @property
    def last_loading(self) -> float:
        loaded = [shard.loaded() for shard in self.run.shards()]
        return max(epoch(record.loaded_at) for record in loaded if record is not None)


@pytest.fixture
def night(claude_simulator: SimulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    claude_simulator.control("POST", "/knobs", {"speed": SPEED})
    run = RunFolder(UPath(tmp_path / "night"))
    scan_by_hand(run, [f"mail {n}" for n in range(SHARDS * ROWS)])
    quick = BatchRun(requests=ROWS, hour=pendulum.now("UTC").hour, minutes=0.02)
    with anthropic.Anthropic(base_url=claude_simulator.base_url, api_key="k", max_retries=0) as client:
        gateway = Gateway(lambda: client)
        history = HistoryRecord(shard="before", at=now(), batches=[quick] * 5, cancels=[])
        AccountFolder(run.path, gateway.account()).record_history(history)
        yield Night(run, gateway, claude_simulator.base_url)


def test_where_some_batches_hang_the_table_is_complete_in_time_and_nothing_is_paid_twice(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.pace("lognormal:120,0.3,0.3")
    assert night.plan().lanes.lane == "batch"
    assert night.live() == ["settled"] * SHARDS
    assert night.last_loading <= night.due
    summary = report(night.run, output=None, clock=now)
    assert summary.ledger.answered == SHARDS * ROWS
    books = claude_simulator.books()
    assert 0 < night.abandoned < SHARDS
    assert books["same_content"]["requests"] == 0
    assert summary.costs.actual == Decimal(books["total"]["cost_usd"])
    assert summary.costs.sync > 0
    assert [span.lane for span in summary.shards].count("batch + sync") == night.abandoned


def test_where_all_batches_hang_the_sync_lane_answers_everything_in_time(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.pace("lognormal:120,0.3,1")
    night.plan()
    assert night.live() == ["settled"] * SHARDS
    assert night.last_loading <= night.due
    assert night.abandoned == SHARDS
    assert claude_simulator.books()["same_content"]["requests"] == 0
    assert report(night.run, output=None, clock=now).ledger.answered == SHARDS * ROWS


def test_where_no_batch_hangs_nothing_is_abandoned(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.pace("lognormal:120,0.3,0")
    night.plan()
    assert night.live() == ["settled"] * SHARDS
    assert night.abandoned == 0
    assert "messages" not in claude_simulator.calls()


@pytest.mark.parametrize("pace", ["lognormal:120,0.3,0.5", "seconds:100000"])
def test_where_the_key_loses_its_credit_no_shard_waits_for_the_lane_and_the_ledger_closes_with_what_there_is(
    night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, pace: str
) -> None:
    monkeypatch.setattr(watch_cutoff, "ABSENT_SECONDS", 2.0)
    claude_simulator.pace(pace)
    night.plan()
    claude_simulator.fault("billing", route="messages", times=100_000)
    assert "no credit" in night.live()
    with pytest.raises(LedgerError, match="failed"):
        report(night.run, output=None, clock=now)
    assert claude_simulator.books()["same_content"]["requests"] == 0


@pytest.mark.parametrize("fault", ["reset_after_accept", "error_504_after_accept"])
def test_where_a_create_reply_is_lost_and_its_batch_hangs_the_table_is_complete_and_the_alert_is_raised(
    night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(stages_create, "_SEND_SECONDS", 1.0)
    claude_simulator.pace("seconds:60")
    night.plan()
    claude_simulator.fault(fault, route="create")
    claude_simulator.fault("batch_hangs")
    assert night.live() == ["settled"] * SHARDS
    assert night.last_loading <= night.due
    summary = report(night.run, output=None, clock=now)
    assert summary.ledger.answered == SHARDS * ROWS
    assert summary.costs.actual == Decimal(claude_simulator.books()["total"]["cost_usd"])
    assert summary.costs.unsure_requests == ROWS
    (left,) = [shard for shard in night.run.shards() if shard.abandoned(1)]
    at_risk = night.run.at_risk()
    assert at_risk is not None
    assert at_risk.at_risk.shards == (left.number,)
    assert "cancel" not in claude_simulator.calls()  # it might have been another's
    claude_simulator.advance(25 * 3600)
    collect_late_of(night.run, night.gateway, now)
    later = report(night.run, output=None, clock=now)
    books = claude_simulator.books()
    assert later.ledger.answered == SHARDS * ROWS
    assert later.costs.actual == Decimal(books["total"]["cost_usd"]) > summary.costs.actual
    assert later.costs.unsure_requests == 0
    assert 0 < books["same_content"]["requests"] < ROWS  # it expired half done
