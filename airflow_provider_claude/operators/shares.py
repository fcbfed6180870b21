"""Scan by several workers: the files are shared out, each share is judged, and one task puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.report.reconcile import in_words
from airflow_provider_claude.failure import blaming_the_first
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.runtime.hold_run import held
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import run_folder
from airflow_provider_claude.runtime.task_errors import task_errors

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaudeShareOutOperator(ClaudeInputScanOperator):
    """Shares the files of a source out. Returns the numbers of the shares, to expand over.

    :param shares: how many tasks share the scan; no more than there are files.
    """

    def __init__(self, *, shares: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shares = shares

    def execute(self, context: Context, waiting_since: float | None = None) -> list[int]:  # type: ignore[override]
        from airflow_provider_claude.stages.scan.partitions import share_out

        with task_errors(), held(self, context, run=self.run_folder, since=waiting_since):
            run = run_folder(self.run_folder)
            self.release_rows(run, context)
            return share_out(self.opened(), run, self.scan_settings(), self.shares, clock=utc_now)


class ClaudeShareScanOperator(ClaudeInputScanOperator):
    """Reads and judges one share of a source.

    :param share: its number (templated).
    """

    template_fields = (*ClaudeInputScanOperator.template_fields, "share")

    def __init__(self, *, share: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share = share

    def execute(self, context: Context, waiting_since: float | None = None) -> None:  # type: ignore[override]
        from airflow_provider_claude.stages.scan.partitions import scan_share

        with task_errors(), held(self, context, run=self.run_folder, since=waiting_since):
            run = run_folder(self.run_folder)
            record = scan_share(self.opened(), run, int(self.share), self.scan_settings(), clock=utc_now)
        self.log.info(
            "%d rows read, %d of them in quarantine (%s)",
            record.rows,
            sum(record.by_reason.values()),
            in_words(record.by_reason),
        )


class ClaudeShareGatherOperator(ClaudeInputScanOperator):
    """Puts the shares of a source together in the run folder. Returns its path, as a scan by one task does."""

    def execute(self, context: Context, waiting_since: float | None = None) -> str:
        from airflow_provider_claude.stages.scan.partitions import gather

        with task_errors(), blaming_the_first(context), held(self, context, run=self.run_folder, since=waiting_since):
            self.say(gather(run_folder(self.run_folder), self.scan_settings(), clock=utc_now))
        return self.run_folder
