"""Run folders that another version of the package has written: each command says what they are, and leaves them as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.cli.main import main
from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.active.enter import enter
from airflow_provider_claude.store import LAYOUT, AccountFolder, RunFolder
from tests.cli.conftest import Night

#: Files of a version that did not number its layout, some under names that are gone.
EARLIER = {
    "scan.json": {"rows": 1, "items": 1, "finished_at": "2026-11-22T00:01:00Z"},
    "plan.json": {"shards": [{"shard": 1, "start": 0, "stop": 1, "root": "ab" * 32}], "scanned_at": "2026-11-22T00:01:00Z"},
    "letgo.json": {"at": "2026-11-22T00:01:00Z"},
    "danger.json": {"at": "2026-11-22T00:01:00Z"},
    "shards/00001/1.intent.json": {"attempt": 1, "root": "ab" * 32},
    "shards/00001/1.released.json": {"attempt": 1, "reason": "it was another's"},
    "shards/00001/unresolved rows.parquet": None,
}  # fmt: skip

COMMANDS = [
    ["show", "RUN"],
    ["show", "SHARD"],
    ["show", "RUN", "--prompt"],
    ["trace", "m-1", "RUN", "--request"],
    ["quarantine", "RUN", "--full", "m-1"],
    ["adopt", "SHARD", "msgbatch_1"],
    ["resend", "SHARD"],
    ["cancel", "RUN", "--yes"],
    ["cancel", "SHARD", "--yes"],
    ["quarantine", "RUN"],
    ["release", "RUN", "all"],
    ["release", "RUN", "--withdraw", "1"],
    ["reveal", "RUN", "OUT"],
    ["review", "RUN", "OUT"],
    ["sql", "RUN"],
]


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    run = tmp_path.resolve() / "work" / "dag" / "group" / "2026-11-22"
    for name, record in EARLIER.items():
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text("" if record is None else json.dumps(record))
    return run


def files(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def is_refused(said: str, run: Path) -> bool:
    return f"{run} was written by an earlier version" in said and "run the day again" in said


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_of_an_earlier_layout_is_refused_by_name_and_left_as_it_is(
    earlier: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    before = files(earlier)
    places = {"RUN": str(earlier), "SHARD": str(earlier / "shards" / "00001"), "OUT": str(earlier / "tokens.csv")}
    assert main([places.get(word, word) for word in command]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert is_refused(said.err, earlier)
    assert files(earlier) == before


def test_the_list_of_runs_names_it_as_unreadable_and_says_why(
    earlier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", str(earlier.parents[2])]) == 0
    said = capsys.readouterr().out
    assert "unreadable" in said
    assert is_refused(said, earlier)


def test_prune_keeps_it_and_says_why(earlier: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(earlier)
    assert main(["prune", str(earlier.parents[2]), "--days", "1"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("kept ")
    assert is_refused(said, earlier)
    assert files(earlier) == before


def rewritten(night: Night, **changes: object) -> Path:
    """The run folder of *night*, whose scan.json says something else."""
    path = Path(str(night.run.file("scan.json")))
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path.parent


def test_costs_counts_no_open_run_of_an_earlier_layout(
    night: Night, work: AccountFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    night.scan().plan()
    assert main(["costs", str(work)]) in {0, 1}
    capsys.readouterr()
    run = rewritten(night, layout=0)
    assert main(["costs", str(work)]) == 1
    assert is_refused(capsys.readouterr().err, run)


def test_records_that_decode_all_the_same_are_refused_by_their_layout(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    night.scan().plan()
    assert main(["show", str(night.run)]) == 0
    capsys.readouterr()
    rewritten(night, layout=LAYOUT + 1)
    assert main(["show", str(night.run)]) == 1
    assert "was written by a later version" in capsys.readouterr().err


def test_a_damaged_scan_is_called_damaged_and_not_earlier(earlier: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (earlier / "scan.json").write_text('{"rows": 1')
    assert main(["show", str(earlier)]) == 1
    said = capsys.readouterr().err
    assert "is not a readable ScanRecord" in said
    assert "earlier version" not in said


def test_no_run_of_a_dag_enters_a_folder_of_an_earlier_layout(earlier: Path) -> None:
    me = ActiveRun(dag_id="d", run_id="r", process="p")
    with pytest.raises(StateError, match="earlier version"):
        enter(RunFolder(UPath(earlier)), me, alive=lambda _: None, clock=lambda: "2026-11-22T01:00:00Z")
    assert not (earlier / "active.1.json").exists()
