"""Columns are called what people call them: their names go through the prompt, the request and the answers unharmed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.job.untrusted import PLACEMENTS
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from tests.stages.conftest import JOB, Night, clock

NAMES = ["Review Text", "user.text", "Größe & Maß", "1st", "Q1: How was it?"]


@pytest.mark.parametrize("packing", [None, Packing(items=2)])
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_any_name_is_sent_answered_and_carried(night: Night, tmp_path: Path, placement: str, packing: object) -> None:
    table = pa.table({"id": ["a", "b"], **{name: [f"I love {n}", f"I hate {n}"] for n, name in enumerate(NAMES)}})
    pq.write_table(table, tmp_path / "in.parquet")
    job = replace(JOB, prompt=" ".join(f"<x>{{{name}}}</x>" for name in NAMES), placement=placement)
    night.job = job
    source = open_source(UPath(tmp_path / "in.parquet"), columns=job.columns, carry=["user.text"])
    scan(source, night.run, ScanSettings(text_columns=job.columns, carry=["user.text"]), clock=clock())
    plan(
        night.run,
        job,
        night.gateway,
        settings=Settings(limits=Limits(rows=9), trial=False, pack=packing),
        clock=clock(),
    )
    night.create()
    assert night.load().outcomes == {"succeeded": 2}
    assert night.answers().sort_by("item_id")["user.text"].to_pylist() == ["I love 1", "I hate 1"]


@pytest.mark.parametrize("asked", ["review text", "ReviewText", "Review_Text", "Reviw Text"])
def test_a_name_that_is_nearly_there_is_suggested(tmp_path: Path, asked: str) -> None:
    (tmp_path / "a.csv").write_text("id,Review Text\n1,x\n")
    with pytest.raises(SourceError, match="Did you mean 'Review Text'"):
        open_source(UPath(tmp_path / "a.csv"), columns=[asked])
