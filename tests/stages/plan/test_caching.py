"""The prompt that all rows share is cached, and the books agree."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.store import BudgetRecord
from tests.stages.conftest import JOB, Night, clock
from tests.stages.settle.test_settle import settle

TEXTS = [f"mail {n}" for n in range(40)]
LONG = replace(JOB, system="Label what you read, and mind these examples. " * 80)


@pytest.fixture
def long_night(night: Night) -> Night:
    night.job = LONG
    return night.scanned(TEXTS)


@pytest.mark.parametrize("pack", [None, Packing(items=5)])
@pytest.mark.parametrize("lane", ["batch", "sync"])
def test_a_long_prompt_is_cached_and_the_report_says_what_that_saved(
    long_night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, lane: str, pack: Packing | None
) -> None:
    settings = Settings(trial=False, lanes=LaneSettings(lane=lane), pack=pack)
    record = plan(long_night.run, LONG, long_night.gateway, settings=settings, clock=clock())
    assert record.job.cache is True
    assert any("cached for an hour" in line for line in record.explanation)
    long_night.create()
    long_night.load()
    loaded = settle(long_night, lane_factory=lane_factory)
    books = claude_simulator.books()["total"]
    assert books["cache_creation_1h_input_tokens"] > 0
    assert books["cache_creation_5m_input_tokens"] == 0
    assert Decimal(loaded.cost_usd) == Decimal(books["cost_usd"])
    costs = report(long_night.run, output=None, clock=clock()).costs
    assert costs.tokens["cache_read"] == books["cache_read_input_tokens"] == loaded.tokens.cache_read
    extra = books["cache_creation_1h_input_tokens"] * Decimal("0.1e-6")
    saved = books["cache_read_input_tokens"] * Decimal("0.09e-6")
    assert abs(costs.cache_saved - (saved - extra) / (2 if lane == "batch" else 1)) < Decimal("1e-9")
    assert "by the prompt cache" in long_night.run.file("report.html").read_text()


def test_a_short_prompt_is_not_cached(night: Night, claude_simulator: SimulatorProcess) -> None:
    record = night.scanned(TEXTS).plan(rows=40)
    assert record.job.cache is False
    night.create()
    night.load()
    assert claude_simulator.books()["total"]["cache_creation_1h_input_tokens"] == 0
    assert report(night.run, output=None, clock=clock()).costs.cache_saved == 0
    assert "prompt cache" not in night.run.file("report.html").read_text()


def test_planned_again_the_run_asks_the_very_same(long_night: Night, claude_simulator: SimulatorProcess) -> None:
    long_night.plan(rows=40, trial=True)
    long_night.create()
    long_night.load()
    long_night.plan(rows=40, trial=True)
    long_night.create()
    assert claude_simulator.calls()["create"] == 1
    assert claude_simulator.calls()["messages"] == 1


def test_a_budget_holds_though_every_request_writes_the_cache(
    long_night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(cold_cache_hit=0.0, cache_hit=0.0)
    usd = "0.0020"
    settings = Settings(trial=False, budget=BudgetRecord(usd=usd, scope="night"))
    plan(long_night.run, LONG, long_night.gateway, settings=settings, clock=clock())
    long_night.create()
    long_night.load()
    loaded = settle(long_night)
    assert set(loaded.outcomes) == {"succeeded", "unaffordable"}
    spent = Decimal(claude_simulator.books()["total"]["cost_usd"])
    assert Decimal("0.0010") < spent <= Decimal(usd)
