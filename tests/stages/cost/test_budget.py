"""A budget is never exceeded, and what it does not cover can be asked later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from upath import UPath

from airflow_provider_claude.core.account import Account
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.cost.budget import Budget
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.store import BudgetRecord, PlanRecord, RunFolder, WorkFolder
from tests.stages.conftest import Night, clock
from tests.stages.settle.test_settle import settle

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
    lane_factory: LaneFactory,
    claude_simulator: SimulatorProcess,
    lane: str,
    usd: str,
) -> None:
    night.scanned(TEXTS)
    planned(night, usd, lane=lane)
    night.create()
    night.load()
    loaded = settle(night, lane_factory=lane_factory)
    assert set(loaded.outcomes) == {"succeeded", "unaffordable"}
    assert loaded.rows == 40
    assert 0 < cost(claude_simulator) <= Decimal(usd)


def test_with_a_larger_budget_only_the_rest_is_asked(
    night: Night,
    lane_factory: LaneFactory,
    claude_simulator: SimulatorProcess,
) -> None:
    night.scanned(TEXTS)
    planned(night, "0.0002")
    night.create()
    night.load()
    settle(night, lane_factory=lane_factory)
    planned(night, "1.00")
    night.create()
    night.load()
    assert settle(night, lane_factory=lane_factory).outcomes == {"succeeded": 40}
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_a_budget_of_nothing_sends_nothing(
    night: Night,
    lane_factory: LaneFactory,
    claude_simulator: SimulatorProcess,
) -> None:
    night.scanned(TEXTS)
    planned(night, "0")
    night.create()
    night.load()
    assert settle(night, lane_factory=lane_factory).outcomes == {"unaffordable": 40}
    assert cost(claude_simulator) == 0


def test_what_was_reserved_and_not_spent_is_free_after_the_load(night: Night) -> None:
    night.scanned(TEXTS)
    record = planned(night, "1.00")
    night.create()
    budget = Budget.of(_work(night), record)
    assert budget is not None
    before = budget.left()
    loaded = night.load()
    assert before < budget.left() == Decimal("1.00") - Decimal(loaded.cost_usd)


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


def test_a_reservation_covers_no_dearer_requests_than_it_was_made_for(tmp_path: Path) -> None:
    budget = Budget(UPath(tmp_path / "budget"), Decimal("0.000010"))
    assert budget.reserve("shard", 1, [MICRO] * 9) == 9
    assert budget.reserve("shard", 1, [2 * MICRO] * 9) == 4


def test_what_was_paid_for_before_there_was_a_budget_is_no_charge_on_it(night: Night) -> None:
    night.scanned(TEXTS)
    night.plan(rows=40)
    night.create()
    night.load()
    record = planned(night, "1.00")
    night.create()
    night.load()
    assert left(night, record) == Decimal("1.00")


def test_loading_twice_and_settling_charge_what_was_paid_and_no_more(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    record = planned(night, "1.00")
    claude_simulator.behaviour(expired=0.5)
    night.create()
    night.load()
    night.load()
    claude_simulator.control("DELETE", "/behaviour")
    settle(night, lane_factory=lane_factory)
    night.load()
    assert left(night, record) == Decimal("1.00") - cost(claude_simulator)


def test_a_worker_that_died_before_it_asked_anything_leaves_no_charge(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    night.scanned(TEXTS)
    record = planned(night, "1.00", lane="sync")
    night.create()
    night.load()
    with monkeypatch.context() as patched:
        patched.setattr("airflow_provider_claude.stages.requests.request_body.RequestBody.write_manifest", dies)
        with pytest.raises(KeyboardInterrupt):
            settle(night, lane_factory=lane_factory)
    assert left(night, record) < Decimal("1.00")
    settle(night, lane_factory=lane_factory)
    assert left(night, record) == Decimal("1.00") - cost(claude_simulator)


def test_the_trial_is_charged_too(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS[:1])
    budget = BudgetRecord(usd="1.00", scope="night")
    record = plan(night.run, night.job, night.gateway, settings=Settings(budget=budget), clock=clock())
    assert left(night, record) == Decimal("1.00") - cost(claude_simulator) < Decimal("1.00")


def test_a_trial_that_the_budget_does_not_cover_is_not_made(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    budget = BudgetRecord(usd="0.000001", scope="night")
    plan(night.run, night.job, night.gateway, settings=Settings(budget=budget), clock=clock())
    assert "messages" not in claude_simulator.calls()


def test_runs_of_one_scope_spend_one_budget_together_and_those_of_another_do_not(
    tmp_path: Path, night: Night, claude_simulator: SimulatorProcess
) -> None:
    def run(day: str, scope: str, usd: str) -> tuple[int, Decimal]:
        """How many rows the budget of a day covers, and what is left of it then."""
        one = Night(RunFolder(UPath(tmp_path / "work" / day)), night.gateway).scanned([f"{day} {n}" for n in range(20)])
        settings = Settings(trial=False, budget=BudgetRecord(usd=usd, scope=scope), work=UPath(tmp_path / "work"))
        record = plan(one.run, one.job, one.gateway, settings=settings, clock=clock())
        one.create()
        rows = one.load().outcomes.get("succeeded", 0)
        budget = Budget.of(WorkFolder(UPath(tmp_path / "work")), record)
        assert budget is not None
        return rows, budget.left()

    whole, _ = run("2026-11-01", "of its own", "1.00")
    first, rest = run("2026-11-02", "backfill", "0.0008")
    second, none = run("2026-11-03", "backfill", "0.0008")
    assert (whole, first) == (20, 20)
    assert second < 20
    assert 0 <= none < rest
    assert Decimal("0.0008") - none <= cost(claude_simulator)


def test_what_another_account_has_spent_leaves_the_budget_whole(night: Night) -> None:
    night.scanned([f"{n}" for n in range(20)])
    settings = Settings(trial=False, budget=BudgetRecord(usd="1.00", scope="night"))
    record = plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    night.create()
    mock = Account(platform="anthropic", base_url="http://mock", workspace="w")
    assert left(night, record) < Decimal("1.00")
    assert left(night, msgspec.structs.replace(record, account=mock)) == Decimal("1.00")


@pytest.mark.parametrize(
    ("kind", "scope"),
    [("backfill", "nightly backfill"), ("scheduled", "nightly 2026-11-22"), ("manual", "nightly 2026-11-22")],
)
def test_all_backfills_of_a_dag_share_a_scope_and_other_runs_that_of_their_day(kind: str, scope: str) -> None:
    import jinja2
    from airflow.utils.types import DagRunType

    from airflow_provider_claude.operators.shared.plan_run import BUDGET_SCOPE

    given = {"dag": SimpleNamespace(dag_id="nightly"), "dag_run": SimpleNamespace(run_type=DagRunType(kind))}
    template = jinja2.Environment(autoescape=True).from_string(BUDGET_SCOPE)
    assert template.render(**given, day="2026-11-22") == scope


def left(night: Night, record: PlanRecord) -> Decimal:
    budget = Budget.of(_work(night), record)
    assert budget is not None
    return budget.left()
