"""A run that is larger than the account's batch queue, on a simulator whose queue is small."""

from __future__ import annotations

import pendulum
import pytest

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.core.submit.patience import next_try
from airflow_provider_claude.core.submit.polling import ENDED
from airflow_provider_claude.core.submit.queue_room import LOOK_SECONDS
from airflow_provider_claude.core.sync.account_limits import account_limits
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import JobError, NoRoomError, PendingError, RateLimitedError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.deadline.shard_cutoff import ShardCutoff
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.submit.run import Sender, create
from airflow_provider_claude.store import PlanRecord
from tests.stages.conftest import Night, clock

TEXTS = [f"mail {n}" for n in range(12)]


def planned(night: Night, queued: int | None) -> PlanRecord:
    limits = account_limits(
        {"requests": 1000, "input_tokens": 10**6, "output_tokens": 10**6} | ({"queued": queued} if queued else {})
    )
    settings = Settings(
        limits=Limits(rows=5), trial=False, partition="2026-11-22", lanes=LaneSettings(limits=limits, lane="batch")
    )
    return plan(night.scanned(TEXTS).run, night.job, night.gateway, settings=settings, clock=clock())


def test_a_shard_without_room_waits_and_is_neither_encoded_nor_sent(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.pace("polls:99")
    planned(night, 8)
    night.create(1)
    with pytest.raises(PendingError, match="5 requests are in it, it holds 8"):
        night.create(2)
    assert claude_simulator.calls()["create"] == 1
    assert night.run.shard(2).attempts() == []


def test_a_shard_is_sent_once_batches_before_it_have_ended(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.pace("polls:1")
    planned(night, 8)
    first = night.create(1)
    with pytest.raises(PendingError):
        night.create(2)
    while night.gateway.batch(first).status != ENDED:
        pass
    assert night.create(2) != first


def test_a_run_that_fits_into_the_queue_asks_nothing_about_it(night: Night, claude_simulator: SimulatorProcess) -> None:
    planned(night, 12)
    for shard in (1, 2, 3):
        night.create(shard)
    assert "list" not in claude_simulator.calls()


def test_where_the_queue_is_not_known_the_api_decides(night: Night, claude_simulator: SimulatorProcess) -> None:
    planned(night, None)
    for shard in (1, 2, 3):
        night.create(shard)
    assert "list" not in claude_simulator.calls()


def test_the_plan_counts_the_waves(night: Night) -> None:
    assert "goes in 2 waves" in " ".join(planned(night, 9).explanation)


def test_a_shard_that_never_fits_fails_the_plan_before_anything_is_sent(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    with pytest.raises(JobError, match="shard_rows=4 or less"):
        planned(night, 4)
    assert "create" not in claude_simulator.calls()


def test_a_shard_may_wait_a_day_for_each_wave(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.pace("polls:99")
    planned(night, 5)
    night.create(1)
    with pytest.raises(NoRoomError) as error:
        night.create(3)
    assert error.value.waves == 3
    assert next_try(error.value.retry_after, waited=50 * 3600, limited=False, times=error.value.waves) == LOOK_SECONDS


def test_a_shard_that_another_was_faster_than_waits_as_long(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> str:
        raise RateLimitedError("The queue is full.", 1.0)

    planned(night, 5)
    monkeypatch.setattr(Sender, "send", refused)
    with pytest.raises(NoRoomError, match="The queue is full") as error:
        night.create(1)
    assert error.value.waves == 3


def test_a_shard_that_waits_for_room_is_asked_by_the_sync_lane_at_its_cutoff(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.pace("polls:99")
    limits = account_limits({"requests": 1000, "input_tokens": 10**6, "output_tokens": 10**6, "queued": 8})
    settings = Settings(
        limits=Limits(rows=5),
        trial=False,
        partition="2026-11-22",
        deadline="2026-11-23T09:00:00+00:00",
        lanes=LaneSettings(limits=limits),
    )
    plan(night.scanned(TEXTS).run, night.job, night.gateway, settings=settings, clock=clock())
    night.create(1)
    shard = night.run.shard(2)
    begins = epoch("2026-11-23T00:01:00+00:00")
    left = ShardCutoff(shard, lambda: "2026-11-23T00:01:00+00:00").left()
    soon = pendulum.from_timestamp(begins + left - 20).isoformat()
    with pytest.raises(NoRoomError) as error:
        create(shard, night.gateway, clock=lambda: soon)
    assert error.value.retry_after == pytest.approx(20.0, abs=0.1)
