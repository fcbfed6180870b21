"""A run from its scan to a table of a database: planned, answered by the simulator, published, and shown by its report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from upath import UPath

from airflow_provider_claude.core.publish.destination import Destination, Holder
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.sql_uri import sql_uri
from airflow_provider_claude.databases.database import Database
from airflow_provider_claude.errors import DestinationError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.sinks.sql.table import SqlTable
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import RunFolder
from tests.databases import postgres_at, rows_of, running_postgres, sqlite_at
from tests.stages.conftest import JOB, clock, patient

TEXTS = [f"mail {n}" for n in range(12)]


@pytest.fixture(params=["postgres", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield sqlite_at(tmp_path / "warehouse.db")
        return
    with running_postgres() as socket:
        yield postgres_at(socket)


@dataclass(frozen=True)
class Night:
    root: UPath
    gateway: Gateway
    table: SqlTable

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.root / "work" / "2026-11-22")

    def plan(self, dag: str = "mail", texts: list[str] = TEXTS) -> None:
        lines = [json.dumps({"id": f"{n}", "body": text, "amount": n}) for n, text in enumerate(texts)]
        (self.root / "mails").mkdir(parents=True, exist_ok=True)
        (self.root / "mails" / "day.jsonl").write_text("\n".join(lines))
        source = open_source(self.root / "mails", columns=["body"], carry=["amount"])
        scan(source, self.run, ScanSettings(text_columns=["body"], carry=["amount"]), clock=clock())
        destination = Destination(output=str(self.table), holder=Holder(dag_id=dag, task_id="plan"))
        settings = Settings(partition="2026-11-22", work=self.root / "work", output=self.table, destination=destination)
        plan(self.run, JOB, self.gateway, settings=settings, clock=clock())

    def answer(self) -> None:
        for spec in self.run.need_plan().shards:
            shard = self.run.shard(spec.number)
            create(shard, self.gateway, clock=clock())
            patient(lambda now, shard=shard: load(shard, JOB, self.gateway, clock=now))

    def report(self) -> Summary:
        return report(self.run, output=self.table, clock=clock())


def test_the_answers_of_a_run_are_in_the_table_with_where_each_is_from(
    database: Database, gateway: Gateway, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    night = Night(UPath(tmp_path), gateway, SqlTable(database, sql_uri("sql://warehouse/answers", "output")))
    night.plan()
    assert rows_of(database, "select count(*) from answers") == [(0,)]
    night.answer()
    for _ in range(2):
        summary = night.report()
        assert summary.green
        assert (summary.published, summary.published_rows) == ("sql://warehouse/answers/day=2026-11-22", 12)
    names = [
        "item_id",
        "amount",
        "sentiment",
        "confidence",
        "claude_custom_id",
        "claude_input_hash",
        "claude_request_hash",
    ]
    frame = read_answers(night.run.path / "answers", columns=names).sort_values("item_id")
    expected = [tuple(row) for row in frame.itertuples(index=False)]
    assert rows_of(database, f"select {', '.join(names)} from answers order by item_id") == expected
    saved = msgspec.json.decode(night.run.file("report.json").read_bytes())
    assert (saved["publication"], saved["published_rows"]) == ("published", 12)

    paid: Any = claude_simulator.books()["total"]
    with pytest.raises(DestinationError, match=r"day=2026-11-22 belongs to task plan of DAG mail"):
        night.plan(dag="another")
    with pytest.raises(DestinationError, match="holds 12 rows, and this run has 3 rows"):
        night.plan(texts=TEXTS[:3])
    assert claude_simulator.books()["total"] == paid
