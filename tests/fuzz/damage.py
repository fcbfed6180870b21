"""Small files of every format with the places of their rows, and damage to them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.source import open_source

Row = dict[str, Any]

TEXTS = (
    "Where is it",
    "Late, and broken",
    "Dear team,\nplease help",
    'She said "no"',
    "Größe ✓",
    "a;b|c",
    "x, y\nz, w",
)


class Record(NamedTuple):
    """One row as it was written, by the bytes it lies in."""

    text: str
    start: int
    stop: int


class Table(NamedTuple):
    """A file: what it is called, its bytes, and its rows. *sums* are checked where it is read: damage cannot go unseen."""

    name: str
    data: bytes
    records: list[Record]
    sums: bool = False


class Blow(NamedTuple):
    """Damage to some bytes at *place*, a share of the file: *put* takes the place of so many *taken*."""

    place: float
    taken: int
    put: bytes


def in_rows(head: bytes, rows: Sequence[bytes], texts: Sequence[str]) -> tuple[bytes, list[Record]]:
    records, start = [], len(head)
    for row, text in zip(rows, texts, strict=True):
        records.append(Record(text, start, start + len(row)))
        start += len(row)
    return head + b"".join(rows), records


def csv_table(texts: Sequence[str], ids: str) -> Table:
    def line(values: Sequence[str]) -> bytes:
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\n").writerow(values)
        return out.getvalue().encode()

    data, records = in_rows(line(["id", "body"]), [line([f"{ids}{n}", text]) for n, text in enumerate(texts, 1)], texts)
    return Table("a.csv", data, records)


def jsonl_table(texts: Sequence[str], ids: str) -> Table:
    rows = [json.dumps({"id": f"{ids}{n}", "body": text}).encode() + b"\n" for n, text in enumerate(texts, 1)]
    return Table("a.jsonl", *in_rows(b"", rows, texts))


def mbox_table(texts: Sequence[str], _: str) -> Table:
    mails = [
        f"From a@b.example Mon Nov 23 09:{n:02}:00 2026\nFrom: a@b.example\nSubject: {n}\n"
        f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}\n\n".encode()
        for n, text in enumerate(texts)
    ]
    return Table("a.mbox", *in_rows(b"", mails, texts))


def parquet_table(texts: Sequence[str], ids: str) -> Table:
    out, schema = io.BytesIO(), pa.schema([("id", pa.string()), ("body", pa.string())])
    with pq.ParquetWriter(out, schema, use_dictionary=False, write_page_checksum=True) as writer:
        for n, text in enumerate(texts, 1):
            writer.write_table(pa.table({"id": [f"{ids}{n}"], "body": [text]}, schema))
    data = out.getvalue()
    groups = [pq.read_metadata(io.BytesIO(data)).row_group(n) for n in range(len(texts))]
    spans = [(group.column(0).data_page_offset, group.column(1)) for group in groups]
    return Table(
        "a.parquet",
        data,
        [
            Record(text, start, last.data_page_offset + last.total_compressed_size)
            for text, (start, last) in zip(texts, spans, strict=True)
        ],
    )


def gzipped(make: Callable[[Sequence[str], str], Table]) -> Callable[[Sequence[str], str], Table]:
    def table(texts: Sequence[str], ids: str) -> Table:
        plain = make(texts, ids)
        data = gzip.compress(plain.data, mtime=0)
        return Table(f"{plain.name}.gz", data, [Record(text, 0, len(data)) for text in texts], sums=True)

    return table


KINDS: dict[str, Callable[[Sequence[str], str], Table]] = {
    "csv": csv_table,
    "jsonl": jsonl_table,
    "mbox": mbox_table,
    "parquet": parquet_table,
    "csv.gz": gzipped(csv_table),
    "jsonl.gz": gzipped(jsonl_table),
    "mbox.gz": gzipped(mbox_table),
}

PUT = st.one_of(
    st.sampled_from([b"", b'"', b'""', b"\n", b",", b"\\", b"\0", b"\xff", b"}", b"{", b"From ", b'",', b'\n"', b"\r"]),
    st.binary(max_size=3),
)
blows = st.lists(
    st.builds(Blow, st.floats(0, 1), st.sampled_from([0, 0, 1, 1, 2, 5, 40, 10_000]), PUT), min_size=1, max_size=3
)
texts = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=12).map(
    lambda found: [f"{text} {number}" for number, text in enumerate(found)]
)


def struck(table: Table, damage: Sequence[Blow]) -> tuple[bytes, list[Record]]:
    """The damaged bytes, and the records of which none was touched, nor the byte before and behind.

    The footer of a Parquet file stays: no reader checks it. Damage to a line that parts two mails of a mailbox touches both.
    """
    data, whole, fixed = table.data, list(table.records), table.name.endswith(".parquet")
    end = max(record.stop for record in table.records) - 4 if fixed else len(data)
    margin = 120 if table.name.endswith(".mbox") else 0
    last = len(data)
    for blow in sorted(damage, reverse=True):
        start = min(int(blow.place * end), last)
        stop = start + len(blow.put) if fixed else min(start + blow.taken, last)
        if stop > last or data[start:stop] == blow.put:
            continue
        last = start
        data = data[:start] + blow.put + data[stop:]
        whole = [record for record in whole if record.stop + margin < start or record.start > stop]
    return data, whole


@st.composite
def damaged(draw: st.DrawFn, kind: str | None = None) -> tuple[Table, bytes, list[Record]]:
    """A table of *kind*, or any; its damaged bytes; and the records that the damage did not touch."""
    make = KINDS[kind or draw(st.sampled_from(sorted(KINDS)))]
    table = make(draw(texts), draw(st.sampled_from(["", "m-"])))
    return table, *struck(table, draw(blows))


def untouched_rows_come_through_or_are_counted(example: tuple[Table, bytes, list[Record]]) -> None:
    table, data, whole = example
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / table.name).write_bytes(data)
        try:
            source = open_source(UPath(folder), id_column="id", columns=["body"])
            rows = [row for batch in source.batches() for row in batch.to_pylist()]
        except SourceError:
            assert data != table.data
            return
    accounted_for(
        table, data, whole, [row for row in rows if not row["defect"]], [row for row in rows if row["defect"]]
    )


def accounted_for(
    table: Table, data: bytes, whole: Sequence[Record], read: Sequence[Row], aside: Sequence[Row]
) -> None:
    """Raises AssertionError where rows that nothing touched are neither *read* as they were written, nor counted *aside*."""
    unknown = any(row["lost_rows"] is None for row in aside)
    reported = sum(1 if row["lost_rows"] == 0 else row["lost_rows"] or 0 for row in aside)
    there = {row["body"] for row in read}
    missing = [one.text for one in whole if one.text not in there]
    assert unknown or len(missing) <= reported, (table.name, data, missing, aside)
    if table.sums and data != table.data and not unknown:
        assert sorted(there) == sorted(one.text for one in table.records), (table, data)
