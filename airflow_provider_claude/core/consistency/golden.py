"""How often the model is right about rows whose answers are known, and whether that has changed since the baseline.

Accuracy is a share with Wilson's interval. Two runs that answered the same rows are compared by McNemar's exact test, which looks
only at the rows that one of them got right and the other wrong: chance makes as many of one kind as of the other, so it is the
binomial test (https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.binomtest.html).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from airflow_provider_claude.core.consistency.agreement import LEVEL, Interval, share
from airflow_provider_claude.core.consistency.comparable import Answers, Comparable, label, valid

#: By field, which rows were answered right and which wrong, by their names.
Right = Mapping[str, Mapping[str, bool]]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Of the rows that the baseline answered too, `better` are right now and were wrong, `worse` the other way round. `p_value`:
    how often chance alone makes a difference of this size.
    """

    rows: int
    better: int
    worse: int
    p_value: float

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `undecided` where it may be chance."""
        if self.p_value > 1 - LEVEL:
            return "undecided"
        return "better" if self.better > self.worse else "worse"


class GoldenField(msgspec.Struct, frozen=True, kw_only=True):
    """Of *rows* rows whose value of *field* is known, *right* were answered so; one that the model refused, or answered in no
    valid way, was not. `confusion` has, for labels, the known one, the
    one that was answered, and how many rows, most frequent first. `change` is None without a baseline.
    """

    field: str
    rows: int
    right: int
    accuracy: Interval
    confusion: list[tuple[str, str, int]] = []
    change: Change | None = None

    @property
    def wrong(self) -> list[tuple[str, str, int]]:
        """The part of `confusion` that is wrong."""
        return [(known, answered, count) for known, answered, count in self.confusion if known != answered]


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """What golden rows have shown: *asked* were asked, *answered* have a valid answer (those without one that the model was asked
    about are in the fields, as wrong). `baseline` names the run that they are
    compared with, None where there is none.
    """

    asked: int
    answered: int
    fields: list[GoldenField]
    baseline: str | None = None

    @property
    def weakest(self) -> GoldenField | None:
        """The field that was right least often; None where no row can be compared."""
        return min(self.fields, key=lambda one: one.accuracy.value, default=None)

    def sentence(self) -> str:
        """How right the answers were."""
        weakest = self.weakest
        if weakest is None:
            return f"{self.asked:,} golden rows were asked; none of them has a valid answer."
        value, low, high = weakest.accuracy
        change = weakest.change
        since = f"; {change.verdict} than {self.baseline}" if change and change.verdict != "undecided" else ""
        return (
            f"Of {weakest.rows:,} golden rows, {value:.1%} got the known {weakest.field} (95% interval: {low:.1%} to "
            f"{high:.1%}){since}."
        )


def right(fields: Mapping[str, Comparable], known: Answers, answers: Answers) -> Right:
    """Which of *answers* are the *known* ones, in *fields*; NoAnswer is not. A row that is not among *answers*, or whose value is
    not known, is in none.
    """
    return {
        name: {
            item: kind.same(answers[item][name], row[name])
            for item, row in known.items()
            if row.get(name) is not None and item in answers
        }
        for name, kind in fields.items()
    }


def golden(
    fields: Mapping[str, Comparable],
    known: Answers,
    answers: Answers,
    *,
    before: Right | None = None,
    baseline: str | None = None,
) -> Golden:
    """How right *answers* to rows with *known* values are; *before*: what the run *baseline* got right of the same rows."""
    now = right(fields, known, answers)
    return Golden(
        asked=len(known),
        answered=len(valid({item: answers[item] for item in known if item in answers})),
        fields=[
            GoldenField(
                field=name,
                rows=len(rows),
                right=sum(rows.values()),
                accuracy=share(sum(rows.values()), len(rows)),
                confusion=[] if fields[name].numbers else _confusion(name, known, answers, rows),
                change=change(before[name], rows) if before and name in before else None,
            )
            for name, rows in now.items()
            if rows
        ],
        baseline=baseline,
    )


def change(before: Mapping[str, bool], now: Mapping[str, bool]) -> Change | None:
    """The change from *before* to *now*, which rows were right; None where they have no row in common."""
    from scipy.stats import binomtest

    both = [(before[item], now[item]) for item in now if item in before]
    if not both:
        return None
    better, worse = both.count((False, True)), both.count((True, False))
    p_value = float(binomtest(better, better + worse).pvalue) if better + worse else 1.0
    return Change(rows=len(both), better=better, worse=worse, p_value=p_value)


def _confusion(name: str, known: Answers, answers: Answers, rows: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    pairs = Counter((label(known[item][name]), label(answers[item][name])) for item in rows)
    return [(one, other, count) for (one, other), count in pairs.most_common()]
