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
    """A row of the run: its *name* in the table, its texts by column, its answer, and the right values."""

    name: str
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
    if strange := wanted.keys() - {one.name for one in found}:
        raise StateError(
            f"{file} has {len(strange):,} rows that this run does not have, such as {min(strange)}: it is of another run, or "
            "the run was scanned again with other texts. Nothing was taken over."
        )
    return found


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


def _found(run: RunFolder, plan: PlanRecord, wanted: Mapping[str, Correction]) -> Iterator[Corrected]:
    """The rows of *run* that are *wanted*, each with what was answered."""
    rows = {row["item_id"]: row for row in _wanted_items(run, plan, wanted)}
    answers = answers_in(run.parts("answers"), answer_fields(plan), list(rows))
    for item, row in rows.items():
        if item in answers:
            name, texts = row_name(row["input_hash"]), {column: row[column] for column in text_columns(plan)}
            yield Corrected(name, texts, answers[item], wanted[name].values)


def _wanted_items(run: RunFolder, plan: PlanRecord, wanted: Container[str]) -> Iterator[dict[str, Any]]:
    scan = run.need_scan()
    for batch in read_items(run, scan, 0, scan.items, ["item_id", "input_hash", *text_columns(plan)]):
        known = [row_name(one) in wanted for one in batch["input_hash"].to_pylist()]
        yield from batch.filter(pa.array(known, pa.bool_())).to_pylist()


def answer_fields(plan: PlanRecord) -> list[str]:
    """The fields of an answer, in the order of its schema."""
    return [field.name for field in answer_type(plan.job.answer_schema)]


class Golden(NamedTuple):
    """The table of golden rows: the Parquet file, and the column by which its rows are known."""

    file: UPath
    id_column: str = "id"


def check_golden(file: UPath) -> None:
    """Raise JobError where *file* is named as no Parquet file: golden rows may be read from other formats, not written."""
    if file.suffix.lower() not in {".parquet", ".pq"}:
        raise JobError(
            f"--golden {file} has to end in .parquet: corrected rows are added to a Parquet file. Convert a table of another "
            'format once, such as with pandas, and name the new file in Consistency(golden="…"). Nothing was taken over.'
        )


def apply_review(rows: Sequence[Corrected], plan: PlanRecord, golden: Golden) -> Applied:
    """Add *rows* to the table *golden*, which is made if there is none. A row with the same texts gets the new values; all rows
    keep their places and ids.

    Raises JobError where its file is not to be Parquet, or the table there lacks a column of the prompt or the ids.
    """
    check_golden(golden.file)
    new = _golden(rows, plan, golden.id_column)
    old = read_table(golden.file) if exists(golden.file) else new.slice(0, 0)
    if absent := [name for name in (golden.id_column, *text_columns(plan)) if name not in old.column_names]:
        raise JobError(
            f"{golden.file} has no column {', '.join(absent)}: it needs the columns of the prompt, and ids (--id-column). "
            "Nothing was taken over."
        )
    place = {text: row for row, text in enumerate(_digests(old, text_columns(plan)))}
    same = [place.get(text) for text in _digests(new, text_columns(plan))]
    names = dict.fromkeys([*old.column_names, *new.column_names])
    columns = {name: _values(old, new, name, same, keep=name == golden.id_column) for name in names}
    write_table(golden.file, merged := pa.table(columns))
    replaced = len(same) - same.count(None)
    return Applied(added=len(new) - replaced, replaced=replaced, rows=len(merged))


def _golden(rows: Sequence[Corrected], plan: PlanRecord, id_column: str) -> pa.Table:
    """*rows* as a table: ids by their texts, the columns of the prompt, and a column for each field that was corrected."""
    texts = {name: pa.array([row.texts[name] for row in rows], pa.string()) for name in text_columns(plan)}
    values = {
        field.name: pa.array([row.values.get(field.name) for row in rows], field.type)
        for field in answer_type(plan.job.answer_schema)
        if any(field.name in row.values for row in rows)
    }
    ids = pa.array([row.name for row in rows], pa.string())
    return pa.table({id_column: ids, **texts, **values})


def _values(old: pa.Table, new: pa.Table, name: str, same: Sequence[int | None], *, keep: bool) -> pa.Array:
    """The column *name* of *old* with the values of *new*: at the *same* rows, unless they are to *keep* theirs, or at the end.

    Raises JobError where the column has no room for such values.
    """
    kind = (old if name in old.column_names else new).schema.field(name).type
    values = old[name].to_pylist() if name in old.column_names else [None] * len(old)
    if keep and not pa.types.is_string(kind):
        kind, values = pa.string(), [None if value is None else str(value) for value in values]
    own = new[name].to_pylist() if name in new.column_names else [None] * len(new)
    for place, value in zip(same, own, strict=True):
        if place is None:
            values.append(value)
        elif value is not None and not keep:
            values[place] = value
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise JobError(
            f"The column {name} of the golden rows has the type {kind}, and a corrected value does not fit: {error}."
        ) from error


def _digests(table: pa.Table, texts: Sequence[str]) -> list[bytes]:
    return input_digests([table[name].combine_chunks() for name in texts])


def as_example(row: Corrected, columns: Sequence[str]) -> tuple[dict[str, str | None], dict[str, Any]]:
    """*row* as a pair of `examples=`: its texts, and its answer with the right values."""
    answer = {name: _plain(value) for name, value in row.answer.items()} | dict(row.values)
    return {name: row.texts[name] for name in columns}, answer


def _plain(value: Any) -> Any:
    """*value* as JSON has it."""
    return json.loads(json.dumps(value, default=str))
