"""The numbers of a run that a monitoring system gets, taken from its report."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.times import epoch


def figures(summary: Summary, *, scanned: tuple[str, str]) -> dict[str, float]:
    """The numbers of *summary* by the end of their metric's name; what is not known is left out.

    *scanned*: when the scan began, and when it ended, ISO 8601.
    """
    return _rows(summary) | _money(summary) | _seconds(summary, scanned) | _quality(summary)


def _rows(summary: Summary) -> dict[str, float]:
    ledger = summary.ledger
    return {
        "rows.input": ledger.inputs,
        "rows.answered": ledger.answered,
        "rows.quarantined": ledger.quarantined_rows,
        "rows.failed": ledger.failed_rows,
        "rows.lost": ledger.lost,
        "rows.published": summary.published_rows or 0,
    }


def _money(summary: Summary) -> dict[str, float]:
    return {"cost.usd": float(summary.costs.actual), "cost.unsure_usd": float(summary.costs.unsure)}


def _seconds(summary: Summary, scanned: tuple[str, str]) -> dict[str, float]:
    """Seconds a stage: from a stage's first moment, or the end of the one before, to its last."""
    sent = [epoch(span.created_at) for span in summary.shards if span.created_at]
    ended = [epoch(span.ended_at) for span in summary.shards if span.ended_at]
    loaded = [epoch(span.loaded_at) for span in summary.shards if span.loaded_at]
    moments = {
        "scan": [epoch(scanned[0]), epoch(scanned[1])],
        "plan": [epoch(scanned[1]), *_first(sent)],
        "batches": [*_first(sent), *_last(ended)],
        "load": [*_last(ended), *_last(loaded)],
    }
    return {f"seconds.{name}": max(to - at, 0.0) for name, pair in moments.items() for at, to in pairwise(pair)} | {
        "seconds.total": epoch(summary.created_at) - epoch(scanned[0])
    }


def _quality(summary: Summary) -> dict[str, float]:
    found: dict[str, float] = {"report.green": float(summary.green)}
    if summary.deadline_met is not None and summary.due is not None:
        at = epoch(summary.loaded_at) if summary.loaded_at else epoch(summary.created_at)
        found["deadline.margin_seconds"] = summary.due - at
    measured = summary.consistency
    if measured is not None and measured.weakest is not None:
        found["consistency.agreement"] = measured.weakest.agreement.value
    if measured is not None and measured.golden is not None and measured.golden.weakest is not None:
        found["consistency.golden_accuracy"] = measured.golden.weakest.accuracy.value
    return found


def _first(moments: Iterable[float]) -> list[float]:
    return sorted(moments)[:1]


def _last(moments: Iterable[float]) -> list[float]:
    return sorted(moments)[-1:]
