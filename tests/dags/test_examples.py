"""The example DAGs of the package: each is imported as the DAG processor does it; the one wired by hand runs, and pays once."""

from __future__ import annotations

import json
import re
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_claude import example_dags
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from tests.databases import postgres_at, rows_of, running_postgres

EXAMPLES = sorted(Path(example_dags.__path__[0]).glob("example_*.py"))


@pytest.fixture(scope="module")
def dags(airflow_db: Path) -> dict[str, Any]:
    """The examples as the processor sees them, serialized to the database so that they can run."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    try:
        from tests.dag_bag import DagBag, sync_bag_to_db
    except ImportError:  # before Airflow 3.2
        from airflow.models.dagbag import DagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(example_dags.__path__[0])
    assert bag.import_errors == {}
    sync_bag_to_db(bag, "dags-folder", None)
    return dict(bag.dags)


def test_every_example_is_a_dag_that_imports_and_can_be_serialized(dags: dict[str, Any]) -> None:
    more = {f"example_claude_assets_{name}" for name in ("delivered", "used")}
    assert set(dags) == {path.stem for path in EXAMPLES} | more


def test_the_dags_of_the_tickets_start_each_other_by_assets(dags: dict[str, Any]) -> None:
    outlets = {name: {one.name for task in dags[name].tasks for one in task.outlets or ()} for name in dags}
    assert outlets["example_claude_assets_delivered"] == {"example_open_tickets"}
    assert outlets["example_claude_assets"] == {"example_routed_tickets"}
    waiting = ("example_claude_assets", "example_claude_assets_used")
    starts = {name: {one.name for one in dags[name].schedule} for name in waiting}
    assert starts == {
        "example_claude_assets": outlets["example_claude_assets_delivered"],
        "example_claude_assets_used": outlets["example_claude_assets"],
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_docs_show_all_of_an_example_between_its_marks(path: Path) -> None:
    shown = re.search(rf"# \[START {path.stem}\]\n(.*)# \[END {path.stem}\]\n\Z", path.read_text(), re.DOTALL)
    assert shown
    assert f'DAG(\n    "{path.stem}"' in shown[1]


def test_the_dag_wired_by_hand_publishes_and_its_second_run_pays_nothing(
    dags: dict[str, Any], claude_simulator: SimulatorProcess, airflow_db: Path
) -> None:
    texts = [f"It was fine, for the {n}th time." for n in range(59)]
    airflow_db.mkdir(exist_ok=True)
    pq.write_table(pa.table({"id": [str(n) for n in range(59)], "text": texts}), airflow_db / "reviews.parquet")
    dag = dags["example_claude_by_hand"]
    assert dag.test().state == "success"
    assert len(read_answers(airflow_db / "answers" / "by_hand")) == 59
    paid = claude_simulator.books()["total"]
    assert paid["requests"] == 59
    assert dag.test().state == "success"
    assert claude_simulator.books()["total"] == paid
    assert len(read_answers(f"{airflow_db}/answers/by_hand")) == 59


def test_the_dag_between_two_tables_answers_the_rows_of_its_day(
    dags: dict[str, Any], claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_postgres() as socket:
        database = postgres_at(socket)
        connection = {"conn_type": "postgres", "host": socket, "login": "test", "schema": "postgres"}
        monkeypatch.setenv("AIRFLOW_CONN_CLAUDE_WAREHOUSE", json.dumps(connection))
        monkeypatch.setenv("AIRFLOW__CLAUDE__SOURCES", "sql://claude_warehouse")
        with closing(database.connect()) as tickets:
            tickets.execute("create table tickets (id bigint, text text, amount numeric(10, 2), created_on date)")
            tickets.execute(
                "insert into tickets select n, 'Ticket ' || n || ' about the shop', n * 1.5, date '2026-11-21' + n % 2 "
                "from generate_series(1, 40) n"
            )
        dag = dags["example_claude_sql"]
        dag.get_task("tickets.shard.wait").poll_interval = 0.2  # the simulator's batches end at once
        assert dag.test(run_conf={"day": "2026-11-22"}).state == "success"
        found = rows_of(
            database, "select day::text, item_id, amount, product from ticket_answers order by item_id::int"
        )
        assert [row[:3] for row in found] == [("2026-11-22", str(n), Decimal(n * 3) / 2) for n in range(1, 41, 2)]
        assert {row[3] for row in found} <= {"app", "website", "shop", "other"}
        assert claude_simulator.books()["total"]["requests"] == 20
