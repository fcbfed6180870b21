"""A plan of which nothing is sent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.dry_run import dry_run
from airflow_provider_claude.stages.plan.plan_settings import Settings
from tests.stages.conftest import Night, clock

TEXTS = [f"I love it, mail {n}" for n in range(16)]


SETTINGS = Settings(limits=Limits(rows=5), trial=False)


def test_a_dry_run_expects_what_the_plan_expects(night: Night) -> None:
    night.scanned(TEXTS)
    dry = dry_run(night.run, night.job, night.gateway, settings=SETTINGS, clock=clock())
    planned = night.plan().estimate
    assert (dry.rows, dry.items, dry.requests, dry.measured) == (16, 16, planned.requests, planned.measured)
    assert Decimal(dry.batch_usd) == planned.usd("batch")
    assert Decimal(dry.sync_usd) == planned.usd("sync")


def test_a_dry_run_sends_nothing_and_records_nothing(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    before = {path.name for path in night.run.path.iterdir()}
    found = dry_run(night.run, night.job, night.gateway, settings=SETTINGS, clock=clock())
    assert "nothing is sent" in " ".join(found.explanation)
    assert {path.name for path in night.run.path.iterdir()} - before <= {"secret"}
    assert set(claude_simulator.calls()) <= {"models", "count_tokens"}


def test_without_the_api_tokens_are_estimated_from_bytes(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    found = dry_run(night.run, night.job, None, settings=SETTINGS, clock=clock())
    assert not found.measured
    assert found.input_tokens > 0
    assert sum(claude_simulator.calls().values()) == 0


def test_answers_that_are_there_are_not_counted_as_cost(night: Night) -> None:
    night.scanned(TEXTS[:5]).plan()
    night.create()
    night.load()
    night.scanned(TEXTS)
    found = dry_run(night.run, night.job, night.gateway, settings=SETTINGS, clock=clock())
    assert (found.items, found.reused, found.requests) == (16, 5, 11)


def test_a_job_that_does_not_fit_the_columns_is_refused(night: Night) -> None:
    night.scanned(TEXTS)
    with pytest.raises(JobError, match="needs subject"):
        dry_run(night.run, replace(night.job, prompt="{subject}"), None, settings=SETTINGS, clock=clock())
