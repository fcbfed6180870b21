"""A worker: the whole night of a small run, stage by stage, from the start each time, as cleared tasks would."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import anthropic
import pendulum
from pydantic import BaseModel, Field
from upath import UPath

from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.core.report.thresholds import Thresholds
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.gateway.async_client import AsyncGateway, open_async
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import open_shards, plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.settle.run import Settled, Settling, Waiting
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.stages.sync.lane_factory import Connection, LaneFactory
from airflow_provider_claude.store import RunFolder, ShardFolder
from tests.chaos.clock import SharedClock
from tests.chaos.objects import PROTOCOL
from tests.chaos.points import Point

SHARD_ROWS = 20

#: The most requests of the sync lane under way at once: so many answers a kill may lose.
IN_FLIGHT = 4
DAY = "2026-11-22"

#: Looks at one batch before a worker gives up; the simulator needs two or three.
_LOOKS = 20


class Sentiment(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]
    confidence: float = Field(ge=0, le=1)


JOB = ClaudeJob(system="Label.", prompt="<mail>{body}</mail>", output=Sentiment, max_tokens=200)

ANY_SHARE = Thresholds(failed=1.0, refused=1.0, invalid=1.0, defective=1.0, quarantined=1.0)


@dataclass(frozen=True)
class Place:
    """The files of one case. *stored*: work and output are in the object store, whose objects are files in `objects`."""

    folder: Path
    stored: bool = False

    @property
    def source(self) -> Path:
        return self.folder / "mails.parquet"

    @property
    def objects(self) -> Path:
        return self.folder / "objects"

    @property
    def work(self) -> UPath:
        return self._root / "work"

    @property
    def run(self) -> UPath:
        return self.work / "nightly" / "mail" / DAY

    @property
    def output(self) -> UPath:
        return self._root / "output"

    @property
    def _root(self) -> UPath:
        return UPath(f"{PROTOCOL}://bucket/night") if self.stored else UPath(self.folder)


@dataclass(frozen=True, kw_only=True)
class Night:
    """The stages of a run at *place*; *mark* hears which one is on.

    *open_connection* opens the sync lane. *source* is another than the mails of *place*, whose answers are not published.
    *due*: seconds from the first worker until the answers are due; 0: nobody waits. *sleep* lets time pass.
    *passed*: the points until now.
    """

    place: Place
    gateway: Gateway
    clock: SharedClock
    mark: Callable[[str], None]
    sleep: Callable[[float], None]
    passed: Callable[[], list[Point]]
    thresholds: Thresholds = field(default_factory=Thresholds)
    open_connection: Callable[[], anthropic.AsyncAnthropic] | None = None
    job: ClaudeJob = JOB
    lanes: LaneSettings = field(default_factory=LaneSettings)
    due: float = 0.0
    pack: Packing | None = None
    group: str = "mail"
    source: UPath | None = None
    policy: ScanPolicy = field(default_factory=ScanPolicy)
    screened: RunFolder | None = None

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.place.work / "nightly" / self.group / DAY)

    @property
    def deadline(self) -> str | None:
        return pendulum.from_timestamp(time.time() + self.due).isoformat() if self.due else None

    def whole(self) -> None:
        """All of it."""
        self.planned()
        self.shards()
        self.report()

    def scan(self) -> None:
        self.mark("scan")
        columns = self.job.columns
        source = open_source(UPath(self.source or self.place.source), id_column="id", columns=columns)
        settings = ScanSettings(
            text_columns=columns,
            part_rows=25,
            closing_tags=self.job.closing_tags if self.source is None else (),
            policy=self.policy,
            screened=self.screened,
        )
        scan(source, self.run, settings, clock=self.clock)

    def plan(self) -> None:
        self.mark("plan")
        settings = Settings(
            limits=Limits(rows=SHARD_ROWS),
            partition=DAY,
            work=self.place.work,
            lanes=self.lanes,
            deadline=self.deadline,
            pack=self.pack,
        )
        plan(self.run, self.job, self.gateway, settings=settings, clock=self.clock)

    def planned(self) -> None:
        """All that comes before the shards."""
        self.scan()
        self.plan()

    def shards(self) -> None:
        """Everything between plan and report, one shard after the other."""
        for shard in self.open():
            self._shard(shard)

    def submit(self, only: int | None = None) -> None:
        """Only create, for all shards or for one."""
        for shard in self.open():
            if only in {None, shard.number}:
                self.create(shard)

    def open(self) -> list[ShardFolder]:
        return open_shards(self.run, self.run.need_plan())

    def create(self, shard: ShardFolder) -> str:
        self.mark(f"create {shard.number}")
        return create(shard, self.gateway, clock=self.clock)

    def _shard(self, shard: ShardFolder) -> None:
        batch_id = self.create(shard)
        self.mark(f"wait {shard.number}")
        self._wait(batch_id)
        self.load(shard)
        while isinstance(step := self.settle(shard), Waiting):
            self._wait(step.batch_id)

    def load(self, shard: ShardFolder) -> None:
        self.mark(f"load {shard.number}")
        load(shard, self.job, self.gateway, clock=self.clock)

    def settle(self, shard: ShardFolder) -> Settled | Waiting:
        self.mark(f"settle {shard.number}")
        lane_factory = self._lane_factory()
        return Settling(
            shard=shard, job=self.job, api=self.gateway, clock=self.clock, lane_factory=lane_factory
        ).go_on()

    def _lane_factory(self) -> LaneFactory | None:
        """The factory of the sync lane, where the night has one."""
        if self.open_connection is None:
            return None
        open_connection = self.open_connection

        @asynccontextmanager
        async def connect() -> AsyncIterator[AsyncGateway]:
            async with open_async(open_connection()) as gateway:
                yield gateway

        connection = Connection(account="chaos", connect=connect)
        return LaneFactory(open_connection=lambda: connection, now=lambda: epoch(self.clock()), in_flight=IN_FLIGHT)

    def _wait(self, batch_id: str) -> None:
        """As the sensor does: nothing was sent where there is no batch id."""
        if not batch_id:
            return
        for _ in range(_LOOKS):
            if self.gateway.batch(batch_id).status == "ended":
                return
        raise TimeoutError(f"batch {batch_id} does not end")

    def report(self) -> None:
        self.mark("report")
        output = self.place.output if self.source is None else None
        report(self.run, output=output, thresholds=self.thresholds, clock=self.clock)
