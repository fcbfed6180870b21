"""The page of a row: where it comes from, what was asked and answered, and what it cost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from upath import UPath

from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.core.row_trace import AttemptTrace, Ending, Released, RowTrace, Said, Verdict
from airflow_provider_claude.plugin import urls
from airflow_provider_claude.plugin.web import find_rows
from airflow_provider_claude.store import ActiveRecord, RunFolder
from tests.plugin.web.nights import HOSTILE, Airflow, run_in
from tests.plugin.web.test_app import TAGS, Page
from tests.stages.run_folder import Night, Shard, at

ROW = "/run/nightly/row?run_id=r1&item="


@pytest.fixture
def night(tmp_path: Path, airflow: Airflow) -> RunFolder:
    run = run_in(UPath(tmp_path / "night"), Night(shards=[Shard(answered=5)], quarantined={"override": 1}))
    airflow.add("r1", run.path)
    return run


def hostile_trace(text: str) -> RowTrace:
    """A row all of whose texts are *text*."""
    said = Said(result=text, message_id=text, model=text, reason=text, text=text, element=text)
    attempt = AttemptTrace(
        attempt=1,
        round=1,
        lane=text,
        state=text,
        custom_id=text,
        request_hash=text,
        max_tokens=9,
        model=text,
        batch_id=text,
        items=2,
        reused_from=text,
        probe=text,
        begun_at=at(1),
        voided_at=at(2),
        voided_because=text,
        said=said,
    )
    return RowTrace(
        run=text,
        partition=text,
        zone="Europe/Berlin",
        source=text,
        source_ref=text,
        item_id=text,
        became="item",
        verdict=Verdict(flags=[text], reason=text, detail=text, excerpt=text),
        releases=[Released(number=1, at=at(1), by=text, note=text)],
        duplicate_of=text,
        shard=3,
        attempts=[attempt],
        measured=[attempt],
        not_asked=text,
        ending=Ending(outcome=text, reason=text, answer={text: text, "list": [text]}),
        published=text,
    )


def test_a_row_is_found_by_its_id_with_its_place_its_scan_and_its_cost(reader: TestClient, night: RunFolder) -> None:
    known = reader.get(f"{ROW}mail-0")
    assert known.status_code == 200, Page(known.text).text
    text = Page(known.text).text
    assert "From the source to the table" in text
    assert "s3://mail/inbox.parquet" in text
    assert "Paid by this run" in text


def test_a_row_that_is_not_there_is_not_found_and_the_page_says_so(reader: TestClient, night: RunFolder) -> None:
    answer = reader.get(f"{ROW}nothing")
    assert answer.status_code == 404
    assert "No row of this run has this id" in answer.text


def test_hostile_rows_make_no_element_and_no_attribute_of_the_page_of_a_row(
    reader: TestClient, night: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_rows, "trace", lambda *_: map(hostile_trace, HOSTILE))
    html = reader.get(f"{ROW}%3Cscript%3Ealert(1)%3C%2Fscript%3E").text
    page = Page(html)
    assert {tag for tag, _ in page.elements} <= TAGS
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name in {"style", "srcdoc"} for name in attributes), attributes
        assert tag != "script" or attributes == {"src": "/claude/static/page.js", "defer": None}
        href = attributes.get("href") or ""
        assert href in {"", urls.CONSOLE} or href.startswith(("/claude/", "#")), href
    assert "<script>alert(1)</script>" in page.text
    assert "\u202e" not in html
    assert "x" * 2_100 not in html
    assert len(html) < 300_000


@pytest.mark.parametrize("make", [lambda file, other: file.symlink_to(other), lambda file, _: os.mkfifo(file)])
def test_where_a_link_leads_out_of_the_run_folder_no_row_is_traced(
    reader: TestClient, night: RunFolder, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    file, other = Path(str(night)) / "items" / "part-00000.parquet", tmp_path / "other"
    file.rename(other)
    make(file, other)
    answer = reader.get(f"{ROW}mail-0")
    assert answer.status_code == 404
    assert "neither a file nor a folder" in answer.text


@pytest.mark.parametrize("query", ["run_id=r1", "run_id=r1&item=", "run_id=r1&item=" + "x" * 1_001, "run_id=r2&item=a"])
def test_what_names_no_row_is_not_found(reader: TestClient, night: RunFolder, query: str) -> None:
    assert reader.get(f"/run/nightly/row?{query}").status_code == 404


def test_what_a_run_of_another_dag_has_left_in_the_folder_is_neither_traced_nor_shown_as_a_report(
    reader: TestClient, tmp_path: Path, airflow: Airflow
) -> None:
    run = run_in(
        UPath(tmp_path / "shared"), Night(shards=[Shard(answered=5)], quarantined={"override": 1}), dag_id="secret"
    )
    (Path(str(run)) / "report.html").write_text("the report of another DAG")
    run.actives.append(
        ActiveRecord(run=ActiveRun(dag_id="nightly", run_id="r1", task="scan"), since=at(600), until=at(620))
    )
    airflow.add("r1", run.path)
    row, report = reader.get(f"{ROW}mail-0"), reader.get("/run/nightly/report?run_id=r1")
    assert (row.status_code, report.status_code) == (404, 404)
    assert "s3://mail/inbox.parquet" not in row.text
    assert "another DAG" not in report.text
