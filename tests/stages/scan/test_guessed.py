"""A table whose text would be a guess is neither sent nor paid for, by either way of scanning."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.scan.splits import scan_split, split_source
from airflow_provider_claude.store import RunFolder
from tests.stages.conftest import clock

SETTINGS = ScanSettings(text_columns=["body"])


def write(folder: Path) -> None:
    for number, charset in enumerate(["utf-8", "gb18030"]):
        (folder / f"{number}.csv").write_bytes("id,body\n1,电池容量很大\n2,很好，谢谢\n3,质量不错\n".encode(charset))


def test_a_scan_fails_and_leaves_nothing_to_plan(tmp_path: Path) -> None:
    write(tmp_path)
    run = RunFolder(UPath(tmp_path / "run"))
    with pytest.raises(SourceError, match=r'1\.csv .*encoding="gb18030"'):
        scan(open_source(UPath(tmp_path / "*.csv"), columns=["body"]), run, SETTINGS, clock=clock())
    assert run.scan() is None


def test_a_split_of_a_scan_fails_likewise(tmp_path: Path) -> None:
    write(tmp_path)
    run, source = RunFolder(UPath(tmp_path / "run")), open_source(UPath(tmp_path / "*.csv"), columns=["body"])
    split_source(source, run, SETTINGS, 2, clock=clock())
    scan_split(source, run, 0, SETTINGS, clock=clock())
    with pytest.raises(SourceError, match=r'1\.csv .*encoding="gb18030"'):
        scan_split(source, run, 1, SETTINGS, clock=clock())
