"""A whole night on a store that is not a local disk."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import RunFolder
from tests.stages.conftest import JOB, clock


def test_a_night_runs_the_same_on_an_object_store(gateway: Gateway) -> None:
    root = UPath("memory://night")
    source = root / "mail.parquet"
    with source.fs.open(source.path, "wb") as stream:
        pq.write_table(pa.table({"id": ["a", "b", "c", "d"], "body": ["good", "bad", "good", "box"]}), stream)
    run = RunFolder(root / "work" / "2026-11-22")
    scan(open_source(source, columns=["body"]), run, ScanSettings(text_columns=["body"]), clock=clock())
    settings = Settings(limits=Limits(rows=1), partition="2026-11-22")
    record = plan(run, JOB, gateway, settings=settings, clock=clock())
    for spec in record.shards[1:]:
        shard = run.shard(spec.number)
        assert create(shard, gateway, clock=clock()) == create(shard, gateway, clock=clock())
        load(shard, JOB, gateway, clock=clock())
    summary = report(run, output=root / "answers", clock=clock())
    assert summary.green
    answers = read_answers(root / "answers")
    assert sorted(answers["item_id"]) == ["a", "b", "c", "d"]
    assert set(answers["day"]) == {"2026-11-22"}


def test_a_shard_whose_intent_was_written_and_the_answer_lost_is_sent_at_once(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = UPath("memory://lost")
    with (root / "mail.parquet").open("wb") as stream:
        pq.write_table(pa.table({"id": ["a", "b"], "body": ["good", "bad"]}), stream)
    run = RunFolder(root / "work" / "2026-11-22")
    scan(open_source(root / "mail.parquet", columns=["body"]), run, ScanSettings(text_columns=["body"]), clock=clock())
    record = plan(run, JOB, gateway, settings=Settings(trial=False, partition="2026-11-22"), clock=clock())
    write = type(root.fs).pipe_file

    def asks_again(*args: Any, **kwargs: Any) -> None:
        write(*args, **kwargs)
        write(*args, **kwargs)

    monkeypatch.setattr(type(root.fs), "pipe_file", asks_again)
    batch = create(run.shard(record.shards[0].number), gateway, clock=clock())
    assert batch is not None
    assert batch.startswith("msgbatch_")
