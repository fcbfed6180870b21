from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from airflow_provider_claude.sinks.parquet import read_answers


def test_moments_of_several_zones_are_read_in_utc(tmp_path: Path) -> None:
    at = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
    for day, kind in {
        "1": pa.timestamp("ms", tz="Europe/Berlin"),
        "2": pa.timestamp("us", tz="UTC"),
        "3": pa.null(),
    }.items():
        (tmp_path / f"day={day}").mkdir()
        column = pa.nulls(1, kind) if pa.types.is_null(kind) else pa.array([at], kind)
        pq.write_table(pa.table({"item_id": [day], "sent": column}), tmp_path / f"day={day}" / "part-00000.parquet")
    frame = read_answers(UPath(tmp_path))
    assert str(frame.dtypes["sent"]) == "timestamp[us, tz=UTC][pyarrow]"
    assert [
        None if value is None else value.isoformat()
        for value in frame["sent"].astype(object).where(frame["sent"].notna(), None)
    ] == [
        at.isoformat(),
        at.isoformat(),
        None,
    ]
