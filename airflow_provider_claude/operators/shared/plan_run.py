"""Plan a run: the settings that each planning operator has, and the plan made with them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.numbers import usd_amount
from airflow_provider_claude.operators.shared.run_name import NamesItsRun
from airflow_provider_claude.runtime.databases import output_at
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import run_folder, unsafe_store_allowed, work_folder
from airflow_provider_claude.runtime.run_context import task_ref, zone_of
from airflow_provider_claude.runtime.run_deadline import resolve_deadline
from airflow_provider_claude.runtime.run_destination import destination_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.core.deadline.at_cutoff import StuckBatches
    from airflow_provider_claude.core.publish.destination import Destination
    from airflow_provider_claude.core.sync.priority import Priority
    from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
    from airflow_provider_claude.stages.plan.plan_settings import Settings
    from airflow_provider_claude.store import BudgetRecord, PlanRecord

#: The runs of one day spend a budget together, and all backfills of a DAG one.
BUDGET_SCOPE = "{{ dag.dag_id }} {{ 'backfill' if dag_run.run_type == 'backfill' else day }}"


class PlansRun(NamesItsRun):
    """Makes an operator plan a run by its parameters, which ClaudePlanOperator describes."""

    log: Any
    run_folder: str
    job: ClaudeJob
    model: str | None
    conn_id: str
    prices: Mapping[str, Any] | None
    deadline: str | None
    limits: str | Mapping[str, Any] | None
    reserve: float
    stuck_batches: StuckBatches
    priority: Priority | None
    budget_usd: str | Decimal | None
    budget_scope: str
    work: str | None
    replace: str
    take_over: bool | str

    def destination_at(self, publish_to: str | None, column: str, context: Context) -> Destination | None:
        """The partition under *publish_to*, whose column is *column*; None for nowhere."""
        return destination_of(
            context,
            publish_to,
            partition=self.partition,
            column=column,
            replace=self.replace,
            take_over=self.take_over,
        )

    def lane_settings(self, **more: Any) -> LaneSettings:
        from airflow_provider_claude.core.sync.account_limits import account_limits
        from airflow_provider_claude.stages.plan.choose_lane import LaneSettings

        limits = account_limits(self.limits)
        return LaneSettings(limits=limits, reserve=self.reserve, stuck=self.stuck_batches, **more)

    def plan_settings(
        self, destination: Destination | None, lanes: LaneSettings, context: Context, **more: Any
    ) -> Settings:
        """How the run is planned; *more* are settings that only this operator has."""
        from airflow_provider_claude.stages.plan.plan_settings import Settings

        return Settings(
            prices=self.prices,
            deadline=resolve_deadline(context, self.deadline),
            zone=zone_of(context),
            partition=self.partition,
            output=output_at(destination.output) if destination else None,
            destination=destination,
            work=work_folder(self.work, run_folder(self.run_folder)),
            named_work=self.work is not None,
            unsafe_store=unsafe_store_allowed(),
            lanes=lanes,
            budget=budget_of(self.budget_usd, self.budget_scope),
            priority=self.priority,
            **more,
        )

    def planned(self, settings: Settings, context: Context) -> PlanRecord:
        """Plan the run."""
        from airflow_provider_claude.stages.plan.run import plan

        return plan(
            run_folder(self.run_folder),
            self.job.with_model(self.model),
            ClaudeHook(self.conn_id).gateway(),
            settings=settings,
            task=task_ref(context),
            clock=utc_now,
        )

    def log_plan(self, record: PlanRecord) -> None:
        """Log what the plan decided, and why."""
        for sentence in record.explanation:
            (self.log.warning if sentence in record.warnings else self.log.info)("%s", sentence)


def budget_of(usd: str | Decimal | None, scope: str) -> BudgetRecord | None:
    """The budget as the plan keeps it; None where *usd* is None or empty. Raises JobError for an invalid amount."""
    if not has_budget(usd):
        return None
    from airflow_provider_claude.store import BudgetRecord

    return BudgetRecord(usd=f"{usd_amount('budget_usd', usd):f}", scope=scope)


def has_budget(usd: object) -> bool:
    """Whether *usd* limits what a run may cost: None and an empty text do not."""
    return usd is not None and usd not in ("", "None")
