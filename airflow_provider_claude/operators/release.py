"""Release: a separate operator, so that the right to release can be granted apart from the right to run the job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.core.report.ledger import in_words
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.operators.scan import selectors_of
from airflow_provider_claude.operators.shared.run_name import NamesItsRun
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import run_folder
from airflow_provider_claude.runtime.run_context import who_triggered
from airflow_provider_claude.runtime.task_errors import task_errors

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.store import RunFolder


class ClaudeReleaseOperator(NamesItsRun, BaseOperator):
    """Releases rows from quarantine, from the next scan on, and records who did so, when and why. Sends nothing.

    Returns how many rows were released. Fails where none was: a selector without a row is a mistake. A run applies its
    selectors once, also where it is cleared; for other selectors trigger a new run.

    :param run_folder: the run folder (templated).
    :param release: which rows, as selectors such as ``id:m-7``, ``rule:override``, ``layer:classifier`` or ``all`` (templated;
        a list, its JSON, or one a line).
    :param note: why (templated); it stays on record, and in the report.
    :param partition: the partition of the run folder, as ``claude_batch_job`` has it (templated).
    """

    template_fields: Sequence[str] = ("run_folder", "release", "note", "partition")
    ui_color = "#f4ece4"

    def __init__(
        self,
        *,
        run_folder: str,
        release: Sequence[str] | str,
        note: str = "",
        partition: str | None = "{{ day }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.run_folder = run_folder
        self.release = release
        self.note = note
        self.partition = partition

    def execute(self, context: Context) -> int:
        from airflow_provider_claude.stages.scan.release_rows import Act, release, unmatched

        with task_errors():
            run, selectors = run_folder(self.run_folder), selectors_of(self.release)
            act = Act(by=who_triggered(context), at=utc_now(), note=str(self.note or ""), run_id=context.get("run_id"))
            record = release(run, selectors, act)
            if not record.rows:
                raise JobError(
                    _none_released(run, unmatched(run, selectors), earlier=None if record.at == act.at else record.at)
                )
        self.log.info("%d rows of %s released (%s) by %s", len(record.rows), run, in_words(record.by_reason), record.by)
        for sentence in unmatched(run, selectors):
            self.log.warning("%s", sentence)
        return len(record.rows)


def _none_released(run: RunFolder, why: Sequence[str], *, earlier: str | None) -> str:
    """The error where no row was released; *earlier*: when this run has asked for the same before."""
    before = f" This run has asked for the same at {earlier[:19]}Z, and a cleared run asks once." if earlier else ""
    message = " ".join([f"No row in quarantine of {run} was released.{before}", *why])
    return f"{message} Trigger a new run of the DAG, with selectors (release) of rows that are in quarantine now."
