"""A change of the job in the report: what the accepted job and the new one answered to the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from airflow_provider_claude.core.consistency.asked_again import FieldAgreement
from airflow_provider_claude.core.consistency.golden import Golden
from airflow_provider_claude.core.consistency.job_changes import differing
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.cost.estimate import usd

#: Changes that a sentence names.
_NAMED = 3


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What one job used for the rows that both have answered: tokens a row, and USD per 1,000 rows at batch prices without a
    prompt cache.
    """

    model: str
    input_tokens: float
    output_tokens: float
    usd_per_thousand: str

    @property
    def usd(self) -> str:
        return usd(Decimal(self.usd_per_thousand))


class Certification(msgspec.Struct, frozen=True, kw_only=True):
    """*parts* of the job differ from that which *accepted_by* accepted at *accepted_at*. Both were asked about *asked* rows.

    *fields* compare the answers, the accepted job's first. *only_before* and *only_after* rows have an answer of one of them
    alone. A side is None where its rows took existing answers. *why_not* says why nothing is compared. *golden*: what golden rows
    say of the new job, a sentence a field. *itself*: by field, the share of answers that the new job changes when it is asked
    again as it is, where that was measured. *held*: see ChangeRecord.
    """

    parts: list[str]
    accepted_at: str
    accepted_by: str
    held: bool = False
    asked: int = 0
    fields: list[FieldAgreement] = []
    only_before: int = 0
    only_after: int = 0
    before: Side | None = None
    after: Side | None = None
    why_not: str = ""
    golden: list[str] = []
    itself: dict[str, float] = {}

    @property
    def changed(self) -> str:
        return f"{differing(self.parts)} from the job that {self.accepted_by} accepted on {self.accepted_at[:10]}."

    @property
    def _nothing(self) -> str:
        return "The answers of both jobs are not compared" if self.asked else "The accepted job was not asked"

    def sentences(self) -> list[str]:
        """What is known of the change: what differs, then which answers, then cost and length."""
        if self.why_not:
            return [self.changed, f"{self._nothing}: {self.why_not.rstrip('.')}.", *self.golden]
        return [self.changed, *map(self._flips, self.fields), *self.golden, *self._unanswered(), *self._used()]

    def warning(self) -> str:
        """The change in short: what differs, and the labels that changed most."""
        most = max(self.fields, key=lambda one: 1 - one.agreement.value, default=None)
        if self.why_not or most is None:
            return " ".join(self.sentences())
        return f"{self.changed} {self._flips(most)}"

    def problem(self, run: str) -> str:
        """Why the *run* is red where the change is held, and what to do."""
        return (
            f"{' '.join(self.sentences())} The run is held: only this sample was asked, and nothing is published. To accept the "
            f"change, run `claude-batch accept {run}` and clear the plan task of this run; to drop it, restore the accepted job "
            "and clear the plan task."
        )

    def beside(self, measured: Measured) -> Certification:
        """The same with what was *measured* of the new job: golden rows, and how often it changes an answer by itself."""
        again, golden = measured.again, measured.golden
        return msgspec.structs.replace(
            self,
            golden=[*_on_golden(golden)] if golden else [],
            itself={one.field: 1 - one.agreement.value for one in again.fields} if again else {},
        )

    def _flips(self, one: FieldAgreement) -> str:
        said = flips_sentence(one)
        return (
            f"{said} Asked again as it is, the new job changes {self.itself[one.field]:.1%}."
            if one.field in self.itself
            else said
        )

    def _unanswered(self) -> list[str]:
        before, after = self.only_before, self.only_after
        said = f"Of {self.asked:,} rows, {before:,} have an answer only of the accepted job, and {after:,} only of the new one."
        return [said] if before or after else []

    def _used(self) -> list[str]:
        if self.before is None or self.after is None:
            return []
        old, new = self.before, self.after
        cost = f"1,000 rows cost {new.usd} by batch without a cache, instead of {old.usd}"
        return [f"{cost}; an answer has {new.output_tokens:.1f} tokens, instead of {old.output_tokens:.1f}."]


def flips_sentence(one: FieldAgreement) -> str:
    """How many answers are others in the second asking, with the interval, and which labels became which most often."""
    flips = one.rows - one.same
    low, high = 100 * (1 - one.agreement.high), 100 * (1 - one.agreement.low)
    moved = "".join(f", {first} > {second} {count:,}" for first, second, count in one.flips[:_NAMED])
    return (
        f"{one.field}: {flips:,} of {one.rows:,} answers changed ({flips / one.rows:.1%}, 95% interval {low:.1f} to {high:.1f}%)"
        f"{moved}."
    )


def _on_golden(golden: Golden) -> Iterator[str]:
    for one in golden.fields:
        if (change := one.change) is not None:
            yield (
                f"{one.field}, on {change.rows:,} golden rows compared with {golden.baseline}: {change.verdict}; "
                f"{change.better:,} are right that were wrong, {change.worse:,} wrong that were right "
                f"(McNemar's exact test, p = {change.p_value:.2g})."
            )
