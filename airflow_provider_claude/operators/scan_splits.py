"""Scan by several workers: one task divides the files into splits, each split is scanned, and one task merges them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.report.ledger import in_words
from airflow_provider_claude.failure import blaming_the_first
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.runtime.hold_run import held
from airflow_provider_claude.runtime.log_progress import log_progress
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import run_folder
from airflow_provider_claude.runtime.task_errors import task_errors

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaudeScanSplitOperator(ClaudeInputScanOperator):
    """Divides the files of a source into splits. Returns the numbers of the splits, to expand over.

    :param splits: how many tasks divide the scan; no more than there are files.
    """

    def __init__(self, *, splits: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.splits = splits

    def execute(self, context: Context, waiting_since: float | None = None) -> list[int]:  # type: ignore[override]
        from airflow_provider_claude.stages.scan.splits import split_source

        with task_errors(), held(self, context, run=self.run_folder, since=waiting_since):
            run = run_folder(self.run_folder)
            self.release_rows(run, context)
            return split_source(self.opened(), run, self.scan_settings(), self.splits, clock=utc_now)


class ClaudeSplitScanOperator(ClaudeInputScanOperator):
    """Scans one split of a source.

    :param split: its number (templated).
    """

    template_fields = (*ClaudeInputScanOperator.template_fields, "split")

    def __init__(self, *, split: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.split = split

    def execute(self, context: Context, waiting_since: float | None = None) -> None:  # type: ignore[override]
        from airflow_provider_claude.stages.scan.splits import scan_split

        with task_errors(), held(self, context, run=self.run_folder, since=waiting_since):
            run = run_folder(self.run_folder)
            seen = log_progress(self.log, "rows scanned")
            record = scan_split(self.opened(), run, int(self.split), self.scan_settings(), clock=utc_now, seen=seen)
        self.log.info(
            "%d rows read, %d of them in quarantine (%s)",
            record.rows,
            sum(record.by_reason.values()),
            in_words(record.by_reason),
        )


class ClaudeSplitMergeOperator(ClaudeInputScanOperator):
    """Merges the splits of a source in the run folder. Returns its path, as a scan by one task does."""

    def execute(self, context: Context, waiting_since: float | None = None) -> str:
        from airflow_provider_claude.stages.scan.splits import merge_splits

        with task_errors(), blaming_the_first(context), held(self, context, run=self.run_folder, since=waiting_since):
            run = run_folder(self.run_folder)
            self.scan_golden(run, self.log)
            seen = log_progress(self.log, "rows merged")
            self.say(merge_splits(run, self.scan_settings(), clock=utc_now, seen=seen))
        return self.run_folder
