"""One defect never stands for many rows: what is lost is counted as rows, and where it cannot be, the scan is red."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from upath import UPath

from airflow_provider_claude.cli.quarantine import show_quarantine
from airflow_provider_claude.core.report.ledger import Ledger
from airflow_provider_claude.core.report.page import render
from airflow_provider_claude.core.report.thresholds import Thresholds
from airflow_provider_claude.core.scan.unreadable_files import UnreadableFiles, check_unreadable
from airflow_provider_claude.errors import JobError, LedgerError, SourceError
from airflow_provider_claude.sources.rows.batches import Row, batches_of, region
from airflow_provider_claude.sources.source import Source, open_source
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.scan.splits import merge_splits, scan_split, split_source
from airflow_provider_claude.store import RunFolder, ScanRecord
from tests.cli.conftest import Terminal
from tests.stages.conftest import Night, clock
from tests.stages.test_scan import rows_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged(Source):
    """A source that yields *rows*."""

    rows: tuple[Row, ...]

    def batches(self) -> Iterator[pa.RecordBatch]:
        return batches_of(self.rows, self.wanted)


def good(number: int) -> Row:
    return Row(str(number), f"a.jsonl#{number}", (f"mail {number}",))


def damaged(folder: Path, *rows: Row) -> Source:
    (folder / "a.jsonl").write_text('{"id": "1", "body": "x"}\n')
    there = open_source(UPath(folder / "a.jsonl"), columns=["body"])
    return Damaged(path=there.path, format=there.format, files=there.files, wanted=there.wanted, rows=rows)


def settings(unreadable: UnreadableFiles = "fail") -> ScanSettings:
    return ScanSettings(text_columns=["body"], unreadable_files=unreadable)


def scanned(folder: Path, *rows: Row, unreadable: UnreadableFiles = "fail") -> tuple[RunFolder, ScanRecord]:
    run = RunFolder(UPath(folder / "night"))
    return run, scan(damaged(folder, *rows), run, settings(unreadable), clock=clock())


TORN = region("a.jsonl#2", "broken_rows", "lines 2 to 51 cannot be read.", 50)
UNKNOWN = region("b.jsonl#3", "unreadable_file", "the file cannot be read from line 3 on.", None)


def test_a_region_counts_as_the_rows_in_it_and_is_itself_none(tmp_path: Path) -> None:
    run, record = scanned(tmp_path, good(1), TORN, good(52))
    assert (record.rows, record.items, record.quarantined, record.duplicates, record.lost) == (52, 2, 0, 0, 50)
    assert (record.uncounted, record.unreadable_files, record.by_reason) == (0, 0, {})
    (mark,) = rows_in(run, "quarantine")
    assert (mark["source_ref"], mark["reason"], mark["lost_rows"]) == ("a.jsonl#2", "broken_rows", 50)


def test_a_row_that_is_set_aside_alone_has_lost_no_rows(tmp_path: Path) -> None:
    run, record = scanned(tmp_path, Row("1", "a.jsonl#1", ("",)))
    assert (record.quarantined, record.lost) == (1, 0)
    assert rows_in(run, "quarantine")[0]["lost_rows"] == 0


def test_an_unknown_number_of_lost_rows_fails_the_scan_and_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as error:
        scanned(tmp_path, good(1), UNKNOWN)
    for part in (
        "'b.jsonl': the file cannot be read from line 3 on.",
        "1 rows were read",
        'unreadable_files="quarantine"',
    ):
        assert part in str(error.value)
    assert RunFolder(UPath(tmp_path / "night")).scan() is None


def test_a_whole_unreadable_file_fails_the_scan_even_where_its_rows_are_counted(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'c\.parquet': nothing of it can be read"):
        scanned(tmp_path, good(1), region("c.parquet#1", "unreadable_file", "nothing of it can be read.", 80))


def test_with_quarantine_the_scan_goes_on_and_says_how_much_is_not_known(tmp_path: Path) -> None:
    run, record = scanned(tmp_path, good(1), TORN, UNKNOWN, unreadable="quarantine")
    assert (record.rows, record.lost, record.uncounted, record.unreadable_files) == (51, 50, 1, 1)
    assert record.unreadable == ["'b.jsonl': the file cannot be read from line 3 on."]
    assert [row["lost_rows"] for row in rows_in(run, "quarantine")] == [50, None]


def test_many_unreadable_files_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"30 files of .*") as error:
        scanned(tmp_path, *(region(f"{n}.csv#1", "unreadable_file", "x.", None) for n in range(30)))
    assert "'19.csv'" in str(error.value)
    assert "'20.csv'" not in str(error.value)
    assert "and 10 more files" in str(error.value)


def torn_files(folder: Path) -> Source:
    (folder / "mail").mkdir()
    for name in "abc":
        lines = "".join(f'{{"id": "{name}{n}", "body": "{name}{n * 7919 % 1000}"}}\n' for n in range(400))
        data = gzip.compress(lines.encode())
        (folder / "mail" / f"{name}.jsonl.gz").write_bytes(data if name != "b" else data[: len(data) // 2])
    return open_source(UPath(folder / "mail"), columns=["body"])


@pytest.mark.parametrize("splits", [1, 3])
def test_a_divided_scan_loses_and_fails_as_a_single_one_does(tmp_path: Path, splits: int) -> None:
    source, alone, run = torn_files(tmp_path), RunFolder(UPath(tmp_path / "alone")), RunFolder(UPath(tmp_path / "run"))
    expected = scan(source, alone, settings("quarantine"), clock=clock())
    assert (expected.uncounted, expected.unreadable_files) == (1, 1)
    for number in split_source(source, run, settings(), splits, clock=clock()):
        scan_split(source, run, number, settings(), clock=clock())
    with pytest.raises(SourceError, match=r"b\.jsonl\.gz"):
        merge_splits(run, settings(), clock=clock())
    record = merge_splits(run, settings("quarantine"), clock=clock())
    assert (record.rows, record.lost, record.uncounted) == (expected.rows, expected.lost, expected.uncounted)
    assert record.unreadable == expected.unreadable


def published(night: Night, folder: Path, *rows: Row, thresholds: Thresholds) -> tuple[Ledger, str, str]:
    scan(damaged(folder, *rows), night.run, settings("quarantine"), clock=clock())
    night.plan()
    night.create()
    night.load()
    summary = report(night.run, output=UPath(folder / "out"), clock=clock(), thresholds=thresholds)
    return summary.ledger, summary.headline, render(summary)


def test_what_is_lost_stands_in_the_ledger_the_headline_and_the_page(night: Night, tmp_path: Path) -> None:
    ledger, headline, page = published(night, tmp_path, good(1), TORN, UNKNOWN, thresholds=Thresholds(defective=1.0))
    assert (ledger.inputs, ledger.answered, ledger.lost, ledger.uncounted) == (51, 1, 50, 1)
    assert headline == (
        "An unknown number of rows is lost in 1 place of the source, and 50 rows that could be counted. "
        "1 of 51 rows are answered."
    )
    assert "Complete, with losses" in page
    assert "the file cannot be read from line 3 on." in page
    terminal = Terminal()
    show_quarantine(night.run, [], terminal, limit=10)
    assert (
        "Lost in 2 damaged places of the source: 50 rows; the number of rows lost in 1 of them is unknown."
        in terminal.text
    )


def test_thresholds_count_rows_that_are_lost_and_not_the_defects_that_lost_them(night: Night, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"50 of 52 rows are set aside as broken data, or lost"):
        published(night, tmp_path, good(1), TORN, good(52), thresholds=Thresholds())


def test_another_word_than_fail_or_quarantine_is_refused() -> None:
    assert check_unreadable("quarantine") == "quarantine"
    with pytest.raises(JobError, match="'ignore'"):
        check_unreadable("ignore")  # type: ignore[arg-type]
