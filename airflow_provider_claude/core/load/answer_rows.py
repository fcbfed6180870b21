"""Judged results as Arrow tables: answers with provenance, and unresolved rows. A duplicate takes its original's row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array, number_array, scalar
from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.cost.usage_columns import Usages
from airflow_provider_claude.core.load.answer_columns import answer_schema, json_columns, to_json_text
from airflow_provider_claude.core.load.answers import Judged
from airflow_provider_claude.core.load.calibrated import Calibrated
from airflow_provider_claude.core.load.clean_answers import Cleaner
from airflow_provider_claude.core.load.exact_values import reader_of
from airflow_provider_claude.core.load.prompt_leaks import PromptLeaks
from airflow_provider_claude.core.tables import PROVENANCE_FIELDS, UNRESOLVED_FIELDS, USD, VOTES

#: What a duplicate did not use.
_TOKENS = frozenset(field.name for field in PROVENANCE_FIELDS if field.name.endswith("_tokens"))

#: Provenance that is read from the answer itself.
_MADE_APART = frozenset({"claude_flags"})

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What all rows of one load share. *items* and *duplicates* are the shard's; keys of *constants* are columns of
    PROVENANCE_FIELDS. *quoting*: the indexes of items whose own texts hold the confidential word. *calibrated*: the column with
    the calibrated confidence, None where there is none. *votes*: there is a column of votes, which is empty at first.
    """

    items: pa.Table
    duplicates: pa.Table
    carry: tuple[pa.Field, ...]
    answer_type: pa.StructType
    price: Price
    prompt_leaks: PromptLeaks
    cleaner: Cleaner
    constants: Mapping[str, Any]
    quoting: frozenset[int] = frozenset()
    calibrated: Calibrated | None = None
    votes: bool = False

    @property
    def answer_schema(self) -> pa.Schema:
        calibrated = self.calibrated.name if self.calibrated else None
        return answer_schema(self.carry, self.answer_type, calibrated, votes=self.votes)

    def leaks(self, index: int, answer: Mapping[str, Any]) -> bool:
        """Whether *answer* to the item at *index* holds the confidential word, which its text does not."""
        return index not in self.quoting and self.prompt_leaks.leaks(answer)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What the rows of one attempt share. In lane `store` they were paid for in an earlier run."""

    lane: str
    batch_id: str | None
    attempt: int


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Judged results in columns: the *indexes* of their items in the shard, what they cost in picodollars, and the hashes
    of their requests. *usage* is what this run paid for. *batch_ids* only where the rows do not share one.

    *tries* and *invalid* count what earlier rounds made of the same items, *max_tokens* are the limits they were asked
    with; they matter where there is no answer.
    """

    indexes: NDArray[Any]
    judged: Sequence[Judged]
    usage: Usages
    costs: NDArray[Any]
    hashes: pa.Array | None = None
    batch_ids: pa.Array | None = None
    max_tokens: Sequence[int | None] = ()
    tries: NDArray[Any] | Sequence[int] = ()
    invalid: NDArray[Any] | Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.judged)


def answer_rows(origin: Origin, sent: Sent, rows: Rows) -> pa.Table:
    """The answers of *rows*, then those of their duplicates.

    Raises pa.ArrowInvalid or OverflowError where a value does not fit its column, such as an integer beyond 64
    bits, and CanaryError where an answer holds the canary.
    """
    items = origin.items.take(number_array(rows.indexes, pa.int64()))
    answers = _answer_columns(origin.answer_type, [one.answer for one in rows.judged])
    prompt_leaks = origin.prompt_leaks.flags(answers, [one.answer for one in rows.judged], _quoting(origin, rows))
    columns: dict[str, Any] = {
        "item_id": items["item_id"],
        "duplicate_of": pa.nulls(len(rows), pa.string()),
        **{field.name: items[field.name] for field in origin.carry},
        **answers,
        **(origin.calibrated.column(answers) if origin.calibrated else {}),
        "claude_flags": _flags(prompt_leaks, rows.judged),
        **_provenance(origin, sent, items, rows),
        VOTES.name: pa.nulls(len(rows), VOTES.type),
    }
    table = pa.table([columns[name] for name in origin.answer_schema.names], schema=origin.answer_schema)
    return pa.concat_tables([table, _for_duplicates(origin, rows.indexes, table, "claude_cost_usd")])


def _quoting(origin: Origin, rows: Rows) -> frozenset[int]:
    """Which of *rows* may quote the confidential word."""
    if not origin.quoting:
        return frozenset()
    return frozenset(n for n, index in enumerate(rows.indexes.tolist()) if index in origin.quoting)


def _flags(prompt_leaks: pa.Array, judged: Sequence[Judged]) -> pa.Array:
    """The flags of answers: what they echo, and `cleaned`."""
    if not any(one.cleaned for one in judged):
        return prompt_leaks
    pairs = zip(prompt_leaks.to_pylist(), judged, strict=True)
    return array([[*flags, "cleaned"] if one.cleaned else flags for flags, one in pairs], prompt_leaks.type)


def _answer_columns(kind: pa.StructType, answers: list[Any]) -> dict[str, pa.Array]:
    for name in json_columns(kind):
        answers = [{**answer, name: to_json_text(answer.get(name))} for answer in answers]
    read = reader_of(kind)
    read_answers = answers if read is None else [read(answer) for answer in answers]
    kinds = {field.name: field.type for field in kind}
    return {name: array([one.get(name) for one in read_answers], kind) for name, kind in kinds.items()}


def _provenance(origin: Origin, sent: Sent, items: pa.Table, rows: Rows) -> dict[str, Any]:
    judged = rows.judged
    columns: dict[str, Any] = {
        "claude_custom_id": [one.custom_id for one in judged],
        "claude_message_id": [one.message_id for one in judged],
        "claude_model": [one.model for one in judged],
        "claude_stop_reason": [one.stop_reason for one in judged],
        "claude_input_tokens": _tokens(rows.usage.input),
        "claude_output_tokens": _tokens(rows.usage.output),
        "claude_cache_read_tokens": _tokens(rows.usage.cache_read),
        "claude_cache_creation_tokens": _tokens(rows.usage.cache_write),
        "claude_cost_usd": usd_array(rows.costs),
        "claude_input_hash": items["input_hash"],
        "claude_request_hash": hex_array(rows.hashes),
    }
    constants = {
        **origin.constants,
        "claude_batch_id": sent.batch_id,
        "claude_lane": sent.lane,
        "claude_attempt": sent.attempt,
    }
    if rows.batch_ids is not None:
        columns["claude_batch_id"] = rows.batch_ids
    for field in PROVENANCE_FIELDS:
        if field.name in _MADE_APART:
            continue
        if field.name not in columns:
            columns[field.name] = pa.repeat(scalar(constants[field.name], field.type), len(judged))
        elif isinstance(columns[field.name], list):
            columns[field.name] = array(columns[field.name], field.type)
    return columns


def _tokens(column: NDArray[Any]) -> pa.Array:
    return number_array(column, pa.int64()).cast(pa.int32())


def unresolved_rows(origin: Origin, rows: Rows) -> pa.Table:
    """The rows that got no valid answer, then their duplicates, which failed with them."""
    items = origin.items.take(number_array(rows.indexes, pa.int64()))
    judged = rows.judged
    columns = {
        "ordinal": items["ordinal"],
        "item_id": items["item_id"],
        "duplicate_of": pa.nulls(len(rows), pa.string()),
        "custom_id": array([one.custom_id or None for one in judged], pa.string()),
        "outcome": array([str(one.outcome) for one in judged], pa.string()),
        "reason": array([one.reason for one in judged], pa.string()),
        "error_type": array([one.error_type for one in judged], pa.string()),
        "answer": array([_writable(one.text) for one in judged], pa.string()),
        "tries": number_array(rows.tries, pa.int32()),
        "invalid": number_array(rows.invalid, pa.int32()),
        "max_tokens": array(rows.max_tokens, pa.int32()),
        "packed": array([one.of if one.of > 1 else None for one in judged], pa.int32()),
        "cost_usd": usd_array(rows.costs),
    }
    table = pa.table(columns, schema=pa.schema(UNRESOLVED_FIELDS))
    return pa.concat_tables([table, _for_duplicates(origin, rows.indexes, table, "cost_usd")])


def _writable(text: str | None) -> str | None:
    """*text* without halves of surrogate pairs, which UTF-8 cannot hold."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _for_duplicates(origin: Origin, indexes: NDArray[Any], table: pa.Table, cost: str) -> pa.Table:
    """The rows of *table* again for the duplicates of *indexes*: their own ids and carried columns, no tokens, no cost."""
    where = number_array(indexes, pa.int64())
    mine = origin.duplicates.filter(pc.is_in(origin.duplicates["index"], value_set=where))
    again = table.take(pc.index_in(mine["index"], value_set=where))
    replaced = {
        "item_id": mine["item_id"],
        "duplicate_of": mine["duplicate_of"],
        cost: usd_array(np.zeros(len(mine), dtype="<i8")),
        **{field.name: array([0] * len(mine), field.type) for field in table.schema if field.name in _TOKENS},
    }
    replaced |= {one.name: mine[one.name] for one in origin.carry if one.name in table.schema.names}
    columns = [replaced.get(name, again[name]) for name in table.schema.names]
    return pa.table(columns, schema=table.schema)


def usd_array(picodollars: NDArray[Any]) -> pa.Array:
    """Whole picodollars as decimals with twelve digits after the point: the same integers, seen through another type."""
    words = np.zeros((len(picodollars), 2), dtype="<i8")
    words[:, 0] = picodollars
    return pa.Array.from_buffers(USD, len(picodollars), [None, pa.py_buffer(words.tobytes())])


def hex_array(hashes: pa.Array) -> pa.Array:
    """A column of 32-byte hashes as text."""
    values = np.frombuffer(hashes.buffers()[1], dtype="u1")
    data = values[hashes.offset * 32 : (hashes.offset + len(hashes)) * 32].tobytes().hex().encode()
    offsets = np.arange(0, 64 * len(hashes) + 1, 64, dtype="<i4")
    return pa.Array.from_buffers(pa.string(), len(hashes), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
