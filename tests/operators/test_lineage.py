"""What Airflow's provider for OpenLineage learns of a run."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator
from upath import UPath

from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.runtime.lineage import dataset_of
from tests.context import manual_run
from tests.stages.run_folder import JOB, Night, Shard, build

extractors = pytest.importorskip(
    "airflow.providers.openlineage.extractors.base", reason="needs the provider for OpenLineage"
)


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The provider sends its events somewhere."""
    transport = {"type": "file", "log_file_path": str(tmp_path / "events.json"), "append": True}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))


def sent(operator: BaseOperator) -> dict[str, Any]:
    """The event of *operator*, which has ended, as it goes over the wire."""
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
    from openlineage.client.serde import Serde

    found = extractors.DefaultExtractor(operator).extract_on_complete(SimpleNamespace())
    event = RunEvent(
        eventType=RunState.COMPLETE,
        eventTime="2026-11-22T08:00:00Z",
        run=Run(runId=str(uuid4()), facets=found.run_facets),
        job=Job(namespace="default", name="nightly.report", facets=found.job_facets),
        inputs=found.inputs,
        outputs=found.outputs,
    )
    plain: dict[str, Any] = json.loads(Serde.to_json(event))
    return plain


def reported(tmp_path: Path, night: Night, **arguments: Any) -> ClaudeReportOperator:
    run = build(UPath(tmp_path / "run"), night)
    operator = ClaudeReportOperator(
        task_id="report", run_folder=str(run), publish_to=str(tmp_path / "answers"), **arguments
    )
    operator.execute(manual_run())
    return operator


@pytest.mark.usefixtures("on")
def test_each_answer_column_comes_from_all_text_columns_of_the_source(tmp_path: Path) -> None:
    found = sent(reported(tmp_path, Night(shards=[Shard(answered=3)])))
    [source], [output] = found["inputs"], found["outputs"]
    assert (source["namespace"], source["name"]) == ("s3://mail", "inbox.parquet")
    assert (output["namespace"], output["name"]) == ("file", str(tmp_path / "answers"))
    columns = output["facets"]["columnLineage"]["fields"]
    texts = {(one["namespace"], one["name"], one["field"]) for one in columns["sentiment"]["inputFields"]}
    assert texts == {("s3://mail", "inbox.parquet", "subject"), ("s3://mail", "inbox.parquet", "body")}
    assert set(JOB.properties) < set(columns)
    [carried] = columns["subject"]["inputFields"]
    assert carried["transformations"][0]["subtype"] == "IDENTITY"
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3


@pytest.mark.usefixtures("on")
def test_the_facet_of_a_run_has_its_numbers_and_no_text_of_a_row(tmp_path: Path) -> None:
    night = Night(shards=[Shard(answered=3)], quarantined={"override": 1}, texts=["a secret text of a row"])
    found = sent(reported(tmp_path, night))
    facet = found["run"]["facets"]["claude"]
    assert (facet["rows"], facet["answered"], facet["quarantined"]) == (4, 3, 1)
    assert (facet["model"], "agreement" in facet) == ("claude-haiku-5-5", False)
    assert float(facet["costUsd"]) > 0
    assert "secret text" not in json.dumps(found)


@pytest.mark.usefixtures("on")
def test_a_red_report_has_published_nothing(tmp_path: Path) -> None:
    run = build(UPath(tmp_path / "run"), Night(shards=[Shard(answered=5, failed={"refused": 5})]))
    operator = ClaudeReportOperator(
        task_id="report", run_folder=str(run), publish_to=str(tmp_path / "answers"), max_refused=0.0
    )
    with pytest.raises(AirflowFailException):
        operator.execute(manual_run())
    assert operator.get_openlineage_facets_on_complete(None) is None


@pytest.mark.usefixtures("on")
def test_a_scan_says_what_it_has_read(tmp_path: Path) -> None:
    (tmp_path / "mail.csv").write_text("id,body,box\n1,Where is my order?,a\n")
    scan = ClaudeInputScanOperator(
        task_id="scan",
        source=str(tmp_path / "mail.csv"),
        run_folder=str(tmp_path / "work" / "run"),
        columns=["body"],
        carry=["box"],
    )
    scan.execute(manual_run())
    found = sent(scan)
    [source] = found["inputs"]
    assert (source["namespace"], source["name"]) == ("file", str(tmp_path / "mail.csv"))
    assert [one["name"] for one in source["facets"]["schema"]["fields"]] == ["body", "box"]
    assert found["outputs"] == []
    assert "claude" not in found["run"].get("facets", {})


def test_nothing_is_kept_where_the_provider_sends_nothing(tmp_path: Path) -> None:
    assert reported(tmp_path, Night(shards=[Shard(answered=3)])).lineage is None


@pytest.mark.usefixtures("on")
def test_a_lineage_that_cannot_be_known_fails_no_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unknown(*_: Any) -> Any:
        raise OSError("the database of connections is away")

    monkeypatch.setattr("airflow_provider_claude.operators.report.lineage_of_report", unknown)
    assert reported(tmp_path, Night(shards=[Shard(answered=3)])).lineage is None
    assert "No lineage is sent of this task: the database of connections is away" in caplog.text


@pytest.mark.parametrize(
    ("uri", "dataset"),
    [
        ("sql://shop/sales.tickets", ("postgres://db.example.com:5433", "shop.sales.tickets")),
        ("sql://shop/tickets", ("postgres://db.example.com:5433", "shop.public.tickets")),
        ("sql://shop/?query=0123456789ab", ("postgres://db.example.com:5433", "shop")),
        ("sql://lite/tickets", ("sqlite:///data/a.db", "tickets")),
        ("/data/mail", ("file", "/data/mail")),
    ],
)
def test_a_database_is_named_by_its_host_and_never_by_its_user(
    uri: str, dataset: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "postgres://user:password@db.example.com:5433/shop?sslpassword=hidden")
    monkeypatch.setenv("AIRFLOW_CONN_LITE", "sqlite:////data/a.db")
    assert dataset_of(uri) == dataset
