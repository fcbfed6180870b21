"""Nothing that a task waits for is waited for without end."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from airflow_provider_claude.errors import PendingError, RateLimitedError
from airflow_provider_claude.operators.create import ClaudeBatchCreateOperator
from airflow_provider_claude.operators.load import ClaudeResultLoadOperator
from airflow_provider_claude.operators.messages import ClaudeMessagesOperator
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.operators.scan_splits import (
    ClaudeScanSplitOperator,
    ClaudeSplitMergeOperator,
    ClaudeSplitScanOperator,
)
from airflow_provider_claude.operators.settle import ClaudeSettleOperator
from airflow_provider_claude.operators.vote import ClaudeVoteOperator
from airflow_provider_claude.runtime import task_errors
from airflow_provider_claude.runtime.task_errors import resumable
from airflow_provider_claude.simulator.process import SimulatorProcess
from tests.context import manual_run
from tests.operators.test_plan_operator import JOB

OPERATORS = (
    ClaudeBatchCreateOperator,
    ClaudeInputScanOperator,
    ClaudeMessagesOperator,
    ClaudePlanOperator,
    ClaudeReportOperator,
    ClaudeResultLoadOperator,
    ClaudeSettleOperator,
    ClaudeSplitMergeOperator,
    ClaudeScanSplitOperator,
    ClaudeSplitScanOperator,
    ClaudeVoteOperator,
)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock by which tasks wait so many hours ahead."""

    def set_ahead(hours: float) -> None:
        monkeypatch.setattr(task_errors, "epoch_now", lambda: time.time() + hours * 3600.0)

    return set_ahead


def waits(act: Callable[[], Any]) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as deferred:
        act()
    return deferred.value


def plan_of(folder: Path) -> ClaudePlanOperator:
    (folder / "rows.jsonl").write_text('{"id": "1", "body": "Good."}\n{"id": "2", "body": "Bad."}')
    source, run = str(folder / "rows.jsonl"), str(folder / "work" / "run")
    ClaudeInputScanOperator(task_id="scan", source=source, run_folder=run, columns=["body"]).execute({})
    return ClaudePlanOperator(task_id="plan", run_folder=run, job=JOB)


def create_of(folder: Path) -> ClaudeBatchCreateOperator:
    (shard,) = plan_of(folder).execute(manual_run())
    return ClaudeBatchCreateOperator(task_id="create", shard=shard)


def messages_of(folder: Path) -> ClaudeMessagesOperator:
    (folder / "rows.jsonl").write_text('{"id": "1", "body": "Good."}')
    source, run = str(folder / "rows.jsonl"), str(folder / "work" / "run")
    return ClaudeMessagesOperator(task_id="ask", job=JOB, source=source, run_folder=run, publish_to="")


@pytest.mark.parametrize("make", [plan_of, create_of, messages_of])
def test_a_task_whose_every_call_is_limited_fails_after_a_day_and_says_what_to_do(
    claude_simulator: SimulatorProcess, tmp_path: Path, later: Callable[[float], None], make: Callable[[Path], Any]
) -> None:
    operator, context = make(tmp_path), manual_run()
    claude_simulator.fault("rate_limit", times=None)
    deferred = waits(lambda: operator.execute(context))
    first = deferred.kwargs
    for hours in (12.0, 25.0):
        later(hours)
        resume = getattr(operator, deferred.method_name or "")
        deferred = waits(lambda resume=resume, given=deferred.kwargs: resume(context, event=None, **(given or {})))
        assert deferred.kwargs == first
    later(26.1)
    with pytest.raises(AirflowFailException, match=r"429.* since 20.*have its limits raised; then clear this task"):
        getattr(operator, deferred.method_name or "")(context, event=None, **(deferred.kwargs or {}))


@pytest.mark.parametrize("error", [PendingError("Another run is active.", 5.0), RateLimitedError("HTTP 429")])
def test_what_has_just_begun_to_wait_waits_on(error: Exception, later: Callable[[float], None]) -> None:
    def limited(since: float | None) -> None:
        with resumable(ClaudeBatchCreateOperator(task_id="create", shard="s"), since=since):
            raise error

    began = waits(lambda: limited(None)).kwargs
    later(27.0)
    again = waits(lambda: limited(None)).kwargs
    assert again
    assert began
    assert again["waiting_since"] - began["waiting_since"] > 26 * 3600
    with pytest.raises(AirflowFailException, match="for 27 hours"):
        limited(began["waiting_since"])


def test_a_task_that_was_at_work_for_hours_has_not_waited_in_vain(later: Callable[[float], None]) -> None:
    def work() -> None:
        with resumable(ClaudeBatchCreateOperator(task_id="create", shard="s"), since=time.time()):
            later(30.0)
            raise PendingError("The lease on this attempt ran out; a retry resumes it.", 5.0)

    assert (waits(work).kwargs or {})["waiting_since"] > time.time() + 29 * 3600


@pytest.mark.parametrize("operator", OPERATORS)
def test_each_task_knows_since_when_it_waits(operator: Any) -> None:
    assert "waiting_since" in inspect.signature(operator.resume).parameters
