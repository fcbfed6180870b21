"""Numbered records: one writer wins a number."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store import RecordSequence, RefusedRecord


@pytest.fixture
def records(tmp_path: Path) -> RecordSequence[RefusedRecord]:
    return RecordSequence(UPath(tmp_path), RefusedRecord, prefix="a+b.", suffix=".x.json", digits=3)


def _record(reason: str) -> RefusedRecord:
    return RefusedRecord(reason=reason, at="2026-11-30T00:00:00+00:00")


def test_of_several_writers_of_a_number_one_wins(records: RecordSequence[RefusedRecord]) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: records.write_new(1, _record(str(n))), range(16)))
    assert won.count(True) == 1
    assert records.read(1) == _record(str(won.index(True)))


def test_all_who_append_get_a_number_of_their_own(records: RecordSequence[RefusedRecord]) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda n: records.append(_record(str(n))), range(16)))
    assert sorted(numbers) == records.numbers() == list(range(1, 17))
    assert [records.read(number) for number in numbers] == [_record(str(n)) for n in range(16)]


def test_numbers_count_as_numbers_and_other_files_not_at_all(
    records: RecordSequence[RefusedRecord], tmp_path: Path
) -> None:
    for name in (
        "a+b.009.x.json",
        "a+b.1000.x.json",
        "aab.2000.x.json",
        "a+b.3000.json",
        "a+b.x.json",
        ".a+b.4.x.json",
    ):
        (tmp_path / name).write_text('{"reason": "", "at": ""}')
    assert records.numbers() == [9, 1000]
    assert records.latest() == (1000, RefusedRecord(reason="", at=""))
    assert records.append(_record("")) == 1001


def test_a_folder_that_is_not_there_has_no_records(tmp_path: Path) -> None:
    none = RecordSequence(UPath(tmp_path / "none"), RefusedRecord)
    assert (none.numbers(), none.all(), none.latest()) == ([], [], (0, None))


def test_a_record_that_cannot_be_read_is_not_taken_for_none(
    records: RecordSequence[RefusedRecord], tmp_path: Path
) -> None:
    (tmp_path / "a+b.001.x.json").write_text("{")
    with pytest.raises(StateError, match=r"a\+b\.001\.x\.json is not a readable"):
        records.latest()
