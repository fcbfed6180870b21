"""What a task that reports returns, and logs at its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset

from airflow_provider_claude.core.legible import excerpt, legible

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.core.report.summary import Summary
    from airflow_provider_claude.store import RunFolder

_MOST = 1_000


def reported(log: Any, run: RunFolder, summary: Summary) -> dict[str, Any]:
    """Where the report of *run* is, and what was published. Logs the verdict, the counts and the cost."""
    from airflow_provider_claude.core.view.verdict import reported as verdict_of

    report, said = str(run.file("report.html")), verdict_of(summary)
    log.info("Verdict: %s. %s", said.word, legible(excerpt(said.sentence, _MOST)))
    log.info("%s", summary.ledger.sentence())
    log.info("%s", summary.costs.sentence())
    log.info("Report: %s", report)
    if summary.published:
        log.info("Published in %s", summary.published)
    return {"report": report, "published": summary.published, "published_rows": summary.published_rows}


def announce(context: Context, outlets: Iterable[Any], run: RunFolder, summary: Summary) -> None:
    """Write into the event of each asset in *outlets* what was published, and how consistent it is."""
    events = context.get("outlet_events")
    for outlet in outlets:
        if events is not None and isinstance(outlet, Asset):
            events[outlet].extra.update(_extra(run, summary))


def _extra(run: RunFolder, summary: Summary) -> dict[str, Any]:
    again = summary.consistency.again if summary.consistency else None
    return {
        "report": str(run.file("report.html")),
        "partition": summary.partition,
        "published": summary.published,
        "published_rows": summary.published_rows,
        "agreement": {one.field: one.agreement._asdict() for one in again.fields} if again else None,
    }
