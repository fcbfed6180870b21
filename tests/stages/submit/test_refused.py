"""The API refuses batches: nothing is paid, or the sync lane asks all rows where that is allowed; the report says which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import BatchesRefusedError, JobError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.settle.run import Settled
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.store import BudgetRecord, LoadedRecord, PlanRecord
from tests.stages.conftest import Night, clock
from tests.stages.settle.test_settle import settling

TEXTS = [f"mail {n}" for n in range(20)]
HAIKU = "claude-haiku-5-5"


@pytest.fixture
def night(night: Night) -> Night:
    return night.scanned(TEXTS)


def planned(
    night: Night, *, refused: str = "fail", trial: bool = False, now: Callable[[], str] | None = None, **lanes: str
) -> PlanRecord:
    """Two shards of ten rows."""
    settings = Settings(
        limits=Limits(rows=10), trial=trial, lanes=LaneSettings(refused_batches=refused, **lanes), prices=PRICES
    )
    return plan(night.run, night.job, night.gateway, settings=settings, clock=now or clock())


PRICES = {
    "claude-3-haiku-20240307": [
        {"input": "1", "output": "5", "cache_read": "0.1", "cache_write_5m": "1.25", "cache_write_1h": "2"}
    ]
}


def brought_to_its_end(night: Night, lane_factory: LaneFactory, shard: int) -> LoadedRecord:
    night.load(shard)
    for _ in range(9):
        step = settling(night, shard=night.run.shard(shard), lane_factory=lane_factory).go_on()
        if isinstance(step, Settled):
            return step.loaded
    raise AssertionError("it never settles")


def test_a_refused_batch_fails_with_what_to_do_and_what_the_other_lane_costs_and_pays_nothing(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    planned(night)
    claude_simulator.fault("batches_refused", times=None)
    with pytest.raises(BatchesRefusedError) as error:
        night.create()
    for message in (
        "workspace_human_review_disabled",
        "admin of the workspace",
        "refused_batches='sync'",
        "instead of $",
    ):
        assert message in str(error.value)
    assert claude_simulator.books()["total"]["requests"] == 0
    assert night.run.refused() is None


def test_where_it_is_allowed_the_sync_lane_asks_all_rows_and_only_one_shard_has_tried_a_batch(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory
) -> None:
    record = planned(night, refused="sync")
    assert any("If the API refuses batches, all rows go to the sync lane: $" in line for line in record.explanation)
    claude_simulator.fault("batches_refused", times=None)
    assert [night.create(1), night.create(2)] == ["", ""]
    assert [brought_to_its_end(night, lane_factory, shard).outcomes for shard in (1, 2)] == [{"succeeded": 10}] * 2
    assert claude_simulator.calls()["create"] == 1
    books = claude_simulator.books()
    assert (books["messages"]["requests"], books["same_content"]["requests"]) == (20, 0)
    message = report(night.run, output=None, clock=clock())
    assert any("The API refused batches" in line for line in message.warnings)
    assert message.costs.actual == Decimal(books["total"]["cost_usd"])


def test_the_full_price_stays_within_the_budget(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory
) -> None:
    settings = Settings(
        limits=Limits(rows=20),
        trial=False,
        lanes=LaneSettings(refused_batches="sync"),
        budget=BudgetRecord(usd="0.0004", scope="night"),
    )
    plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    claude_simulator.fault("batches_refused", times=None)
    night.create()
    loaded = brought_to_its_end(night, lane_factory, 1)
    assert loaded.outcomes["succeeded"] < 20
    assert loaded.outcomes["succeeded"] + loaded.outcomes["unaffordable"] == 20
    assert Decimal(claude_simulator.books()["total"]["cost_usd"]) <= Decimal("0.0004")


def test_unresolved_rows_whose_batch_is_refused_are_asked_by_the_sync_lane(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory
) -> None:
    planned(night, refused="sync")
    claude_simulator.behaviour(expired=1.0)
    night.create()
    night.load()
    claude_simulator.control("DELETE", "/behaviour")
    claude_simulator.fault("batches_refused", times=None)
    assert brought_to_its_end(night, lane_factory, 1).outcomes == {"succeeded": 10}
    assert claude_simulator.books()["messages"]["requests"] == 10


def test_unresolved_rows_whose_batch_is_refused_fail_where_the_sync_lane_is_not_allowed(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory
) -> None:
    planned(night)
    claude_simulator.behaviour(expired=1.0)
    night.create()
    night.load()
    claude_simulator.fault("batches_refused", times=None)
    with pytest.raises(BatchesRefusedError, match="refused_batches='sync'"):
        settling(night, lane_factory=lane_factory).go_on()
    assert claude_simulator.books()["messages"]["requests"] == 0


def test_rows_that_a_busy_lane_may_leave_to_a_batch_stay_in_it_where_batches_are_refused(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory
) -> None:
    planned(night, refused="sync")
    claude_simulator.fault("batches_refused", times=None)
    night.create()
    assert brought_to_its_end(night, replace(lane_factory, shed=True), 1).outcomes == {"succeeded": 10}


def test_a_new_plan_tries_batches_again(night: Night, claude_simulator: SimulatorProcess) -> None:
    planned(night, refused="sync")
    claude_simulator.fault("batches_refused", times=1)
    assert night.create() == ""
    planned(night, refused="sync")
    assert night.create(2).startswith("msgbatch_")


def test_a_model_that_takes_no_batches_is_refused_before_anything_is_paid_with_the_price_of_the_other_lane(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.model(HAIKU, batch=False)
    with pytest.raises(BatchesRefusedError, match=r"cost about \$[0-9.]+ instead of \$[0-9.]+: write refused_batches"):
        planned(night, trial=True)
    assert claude_simulator.books()["total"]["requests"] == 0


def test_a_model_that_takes_no_batches_is_asked_by_the_sync_lane_where_that_is_allowed(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory
) -> None:
    claude_simulator.model(HAIKU, batch=False)
    record = planned(night, refused="sync")
    assert {spec.lane for spec in record.shards} == {"sync"}
    assert "takes no batches: all rows go to the sync lane" in record.lanes.reason
    night.create()
    assert brought_to_its_end(night, lane_factory, 1).outcomes == {"succeeded": 10}
    assert "create" not in claude_simulator.calls()


def test_a_run_in_the_sync_lane_does_not_mind_that_batches_are_refused(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.model(HAIKU, batch=False)
    assert {spec.lane for spec in planned(night, lane="sync").shards} == {"sync"}


def test_a_retired_model_fails_before_anything_is_paid(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.job = night.job.with_model("claude-3-haiku-20240307")
    with pytest.raises(JobError, match=r"was retired on 2026-04-20.* Write another model: claude-haiku-5-5"):
        planned(night, trial=True)
    assert "messages" not in claude_simulator.calls()


def test_a_model_that_retires_soon_is_a_warning_of_the_plan_and_of_the_report(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.model(HAIKU, lifecycle="deprecated", retires_at="2026-12-10T00:00:00Z")
    record = planned(night)
    assert "retires on 2026-12-10" in record.warnings[0]
    assert record.warnings[0] in record.explanation
    night.create(1)
    night.create(2)
    night.load(1)
    night.load(2)
    assert record.warnings[0] in report(night.run, output=None, clock=clock()).warnings


def test_a_run_whose_answers_are_all_there_asks_about_no_model(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    planned(night)
    for shard in (1, 2):
        night.create(shard)
        night.load(shard)
    claude_simulator.model(HAIKU, lifecycle="retired", retires_at="2026-11-01T00:00:00Z")
    assert sum(spec.reused for spec in planned(night).shards) == 20


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"refused_batches": "pay"}, "write one of fail, sync"),
        ({"refused_batches": "sync", "lane": "batch"}, "leave it out"),
    ],
)
def test_a_value_that_is_none_or_contradicts_the_lane_is_refused(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(JobError, match=message):
        LaneSettings(**wrong)
