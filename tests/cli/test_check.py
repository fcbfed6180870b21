"""`claude-batch check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.cli.check import triggerer_found
from airflow_provider_claude.cli.main import main
from airflow_provider_claude.runtime import deployment
from airflow_provider_claude.simulator.process import SimulatorProcess


@pytest.fixture
def good(
    tmp_path: Path, claude_simulator: SimulatorProcess, airflow_db: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The arguments of a check that finds nothing wrong."""
    monkeypatch.setattr(deployment, "live_triggerers", lambda: 2)
    return ["check", "--work", str(tmp_path / "work"), "--output", str(tmp_path / "answers")]


def results(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == code
    return {one["what"]: (one["result"], one["message"]) for one in json.loads(capsys.readouterr().out)["checks"]}


def test_a_deployment_that_can_run_a_night_is_told_so_line_by_line_and_nothing_is_paid(
    good: list[str], tmp_path: Path, claude_simulator: SimulatorProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(good) == 0
    lines = capsys.readouterr().out.splitlines()
    parts = ["store", "output", "connection", "model", "pool", "triggerer"]
    assert [line.split()[:2] for line in lines[1:]] == [[part, "ok"] for part in parts]
    assert claude_simulator.books()["total"]["requests"] == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_each_fault_is_named_with_what_to_do_and_the_others_are_checked_all_the_same(
    good: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "answers").write_text("a file")
    monkeypatch.setenv("AIRFLOW__CLAUDE__SYNC_POOL", "claude_sync")
    monkeypatch.setattr(deployment, "live_triggerers", lambda: 0)
    found = results(capsys, [*good, "--model", "claude-haiku-9"], code=1)
    assert {what for what, (result, _) in found.items() if result == "failed"} == {
        "output",
        "model",
        "pool",
        "triggerer",
    }
    for what, remedy in (
        ("output", "choose another folder"),
        ("model", "claude-haiku-9"),
        ("pool", "airflow pools set claude_sync"),
        ("triggerer", "airflow triggerer"),
    ):
        assert remedy in found[what][1]


def test_a_connection_that_is_not_there_is_one_failure(good: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = results(capsys, [*good, "--conn-id", "nowhere"], code=1)
    assert found["connection"][0] == "failed"
    assert "nowhere" in found["connection"][1]
    assert found["model"][0] == "unknown"


def test_a_store_that_lets_all_writers_win_fails_unless_the_risk_is_accepted(
    good: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow.sdk.io import attach

    place = UPath(f"memory://{tmp_path.name}/work")
    attach(protocol="memory", fs=place.fs)
    write = type(place.fs).pipe_file
    monkeypatch.setattr(type(place.fs), "pipe_file", lambda fs, path, value, **_: write(fs, path, value))
    arguments = [*good, "--work", str(place)]
    assert results(capsys, arguments, code=1)["store"][0] == "failed"
    monkeypatch.setenv("AIRFLOW__CLAUDE__ALLOW_UNSAFE_STORE", "True")
    result, message = results(capsys, arguments, code=0)["store"]
    assert (result, "16 did" in message) == ("warning", True)


def test_a_database_that_cannot_be_read_is_unknown_and_no_failure(
    good: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("Direct database access via the ORM is not allowed in Airflow 3.0")

    monkeypatch.setattr(deployment, "live_triggerers", refused)
    monkeypatch.setattr(deployment, "pool_slots", refused)
    found = results(capsys, good, code=0)
    assert (found["pool"][0], found["triggerer"][0]) == ("unknown", "unknown")
    assert "run this where the scheduler runs" in found["pool"][1]


@pytest.mark.parametrize(
    ("alive", "capacity", "result"), [(0, 1000, "failed"), (1, 1000, "warning"), (1, 1024, "ok"), (2, 1000, "ok")]
)
def test_triggerers_have_room_for_the_most_shards(alive: int, capacity: int, result: str) -> None:
    assert triggerer_found(alive, capacity)[0] == result


def test_the_database_says_which_triggerers_live(airflow_db: Path) -> None:
    assert deployment.live_triggerers() == 0
    assert deployment.pool_slots("default_pool")
    assert deployment.pool_slots("nowhere") is None
