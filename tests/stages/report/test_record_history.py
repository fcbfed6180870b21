"""What a run teaches the plans of later ones: only what was answered tells how many tokens requests have."""

from __future__ import annotations

import pytest

from airflow_provider_claude.errors import PendingError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.record_history import record_tokens
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.stages.sync.run import SyncAttempt
from airflow_provider_claude.store import AccountFolder, TokensRecord
from tests.stages.conftest import Night, clock
from tests.stages.settle.test_settle import settling
from tests.stages.submit.test_recover import in_
from tests.stages.sync.test_sync import _Stops

TEXTS = [f"mail {n:02d}" for n in range(60)]


def remembered(night: Night) -> TokensRecord | None:
    record = night.run.need_plan()
    record_tokens(night.run, record)
    return AccountFolder(night.run.path, record.account).tokens(record.job_hash)


def by_batch(night: Night) -> TokensRecord | None:
    night.scanned(TEXTS)
    night.plan(rows=60)
    night.create()
    night.load()
    return remembered(night)


@pytest.fixture
def good(night: Night, claude_simulator: SimulatorProcess) -> TokensRecord:
    """What a night teaches in which every row is answered."""
    found = by_batch(night)
    assert found is not None
    assert found.rows == 60
    return found


@pytest.mark.parametrize("trouble", ["errored", "expired"])
def test_a_night_of_failures_teaches_the_same_numbers_as_a_good_one(
    good: TokensRecord, night: Night, claude_simulator: SimulatorProcess, trouble: str
) -> None:
    claude_simulator.behaviour(**{trouble: 0.5})
    found = by_batch(_elsewhere(night))
    assert found is not None
    assert 20 <= found.rows < 60
    assert found.input_per_byte == pytest.approx(good.input_per_byte, rel=0.05)
    assert found.output_tokens == pytest.approx(good.output_tokens, rel=0.2)


def _elsewhere(night: Night) -> Night:
    """A run of its own, with a memory of its own."""
    return Night(type(night.run)(night.run.path.parent / "another"), night.gateway)


def test_a_batch_of_which_results_are_missing_teaches_nothing(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.behaviour(missing=0.5)
    assert by_batch(night) is None


def test_a_night_in_which_nothing_was_answered_teaches_nothing(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(errored=1.0)
    assert by_batch(night) is None


def test_what_the_sync_lane_left_open_teaches_nothing(
    night: Night, lane_factory: LaneFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StopsLater(_Stops):
        stops_at = 30

    night.scanned(TEXTS)
    settings = Settings(trial=False, lanes=LaneSettings(lane="sync"))
    plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    night.create()
    night.load()
    with monkeypatch.context() as patched:
        patched.setattr("airflow_provider_claude.stages.sync.lane_factory.Lane", StopsLater)
        with pytest.raises(PendingError):
            settling(night, lane_factory=lane_factory).go_on()
    SyncAttempt(shard=night.run.shard(1), number=2, clock=in_(0)).close()
    night.load()
    found, whole = remembered(night), _prompt_per_byte(night)
    assert found is not None
    assert 30 <= found.rows < 60
    assert found.input_per_byte == pytest.approx(whole, rel=0.1)


def _prompt_per_byte(night: Night) -> float:
    """As a good night has it."""
    found = by_batch(_elsewhere(night))
    assert found is not None
    return found.input_per_byte
