"""Law by law what a night asks of a store, on S3 as moto serves it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import pytest
from moto.server import ThreadedMotoServer
from upath import UPath

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import PendingError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.store import RunFolder, write_new
from airflow_provider_claude.store.check_store import WRITERS, check_work_store
from tests.stages.conftest import Night, clock


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[UPath]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "simulated")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    root = UPath(f"s3://mail-{uuid4().hex}/night", endpoint_url=f"http://{host}:{port}", skip_instance_cache=True)
    root.fs.mkdir(root.parent.path)
    yield root
    server.stop()


def test_of_many_writers_of_a_new_record_one_wins(bucket: UPath) -> None:
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda n: write_new(bucket / "1.intent.json", b"%d" % n), range(64)))
    assert sum(won) == 1


def test_a_store_that_obeys_passes_the_check_in_few_requests(bucket: UPath) -> None:
    asked: list[str] = []
    bucket.fs.s3.meta.events.register("before-send.s3", lambda request, **_: asked.append(request.method))
    work = bucket / "work"
    assert check_work_store(work, "2026-11-23T00:00:00+00:00") == ()
    assert asked.count("PUT") == WRITERS + 2
    assert len(asked) <= 75
    asked.clear()
    assert check_work_store(work, "2026-11-24T00:00:00+00:00") == ()
    assert len(asked) <= 15


def test_workers_that_race_for_the_shards_of_a_night_pay_once(
    bucket: UPath, gateway: Gateway, claude_simulator: SimulatorProcess
) -> None:
    def create(night: Night, shard: int) -> str | None:
        try:
            return night.create(shard)
        except PendingError:
            return None

    for name in ("2026-11-22", "again"):
        night = Night(RunFolder(bucket / "work" / name), gateway)
        scan_on_the_store(night)
        settings = Settings(limits=Limits(rows=20), trial=False, work=bucket / "work")
        for spec in plan(night.run, night.job, gateway, settings=settings, clock=clock()).shards:
            with ThreadPoolExecutor(4) as pool:
                ids = set(pool.map(partial(create, night), [spec.number] * 4)) - {None}
            assert len(ids) == 1
            assert night.load(spec.number).outcomes == {"succeeded": spec.rows}
    assert claude_simulator.books()["total"]["requests"] == 60


def scan_on_the_store(night: Night) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from airflow_provider_claude.sources.source import open_source
    from airflow_provider_claude.stages.scan.run import scan
    from airflow_provider_claude.stages.scan.scan_settings import ScanSettings

    source = night.run.path.parent / "mail.parquet"
    rows = {"id": [f"m{n}" for n in range(60)], "body": [f"mail {n}" for n in range(60)]}
    with source.fs.open(source.path, "wb") as stream:
        pq.write_table(pa.table(rows), stream)
    scan(open_source(source, columns=["body"]), night.run, ScanSettings(text_columns=["body"]), clock=clock())
