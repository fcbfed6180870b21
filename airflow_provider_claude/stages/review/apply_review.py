"""Takes what people have corrected into the table of golden rows."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.consistency.review import Correction, corrections, read_csv, row_name
from airflow_provider_claude.core.load.answer_columns import answer_type
from airflow_provider_claude.core.scan.digests import input_digests
from airflow_provider_claude.errors import JobError, StateError
from airflow_provider_claude.stages.probes.read_answers import answers_in
from airflow_provider_claude.stages.review.find_neighbours import text_columns
from airflow_provider_claude.store import PlanRecord, RunFolder, exists
from airflow_provider_claude.store.items import read_items
from airflow_provider_claude.store.parquet_files import read_table, write_table

if TYPE_CHECKING:
    from upath import UPath

#: A table of corrections is read whole.
MOST_BYTES = 200_000_000


class Corrected(NamedTuple):
    """A row of the run: its texts by column, its answer, and the right values."""

    texts: Mapping[str, str | None]
    answer: Mapping[str, Any]
    values: Mapping[str, Any]


class Applied(NamedTuple):
    """*added* rows are new in the table of golden rows, *replaced* ones were there; it now has *rows*."""

    added: int
    replaced: int
    rows: int


def corrected(run: RunFolder, file: UPath) -> list[Corrected]:
    """What people have corrected in *file*, a table that `write_review` wrote for *run*.

    Raises JobError for values that are none of their field, and StateError where the file is of another run.
    """
    plan = run.need_plan()
    fields = comparable(plan.job.answer_schema)
    wanted = {one.row: one for one in corrections(_rows(file), fields, plan.job.answer_schema)}
    found = list(_found(run, plan, wanted))
    if strange := wanted.keys() - {row for row, _ in found}:
        raise StateError(
            f"{file} has {len(strange):,} rows that this run does not have, such as {min(strange)}: it is of another run, or "
            "the run was scanned again with other texts. Nothing was taken over."
        )
    return [one for _, one in found]


def _rows(file: UPath) -> Iterator[Mapping[str, str | None]]:
    if not exists(file):
        raise StateError(f"There is no file {file}.")
    if file.stat().st_size > MOST_BYTES:
        raise JobError(f"{file} has more than {MOST_BYTES:,} bytes: it is no table of `claude-batch review`.")
    if file.suffix == ".parquet":
        return iter(read_table(file).to_pylist())
    if file.suffix == ".csv":
        return read_csv(file.read_bytes())
    raise JobError(f"{file} has to end in .csv or .parquet.")


def _found(run: RunFolder, plan: PlanRecord, wanted: Mapping[str, Correction]) -> Iterator[tuple[str, Corrected]]:
    """The rows of *run* that are *wanted*, by how the table calls them, each with what was answered."""
    rows = {row["item_id"]: row for row in _wanted_items(run, plan, wanted)}
    answers = answers_in(run.parts("answers"), answer_fields(plan), list(rows))
    for item, row in rows.items():
        if item in answers:
            name, texts = row_name(row["input_hash"]), {column: row[column] for column in text_columns(plan)}
            yield name, Corrected(texts, answers[item], wanted[name].values)


def _wanted_items(run: RunFolder, plan: PlanRecord, wanted: Container[str]) -> Iterator[dict[str, Any]]:
    scan = run.need_scan()
    for batch in read_items(run, scan, 0, scan.items, ["item_id", "input_hash", *text_columns(plan)]):
        known = [row_name(one) in wanted for one in batch["input_hash"].to_pylist()]
        yield from batch.filter(pa.array(known, pa.bool_())).to_pylist()


def answer_fields(plan: PlanRecord) -> list[str]:
    """The fields of an answer, in the order of its schema."""
    return [field.name for field in answer_type(plan.job.answer_schema)]


def apply_review(rows: Sequence[Corrected], plan: PlanRecord, golden: UPath) -> Applied:
    """Add *rows* to the table *golden*, which is made if there is none. A row with the same texts gets the new values.

    Raises JobError where the table there has no column of the prompt.
    """
    new = _golden(rows, plan)
    if not exists(golden):
        merged, replaced = new, 0
    else:
        merged, replaced = _merged(read_table(golden), new, text_columns(plan), golden)
    write_table(golden, merged)
    return Applied(added=len(new) - replaced, replaced=replaced, rows=len(merged))


def _golden(rows: Sequence[Corrected], plan: PlanRecord) -> pa.Table:
    """*rows* as a table: the columns of the prompt, and a column for each field that can be corrected."""
    kinds = {field.name: field.type for field in answer_type(plan.job.answer_schema)}
    texts = {name: pa.array([row.texts[name] for row in rows], pa.string()) for name in text_columns(plan)}
    values = {
        name: pa.array([row.values.get(name) for row in rows], kinds[name])
        for name in comparable(plan.job.answer_schema)
    }
    return pa.table({**texts, **values})


def _merged(old: pa.Table, new: pa.Table, texts: Sequence[str], golden: UPath) -> tuple[pa.Table, int]:
    """*old* with *new*, and how many rows of *old* were replaced; these keep the values that *new* does not have."""
    if absent := [name for name in texts if name not in old.column_names]:
        raise JobError(f"{golden} has no column {', '.join(absent)}, which the prompt needs. Nothing was taken over.")
    place = {text: row for row, text in enumerate(_digests(old, texts))}
    same = [place.get(text) for text in _digests(new, texts)]
    columns = {name: _values(old, new, name, same) for name in dict.fromkeys([*old.column_names, *new.column_names])}
    replaced = {row for row in same if row is not None}
    kept = old.take(pa.array([row for row in range(len(old)) if row not in replaced], pa.int64()))
    return pa.concat_tables([kept, pa.table(columns)], promote_options="permissive"), len(replaced)


def _values(old: pa.Table, new: pa.Table, name: str, same: Sequence[int | None]) -> pa.Array:
    """The values of the new rows in the column *name*: their own, else those of the *same* row of *old*."""
    kind = (old if name in old.column_names else new).schema.field(name).type
    own = new[name].to_pylist() if name in new.column_names else [None] * len(same)
    before = old[name] if name in old.column_names else None
    kept = [None if row is None or before is None else before[row].as_py() for row in same]
    return pa.array([value if value is not None else other for value, other in zip(own, kept, strict=True)], kind)


def _digests(table: pa.Table, texts: Sequence[str]) -> list[bytes]:
    return input_digests([table[name].combine_chunks() for name in texts])


def as_example(row: Corrected, columns: Sequence[str]) -> tuple[dict[str, str | None], dict[str, Any]]:
    """*row* as a pair of `examples=`: its texts, and its answer with the right values."""
    answer = {name: _plain(value) for name, value in row.answer.items()} | dict(row.values)
    return {name: row.texts[name] for name in columns}, answer


def _plain(value: Any) -> Any:
    """*value* as JSON has it."""
    return json.loads(json.dumps(value, default=str))
