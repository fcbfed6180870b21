"""Check the parameters of a plan when the DAG is parsed, as far as no template has to be rendered first."""

from __future__ import annotations

from typing import Any

from airflow_provider_claude.core.packing.auto_packing import auto_packing_of
from airflow_provider_claude.core.packing.packing import packing_of
from airflow_provider_claude.core.plan.cut_shards import MAX_REQUESTS, Limits
from airflow_provider_claude.core.plan.lane_words import check_lanes
from airflow_provider_claude.core.sync.account_limits import account_limits
from airflow_provider_claude.job.numbers import usd_amount, whole_number
from airflow_provider_claude.operators.shared.plan_run import PlansRun, has_budget
from airflow_provider_claude.operators.shared.written import check_clock, written


def check_plan(plan: Any) -> None:
    """Raise JobError for a parameter of *plan*, a ClaudePlanOperator, that cannot be used.

    One with a template is checked when the task starts.
    """
    check_promise(plan)
    check_lanes(
        lane=written(plan.lane, "auto"),
        hopeless=plan.hopeless,
        refused_batches=written(plan.refused_batches, "fail"),
        reserve=plan.reserve,
        margin=plan.margin,
        lead=plan.lead,
    )
    shard_limits(written(plan.shard_rows), plan.shard_bytes)
    if not auto_packing_of(plan.pack, plan.pack_tokens, plan.pack_by):
        packing_of(written(plan.pack, 1), plan.pack_tokens, plan.pack_by)


def check_promise(plan: PlansRun) -> None:
    """The same of what every planning operator takes: when the answers are due, what they may cost, and the account's limits."""
    check_clock("deadline", plan.deadline)
    account_limits(written(plan.limits))
    if has_budget(usd := written(plan.budget_usd)):
        usd_amount("budget_usd", usd)


def shard_limits(rows: int | str | None, most_bytes: int) -> Limits:
    """The most that a shard may hold; without *rows* the plan chooses. Raises JobError for what no batch can hold."""
    chosen = None if rows is None or rows == "" else whole_number("shard_rows", rows, 1, MAX_REQUESTS)
    return Limits(rows=chosen, bytes=most_bytes)
