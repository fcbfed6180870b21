"""A small run on the simulator, stage by stage."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, Field
from upath import UPath

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.core.tables import DUPLICATE_FIELDS, ITEM_FIELDS, with_columns
from airflow_provider_claude.core.times import parse_time
from airflow_provider_claude.errors import IncompleteError
from airflow_provider_claude.gateway.async_client import AsyncGateway, open_async
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.stages.sync.lane_factory import Connection, LaneFactory
from airflow_provider_claude.store import LAYOUT, LoadedRecord, PlanRecord, RunFolder, ScanRecord, write_record

PART_ROWS = 7

T = TypeVar("T")


class Sentiment(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]
    confidence: float = Field(ge=0, le=1)


JOB = ClaudeJob(system="Label.", prompt="<mail>{body}</mail>", output=Sentiment, max_tokens=100)


def clock() -> Callable[[], str]:
    """A clock that ticks a second at each look."""
    ticks = itertools.count()
    return lambda: f"2026-11-23T00:{next(ticks) // 60:02d}:00+00:00"


class Later:
    """A clock of the same ticks, *seconds* later."""

    def __init__(self) -> None:
        self.tick, self.seconds = clock(), 0.0

    def now(self) -> str:
        return (parse_time(self.tick()) + timedelta(seconds=self.seconds)).isoformat()


def patient(step: Callable[[Callable[[], str]], T]) -> T:
    """What *step* gives, tried again as much later as it asks for where results are not whole, as a deferred task is."""
    later = Later()
    while True:
        try:
            return step(later.now)
        except IncompleteError as error:
            later.seconds += error.retry_after or 0.0


@dataclass
class Night:
    """A run folder with items, and the stages bound to it."""

    run: RunFolder
    gateway: Gateway
    job: ClaudeJob = JOB

    def scanned(self, texts: Sequence[str], duplicates: Sequence[int] = ()) -> Night:
        """Write *texts* as items, and a duplicate of each ordinal in *duplicates*."""
        scan_by_hand(self.run, texts, duplicates)
        return self

    def plan(self, *, rows: int = 5, trial: bool = False) -> PlanRecord:
        settings = Settings(limits=Limits(rows=rows), trial=trial, partition="2026-11-22")
        return plan(self.run, self.job, self.gateway, settings=settings, clock=clock())

    def create(self, shard: int = 1) -> str:
        return create(self.run.shard(shard), self.gateway, clock=clock())

    def load(self, shard: int = 1) -> LoadedRecord:
        return patient(lambda clock: load(self.run.shard(shard), self.job, self.gateway, clock=clock))

    def answers(self, shard: int = 1) -> pa.Table:
        return pq.read_table(self.run.part("answers", shard).path)

    def unresolved(self, shard: int = 1) -> pa.Table:
        return pq.read_table(self.run.shard(shard).file("unresolved.parquet").path)


@pytest.fixture
def gateway(claude_simulator: SimulatorProcess) -> Iterator[Gateway]:
    import anthropic

    with anthropic.Anthropic(base_url=claude_simulator.base_url, api_key="k", max_retries=0) as client:
        yield Gateway(lambda: client)


@pytest.fixture
def lane_factory(claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LaneFactory:
    """The way to the simulator's Messages API; the bucket is this test's own."""
    import anthropic

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    @asynccontextmanager
    async def connect() -> AsyncIterator[AsyncGateway]:
        async with open_async(anthropic.AsyncAnthropic(base_url=claude_simulator.base_url, api_key="k")) as gateway:
            yield gateway

    return LaneFactory(open_connection=lambda: Connection(account="test", connect=connect), now=time.time)


@pytest.fixture
def night(tmp_path: Path, gateway: Gateway) -> Night:
    return Night(RunFolder(UPath(tmp_path / "night")), gateway)


def scan_by_hand(
    run: RunFolder,
    texts: Sequence[str],
    duplicates: Sequence[int] = (),
    *,
    name: str = "mail",
    at: str = "2026-11-23T00:00:00+00:00",
    priorities: Sequence[str | None] = (),
) -> None:
    """Write *texts* as items of a scan; *priorities*, where given, are a carried column of theirs."""
    carry = ["sender", "priority"] if priorities else ["sender"]
    schema = with_columns(ITEM_FIELDS, ["body", *carry])
    rows = [
        {
            "ordinal": n,
            "item_id": f"{name}-{n}",
            "source_ref": f"mails#{n}",
            "input_hash": hashlib.sha256(text.encode()).hexdigest(),
            "flags": [],
            "scan_suspect": False,
            "scan_score": 0.0,
            "scan_found": False,
            "body": text,
            "sender": f"s{n}@example.org",
            "priority": priorities[n] if priorities else None,
        }
        for n, text in enumerate(texts)
    ]
    for number, start in enumerate(range(0, len(rows), PART_ROWS)):
        path = Path(run.part("items", number).path)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows[start : start + PART_ROWS], schema), path, row_group_size=3)
    doubles = [
        {
            "ordinal": n,
            "item_id": f"duplicate-{k}",
            "source_ref": f"mails#t{k}",
            "duplicate_of": f"mail-{n}",
            "scan_near": False,
            "sender": f"t{k}@example.org",
        }
        for k, n in enumerate(duplicates)
    ]
    if doubles:
        path = Path(run.part("duplicates", 0).path)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(doubles, with_columns(DUPLICATE_FIELDS, carry)), path)
    write_record(
        run.file("scan.json"),
        ScanRecord(
            layout=LAYOUT,
            source="mails", format="parquet", columns=["body", "sender"], carry=carry, rows=len(texts) + len(duplicates),
            items=len(texts), quarantined=0, duplicates=len(duplicates), by_reason={}, flagged={}, part_rows=PART_ROWS,
            started_at="2026-11-23T00:00:00+00:00", finished_at=at,
        ),
    )  # fmt: skip
