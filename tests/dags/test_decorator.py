"""`@claude_batch`: a function that returns rows or names the source, and the partition that its call is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pendulum
import pyarrow as pa
import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Param, task

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.rows import ClaudeRowsOperator
from airflow_provider_claude.runtime.paths import allowed_sources
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.sources.tables.given_rows import table_of
from airflow_provider_claude.task_groups.decorator import claude_batch
from airflow_provider_claude.task_groups.settings import Scan, Shard

JOB = ClaudeJob(
    prompt="<mail>{body}</mail> Is it good?", output={"type": "object", "properties": {"good": {"type": "boolean"}}}
)
DAY = "2026-11-22"


def test_rows_and_a_source_are_answered_and_the_tasks_below_get_the_partition(
    airflow_db: Path, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    from tests.dag_bag import DagBag, sync_bag_to_db

    common: dict[str, Any] = {
        "job": JOB,
        "work": str(tmp_path / "work"),
        "shard": Shard(one_task=True, poll_interval=0.2),
    }
    with DAG("decorated", schedule=None, start_date=pendulum.datetime(2026, 1, 1), params={"day": Param(DAY)}) as dag:

        @claude_batch(output=str(tmp_path / "given"), carry=["size", "late"], **common)
        def given(names: list[str], day: str, params: dict[str, Any]) -> list[dict[str, Any]]:
            """Only a later row has the last column."""
            assert params["day"] == day
            rows: list[dict[str, Any]] = [
                {"id": name, "body": f"{name} of {day}", "size": n} for n, name in enumerate(names)
            ]
            return [*rows, {"id": "last", "body": f"last of {day}", "size": 9, "late": "yes"}]

        @task.claude_batch(output=str(tmp_path / "named"), **common)
        def named(folder: str) -> str:
            return f"{folder}/*.jsonl"

        @task
        def fetch() -> list[str]:
            return ["a", "b"]

        @task
        def deliver() -> None:
            (tmp_path / "mail").mkdir(exist_ok=True)
            (tmp_path / "mail" / "m.jsonl").write_text(json.dumps({"id": "m", "body": "a mail"}))

        @task
        def told(first: str, second: str) -> None:
            (tmp_path / "told.json").write_text(json.dumps([first, second]))

        first, second = given(fetch()), named(str(tmp_path / "mail"))
        deliver() >> second  # comes before the whole group, not before its last task
        told(first, second)
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag("/dev/null")
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)

    assert dag.get_task("named.rows").upstream_task_ids == {"deliver"}
    assert "deliver" not in dag.get_task("named.batch.report").upstream_task_ids
    for _ in range(2):
        assert str(dag.test().state) == "success"
    answers = read_answers(tmp_path / "given").sort_values("item_id")
    assert answers[["item_id", "size"]].values.tolist() == [["a", 0], ["b", 1], ["last", 9]]
    assert [late for late in answers["late"] if isinstance(late, str)] == ["yes"]
    assert len(read_answers(tmp_path / "named")) == 1
    assert claude_simulator.books()["total"]["requests"] == 4
    partitions = [f"{tmp_path}/{name}/day={DAY}" for name in ("given", "named")]
    assert json.loads((tmp_path / "told.json").read_text()) == partitions


ROWS = [{"id": "1", "body": "good"}, {"id": "2", "body": None, "more": 1.5}]


@pytest.mark.parametrize("rows", [ROWS, tuple(ROWS), pd.DataFrame(ROWS, index=[7, 9]), pa.Table.from_pylist(ROWS)])
def test_rows_of_any_kind_keep_their_values(rows: Any) -> None:
    table = table_of(rows, ["body"], by="mails")
    assert table.select(["id", "body"]).to_pylist() == [{"id": "1", "body": "good"}, {"id": "2", "body": None}]
    assert set(table.column_names) <= {"id", "body", "more"}


def test_no_rows_are_a_table_with_the_columns_of_the_prompt() -> None:
    table = table_of([], ["body"], by="mails")
    assert (table.num_rows, table.schema) == (0, pa.schema([("body", pa.string())]))


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (None, "mails returned a NoneType: return a path"),
        (b"/data", "mails returned a bytes: return a path"),
        (["/data/a.csv"], "a list that holds a str: return a path"),
        ([{"id": "1"}], "rows of mails have no column body. They have id"),
        ([{"body": "a"}, {"body": 1}], "column 'body' of the rows of mails has values without a common type"),
        ([{"body": "a", 3: 1}], "have the column 3"),
        (" ", "mails returned an empty text"),
    ],
)
def test_what_is_neither_a_source_nor_rows_fails_the_task_and_says_what_to_return(
    tmp_path: Path, returned: Any, says: str
) -> None:
    def mails() -> Any:
        return returned

    rows = ClaudeRowsOperator(task_id="rows", python_callable=mails, folder=str(tmp_path / "rows"), columns=["body"])
    with pytest.raises(AirflowFailException, match=says):
        rows.execute({})
    assert not (tmp_path / "rows").exists()


def test_rows_that_are_to_be_redacted_are_not_written_but_a_path_to_them_is_fine(tmp_path: Path) -> None:
    def rows(returned: Any) -> ClaudeRowsOperator:
        def mails() -> Any:
            return returned

        return ClaudeRowsOperator(
            task_id="rows", python_callable=mails, folder=str(tmp_path / "rows"), columns=["body"], redacts=True
        )

    with pytest.raises(AirflowFailException, match="mails returned rows, and redact is set"):
        rows(ROWS).execute({})
    assert not (tmp_path / "rows").exists()
    assert rows(tmp_path / "mail").execute({}) == str(tmp_path / "mail")


def test_a_scan_may_read_the_rows_of_its_own_run_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from upath import UPath

    from airflow_provider_claude.errors import SourceError

    monkeypatch.setenv("AIRFLOW__CLAUDE__SOURCES", str(tmp_path / "mail"))
    allowed = allowed_sources(f"{tmp_path}/work/dag/g.batch/2026-11-22")
    allowed.check(UPath(f"{tmp_path}/work/dag/g.batch/2026-11-22/rows/rows.parquet"))
    for other in ("g.batch/2026-11-23/rows", "h.batch/2026-11-22/rows", "g.batch/2026-11-22/items"):
        with pytest.raises(SourceError):
            allowed.check(UPath(f"{tmp_path}/work/dag/{other}/rows.parquet"))


def test_a_source_beside_the_function_and_redaction_that_redacts_rows_are_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(JobError, match="source is what the decorated function returns"):
        claude_batch(job=JOB, work="/w", output="", source="/mail")
    with pytest.raises(JobError, match="scan is 'fast': write Scan"):
        claude_batch(job=JOB, work="/w", output="", scan="fast")  # type: ignore[arg-type]
    with DAG("redacted", schedule=None) as dag:

        @claude_batch(job=JOB, work="/w", output="", scan=Scan(redact=True))
        def mails() -> str:
            return "/mail"

        mails()
    assert dag.get_task("mails.rows").redacts


def test_rows_are_not_written_where_all_users_of_the_machine_can_change_them(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work").chmod(0o777)
    rows = ClaudeRowsOperator(
        task_id="rows",
        python_callable=lambda: [{"body": "a text"}],
        folder=str(tmp_path / "work" / "rows"),
        columns=["body"],
        partition=None,
    )
    with pytest.raises(AirflowFailException, match="is not safe: all users of the machine can write to"):
        rows.execute({})
    assert list((tmp_path / "work").iterdir()) == []
