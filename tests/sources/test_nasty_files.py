from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.sources.reading import rows_of


@pytest.fixture(scope="module")
def files(shared_data: Path) -> list[dict[str, Any]]:
    return pq.read_table(shared_data / "json_csv_nasty.parquet").to_pylist()


def test_no_json_makes_it_raise_and_none_that_is_invalid_is_taken(tmp_path: Path, files: list[dict[str, Any]]) -> None:
    for file in (file for file in files if file["format"] == "json"):
        (tmp_path / "a.jsonl").write_bytes(file["raw"])
        rows = rows_of(tmp_path / "a.jsonl", id_column=None)
        assert file["expect"] != "reject" or all(row["defect"] for row in rows), file["name"]


def test_csv_reads_as_its_collection_says(tmp_path: Path, files: list[dict[str, Any]]) -> None:
    for file in (file for file in files if file["format"] == "csv"):
        (tmp_path / "a.csv").write_bytes(file["raw"])
        rows = rows_of(tmp_path / "a.csv", id_column=None)
        expected = json.loads(file["expect"].replace("\\r\\n", "\\n"))
        assert [{name: row[name] for name in expected[0]} for row in rows] == expected, file["name"]
