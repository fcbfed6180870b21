"""Vote: asks the rows whose second answer is another one a third time, before the answers are published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.core.sync.concurrency import CEILING
from airflow_provider_claude.failure import blaming_the_first, refuse_old_plan
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.shared.settle_shard import SettlesShards, check_lane
from airflow_provider_claude.runtime.hold_run import held
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import run_folder
from airflow_provider_claude.runtime.run_context import task_ref
from airflow_provider_claude.runtime.task_errors import task_errors

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaudeVoteOperator(SettlesShards, BaseOperator):
    """Asks a third time where the plan says ``Consistency(resolve="majority")`` and two answers to a row differ.

    It runs once all shards are settled, asks on the Messages API, and takes ten minutes at most. The report puts the answers that
    came twice into the table. It fails for no error of the API: where there is no third answer, the first one stays, and the
    report says why. Cleared, it asks nothing that has a third answer. Where the scan or the plan has failed, it asks nothing.

    :param run_folder: the run folder (templated).
    :param job: the job that was planned; its output checks the answers.
    :param conn_id: a connection of type `anthropic` (templated).
    :param in_flight: the most concurrent requests of the sync lane.
    :param trigger_rule: Airflow's trigger rule; by default it runs whether shards succeeded or failed, as the report does.
    """

    template_fields: Sequence[str] = ("run_folder", "conn_id")
    ui_color = "#e4f4ee"
    shed_to = None

    def __init__(
        self,
        *,
        run_folder: str,
        job: ClaudeJob,
        conn_id: str = ClaudeHook.default_conn_name,
        in_flight: int = int(CEILING),
        trigger_rule: str = "all_done",
        **kwargs: Any,
    ) -> None:
        super().__init__(trigger_rule=trigger_rule, **kwargs)
        check_lane(in_flight, None)
        self.run_folder = run_folder
        self.job = job
        self.conn_id = conn_id
        self.in_flight = in_flight

    def resume(self, context: Context, event: Any = None, waiting_since: float | None = None) -> dict[str, Any]:
        """Continue after a deferral: another run was active in the run folder."""
        return self.execute(context, waiting_since)

    def execute(self, context: Context, waiting_since: float | None = None) -> dict[str, Any]:
        from airflow_provider_claude.stages.vote.ask_votes import ask_votes

        with task_errors(), blaming_the_first(context), held(self, context, run=self.run_folder, since=waiting_since):
            run = run_folder(self.run_folder)
            refuse_old_plan(run.need_plan().planned_by, context)
            hook = ClaudeHook(self.conn_id)
            self._lane_factory = hook.lane_factory(in_flight=self.in_flight)
            record = ask_votes(
                run,
                self.job,
                hook.gateway(),
                self._lane_factory,
                clock=utc_now,
                task=task_ref(context),
            )
        if record.why_not:
            self.log.warning("Some rows have no third answer: %s", legible(excerpt(record.why_not, 400)))
        return dict(msgspec.to_builtins(record))
