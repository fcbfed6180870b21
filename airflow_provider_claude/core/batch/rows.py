"""Judged results as Arrow tables: answers with their provenance, and leftovers. A duplicate takes its twin's row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.batch.answers import Judged
from airflow_provider_claude.core.batch.columns import answer_schema, json_columns, to_json_text
from airflow_provider_claude.core.batch.outcomes import Outcome
from airflow_provider_claude.core.plan.prices import Price
from airflow_provider_claude.core.tables import LEFTOVER_FIELDS, PROVENANCE_FIELDS, USD

#: What a duplicate did not use.
_TOKENS = frozenset(field.name for field in PROVENANCE_FIELDS if field.name.endswith("_tokens"))


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What all rows of one landing share. Keys of *constants* are columns of PROVENANCE_FIELDS."""

    manifest: pa.Table
    duplicates: pa.Table
    carry: tuple[str, ...]
    answer_type: pa.StructType
    price: Price
    lane: str
    constants: Mapping[str, Any]

    @property
    def answer_schema(self) -> pa.Schema:
        return answer_schema(self.carry, self.answer_type)


def answer_rows(origin: Origin, places: Sequence[int], judged: Sequence[Judged]) -> pa.Table:
    """The answers of the rows at *places* of the shard, then those of their duplicates.

    Raises pa.ArrowInvalid or OverflowError where a value has no place in its column, such as an integer beyond 64
    bits.
    """
    rows = origin.manifest.take(pa.array(places, pa.int64()))
    answers = _answer_columns(origin.answer_type, [one.answer for one in judged])
    columns: dict[str, Any] = {
        "item_id": rows["item_id"],
        "duplicate_of": pa.nulls(len(judged), pa.string()),
        **{name: rows[name] for name in origin.carry},
        **answers,
        **_provenance(origin, rows, judged),
    }
    table = pa.table([columns[name] for name in origin.answer_schema.names], schema=origin.answer_schema)
    return pa.concat_tables([table, _for_duplicates(origin, places, table, "claude_cost_usd")])


def _answer_columns(kind: pa.StructType, answers: list[Any]) -> dict[str, pa.Array]:
    for name in json_columns(kind):
        answers = [{**answer, name: to_json_text(answer.get(name))} for answer in answers]
    struct = pa.array(answers, kind)
    return dict(zip((field.name for field in kind), struct.flatten(), strict=True))


def _provenance(origin: Origin, rows: pa.Table, judged: Sequence[Judged]) -> dict[str, Any]:
    usage = [one.usage for one in judged]
    columns: dict[str, Any] = {
        "claude_custom_id": rows["custom_id"],
        "claude_message_id": [one.message_id for one in judged],
        "claude_model": [one.model for one in judged],
        "claude_lane": [origin.lane] * len(judged),
        "claude_stop_reason": [one.stop_reason for one in judged],
        "claude_input_tokens": [one.input for one in usage],
        "claude_output_tokens": [one.output for one in usage],
        "claude_cache_read_tokens": [one.cache_read for one in usage],
        "claude_cache_creation_tokens": [one.cache_write_5m + one.cache_write_1h for one in usage],
        "claude_cost_usd": usd_array([row_cost(origin, one) for one in judged]),
        "claude_input_hash": rows["input_hash"],
        "claude_request_hash": rows["request_hash"],
    }
    for field in PROVENANCE_FIELDS:
        if field.name not in columns:
            columns[field.name] = pa.repeat(pa.scalar(origin.constants[field.name], field.type), len(judged))
        elif isinstance(columns[field.name], list):
            columns[field.name] = pa.array(columns[field.name], field.type)
    return columns


def leftover_rows(origin: Origin, places: Sequence[int], judged: Sequence[Judged]) -> pa.Table:
    """The rows at *places* that got no valid answer, then their duplicates, which failed with them."""
    rows = origin.manifest.take(pa.array(places, pa.int64()))
    columns = {
        "item_id": rows["item_id"],
        "duplicate_of": pa.nulls(len(judged), pa.string()),
        "custom_id": rows["custom_id"],
        "outcome": pa.array([str(one.outcome) for one in judged], pa.string()),
        "reason": pa.array([one.reason for one in judged], pa.string()),
        "answer": pa.array([_writable(one.text) for one in judged], pa.string()),
        "cost_usd": usd_array([row_cost(origin, one) for one in judged]),
    }
    table = pa.table(columns, schema=pa.schema(LEFTOVER_FIELDS))
    return pa.concat_tables([table, _for_duplicates(origin, places, table, "cost_usd")])


def _writable(text: str | None) -> str | None:
    """*text* without halves of surrogate pairs, which UTF-8 cannot hold."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def row_cost(origin: Origin, one: Judged) -> int:
    """Picodollars. A refusal before any output is not billed, although its usage shows tokens.

    (https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback)
    """
    if one.outcome is Outcome.REFUSED and not one.text:
        return 0
    return origin.price.picodollars(one.usage, lane=origin.lane)


def _for_duplicates(origin: Origin, places: Sequence[int], table: pa.Table, cost: str) -> pa.Table:
    """The rows of *table* again for the duplicates of *places*: their own ids and carried columns, no tokens, no cost."""
    where = pa.array(places, pa.int64())
    mine = origin.duplicates.filter(pc.is_in(origin.duplicates["index"], value_set=where))
    again = table.take(pc.index_in(mine["index"], value_set=where))
    replaced = {
        "item_id": mine["item_id"],
        "duplicate_of": mine["duplicate_of"],
        cost: usd_array([0] * len(mine)),
        **{field.name: pa.array([0] * len(mine), field.type) for field in table.schema if field.name in _TOKENS},
    }
    replaced |= {name: mine[name] for name in origin.carry if name in table.schema.names}
    columns = [replaced.get(name, again[name]) for name in table.schema.names]
    return pa.table(columns, schema=table.schema)


def usd_array(picodollars: Sequence[int]) -> pa.Array:
    """Whole picodollars as decimals of twelve places: the same integers, seen through another type.

    Raises OverflowError for a cost of more than nine million dollars.
    """
    words = np.zeros((len(picodollars), 2), dtype="<i8")
    words[:, 0] = picodollars
    return pa.Array.from_buffers(USD, len(picodollars), [None, pa.py_buffer(words.tobytes())])
