"""Metrics, as a StatsD server receives them from Airflow's own client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from upath import UPath

from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.runtime.metrics import count, gauge, gauge_progress, tags_of
from airflow_provider_claude.store import ChangeRecord, RunFolder, write_record
from tests.context import manual_run
from tests.stages.run_folder import Night, Shard, build

pytest.importorskip("statsd", reason="needs apache-airflow[statsd]")
stats = pytest.importorskip("airflow.sdk.observability.stats", reason="needs Airflow 3.3")

TASK = SimpleNamespace(dag_id="nightly", task_id="sentiment.report")


class Server:
    """A StatsD server: a socket on loopback, and what has come to it."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def lines(self) -> dict[str, str]:
        """Each metric with the last value that came, and its kind."""
        found: dict[str, str] = {}
        while True:
            try:
                packet = self.socket.recv(65_536).decode()
            except BlockingIOError:
                return found
            found |= dict(line.split(":", 1) for line in packet.splitlines())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server to which Airflow sends metrics, as its task runner sets that up."""
    from airflow.sdk.observability.metrics import stats_utils

    found = Server()
    for name, value in {"ON": "True", "HOST": "127.0.0.1", "PORT": str(found.port), "INFLUXDB_ENABLED": "True"}.items():
        monkeypatch.setenv(f"AIRFLOW__METRICS__STATSD_{name}", value)
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    yield found
    monkeypatch.undo()
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    found.socket.close()


def of(server: Server) -> dict[str, float]:
    """The values of the gauges and counters that came, without their prefix and tags."""
    return {
        name.split(",", maxsplit=1)[0].removeprefix("airflow.claude."): float(value.split("|")[0])
        for name, value in server.lines().items()
    }


def reported(run: RunFolder, **arguments: Any) -> None:
    ClaudeReportOperator(task_id="report", run_folder=str(run), publish_to="", **arguments).execute(manual_run())


def test_the_numbers_of_a_report_are_those_in_its_file(tmp_path: Path, server: Server) -> None:
    night = Night(shards=[Shard(answered=7, failed={"refused": 1}), Shard(answered=4)], quarantined={"override": 2})
    run = build(UPath(tmp_path / "run"), night)
    reported(run, max_refused=1.0)
    found = of(server)
    rows = {name: found[f"rows.{name}"] for name in ("input", "answered", "quarantined", "failed", "lost", "published")}
    assert rows == {"input": 14, "answered": 11, "quarantined": 2, "failed": 1, "lost": 0, "published": 0}
    assert found["cost.usd"] > 0
    assert found["report.green"] == 1
    assert found["seconds.scan"] == 60
    assert {
        "seconds.plan",
        "seconds.batches",
        "seconds.load",
        "seconds.total",
        "deadline.margin_seconds",
    } <= found.keys()


def test_a_red_report_is_measured_too(tmp_path: Path, server: Server) -> None:
    run = build(UPath(tmp_path / "run"), Night(shards=[Shard(answered=5, failed={"refused": 5})]))
    with pytest.raises(AirflowFailException):
        reported(run, max_refused=0.0)
    found = of(server)
    assert (found["report.green"], found["rows.failed"]) == (0, 5)


def test_open_shards_and_the_time_to_the_deadline_are_read_from_the_records(tmp_path: Path, server: Server) -> None:
    run = build(UPath(tmp_path / "run"), Night(shards=[Shard(answered=3), Shard(answered=2), Shard(answered=2)]))
    run.shard(2).file("loaded.json").unlink()
    gauge_progress(TASK, run)
    found = of(server)
    assert found["shards.open"] == 1
    assert "deadline.seconds" in found


def test_a_run_that_is_held_has_no_open_shards_and_no_deadline_to_keep(tmp_path: Path, server: Server) -> None:
    run = build(UPath(tmp_path / "run"), Night(shards=[Shard(answered=3)]))
    run.shards()[0].file("loaded.json").unlink()
    change = ChangeRecord(parts=["prompt"], accepted_at="2026-11-20T04:00:00+00:00", accepted_by="me", held=True)
    write_record(run.file("plan.json"), msgspec.structs.replace(run.need_plan(), change=change))
    gauge_progress(TASK, run)
    assert of(server) == {"shards.open": 0}


def test_a_metric_has_the_dag_and_the_group_as_tags(server: Server) -> None:
    count(TASK, "rate_limited", 3)
    assert server.lines() == {"airflow.claude.rate_limited,dag_id=nightly,group=sentiment": "3|c"}


@pytest.mark.parametrize(
    ("task_id", "group"), [("report", None), ("sentiment.shard.load", "sentiment"), ("a.b.shard.ask", "a.b")]
)
def test_the_group_is_that_of_all_stages(task_id: str, group: str | None) -> None:
    assert tags_of(SimpleNamespace(dag_id="d", task_id=task_id)).get("group") == group


def test_nothing_is_read_where_airflow_sends_no_metrics() -> None:
    gauge(TASK, lambda: pytest.fail("it was counted"))


def test_what_cannot_be_counted_fails_no_task(server: Server, tmp_path: Path) -> None:
    run = build(UPath(tmp_path / "run"), Night(shards=[Shard(answered=3)]))
    run.file("plan.json").write_text("{")
    gauge_progress(TASK, run)
    assert server.lines() == {}
