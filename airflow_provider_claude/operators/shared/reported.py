"""What a task that reports returns, and logs at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_claude.core.report.summary import Summary
    from airflow_provider_claude.store import RunFolder


def reported(log: Any, run: RunFolder, summary: Summary) -> dict[str, Any]:
    """Where the report of *run* is, and what was published."""
    report = str(run.file("report.html"))
    log.info("Every row is accounted for. Report: %s", report)
    if summary.published:
        log.info("%d rows published in %s", summary.published_rows, summary.published)
    return {"report": report, "published": summary.published, "published_rows": summary.published_rows}
