"""Counting columns as their batches pass by, in memory that does not grow with the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

#: Distinct values followed in one column, and their longest length: what exceeds either is free text.
MAX_VALUES, MAX_LENGTH = 24, 80

#: Where values beyond those followed are counted, so that sums still close.
OTHER = "(other)"


class Tally:
    """Counts of text values, the first *limit* of them by name and all further ones under `OTHER`."""

    def __init__(self, limit: int = 200) -> None:
        self.limit = limit
        self.counts: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Tally {len(self.counts)} of at most {self.limit} values, {self.counts.total()} rows>"

    def add(self, values: pa.Array) -> None:
        """Count *values*; nulls are left out."""
        for value, count in counted(values):
            known = value in self.counts or len(self.counts) < self.limit
            self.counts[value if known else OTHER] += count


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """Least, greatest and mean of a numeric column, as floats."""

    least: float
    greatest: float
    mean: float


class ColumnSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the answer: `values` counted where they are few, `numbers` where it is numeric.

    A column with neither is free text, or of a type that is not summed up, or has only nulls.
    """

    name: str
    type: str
    rows: int
    nulls: int
    values: dict[str, int] | None = None
    numbers: Numbers | None = None


class ColumnTally:
    """One column of the answer, batch by batch. Lists are counted by their elements."""

    def __init__(self, field: pa.Field) -> None:
        self.field = field
        self.rows = self.nulls = 0
        self._values: Tally | None = Tally(MAX_VALUES + 1) if _is_countable(_element(field.type)) else None
        self._numbers = _Numbers() if _is_number(field.type) else None

    def __repr__(self) -> str:
        return f"<ColumnTally {self.field.name} {self.rows} rows>"

    def add(self, array: pa.Array) -> None:
        self.rows += len(array)
        self.nulls += array.null_count
        if self._numbers is not None:
            self._numbers.add(array)
        if self._values is not None:
            self._values.add(pc.list_flatten(array) if _is_list(array.type) else array)
            if _is_free_text(self._values):
                self._values = None

    def summary(self) -> ColumnSummary:
        values = self._values.counts if self._values is not None else None
        return ColumnSummary(
            name=self.field.name,
            type=str(self.field.type),
            rows=self.rows,
            nulls=self.nulls,
            values=dict(values.most_common()) if values else None,
            numbers=self._numbers.summary() if self._numbers is not None else None,
        )


class _Numbers:
    def __init__(self) -> None:
        self.count, self.total = 0, 0.0
        self.least, self.greatest = float("inf"), float("-inf")

    def add(self, array: pa.Array) -> None:
        floats = array.cast(pa.float64(), safe=False)
        finite = floats.filter(pc.is_finite(floats))
        if len(finite) == 0:
            return
        found = pc.min_max(finite).as_py()
        self.least, self.greatest = min(self.least, found["min"]), max(self.greatest, found["max"])
        self.total += pc.sum(finite).as_py()
        self.count += len(finite)

    def summary(self) -> Numbers | None:
        if not self.count:
            return None
        return Numbers(least=self.least, greatest=self.greatest, mean=self.total / self.count)


def counted(values: pa.Array) -> Iterator[tuple[str, int]]:
    """Each distinct value of a text or boolean column with its count, nulls left out."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    for pair in pc.value_counts(values.drop_null()):
        value: Any = pair["values"].as_py()
        yield str(value).lower() if isinstance(value, bool) else value, pair["counts"].as_py()


def _is_free_text(tally: Tally) -> bool:
    return len(tally.counts) > MAX_VALUES or any(len(value) > MAX_LENGTH for value in tally.counts)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _element(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if _is_list(kind) or pa.types.is_dictionary(kind) else kind


def _is_countable(kind: pa.DataType) -> bool:
    return bool(pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
