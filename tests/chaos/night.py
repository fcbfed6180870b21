"""A worker: the whole night of a small run, stage by stage, from the start each time, as cleared tasks would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field
from upath import UPath

from airflow_provider_claude.core.plan.shards import Limits
from airflow_provider_claude.core.report.thresholds import Thresholds
from airflow_provider_claude.gateway import Gateway
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.create import create
from airflow_provider_claude.stages.load import load
from airflow_provider_claude.stages.plan import Settings, open_shards, plan
from airflow_provider_claude.stages.report import report
from airflow_provider_claude.stages.scan import scan
from airflow_provider_claude.stages.scan_settings import ScanSettings
from airflow_provider_claude.stages.settle import Settling, Waiting
from airflow_provider_claude.store import RunFolder, ShardFolder

SHARD_ROWS = 20
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
    """The files of one case."""

    folder: Path

    @property
    def source(self) -> Path:
        return self.folder / "mails.parquet"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def run(self) -> Path:
        return self.work / "nightly" / "mail" / DAY

    @property
    def output(self) -> Path:
        return self.folder / "output"


@dataclass(frozen=True, kw_only=True)
class Night:
    """The stages of a run at *place*; *mark* is told which one is on."""

    place: Place
    gateway: Gateway
    clock: Callable[[], str]
    mark: Callable[[str], None]
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def run(self) -> RunFolder:
        return RunFolder(UPath(self.place.run))

    def whole(self) -> None:
        """All of it."""
        self.planned()
        self.shards()
        self.report()

    def scan(self) -> None:
        self.mark("scan")
        source = open_source(UPath(self.place.source), id_column="id", columns=["body"])
        scan(
            source,
            self.run,
            ScanSettings(text_columns=["body"], part_rows=25, closing_tags=JOB.closing_tags),
            clock=self.clock,
        )

    def plan(self) -> None:
        self.mark("plan")
        settings = Settings(limits=Limits(rows=SHARD_ROWS), partition=DAY, work=UPath(self.place.work))
        plan(self.run, JOB, self.gateway, settings=settings, clock=self.clock)

    def planned(self) -> None:
        """All that comes before the shards."""
        self.scan()
        self.plan()

    def shards(self) -> None:
        """Everything between plan and report, one shard after the other."""
        for shard in self._open():
            self._shard(shard)

    def submit(self, only: int | None = None) -> None:
        """Only create, for all shards or for one."""
        for shard in self._open():
            if only in {None, shard.shard}:
                self._create(shard)

    def _open(self) -> list[ShardFolder]:
        return open_shards(self.run, self.run.need_plan())

    def _create(self, shard: ShardFolder) -> str:
        self.mark(f"create {shard.shard}")
        return create(shard, self.gateway, clock=self.clock)

    def _shard(self, shard: ShardFolder) -> None:
        batch_id = self._create(shard)
        self.mark(f"wait {shard.shard}")
        self._wait(batch_id)
        self.mark(f"load {shard.shard}")
        load(shard, JOB, self.gateway, clock=self.clock)
        self.mark(f"settle {shard.shard}")
        settling = Settling(shard=shard, job=JOB, api=self.gateway, clock=self.clock)
        while isinstance(step := settling.go_on(), Waiting):
            self._wait(step.batch_id)

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
        report(self.run, output=UPath(self.place.output), thresholds=self.thresholds, clock=self.clock)
