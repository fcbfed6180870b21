"""The DAG of docs/reference/operators.md, as it stands there: it publishes, and its second run pays nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from tests.conftest import PROJECT


def example() -> str:
    text = (PROJECT / "docs" / "reference" / "operators.md").read_text()
    return text.partition("\n## By hand\n")[2].partition("```python\n")[2].partition("```")[0]


@pytest.fixture
def dag(airflow_db: Path, tmp_path: Path) -> Any:
    """The example with another root, as the processor sees it."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    try:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    except ImportError:  # before Airflow 3.2
        from airflow.models.dagbag import DagBag, sync_bag_to_db

    assert '"/opt/airflow/claude"' in example()
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "by_hand.py").write_text(example().replace('"/opt/airflow/claude"', repr(str(tmp_path))))
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(tmp_path / "dags")
    assert bag.import_errors == {}
    sync_bag_to_db(bag, "dags-folder", None)
    return bag.dags["reviews_by_hand"]


def test_a_dag_written_from_the_docs_publishes_and_pays_once(
    dag: Any, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    texts = [f"It was fine, for the {n}th time." for n in range(59)]
    pq.write_table(pa.table({"id": [str(n) for n in range(59)], "text": texts}), tmp_path / "reviews.parquet")
    assert dag.test().state == "success"
    answers = read_answers(tmp_path / "answers" / "reviews")
    assert len(answers) == 59
    paid = claude_simulator.books()["total"]
    assert paid["requests"] == 59
    assert dag.test().state == "success"
    assert claude_simulator.books()["total"] == paid
    assert len(read_answers(f"{tmp_path}/answers/reviews")) == 59
