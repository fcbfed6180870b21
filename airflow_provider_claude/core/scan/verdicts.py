"""What the scan found in the rows of a batch. Most rows have nothing, so only those that do are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.scan.normalise import Cleaned, rows_where
from airflow_provider_claude.core.scan.threats import RuleSet

#: Changes that no honest text needs, so that a row with one is set aside.
SMUGGLING = {
    "tag_characters": "the text hides a message in tag characters",
    "smuggled_selectors": "the text hides a message in variation selectors",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a row is set aside: *reason* a stable word, *detail* a sentence."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """By row: the first reason to set it aside, and all its flags, each once."""

    set_aside: dict[int, Verdict] = field(default_factory=dict)
    flags: dict[int, list[str]] = field(default_factory=dict)

    def put_aside(self, row: int, reason: str, detail: str) -> None:
        self.set_aside.setdefault(row, Verdict(reason, detail))

    def flag(self, row: int, name: str) -> None:
        flags = self.flags.setdefault(row, [])
        if name not in flags:
            flags.append(name)


def judge(columns: Mapping[str, Cleaned], rules: RuleSet, max_chars: int) -> Verdicts:
    """What there is to say about the rows of *columns* (at least one), which all have the same length."""
    verdicts = Verdicts()
    _judge_size(columns, max_chars, verdicts)
    for name, column in columns.items():
        for change, rows in column.changes.items():
            for row in rows:
                verdicts.flag(row, change)
                if change in SMUGGLING:
                    verdicts.put_aside(row, "tag_smuggling", f"{SMUGGLING[change]} (column {name!r}).")
        for row, rule in rules.hits(column.texts):
            verdicts.flag(row, rule.id)
            if rule.severity == "quarantine":
                verdicts.put_aside(row, rule.id, f"the text {rule.catches} (column {name!r}).")
    return verdicts


def oversize(texts: Sequence[pa.Array], carried: Mapping[str, pa.Array], max_chars: int) -> dict[int, Verdict]:
    """The rows whose *texts* together, or one of whose *carried* values, are longer than *max_chars*, as they came.

    Known before anything else is done with them, so that nothing costs more than *max_chars* characters can.
    """
    found: dict[int, Verdict] = {}
    lengths = _sum([pc.fill_null(pc.utf8_length(text), 0) for text in texts])
    for row in rows_where(pc.greater(lengths, max_chars)):
        found[row] = Verdict("oversize", f"the text has {lengths[row]} characters, {max_chars:,} are allowed.")
    for name, values in carried.items():
        sizes = pc.utf8_length(values)
        for row in rows_where(pc.greater(sizes, max_chars)):
            what = f"the value of {name!r} has {sizes[row]} characters, {max_chars:,} are allowed."
            found.setdefault(row, Verdict("oversize", what))
    return found


def _judge_size(columns: Mapping[str, Cleaned], max_chars: int, verdicts: Verdicts) -> None:
    texts = [column.texts for column in columns.values()]
    lengths = _sum([pc.fill_null(pc.utf8_length(text), 0) for text in texts])
    for row in rows_where(pc.greater(lengths, max_chars)):
        verdicts.put_aside(row, "oversize", f"the text has {lengths[row]} characters, {max_chars:,} are allowed.")
    blank = [pc.fill_null(pc.equal(pc.utf8_ltrim_whitespace(text), ""), fill_value=True) for text in texts]
    empty = blank[0]
    for more in blank[1:]:
        empty = pc.and_(empty, more)
    for row in rows_where(empty):
        verdicts.put_aside(row, "empty", "the text is empty.")


def _sum(arrays: list[pa.Array]) -> Any:
    total = arrays[0]
    for more in arrays[1:]:
        total = pc.add(total, more)
    return total
