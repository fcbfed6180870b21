"""A budget is never exceeded, and what it does not cover can be asked later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.budget import Budget
from airflow_provider_claude.stages.lane import Courier
from airflow_provider_claude.stages.lanes import LaneSettings
from airflow_provider_claude.stages.plan import Settings, plan
from airflow_provider_claude.store import BudgetRecord, PlanRecord

from .conftest import Night, clock
from .test_settle import settle

TEXTS = [f"mail {n}" for n in range(40)]

#: Picodollars: one millionth of a dollar.
MICRO = 10**6


def planned(night: Night, usd: str, *, lane: str = "auto", scope: str = "night") -> PlanRecord:
    settings = Settings(trial=False, budget=BudgetRecord(usd=usd, scope=scope), lanes=LaneSettings(lane=lane))
    return plan(night.run, night.job, night.gateway, settings=settings, clock=clock())


def cost(simulator: SimulatorProcess) -> Decimal:
    return Decimal(simulator.books()["total"]["cost_usd"])


@pytest.mark.parametrize(("lane", "usd"), [("batch", "0.0002"), ("sync", "0.0004")])
def test_what_a_budget_does_not_cover_is_not_sent_and_named_unaffordable(
    night: Night,
    courier: Courier,
    claude_simulator: SimulatorProcess,
    lane: str,
    usd: str,
) -> None:
    night.scanned(TEXTS)
    planned(night, usd, lane=lane)
    night.create()
    night.load()
    landed = settle(night, courier=courier)
    assert set(landed.outcomes) == {"succeeded", "unaffordable"}
    assert landed.rows == 40
    assert 0 < cost(claude_simulator) <= Decimal(usd)


def test_with_a_larger_budget_only_the_rest_is_asked(
    night: Night,
    courier: Courier,
    claude_simulator: SimulatorProcess,
) -> None:
    night.scanned(TEXTS)
    planned(night, "0.0002")
    night.create()
    night.load()
    settle(night, courier=courier)
    planned(night, "1.00")
    night.create()
    night.load()
    assert settle(night, courier=courier).outcomes == {"succeeded": 40}
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_a_budget_of_nothing_sends_nothing(
    night: Night,
    courier: Courier,
    claude_simulator: SimulatorProcess,
) -> None:
    night.scanned(TEXTS)
    planned(night, "0")
    night.create()
    night.load()
    assert settle(night, courier=courier).outcomes == {"unaffordable": 40}
    assert cost(claude_simulator) == 0


def test_what_was_reserved_and_not_spent_is_free_after_the_landing(night: Night) -> None:
    night.scanned(TEXTS)
    record = planned(night, "1.00")
    night.create()
    budget = Budget.of(_work(night), record)
    assert budget is not None
    before = budget.left()
    landed = night.load()
    assert before < budget.left() == Decimal("1.00") - Decimal(landed.cost_usd)


def test_a_call_that_the_api_refused_gives_its_reservation_back(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    record = planned(night, "1.00")
    claude_simulator.fault("billing", route="create")
    with pytest.raises(Exception, match="credit"):
        night.create()
    budget = Budget.of(_work(night), record)
    assert budget is not None
    assert budget.left() == Decimal("1.00")


def _work(night: Night):  # type: ignore[no-untyped-def]
    from airflow_provider_claude.store import WorkFolder

    return WorkFolder(night.run.path)


def test_many_who_reserve_at_once_never_exceed_the_budget(tmp_path: Path) -> None:
    budget = Budget(UPath(tmp_path / "budget"), Decimal("0.000100"))
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda n: budget.reserve(f"shard {n}", 1, [MICRO] * 9), range(40)))
    assert sum(counts) == 100
    assert budget.left() == 0


def test_a_reservation_that_was_made_is_made_once(tmp_path: Path) -> None:
    budget = Budget(UPath(tmp_path / "budget"), Decimal("0.000010"))
    assert [budget.reserve("shard", 1, [MICRO] * 9) for _ in range(3)] == [9, 9, 9]
    assert budget.left() == Decimal("0.000001")
