"""The answer table, batch by batch: its rows, its own columns, what it cost and the tokens it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import numbers_of, scalar
from airflow_provider_claude.core.cost.cache_use import CacheUse
from airflow_provider_claude.core.cost.run_costs import Costs, Spent
from airflow_provider_claude.core.report.tally import ColumnSummary, ColumnTally, Tally
from airflow_provider_claude.core.tables import ANSWER_KEY_FIELDS, PROVENANCE_FIELDS, VOTES

_OURS = frozenset(field.name for field in (*ANSWER_KEY_FIELDS, *PROVENANCE_FIELDS, VOTES))
_TOKENS = {f"claude_{kind}_tokens": kind for kind in ("input", "output", "cache_read", "cache_creation")}

#: The tokens of answers are counted between these: twice a doubling.
_LENGTHS = [0, 1, *(n << power for power in range(16) for n in (2, 3))]

_BATCH = scalar("batch", pa.string())


class AnswerTally:
    """Counts over the record batches of answers/, which have the columns that `needed` names."""

    def __init__(self, carry: Iterable[str]) -> None:
        self.rows = 0
        self.prompt_leaks, self.models = Tally(), Tally()
        self._not_answers = _OURS | frozenset(carry)
        self._columns: dict[str, ColumnTally] = {}
        self._usd = {"batch": Decimal(0), "sync": Decimal(0)}
        self._tokens: Counter[str] = Counter(dict.fromkeys(_TOKENS.values(), 0))
        self._lengths = np.zeros(len(_LENGTHS), dtype="i8")

    def __repr__(self) -> str:
        return f"<AnswerTally {self.rows} rows, {len(self._columns)} columns>"

    def needed(self, schema: pa.Schema) -> list[str]:
        """The columns of *schema* that are summed up: the answer's own, tokens, lane, cost, model and flags."""
        own = [name for name in schema.names if name not in self._not_answers]
        return [*own, *_TOKENS, "claude_lane", "claude_cost_usd", "claude_model", "claude_flags"]

    def add(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        for field, array in zip(batch.schema, batch.columns, strict=True):
            if field.name not in self._not_answers:
                self._columns.setdefault(field.name, ColumnTally(field)).add(array)
        self.prompt_leaks.add(pc.list_flatten(batch["claude_flags"]))
        self.models.add(batch["claude_model"])
        for column, kind in _TOKENS.items():
            self._tokens[kind] += pc.sum(batch[column]).as_py() or 0
        tokens = numbers_of(pa.chunked_array([batch["claude_output_tokens"]]))
        self._lengths += np.bincount(np.searchsorted(_LENGTHS, tokens, side="right") - 1, minlength=len(_LENGTHS))
        in_batch_lane = pc.equal(batch["claude_lane"], _BATCH)
        self._usd["batch"] += total_usd(batch["claude_cost_usd"].filter(in_batch_lane))
        self._usd["sync"] += total_usd(batch["claude_cost_usd"].filter(pc.invert(in_batch_lane)))

    def costs(
        self, *, failed: Decimal, retried: Decimal, estimated: Decimal | None, spent: Spent, cache: list[CacheUse]
    ) -> Costs:
        return Costs.of(
            **self._usd,
            failed=failed,
            retried=retried,
            estimated=estimated,
            tokens=dict(self._tokens),
            cache=cache,
            spent=spent,
        )

    def lengths(self) -> dict[str, int]:
        """The rows by the tokens of their answer, those apart that this run has not asked."""
        upper = [*(f"{low} to {high - 1}" for low, high in pairwise(_LENGTHS)), f"{_LENGTHS[-1]} and more"]
        return {name: count for name, count in zip(upper[1:], self._lengths[1:].tolist(), strict=True) if count}

    def columns(self) -> list[ColumnSummary]:
        return [column.summary() for column in self._columns.values()]


def total_usd(column: pa.Array) -> Decimal:
    """The sum of a money column, 0 where it is empty. Money has twelve decimals, so the sum is exact."""
    total: Decimal | None = pc.sum(column).as_py()
    return total or Decimal(0)
