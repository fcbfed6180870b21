"""Which rows without an answer make a run red, and which only a warning.

Authors of single texts must not be able to stop the answers to all other texts. They can cause rows that the gate sets aside,
that are empty or too long, or that the model refuses. Such rows are published with a warning, up to half of all rows.
Beyond half, a broken rule or prompt is the likelier cause. What only the system or the data can cause is red much earlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

from airflow_provider_claude.core.report.ledger import Ledger, nonzero

#: So many rows are within any share above 0, unless a Limit says otherwise.
LEAST = 3

#: Reasons of the layer `source` that the author of one text can bring about: what is written, how long, under which id.
_AUTHORS_REASONS = frozenset({"empty", "attachments_only", "oversize", "unreadable_mail", "duplicate_id"})

#: Outcomes that have a limit of their own; all other failures share that of `failed`.
_UNUSABLE, _REFUSED = ("invalid", "truncated"), ("refused",)

#: The parameters of ClaudeReportOperator, by the threshold they set.
_PARAMETERS = {
    **{name: f"max_{name}" for name in ("failed", "invalid", "refused", "defective", "quarantined")},
    "warn": "warn_above",
}


@dataclass(frozen=True)
class Limit:
    """How many rows of a kind may be without an answer: a share of the rows, and counts for few rows and for many.

    :param share: from 0 to 1.
    :param least: this many rows are within the limit whatever their share, as long as they are at most half of the rows. None
        is 3, or 0 where *share* is 0.
    :param most: more rows than this are beyond the limit whatever their share. None is no such number.
    :raises ValueError: for a value that is no share or no count, and a *least* that exceeds *most*.
    """

    share: float
    least: int | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.share, bool) or not isinstance(self.share, int | float) or not 0 <= self.share <= 1:
            raise ValueError(f"the share {self.share!r} is not valid: write a number from 0 to 1, such as 0.05.")
        for name, rows in (("least", self.least), ("most", self.most)):
            if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int) or rows < 0):
                raise ValueError(f"{name}={rows!r} is not a count of rows: write a whole number from 0, or None.")
        if self.most is not None and self.most < (self.least or 0):
            raise ValueError(f"least={self.least} exceeds most={self.most}: write a smaller least or a larger most.")

    @classmethod
    def of(cls, value: float | Limit) -> Limit:
        """*value*, or the limit whose share it is."""
        return value if isinstance(value, Limit) else cls(value)

    def allows(self, count: int, whole: int) -> bool:
        """Whether *count* of *whole* rows are within the limit."""
        if self.most is not None and count > self.most:
            return False
        return count <= self.share * whole or count <= min(self._least, whole // 2)

    def __str__(self) -> str:
        return f"{self.share:.1%}" if self.most is None else f"{self.share:.1%}, and {self.most:,} rows at most"

    @property
    def _least(self) -> int:
        if self.least is None:
            return LEAST if self.share else 0
        return self.least


class _Kind(NamedTuple):
    """Rows without an answer, by reason, out of *whole* rows: *says* completes “5 of 100 …”.

    *parameter* is that of ClaudeReportOperator which sets the *limit*.
    """

    reasons: Mapping[str, int]
    whole: int
    parameter: str
    limit: Limit
    says: str

    @property
    def rows(self) -> int:
        return sum(self.reasons.values())

    def sentence(self, parameter: str, limit: Limit) -> str:
        counts = nonzero(dict(self.reasons))
        named = ", ".join(f"{n:,} {reason}" for reason, n in list(counts.items())[:3])
        more = f" and {len(counts) - 3} more reasons" if len(counts) > 3 else ""
        share = f"{self.rows / self.whole:.1%}; {parameter} is {limit}"
        return f"{self.rows:,} of {self.whole:,} {self.says} ({share}): {named}{more}."


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """How many rows may be without an answer in a green run. Each is a Limit, or a number that is its share.

    :param failed: of the rows that were asked (answered or failed, duplicates included), those without an answer for a reason
        that is not in their text: `errored`, `expired`, `canceled`, `missing`, `unaffordable`.
    :param invalid: of the same rows, those whose answer was not valid or cut off. A text can cause that, a job as well.
    :param refused: of the same rows, those the model would not answer.
    :param defective: of all input rows, those set aside because the data is broken, such as `broken_row` or `missing_id`,
        or lost in damaged places of the source.
    :param quarantined: of all input rows, those set aside for what their authors wrote: by the gate, or as `empty`,
        `attachments_only`, `oversize`, `unreadable_mail`, `duplicate_id`.
    :param warn: what is beyond this limit, of any kind, is a warning where it is not red.
    :raises ValueError: for a value that cannot be a limit; the message names the operator's parameter.
    """

    failed: float | Limit = Limit(0.05, most=5_000)
    invalid: float | Limit = Limit(0.20)
    refused: float | Limit = Limit(0.50)
    defective: float | Limit = Limit(0.05, most=5_000)
    quarantined: float | Limit = Limit(0.50)
    warn: float | Limit = Limit(0.02, most=1_000)

    def __post_init__(self) -> None:
        for field in fields(self):
            try:
                object.__setattr__(self, field.name, Limit.of(getattr(self, field.name)))
            except ValueError as e:
                raise ValueError(f"{_PARAMETERS[field.name]}: {e}") from e

    def breaches(self, ledger: Ledger) -> list[str]:
        """The limits that *ledger* is beyond, a sentence each: the run is red."""
        return [
            kind.sentence(kind.parameter, kind.limit)
            for kind in self._kinds(ledger)
            if not kind.limit.allows(kind.rows, kind.whole)
        ]

    def warnings(self, ledger: Ledger) -> list[str]:
        """What is within its limit and beyond *warn*, a sentence each: the run is green, and needs a look."""
        warn = Limit.of(self.warn)
        return [
            kind.sentence(_PARAMETERS["warn"], warn)
            for kind in self._kinds(ledger)
            if kind.limit.allows(kind.rows, kind.whole) and not warn.allows(kind.rows, kind.whole)
        ]

    def _kinds(self, ledger: Ledger) -> Iterator[_Kind]:
        """The rows without an answer, each in one kind."""
        asked, failed = ledger.answered + ledger.failed_rows, dict(ledger.failed)
        invalid, refused = _taken(failed, _UNUSABLE), _taken(failed, _REFUSED)
        defective = {reason: n - ledger.by_authors.get(reason, 0) for reason, n in ledger.quarantined.items()}
        defective["lost"] = ledger.lost
        kinds = (
            ("failed", failed, asked, "asked rows failed for a reason that is not in their text"),
            ("invalid", invalid, asked, "asked rows got no valid answer"),
            ("refused", refused, asked, "asked rows were refused by the model"),
            ("defective", defective, ledger.inputs, "rows are set aside as broken data, or lost"),
            ("quarantined", ledger.by_authors, ledger.inputs, "rows are set aside for what their authors wrote"),
        )
        for name, reasons, whole, says in kinds:
            yield _Kind(reasons, whole, _PARAMETERS[name], Limit.of(getattr(self, name)), says)


def by_authors(reason: str, layer: str) -> bool:
    """Whether the author of a text can have it set aside for *reason* by *layer* (`scan_layer` of quarantine/)."""
    return layer != "source" or reason in _AUTHORS_REASONS


def _taken(counts: dict[str, int], names: tuple[str, ...]) -> dict[str, int]:
    """The *counts* of *names*, taken out of them."""
    return {name: counts.pop(name) for name in names if name in counts}
