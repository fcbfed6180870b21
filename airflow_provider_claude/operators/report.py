"""Report: closes the ledger from the files themselves, and publishes the answers if it is green."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.core.column_names import check_columns
from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.core.publish.destination import GUARDED
from airflow_provider_claude.core.report.thresholds import Limit, Thresholds
from airflow_provider_claude.core.sql_uri import checked_output
from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.failure import blaming_the_first, refuse_old_plan
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.operators.shared.lineage import HasLineage
from airflow_provider_claude.operators.shared.reported import announce, measured_and_sent, reported
from airflow_provider_claude.runtime.databases import output_at
from airflow_provider_claude.runtime.hold_run import held
from airflow_provider_claude.runtime.lineage import lineage_of_report
from airflow_provider_claude.runtime.notifying import Notifier, checked_notifiers
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import run_folder
from airflow_provider_claude.runtime.run_destination import UNPUBLISHED, destination_of, warn_unpublished
from airflow_provider_claude.runtime.task_errors import task_errors

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.store import RunFolder

_DEFAULT = Thresholds()


class ClaudeReportOperator(HasLineage, BaseOperator):
    """Writes report.json and report.html, publishes the answers, and fails where rows are unaccounted for.

    Runs also where shards failed (trigger rule ``all_done``), because it has to report them.

    :param run_folder: the run folder (templated).
    :param publish_to: where the answers go, as ``<publish_to>/<partition_column>=<partition>/``, or into a table,
        ``sql://<conn_id>/<schema>.<table>`` (templated). None: the plan's parameter; without either, nothing is published, with a
        warning when the DAG is parsed and in the report. An empty text publishes nothing, without a warning. If both are
        set, they have to agree.
    :param conn_id: a connection of type `anthropic`, to ask for the cost of batches that were abandoned at their cutoff
        and have ended since (templated). None: the API is not asked.
    :param partition_column: the name of the partition column, if the plan's parameter does not say.
    :param max_failed: how many of the asked rows may fail in a green run for a reason that is not in their text. This and
        the next five are each a share, or a ``Limit`` of share and counts; docs/explanation/red-or-green.md has the
        defaults, and why.
    :param max_invalid: how many of the asked rows may end with an answer that is not valid, or cut off.
    :param max_refused: how many of the asked rows the model may refuse.
    :param max_defective: how many of the input rows may be set aside as broken data, or be lost in damaged places of
        the source.
    :param max_quarantined: how many of the input rows may be set aside for what their authors wrote.
    :param warn_above: a count beyond this limit that is not red is logged and reported as a warning.
    :param notify: an Airflow notifier, a function of the task's context, or a list of these: called once the report is written,
        green or red. Its templates find the verdict as ``claude``; docs/how-to/alerts.md has the names. One that fails is logged.
    :param trigger_rule: Airflow's trigger rule; by default the report runs whether shards succeeded or failed.
    """

    template_fields: Sequence[str] = ("run_folder", "publish_to", "conn_id")
    ui_color = "#eee4f4"

    def __init__(
        self,
        *,
        run_folder: str,
        publish_to: str | None = None,
        conn_id: str | None = None,
        partition_column: str = "day",
        max_failed: float | Limit = _DEFAULT.failed,
        max_invalid: float | Limit = _DEFAULT.invalid,
        max_refused: float | Limit = _DEFAULT.refused,
        max_defective: float | Limit = _DEFAULT.defective,
        max_quarantined: float | Limit = _DEFAULT.quarantined,
        warn_above: float | Limit = _DEFAULT.warn,
        notify: Notifier | Sequence[Notifier] | None = None,
        trigger_rule: str = "all_done",
        **kwargs: Any,
    ) -> None:
        # What it returns can be asked for by its parts, such as `report.output["published"]`.
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(trigger_rule=trigger_rule, **kwargs)
        check_columns((), (), partition_column)
        self.unpublished = warn_unpublished(self, publish_to)
        self.run_folder = run_folder
        self.publish_to = checked_output(publish_to)
        self.conn_id = conn_id
        self.partition_column = partition_column
        self.notify = checked_notifiers(notify)
        self.thresholds = Thresholds(
            failed=max_failed,
            invalid=max_invalid,
            refused=max_refused,
            defective=max_defective,
            quarantined=max_quarantined,
            warn=warn_above,
        )

    def resume(self, context: Context, event: Any = None, waiting_since: float | None = None) -> dict[str, Any]:
        """Continue after a deferral: another run was active in the run folder."""
        return self.execute(context, waiting_since)

    def execute(self, context: Context, waiting_since: float | None = None) -> dict[str, Any]:
        from airflow_provider_claude.stages.report.run import report

        with (
            task_errors(),
            blaming_the_first(context),
            held(self, context, run=self.run_folder, since=waiting_since) as active,
            closing(active),
        ):
            run = run_folder(self.run_folder)
            self.log.info("Counting the rows of %s", run)
            plan = run.need_plan()
            refuse_old_plan(plan.planned_by, context)
            self._collect_late(run)
            destination = plan.destination or destination_of(
                context,
                self.publish_to,
                partition=plan.partition,
                column=self.partition_column,
                replace=GUARDED,
                take_over=False,
            )
            with measured_and_sent(context, run, self.notify):
                summary = report(
                    run,
                    output=output_at(destination.output) if destination else None,
                    destination=destination,
                    thresholds=self.thresholds,
                    clock=utc_now,
                    warnings=[UNPUBLISHED] if self.unpublished and destination is None else [],
                )
        if summary.ledger.losses:
            self.log.warning("%s %s", summary.ledger.losses, " ".join(summary.unreadable))
        for warning in summary.warnings:
            self.log.warning("%s", legible(excerpt(warning, 400)))
        for note in summary.notes:
            self.log.info("%s", legible(excerpt(note, 400)))
        output = destination.output if destination else None
        self.keep_lineage(lambda: lineage_of_report(run.need_scan(), summary, output))
        announce(context, self.outlets, run, summary)
        return reported(self.log, run, summary)

    def _collect_late(self, run: RunFolder) -> None:
        """Count the cost of batches that were abandoned at their cutoff. Without it the report says what they may cost."""
        from airflow_provider_claude.stages.submit.collect_late import collect_late_of, has_left, shards_with_probes

        if self.conn_id is None or not any(has_left(shard) for shard in shards_with_probes(run)):
            return
        try:
            collect_late_of(run, ClaudeHook(self.conn_id).gateway(), utc_now)
        except (ClaudeError, OSError) as error:
            self.log.warning("The cost of the batches that were abandoned at their cutoff could not be read: %s", error)
