"""What a task that reports returns, logs, measures and sends at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset

from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.runtime.metrics import gauge
from airflow_provider_claude.runtime.notifying import Notifier, call_notifiers
from airflow_provider_claude.runtime.now import epoch_now
from airflow_provider_claude.runtime.page_url import page_link

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.core.report.summary import Summary
    from airflow_provider_claude.store import RunFolder

_MOST = 1_000


def reported(log: Any, run: RunFolder, summary: Summary) -> dict[str, Any]:
    """Where the report of *run* is, and what was published. Logs the verdict, the counts and the cost."""
    word, sentence = _verdict(summary)
    log.info("Verdict: %s. %s", word, sentence)
    log.info("%s", summary.ledger.sentence())
    log.info("%s", summary.costs.sentence())
    log.info("Report: %s", run.file("report.html"))
    if summary.published:
        log.info("Published in %s", summary.published)
    return {
        "report": str(run.file("report.html")),
        "published": summary.published,
        "published_rows": summary.published_rows,
    }


@contextmanager
def measured_and_sent(context: Context, run: RunFolder, notifiers: Sequence[Notifier]) -> Iterator[None]:
    """Once the block has written a report, send its metrics and call *notifiers*: also where the report is red, and the block
    raises.
    """
    began = epoch_now()
    try:
        yield
    finally:
        summary = _written_since(run, began)
        if summary is not None:
            gauge(context.get("ti"), lambda: _figures(run, summary))
            call_notifiers(notifiers, context, _told(context, run, summary))


def announce(context: Context, outlets: Iterable[Any], run: RunFolder, summary: Summary) -> None:
    """Write into the event of each asset in *outlets* what was published, what it cost, and how consistent it is."""
    events = context.get("outlet_events")
    for outlet in outlets:
        if events is not None and isinstance(outlet, Asset):
            events[outlet].extra.update(_extra(context, run, summary))


def _extra(context: Context, run: RunFolder, summary: Summary) -> dict[str, Any]:
    again = summary.consistency.again if summary.consistency else None
    golden = summary.consistency.golden if summary.consistency else None
    return {
        "report": str(run.file("report.html")),
        "page": _page(context),
        "partition": summary.partition,
        "published": summary.published,
        "published_rows": summary.published_rows,
        "rows": summary.ledger.inputs,
        "cost_usd": str(summary.costs.actual),
        "model": summary.asked.model,
        "agreement": {one.field: one.agreement._asdict() for one in again.fields} if again else None,
        "golden_accuracy": {one.field: one.accuracy._asdict() for one in golden.fields} if golden else None,
    }


def _told(context: Context, run: RunFolder, summary: Summary) -> dict[str, Any]:
    """What a notifier's templates find as `claude`."""
    word, sentence = _verdict(summary)
    where = _page(context) or str(run.file("report.html"))
    name = f"{context['ti'].dag_id} {summary.partition or ''}".strip() if context.get("ti") else str(run)
    counts, costs = summary.ledger.sentence(), summary.costs.sentence()
    return {
        "message": f"{name}: {word}. {sentence} {counts} {costs} {where}",
        "verdict": word,
        "sentence": sentence,
        "green": summary.green,
        **_extra(context, run, summary),
    }


def _verdict(summary: Summary) -> tuple[str, str]:
    """The word of the verdict, and its sentence."""
    from airflow_provider_claude.core.view.verdict import reported as verdict_of

    said = verdict_of(summary)
    return said.word, legible(excerpt(said.sentence, _MOST))


def _written_since(run: RunFolder, began: float) -> Summary | None:
    """The report of *run*, None where it was not written since *began* (epoch seconds)."""
    from airflow_provider_claude.core.report.summary import Summary
    from airflow_provider_claude.core.times import epoch
    from airflow_provider_claude.store.records.record import read_record

    with suppress(ClaudeError, OSError):  # what the report could not do is raised by the report
        found = read_record(run.file("report.json"), Summary)
        return found if found is not None and epoch(found.created_at) >= began else None
    return None


def _figures(run: RunFolder, summary: Summary) -> dict[str, float]:
    from airflow_provider_claude.core.report.figures import figures

    scan = run.need_scan()
    return figures(summary, scanned=(scan.started_at, scan.finished_at))


def _page(context: Context) -> str | None:
    """The page of the run, None outside a run."""
    ti: Any = context.get("ti")
    return page_link(ti.dag_id, ti.run_id) if ti is not None else None
