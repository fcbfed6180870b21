"""`claude-batch compare`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_claude.cli.main import main
from airflow_provider_claude.core.tables import USD
from tests.cli.conftest import Night


def answers(folder: Path, labels: Sequence[str], *, usd: str = "0.001", model: str = "one") -> str:
    """A partition of published answers, a row a label; the scores are 1, 2, 3."""
    folder.mkdir()
    rows = len(labels)
    table = pa.table(
        {
            "item_id": pa.array([f"{n}" for n in range(rows)], pa.string()),
            "duplicate_of": pa.array([None] * rows, pa.string()),
            "sentiment": pa.array(labels, pa.string()),
            "score": pa.array(range(rows), pa.int64()),
            "tags": pa.array([[label] for label in labels], pa.list_(pa.string())),
            "claude_cost_usd": pa.array([Decimal(usd)] * rows, USD),
            "claude_output_tokens": pa.array([10] * rows, pa.int32()),
            "claude_model": pa.array([model] * rows, pa.string()),
        }
    )
    pq.write_table(table, folder / "part-00000.parquet")
    return str(folder)


def test_a_comparison_counts_the_rows_in_both_and_what_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = answers(tmp_path / "a", ["good"] * 30 + ["bad"] * 10)
    b = answers(tmp_path / "b", ["good"] * 28 + ["bad"] * 10, usd="0.004", model="two")
    assert main(["compare", a, b]) == 0
    text = capsys.readouterr().out
    assert "38 rows are in both; 2 only in A, 0 only in B." in text
    lines = {line.split()[0]: " ".join(line.split()) for line in text.splitlines() if line}
    assert lines["sentiment"].startswith("sentiment 38 94.74% ")
    assert lines["sentiment"].endswith("good > bad 2")
    assert lines["USD"] == "USD per 1,000 rows 1.0000 4.0000"
    assert lines["model"] == "model one two"
    assert lines["score"].startswith("score 38 100.00% ")


def test_the_json_of_a_comparison_has_all_pairs_and_their_intervals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = answers(tmp_path / "a", ["good", "good", "bad"]), answers(tmp_path / "b", ["good", "bad", "bad"])
    assert main(["compare", a, b, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["only_a"], found["only_b"], found["usd"]) == (3, 0, 0, [0.003] * 2)
    assert sorted(found["fields"]) == ["score", "sentiment", "tags"]
    sentiment = found["fields"]["sentiment"]
    assert sorted(sentiment["pairs"]) == [["bad", "bad", 1], ["good", "bad", 1], ["good", "good", 1]]
    assert sentiment["agreement"]["low"] < sentiment["agreement"]["value"] < sentiment["agreement"]["high"]
    assert found["fields"]["tags"]["same"] == 2


def test_two_runs_are_compared_on_the_fields_of_their_job(
    a_night: Callable[..., Night], capsys: pytest.CaptureFixture[str]
) -> None:
    night = a_night().scan()
    night.plan()
    night.load_shards()
    assert main(["compare", str(night.run), str(night.run)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:3] for line in lines if line[:1] == ["sentiment"]] == [["sentiment", "6", "100.00%"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "There are no answers at"),
        (["a", "--fields", "topic"], "have no column topic"),
    ],
)
def test_what_cannot_be_compared_is_named(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a = answers(tmp_path / "a", ["good"])
    name, *more = arguments
    assert main(["compare", a, str(tmp_path / name), *more]) == 1
    assert message in capsys.readouterr().err


def test_answers_without_a_row_in_common_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = answers(tmp_path / "a", ["good"]), answers(tmp_path / "b", [])
    assert main(["compare", a, b]) == 1
    assert "0 rows are in both" in capsys.readouterr().out


def test_of_two_tables_what_is_no_field_of_the_output_is_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = answers(tmp_path / "a", ["good"]), answers(tmp_path / "b", ["bad"])
    assert main(["compare", a, b, "--json"]) == 0
    assert "duplicate_of" not in json.loads(capsys.readouterr().out)["fields"]
