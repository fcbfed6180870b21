"""Report: the ledger is closed from the files themselves, and the answers are published if it is green."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.core.report.reconcile import Thresholds
from airflow_provider_claude.runtime import run_folder, task_errors, to_path, utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context

_DEFAULT = Thresholds()


class ClaudeReportOperator(BaseOperator):
    """Writes report.json and report.html, publishes the answers, and fails where rows are unaccounted for.

    Runs whatever became of the shards (trigger rule ``all_done``), because a failed shard is what it has to tell.

    :param run_folder: the run folder (templated).
    :param publish_to: where the answers go, as ``<publish_to>/<partition_column>=<day>/`` (templated); None publishes nothing.
    :param partition_column: the name of the partition column.
    :param max_failed: the share of rows that may fail in a green run.
    :param max_refused: the share of rows that the model may refuse in a green run.
    :param max_invalid: the share of rows that may end with an answer that is not valid, in a green run.
    :param max_quarantined: the share of rows that may be set aside, or be lost in damaged places of the source, in a
        green run.
    """

    template_fields: Sequence[str] = ("run_folder", "publish_to")
    ui_color = "#eee4f4"

    def __init__(
        self,
        *,
        run_folder: str,
        publish_to: str | None = None,
        partition_column: str = "day",
        max_failed: float = _DEFAULT.failed,
        max_refused: float = _DEFAULT.refused,
        max_invalid: float = _DEFAULT.invalid,
        max_quarantined: float = _DEFAULT.quarantined,
        trigger_rule: str = "all_done",
        **kwargs: Any,
    ) -> None:
        super().__init__(trigger_rule=trigger_rule, **kwargs)
        self.run_folder = run_folder
        self.publish_to = publish_to
        self.partition_column = partition_column
        self.max_failed = max_failed
        self.max_refused = max_refused
        self.max_invalid = max_invalid
        self.max_quarantined = max_quarantined

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_claude.stages.report import report

        with task_errors():
            run = run_folder(self.run_folder)
            self.log.info("Closing the ledger of %s", run)
            summary = report(
                run,
                output=to_path(self.publish_to) if self.publish_to else None,
                partition_column=self.partition_column,
                thresholds=Thresholds(
                    failed=self.max_failed,
                    refused=self.max_refused,
                    invalid=self.max_invalid,
                    quarantined=self.max_quarantined,
                ),
                clock=utc_now,
            )
        if summary.ledger.losses:
            self.log.warning("%s %s", summary.ledger.losses, " ".join(summary.unreadable))
        self.log.info("The ledger closes; the report is %s", run.file("report.html"))
        return {"report": str(run.file("report.html")), "published": summary.published}
