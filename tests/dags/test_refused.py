"""A whole DAG whose workspace may not use batches: red before it costs, or complete at full price where that is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.task_groups.settings import Plan
from tests.dags.test_publishing import DAY, a_dag, answers, mail, states

__all__ = ["a_dag", "mail"]


def test_a_workspace_without_batches_is_red_before_it_costs_or_complete_where_the_sync_lane_is_allowed(
    a_dag: Callable[..., DAG],
    mail: Callable[..., str],
    claude_simulator: SimulatorProcess,
    tmp_path: Path,
) -> None:
    mail(10)
    claude_simulator.fault("batches_refused", times=None)
    plan = Plan(trial=False)
    done = states(a_dag("refused", groups=("job",), plan=plan).test(run_conf={"day": DAY}))
    assert (done["job.shard.create"], done["job.report"]) == ("failed", "failed")
    assert claude_simulator.books()["total"]["requests"] == 0
    allowed = a_dag("refused", groups=("job",), plan=replace(plan, refused_batches="sync"))
    done = states(allowed.test(run_conf={"day": DAY}))
    assert set(done.values()) == {"success"}
    assert answers(tmp_path) == 10
    assert claude_simulator.books()["messages"]["requests"] == 10
