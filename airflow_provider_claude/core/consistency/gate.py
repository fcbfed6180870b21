"""Whether the consistency of a run holds its answers back.

Each figure is judged at the unfavourable end of what it may be: an agreement at the lower end of its interval, a drift against
the limit that chance exceeds in one quiet run of a hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from airflow_provider_claude.core.consistency.asked_again import FieldAgreement
from airflow_provider_claude.core.consistency.comparable import Comparable
from airflow_provider_claude.core.consistency.drift import LEAST_NIGHTS, Drift
from airflow_provider_claude.core.consistency.golden import GoldenField
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.consistency.settings import Consistency

#: How to publish what is held back. No answer is paid for again.
_ANYWAY = (
    "To publish all the same, write {instead} and clear the plan task; the answers are kept, and not paid for again."
)


def too_little_agreement(
    wanted: Consistency, fields: Mapping[str, Comparable], measured: Measured | None, *, items: int
) -> Iterator[str]:
    """Why the agreement that was *measured* in *fields* holds the answers back, a sentence for each field. A run with too few
    *items* is not judged.
    """
    known = {one.field: one for one in measured.again.fields} if measured and measured.again else {}
    for name, least in wanted.required("min_agreement", fields).items() if wanted.rows(items) else ():
        if name not in known:
            why = f"min_agreement is {least:.1%}, and how far the answers agree in {name} is not known."
            yield f"{why} {_said(measured)} {_ANYWAY.format(instead='min_agreement=None')}"
        elif known[name].agreement.low < least:
            yield _disagrees(known[name], least)


def _said(measured: Measured | None) -> str:
    return measured.sentence() if measured else "The plan has asked nothing to measure it."


def _disagrees(found: FieldAgreement, least: float) -> str:
    value, low, _ = found.agreement
    return (
        f"Only {value:.1%} of {found.rows:,} rows got the same {found.field} when they were asked a second time; in all rows it "
        f"may be as few as {low:.1%}, and min_agreement is {least:.1%}. The report names rows that differ: where people differ "
        f"about them too, say in the prompt which label they get. {_ANYWAY.format(instead='a lower min_agreement')}"
    )


def too_often_wrong(
    wanted: Consistency, fields: Mapping[str, Comparable], measured: Measured | None, *, items: int
) -> Iterator[str]:
    """Why what was *measured* of golden rows in *fields* holds the answers back, as above; without *items* there are none."""
    golden = measured.golden if measured else None
    known = {one.field: one for one in golden.fields} if golden else {}
    for name, least in wanted.required("min_golden", fields).items() if items else ():
        if name not in known:
            why = f"min_golden is {least:.1%}, and how often {name} is right is not known."
            yield f"{why} {_said(measured)} {_ANYWAY.format(instead='min_golden=None')}"
        elif known[name].accuracy.low < least:
            yield _wrong(known[name], least)


def _wrong(found: GoldenField, least: float) -> str:
    value, low, _ = found.accuracy
    return (
        f"Only {value:.1%} of {found.rows:,} golden rows got the known {found.field}; in all rows it may be as few as {low:.1%}, "
        f"and min_golden is {least:.1%}. The report says what was answered instead: correct the prompt, or the golden rows that "
        f"are not right themselves. {_ANYWAY.format(instead='a lower min_golden')}"
    )


def too_much_drift(wanted: Consistency, drift: Sequence[Drift]) -> Iterator[str]:
    """Which fields have moved so far from earlier runs that the answers are held back, a sentence each."""
    if wanted.max_drift is None:
        return
    for one in drift:
        if one.divergence > wanted.max_drift * one.limit:
            times = one.divergence / one.limit if one.limit else float("inf")
            yield (
                f"{one.sentence()} That is {times:.1f} times the limit, and max_drift is {wanted.max_drift:g}. Look at the "
                f"source, the prompt and the model, in this order. {_ANYWAY.format(instead='a higher max_drift')}"
            )


def not_judged(wanted: Consistency, drift: Sequence[Drift], *, items: int) -> Iterator[str]:
    """What cannot be judged of a run with *items* items, and does not hold their answers back."""
    if wanted.min_agreement is not None and 0 < items < wanted.fewest:
        yield f"min_agreement is not judged: the run has {items:,} different texts, and fewer than {wanted.fewest:,} tell little."
    if wanted.max_drift is not None and items and not drift:
        yield (
            f"max_drift is not judged: fewer than {LEAST_NIGHTS} earlier runs on the same part of the week are on record, or no "
            "field has labels."
        )
