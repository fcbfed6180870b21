"""Nights of a work folder, run stage by stage on the simulator, and the command over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel
from upath import UPath

from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.core.account import Account
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.core.report.thresholds import Thresholds
from airflow_provider_claude.errors import UnknownFateError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import AccountFolder, PlanRecord, RunFolder, ShardFolder


class Sentiment(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]


JOB = ClaudeJob(system="Label.", prompt="<mail>{body}</mail>", output=Sentiment, max_tokens=100)


def now(**ahead: float) -> str:
    """The time now, or so much later, as records have it."""
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


@dataclass
class Night:
    """One run of a work folder, and the stages bound to it."""

    run: RunFolder
    work: AccountFolder
    gateway: Gateway
    source: Path
    clock: Callable[[], str] = now
    tag: str = "mail"

    def scan(self, rows: int = 6) -> Night:
        lines = [json.dumps({"id": f"{n}", "body": f"{self.tag} {n}"}) for n in range(rows)]
        self.source.write_text("\n".join(lines))
        scan(
            open_source(UPath(self.source), columns=["body"]),
            self.run,
            ScanSettings(text_columns=["body"]),
            clock=self.clock,
        )
        return self

    def plan(self, rows: int = 4) -> PlanRecord:
        settings = Settings(limits=Limits(rows=rows), trial=False, partition=self.run.path.name, work=self.work.path)
        return plan(self.run, JOB, self.gateway, settings=settings, clock=self.clock)

    def create(self, shard: int = 1, *, later: bool = False) -> str:
        """Create a shard; *later*: when the earlier sender must have stopped."""
        clock = (lambda: now(minutes=10)) if later else self.clock
        return create(self.shard(shard), self.gateway, clock=clock)

    def lose(self, shard: int = 1) -> None:
        """Send a shard whose answer is lost on the way: the batch is there, its id is not."""
        with pytest.raises(UnknownFateError):
            self.create(shard)

    def load_shards(self, shards: Sequence[int] = (1, 2)) -> Night:
        for shard in shards:
            self.create(shard)
            load(self.shard(shard), JOB, self.gateway, clock=self.clock)
        return self

    def report(self) -> Night:
        report(self.run, output=None, clock=self.clock, thresholds=Thresholds())
        return self

    def shard(self, number: int = 1) -> ShardFolder:
        return self.run.shard(number)


@dataclass
class Terminal(Screen):
    """A screen that can be read."""

    stream: StringIO = field(default_factory=StringIO)

    def __post_init__(self) -> None:
        super().__init__(self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def row(self, start: str) -> str:
        """The one line that starts with *start*, its columns apart by one space."""
        [line] = [line for line in self.text.splitlines() if line.split()[:1] == [start]]
        return " ".join(line.split())


@pytest.fixture
def gateway(claude_simulator: SimulatorProcess) -> Iterator[Gateway]:
    import anthropic

    with anthropic.Anthropic(base_url=claude_simulator.base_url, api_key="k", max_retries=0) as client:
        yield Gateway(lambda: client)


@pytest.fixture
def work(tmp_path: Path, claude_simulator: SimulatorProcess) -> AccountFolder:
    account = Account(platform="anthropic", base_url=claude_simulator.base_url, workspace="wrkspc_default")
    return AccountFolder(UPath(tmp_path.resolve() / "work"), account)


@pytest.fixture
def a_night(work: AccountFolder, gateway: Gateway, tmp_path: Path) -> Callable[..., Night]:
    """Makes runs of that work folder, each with mail of its own."""

    def make(day: str = "2026-11-22", clock: Callable[[], str] = now) -> Night:
        run = RunFolder(work.path / "dag" / "group" / day)
        return Night(run, work, gateway, tmp_path / f"{day}.jsonl", clock, tag=day)

    return make


@pytest.fixture
def night(a_night: Callable[..., Night]) -> Night:
    return a_night()


@pytest.fixture
def out() -> Terminal:
    return Terminal()
