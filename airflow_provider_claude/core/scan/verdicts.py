"""The verdicts on the rows of a batch. Most rows have none, so only the others are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import scalar
from airflow_provider_claude.core.scan.findings import Finding
from airflow_provider_claude.core.scan.normalise import rows_where
from airflow_provider_claude.core.scan.policy import ScanPolicy


class Verdict(NamedTuple):
    """Why a row is set aside: *reason* a stable word, *detail* a sentence.

    Which *layer* of the gate says that it is hostile, and how sure it is (0 to 1); `source` where the row cannot be
    sent in any case.
    """

    reason: str
    detail: str
    layer: str = "source"
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdicts:
    """By row: the first reason to set it aside, all its flags (each once), and its highest score.

    *suspects* are rows that are answered, and screened if there is a screening; *found* are all rows of which there is anything
    to say.
    """

    set_aside: dict[int, Verdict] = field(default_factory=dict)
    flags: dict[int, list[str]] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)
    suspects: set[int] = field(default_factory=set)
    found: set[int] = field(default_factory=set)

    def add(self, finding: Finding, policy: ScanPolicy) -> None:
        """Apply *policy* to *finding*."""
        self.found.add(finding.row)
        if finding.severity == "trace":
            return
        flags = self.flags.setdefault(finding.row, [])
        if finding.rule not in flags:
            flags.append(finding.rule)
        action = policy.action(finding)
        if action == "pass":
            return
        self.scores[finding.row] = max(self.scores.get(finding.row, 0.0), finding.score)
        if action == "quarantine":
            verdict = Verdict(finding.rule, finding.detail, finding.layer, finding.score)
            self.set_aside.setdefault(finding.row, verdict)
        else:
            self.suspects.add(finding.row)


def decide(findings: Iterable[Finding], policy: ScanPolicy) -> Verdicts:
    """The verdicts on the rows of *findings*, in their order."""
    verdicts = Verdicts()
    for finding in findings:
        verdicts.add(finding, policy)
    return verdicts


def oversize(texts: Sequence[pa.Array], carried: Mapping[str, pa.Array], max_chars: int) -> dict[int, Verdict]:
    """The rows whose *texts* together, or one of whose *carried* values, are longer than *max_chars*, as they came.

    Known before anything else is done with them, so that nothing costs more than *max_chars* characters can.
    """
    found: dict[int, Verdict] = {}
    most = scalar(max_chars, pa.int64())
    lengths = _sum([pc.fill_null(pc.utf8_length(text), scalar(0, pa.int32())) for text in texts])
    for row in rows_where(pc.greater(lengths, most)):
        found[row] = Verdict("oversize", f"the text has {lengths[row]} characters, {max_chars:,} are allowed.")
    for name, values in carried.items():
        sizes = pc.utf8_length(values)
        for row in rows_where(pc.greater(sizes, most)):
            what = f"the value of {name!r} has {sizes[row]} characters, {max_chars:,} are allowed."
            found.setdefault(row, Verdict("oversize", what))
    return found


def empty(texts: Sequence[pa.Array], flags: Sequence[Sequence[str]]) -> dict[int, Verdict]:
    """The rows in which none of *texts* (at least one) has anything to read; *flags* of a mail say if it has attachments."""
    none, true = scalar("", pa.string()), scalar(value=True, kind=pa.bool_())
    blank = [pc.fill_null(pc.equal(pc.utf8_ltrim_whitespace(text), none), true) for text in texts]
    nothing = blank[0]
    for more in blank[1:]:
        nothing = pc.and_(nothing, more)
    return {row: _ATTACHMENTS_ONLY if _ATTACHMENTS_ONLY.reason in flags[row] else _EMPTY for row in rows_where(nothing)}


_EMPTY = Verdict("empty", "the text is empty.")
_ATTACHMENTS_ONLY = Verdict("attachments_only", "the mail has no text but its attachments, which are not sent.")


def _sum(arrays: list[pa.Array]) -> Any:
    total = arrays[0]
    for more in arrays[1:]:
        total = pc.add(total, more)
    return total
