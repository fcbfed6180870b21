"""The answers of a probe, and those of its run to the same items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.consistency.comparable import Answers
from airflow_provider_claude.store import PlanRecord, RunFolder, exists
from airflow_provider_claude.store.parquet_files import read_batches

if TYPE_CHECKING:
    from upath import UPath

_ROWS = 32_768


def probe_named(run: RunFolder, plan: PlanRecord, name: str) -> RunFolder | None:
    """The probe of *plan* whose name begins with *name*; None where it has none."""
    return next((run.probe(one) for one in plan.probes if one.startswith(f"{name}-")), None)


def answers_in(parts: Sequence[UPath], fields: Sequence[str], only: Sequence[str] | None = None) -> Answers:
    """The answers in *parts* by item, *fields* of them: those of *only*, or all."""
    wanted = None if only is None else array(only, pa.string())
    return {row.pop("item_id"): row for batch in _batches(parts, fields, wanted) for row in batch.to_pylist()}


def _batches(parts: Sequence[UPath], fields: Sequence[str], wanted: pa.Array | None) -> Iterator[pa.RecordBatch]:
    for part in parts:
        if exists(part):
            for batch in read_batches(part, _ROWS, ["item_id", *fields]):
                yield batch if wanted is None else batch.filter(pc.is_in(batch["item_id"], wanted))
