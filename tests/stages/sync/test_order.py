"""Urgent rows are asked first, and stay in the sync lane where others go back to a batch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_claude.core.load.answers import read_head
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.sync.priority import Priority
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.settle.run import Waiting
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.store import PlanRecord
from airflow_provider_claude.store.results import read_lines
from tests.stages.conftest import Night, clock, scan_by_hand
from tests.stages.settle.test_settle import settle, settling

TEXTS = [f"mail {n}" for n in range(12)]

#: Items 3, 7 and 11 are urgent, 11 most of all.
PRIORITIES = ["5" if n == 11 else "1" if n % 4 == 3 else None if n % 2 else "0" for n in range(12)]
URGENT = {3, 7, 11}


def planned(night: Night, pack: Packing | None = None) -> PlanRecord:
    """A run of the sync lane, that is loaded and waits to be settled."""
    scan_by_hand(night.run, TEXTS, priorities=PRIORITIES)
    settings = Settings(trial=False, lanes=LaneSettings(lane="sync"), priority=Priority(column="priority"), pack=pack)
    record = plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    night.create()
    night.load()
    return record


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch, claude_simulator: SimulatorProcess) -> None:
    """The account is busy for a moment, and nobody has patience."""
    monkeypatch.setattr("airflow_provider_claude.stages.sync.shedding.PATIENCE_SECONDS", 0.0)
    claude_simulator.fault("rate_limit_bare", route="messages", times=1)


def asked(night: Night, attempt: int) -> list[int]:
    """The numbers of the requests of *attempt*, in the order in which they were answered."""
    return [int(read_head(line)[0][-6:]) for line in read_lines(night.run.shard(1).results(attempt))]


def lanes(night: Night) -> dict[str, str]:
    """The lane that answered, by item."""
    answers = night.answers()
    return dict(zip(answers["item_id"].to_pylist(), answers["claude_lane"].to_pylist(), strict=True))


def test_the_sync_lane_asks_the_most_urgent_first_and_the_others_as_they_came(
    night: Night, lane_factory: LaneFactory
) -> None:
    planned(night)
    settle(night, lane_factory=replace(lane_factory, in_flight=1))
    assert asked(night, 2) == [11, 3, 7, 0, 1, 2, 4, 5, 6, 8, 9, 10]


def test_without_priorities_rows_are_asked_as_they_stand(night: Night, lane_factory: LaneFactory) -> None:
    night.scanned(TEXTS)
    settings = Settings(trial=False, lanes=LaneSettings(lane="sync"))
    plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    night.create()
    night.load()
    settle(night, lane_factory=replace(lane_factory, in_flight=1))
    assert asked(night, 2) == list(range(12))


def test_a_pack_has_the_turn_of_its_most_urgent_item(night: Night, lane_factory: LaneFactory) -> None:
    planned(night, Packing(items=4))
    settle(night, lane_factory=replace(lane_factory, in_flight=1))
    assert asked(night, 2) == [2, 0, 1]


@pytest.mark.usefixtures("busy")
def test_where_the_account_is_busy_urgent_rows_stay_and_the_others_go_back_to_a_batch(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    planned(night)
    loaded = settle(night, lane_factory=replace(lane_factory, in_flight=1, shed=True))
    assert loaded.outcomes == {"succeeded": 12}
    assert {item for item, lane in lanes(night).items() if lane == "sync"} == {f"mail-{n}" for n in URGENT}
    assert claude_simulator.calls()["create"] == 1
    assert claude_simulator.books()["same_content"]["requests"] == 0


@pytest.mark.usefixtures("busy")
def test_without_leave_to_shed_all_rows_stay(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    planned(night)
    assert settle(night, lane_factory=replace(lane_factory, in_flight=1)).outcomes == {"succeeded": 12}
    assert set(lanes(night).values()) == {"sync"}
    assert "create" not in claude_simulator.calls()


@pytest.mark.usefixtures("busy")
def test_an_urgent_row_that_has_to_be_asked_again_is_asked_in_the_sync_lane(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    planned(night)
    claude_simulator.behaviour(invalid_json=1.0)
    claude_simulator.pace("polls:9")
    step = settling(night, lane_factory=replace(lane_factory, in_flight=1, shed=True)).go_on()
    assert isinstance(step, Waiting)
    assert sum(night.gateway.batch(step.batch_id).counts.values()) == len(TEXTS) - len(URGENT)
    assert claude_simulator.books()["messages"]["requests"] == 2 * len(URGENT)


def test_a_column_that_the_items_do_not_have_is_refused_before_anything_is_asked(night: Night) -> None:
    night.scanned(TEXTS)
    settings = Settings(trial=False, priority=Priority(column="priority"))
    with pytest.raises(JobError, match=r"carry=\['priority'\]"):
        plan(night.run, night.job, night.gateway, settings=settings, clock=clock())


def test_the_plan_tells_what_is_urgent(night: Night) -> None:
    explanation = " ".join(planned(night).explanation)
    assert "items with a higher priority first. Below 1 they may go back to a batch" in explanation
