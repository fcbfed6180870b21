"""What the values of every type of Parquet are as text, held against their true value, and in which type they are carried."""

from __future__ import annotations

import datetime as dt
import math
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.rows.values import zone
from airflow_provider_claude.sources.source import open_source
from tests.sources.reading import rows_of

UTC = dt.UTC
INSTANTS = [
    dt.datetime(2026, 11, 2, 9, 5, 1, 123456, tzinfo=UTC),
    dt.datetime(2026, 7, 1, 0, 30, tzinfo=UTC),
    dt.datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    dt.datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    dt.datetime(1, 1, 1, tzinfo=UTC),
    dt.datetime(1890, 1, 1, 12, tzinfo=UTC),
    dt.datetime(9999, 12, 31, 12, tzinfo=UTC),
]
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "CET",
    "EST5EDT",
    "JST",
    "GMT+01:00",
    "UTC-03:30",
    "+01:00",
    "-0930",
]


def instant(text: str) -> dt.datetime:
    return dt.datetime.strptime(text.replace("Z", "+0000"), "%Y-%m-%d %H:%M:%S.%f%z")


def number(text: str) -> float:
    return float(text)


#: An array, and what makes the Python value of a text.
TYPES: dict[str, tuple[pa.Array, Callable[[str], Any]]] = {
    "string": (pa.array(["a", "ß", None, "😀"]), str),
    "large_string": (pa.array(["a", None], pa.large_string()), str),
    "string_view": (pa.array(["a", None], pa.string_view()), str),
    "dictionary": (pa.array(["a", None, "a"]).dictionary_encode(), str),
    "bool": (pa.array([True, False, None]), lambda text: {"true": True, "false": False}[text]),
    **{
        f"int{bits}": (pa.array([2 ** (bits - 1) - 1, -(2 ** (bits - 1)), None], getattr(pa, f"int{bits}")()), int)
        for bits in (8, 16, 32, 64)
    },
    **{
        f"uint{bits}": (pa.array([2**bits - 1, 0, None], getattr(pa, f"uint{bits}")()), int) for bits in (8, 16, 32, 64)
    },
    "float64": (pa.array([0.1, 1e300, -5e-324, 123456789.0, math.inf, None, 2**53 + 2.0]), number),
    "float32": (pa.array([0.1, 3.4e38, 16777216.0, None], pa.float32()), lambda text: float(np.float32(text))),
    "float16": (pa.array([1.5, 0.1, 65504.0, 6e-8, None], pa.float16()), lambda text: float(np.float16(text))),
    "decimal128": (pa.array([Decimal("1.10"), Decimal("-99999999.99"), None], pa.decimal128(10, 2)), Decimal),
    "decimal_small": (pa.array([Decimal("1E-20"), None], pa.decimal128(38, 30)), Decimal),
    "decimal256": (pa.array([Decimal("1" * 50 + ".5"), None], pa.decimal256(60, 5)), Decimal),
    "date32": (pa.array([dt.date(2026, 11, 2), dt.date(1, 1, 1), dt.date(9999, 12, 31), None]), dt.date.fromisoformat),
    "time32": (pa.array([dt.time(9, 5), dt.time(23, 59, 59), None], pa.time32("s")), dt.time.fromisoformat),
    "time64": (pa.array([dt.time(9, 5, 0, 1), None], pa.time64("us")), dt.time.fromisoformat),
    "timestamp": (
        pa.array([one.replace(tzinfo=None) for one in INSTANTS], pa.timestamp("us")),
        dt.datetime.fromisoformat,
    ),
    "duration": (
        pa.array([dt.timedelta(seconds=90), None], pa.duration("s")),
        lambda text: dt.timedelta(seconds=int(text)),
    ),
    "uuid": (pa.array([uuid.UUID(int=1).bytes, None, uuid.uuid4().bytes], pa.uuid()), uuid.UUID),
    "json": (pa.array(['{"a":1}', None], pa.json_()), str),
    "bool8": (
        pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, 5, None], pa.int8())),
        lambda text: {"true": True, "false": False}[text],
    ),
    "binary": (pa.array(["größer".encode(), None]), lambda text: text.encode()),
    "large_binary": (pa.array([b"a", None], pa.large_binary()), lambda text: text.encode()),
    "null": (pa.nulls(2), str),
}


def write(folder: Path, column: pa.Array, **options: Any) -> Path:
    table = pa.table({"id": [str(n) for n in range(len(column))], "x": column})
    pq.write_table(table, folder / "a.parquet", **options)
    return folder / "a.parquet"


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("store_schema", [True, False])
def test_the_text_of_a_value_is_that_value(tmp_path: Path, name: str, store_schema: bool) -> None:
    column, parse = TYPES[name]
    if name in {"float16", "duration", "bool8"} and not store_schema:
        pytest.skip("Parquet has no such type: without Arrow's schema these are numbers")
    path = write(tmp_path, column, store_schema=store_schema)
    texts = [row["x"] for row in rows_of(path)]
    assert [None if text is None else parse(text) for text in texts] == column.to_pylist()


@pytest.mark.parametrize("name", TYPES)
def test_a_carried_value_is_that_value(tmp_path: Path, name: str) -> None:
    column, parse = TYPES[name]
    source = open_source(UPath(write(tmp_path, column)), columns=["id"], carry=["x"])
    table = pa.Table.from_batches(source.batches(), source.schema)
    found = table["x"].to_pylist()
    if pa.types.is_string(table.schema.field("x").type):
        found = [None if text is None else parse(text) for text in found]
    assert found == column.to_pylist()


@pytest.mark.parametrize("name", ZONES)
def test_an_instant_stays_the_same_in_any_zone(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, pa.array([*INSTANTS, None], pa.timestamp("us", tz=name)))
    texts = [row["x"] for row in rows_of(path)]
    assert [instant(text) for text in texts[:-1]] == INSTANTS
    assert texts[-1] is None
    source = open_source(UPath(path), columns=["id"], carry=["x"])
    carried = pa.Table.from_batches(source.batches(), source.schema)["x"]
    assert carried.cast(pa.timestamp("us", tz="UTC")).to_pylist() == [*INSTANTS, None]
    assert carried.type.tz == zone(name)


def test_a_known_zone_shows_its_local_time(tmp_path: Path) -> None:
    path = write(tmp_path, pa.array(INSTANTS[:4], pa.timestamp("us", tz="Europe/Berlin")))
    local = [one.astimezone(ZoneInfo("Europe/Berlin")) for one in INSTANTS[:4]]
    assert [row["x"] for row in rows_of(path)] == [one.strftime("%Y-%m-%d %H:%M:%S.%f%z") for one in local]


def test_times_of_96_bits_reach_to_the_year_9999(tmp_path: Path) -> None:
    column = pa.array([one.replace(tzinfo=None) for one in INSTANTS], pa.timestamp("us"))
    path = write(tmp_path, column, use_deprecated_int96_timestamps=True)
    assert [dt.datetime.fromisoformat(row["x"]) for row in rows_of(path)] == column.to_pylist()


@pytest.mark.parametrize(
    ("value", "text", "flags"),
    [
        (b"abc\0\0", "abc", []),
        (b"ab   ", "ab", []),
        (b"\0" * 5, "", []),
        ("grö".encode() + b"\0", "grö", []),
        (b"abcd\xc3", "abcd\ufffd", ["undecodable_bytes"]),
    ],
)
def test_text_of_a_fixed_size_loses_its_padding(tmp_path: Path, value: bytes, text: str, flags: list[str]) -> None:
    (row,) = rows_of(write(tmp_path, pa.array([value], pa.binary(5))))
    assert (row["x"], row["flags"]) == (text, flags)


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pa.array([[1]]), "list"),
        (pa.array([{"a": 1}]), "struct"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "map"),
        (pa.array([uuid.uuid4().bytes], pa.binary(16)), "its bytes are not text"),
        (pa.array([struct.pack("<q", 1)], pa.binary(8)), "its bytes are not text"),
        (pa.ExtensionArray.from_storage(pa.opaque(pa.int64(), "hll", "Postgres"), pa.array([1])), "arrow.opaque"),
        (
            pa.ExtensionArray.from_storage(
                pa.fixed_shape_tensor(pa.int32(), [1]), pa.array([[1]], pa.list_(pa.int32(), 1))
            ),
            "arrow.fixed_shape_tensor",
        ),
    ],
)
@pytest.mark.parametrize("way", ["columns", "carry"])
def test_what_has_no_text_is_refused_by_name(tmp_path: Path, column: pa.Array, says: str, way: str) -> None:
    path = write(tmp_path, column)
    columns, carry = (["id", "x"], []) if way == "columns" else (["id"], ["x"])
    with pytest.raises(SourceError, match=rf"Column 'x'.*{says}"):
        rows_of(path, columns=columns, carry=carry)


def test_an_extension_that_this_process_does_not_know_is_refused_by_name(tmp_path: Path) -> None:
    field = pa.field("x", pa.binary(), metadata={b"ARROW:extension:name": b"geoarrow.wkb"})
    pq.write_table(pa.table([["1"], [b"ab"]], pa.schema([pa.field("id", pa.string()), field])), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"geoarrow\.wkb"):
        rows_of(tmp_path / "a.parquet")


def test_an_extension_of_text_is_text(tmp_path: Path) -> None:
    field = pa.field("x", pa.string(), metadata={b"ARROW:extension:name": b"my.email"})
    pq.write_table(pa.table([["1"], ["a@b"]], pa.schema([pa.field("id", pa.string()), field])), tmp_path / "a.parquet")
    assert [row["x"] for row in rows_of(tmp_path / "a.parquet")] == ["a@b"]


def test_a_column_of_numbers_in_bytes_is_flagged_and_does_not_stop_the_table(tmp_path: Path) -> None:
    rows = rows_of(write(tmp_path, pa.array([b"\xff\0a", b"\xfe\1b", b"\xfd\2c"])))
    assert [row["flags"] for row in rows] == [["charset_guessed"]] * 3
