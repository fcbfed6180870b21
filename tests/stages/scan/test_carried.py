"""What is carried keeps its type from a Parquet source to the published answers, by either way of scanning."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.sync.priority import Priority
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.source import Source, open_source
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.scan.splits import merge_splits, scan_split, split_source
from airflow_provider_claude.store import RunFolder
from tests.stages.conftest import Night, clock

BERLIN = pa.timestamp("ms", tz="Europe/Berlin")
AT = dt.datetime(2026, 11, 2, 9, 0, tzinfo=dt.UTC)
COLUMNS: dict[str, pa.Array] = {
    "id": pa.array([1, 2, 3, 4], pa.int64()),
    "body": pa.array(["I love it", "I hate it", "a box", "I love it"]),
    "stars": pa.array([5, 1, None, 4], pa.int8()),
    "score": pa.array([0.1, None, 2.5, 1e300]),
    "price": pa.array([Decimal("1.10"), Decimal("2.00"), None, Decimal("99999999.99")], pa.decimal128(10, 2)),
    "vip": pa.array([True, False, None, True]),
    "sent": pa.array([AT, None, AT, AT + dt.timedelta(milliseconds=1)], BERLIN),
    "day": pa.array([dt.date(2026, 11, 2), None, dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    "note": pa.array(["a", None, "c", "d"]),
    "nothing": pa.nulls(4),
}
CARRY = [name for name in COLUMNS if name not in {"id", "body"}]
SENT = ["body", "stars"]
SETTINGS = ScanSettings(text_columns=SENT, carry=CARRY, policy=ScanPolicy(high="pass", medium="pass", low="pass"))


def write(folder: Path) -> Source:
    """Two files of two rows, opened."""
    folder.mkdir(exist_ok=True)
    table = pa.table(COLUMNS)
    for number in range(2):
        pq.write_table(table.slice(2 * number, 2), folder / f"{number}.parquet")
    return open_source(UPath(folder), columns=SENT, carry=CARRY)


def scanned(source: Source, run: RunFolder, settings: ScanSettings = SETTINGS, *, shared: bool = False) -> None:
    if not shared:
        scan(source, run, settings, clock=clock())
        return
    for number in split_source(source, run, settings, 2, clock=clock()):
        scan_split(source, run, number, settings, clock=clock())
    merge_splits(run, settings, clock=clock())


def answered(night: Night, output: Path, **options: Any) -> pa.Table:
    """The published answers of a scanned night."""
    settings = Settings(limits=Limits(rows=100), trial=False, partition="2026-11-22", **options)
    plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    night.create()
    night.load()
    report(night.run, output=UPath(output), clock=clock())
    return pq.read_table(output / "day=2026-11-22", partitioning=None).sort_by("item_id")


@pytest.mark.parametrize("shared", [False, True])
def test_carried_columns_keep_their_types_and_values(night: Night, tmp_path: Path, shared: bool) -> None:
    scanned(write(tmp_path / "in"), night.run, shared=shared)
    table = answered(night, tmp_path / "out")
    assert table["item_id"].to_pylist() == ["1", "2", "3", "4"]
    for name in CARRY:
        assert table.schema.field(name).type == COLUMNS[name].type, name
        assert table[name].to_pylist() == COLUMNS[name].to_pylist(), name
    assert [name for name in table.schema.names if name.startswith("claude_carried")] == []


def test_a_duplicate_has_its_own_typed_values(night: Night, tmp_path: Path) -> None:
    settings = ScanSettings(text_columns=["body"], carry=["stars", "day"], policy=SETTINGS.policy)
    write(tmp_path / "in")
    scanned(open_source(UPath(tmp_path / "in"), columns=["body"], carry=["stars", "day"]), night.run, settings)
    table = answered(night, tmp_path / "out")
    original = table.slice(3)
    assert original["duplicate_of"].to_pylist() == ["1"]
    assert (original["stars"].to_pylist(), original["day"].to_pylist()) == ([4], [dt.date(9999, 12, 31)])


def test_packs_and_priorities_go_by_typed_columns(night: Night, tmp_path: Path) -> None:
    settings = ScanSettings(text_columns=["body"], carry=["vip", "score"], policy=SETTINGS.policy)
    write(tmp_path / "in")
    scanned(open_source(UPath(tmp_path / "in"), columns=["body"], carry=["vip", "score"]), night.run, settings)
    table = answered(night, tmp_path / "out", pack=Packing(items=4, by=("vip",)), priority=Priority(column="score"))
    assert table.schema.field("score").type == pa.float64()
    assert table["vip"].to_pylist() == COLUMNS["vip"].to_pylist()


def test_an_empty_day_has_the_types_too(night: Night, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table(COLUMNS).slice(0, 0), tmp_path / "in" / "a.parquet")
    scanned(open_source(UPath(tmp_path / "in"), columns=SENT, carry=CARRY), night.run)
    plan(night.run, night.job, night.gateway, settings=Settings(partition="2026-11-22", trial=False), clock=clock())
    report(night.run, output=UPath(tmp_path / "out"), clock=clock())
    schema = pq.read_schema(tmp_path / "out" / "day=2026-11-22" / "part-00000.parquet")
    assert {name: schema.field(name).type for name in CARRY} == {name: COLUMNS[name].type for name in CARRY}


@pytest.mark.parametrize(
    ("types", "common"),
    [
        ([pa.int8(), pa.int32()], pa.int32()),
        ([pa.uint8(), pa.int8()], pa.int16()),
        ([pa.null(), pa.date32()], pa.date32()),
        ([pa.float32(), pa.float64()], pa.float64()),
        ([pa.decimal128(5, 2), pa.decimal128(9, 0)], pa.decimal128(11, 2)),
        ([pa.timestamp("s", tz="UTC"), pa.timestamp("us", tz="Europe/Berlin")], pa.timestamp("us", tz="UTC")),
        ([pa.string(), pa.large_string()], pa.string()),
    ],
)
def test_types_that_differ_from_file_to_file_are_promoted(
    tmp_path: Path, types: list[pa.DataType], common: pa.DataType
) -> None:
    for number, kind in enumerate(types):
        pq.write_table(pa.table({"id": [number], "x": pa.nulls(1, kind)}), tmp_path / f"{number}.parquet")
    source = open_source(UPath(tmp_path), columns=["id"], carry=["x"])
    assert source.schema.field("x").type == common
    assert all(batch.schema == source.schema for batch in source.batches())


@pytest.mark.parametrize(
    "types",
    [
        [pa.int64(), pa.string()],
        [pa.int64(), pa.float64()],
        [pa.timestamp("us"), pa.timestamp("us", tz="UTC")],
        [pa.uint64(), pa.int64()],
        [pa.list_(pa.int64()), pa.list_(pa.int64())],
    ],
)
def test_types_without_a_common_one_are_refused_before_anything_is_read(
    tmp_path: Path, types: list[pa.DataType]
) -> None:
    for number, kind in enumerate(types):
        pq.write_table(pa.table({"id": [number], "x": pa.nulls(1, kind)}), tmp_path / f"{number}.parquet")
    with pytest.raises(SourceError, match="Column 'x'"):
        open_source(UPath(tmp_path), columns=["id"], carry=["x"])


def test_the_date_of_a_mail_is_carried_as_an_instant(night: Night, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_text("From: a@b.c\nDate: Mon, 2 Nov 2026 10:00:00 +0100\nSubject: s\n\nI love it\n")
    source = open_source(UPath(tmp_path / "a.eml"), columns=["body"], carry=["date", "subject"])
    settings = ScanSettings(text_columns=["body"], carry=["date", "subject"], policy=SETTINGS.policy)
    scanned(source, night.run, settings)
    table = answered(night, tmp_path / "out")
    assert table.schema.field("date").type == pa.timestamp("us", tz="UTC")
    assert (table["date"].to_pylist(), table["subject"].to_pylist()) == ([AT], ["s"])


def test_what_is_carried_from_csv_stays_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,body,stars\n1,x,5\n")
    source = open_source(UPath(tmp_path / "a.csv"), columns=["body"], carry=["stars"])
    assert source.schema.field("stars").type == pa.string()


def test_where_texts_are_redacted_a_column_that_is_sent_is_carried_as_it_is_sent() -> None:
    from airflow_provider_claude.core.scan.pii.redaction import Redacting
    from airflow_provider_claude.operators.shared.redacting import carried_as_they_are

    assert carried_as_they_are(["phone", "day"], ["body", "phone"], None) == ["phone", "day"]
    assert carried_as_they_are(["phone", "day"], ["body", "phone"], Redacting(kinds=("phone",))) == ["day"]
