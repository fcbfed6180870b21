"""From the bytes on disk to the published partition: every row that was written is answered, set aside, failed or lost.

Small files of every format are damaged at random, and the whole way is walked on the simulator. CONSERVATION_EXAMPLES sets how
many files a format is tried with.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from upath import UPath

from airflow_provider_claude.core.report.thresholds import Limit, Thresholds
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.report import run as report_stage
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.settle.run import Settled, Settling
from airflow_provider_claude.store import RunFolder, ScanRecord
from tests.fuzz.damage import KINDS, TEXTS, Record, Table, accounted_for, damaged
from tests.stages.conftest import Night, clock
from tests.stages.test_scan import rows_in

EXAMPLES = int(os.environ.get("CONSERVATION_EXAMPLES", "4"))

#: Nothing is set aside for what it says, and no share of rows without an answer is too large.
ALL_PASS = ScanPolicy(high="pass", medium="pass", low="pass")
ANY = Limit(1.0)
LENIENT = Thresholds(failed=ANY, invalid=ANY, refused=ANY, defective=ANY, quarantined=ANY, warn=ANY)


def scanned(night: Night, folder: Path) -> ScanRecord:
    """Scan *folder*, going on without what is unreadable; that the scan fails without that where it should is checked."""
    source = open_source(UPath(folder), id_column="id", columns=["body"])
    going_on = ScanSettings(text_columns=["body"], policy=ALL_PASS, unreadable_files="quarantine")
    record = scan(source, night.run, going_on, clock=clock())
    failing, other = ScanSettings(text_columns=["body"], policy=ALL_PASS), RunFolder(night.run.path.parent / "other")
    if record.uncounted or record.unreadable_files:
        with pytest.raises(SourceError, match="unreadable_files"):
            scan(source, other, failing, clock=clock())
    else:
        assert scan(source, other, failing, clock=clock()).rows == record.rows
    return record


def walked(night: Night, output: Path) -> None:
    """Plan, create, load, settle, report and publish."""
    plan = night.plan(rows=8)
    for spec in plan.shards:
        night.create(spec.number)
        night.load(spec.number)
        settling = Settling(shard=night.run.shard(spec.number), job=night.job, api=night.gateway, clock=clock())
        assert isinstance(settling.go_on(), Settled)
    summary = report(night.run, output=UPath(output), clock=clock(), thresholds=LENIENT)
    ledger = summary.ledger
    assert ledger.inputs == ledger.answered + ledger.quarantined_rows + ledger.failed_rows + ledger.lost
    answers = read_answers(UPath(output))
    read = [row for folder in ("items", "duplicates") for row in rows_in(night.run, folder)]
    assert sorted(answers["item_id"]) == sorted(row["item_id"] for row in read)
    assert (ledger.losses is None) == (ledger.lost == 0 and ledger.uncounted == 0)


@pytest.fixture
def fresh(night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[Night, Path, Path]]:
    """Makes nights of their own, each with the folder of its source and its output. Pages are not drawn."""
    monkeypatch.setattr(report_stage, "render", lambda _: "")
    numbers = iter(range(10**6))

    def make() -> tuple[Night, Path, Path]:
        root = tmp_path / f"{next(numbers)}"
        (root / "source").mkdir(parents=True)
        return Night(RunFolder(UPath(root / "run")), night.gateway), root / "source", root / "out"

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_answered_or_accounted_for_whatever_happens_to_the_file(
    kind: str, fresh: Callable[[], tuple[Night, Path, Path]]
) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(damaged(kind))
    def holds(example: tuple[Table, bytes, list[Record]]) -> None:
        table, data, whole = example
        night, folder, output = fresh()
        (folder / table.name).write_bytes(data)
        try:
            record = scanned(night, folder)
        except SourceError:
            assert data != table.data
            return
        read = [row for name in ("items", "duplicates") for row in rows_in(night.run, name)]
        aside = rows_in(night.run, "quarantine")
        accounted_for(table, data, whole, [row for row in read if "body" in row], aside)
        assert record.rows == record.items + record.quarantined + record.duplicates + record.lost
        walked(night, output)

    holds()


def test_files_that_nothing_happened_to_are_answered_whole(fresh: Callable[[], tuple[Night, Path, Path]]) -> None:
    for make in KINDS.values():
        night, folder, output = fresh()
        texts = [f"{text} {number}" for number, text in enumerate(TEXTS)]
        table = make(texts, "m-")
        (folder / table.name).write_bytes(table.data)
        record = scanned(night, folder)
        assert (record.rows, record.items, record.lost, record.unreadable_files) == (len(TEXTS), len(TEXTS), 0, 0)
        assert sorted(row["body"] for row in rows_in(night.run, "items")) == sorted(texts)
        walked(night, output)
