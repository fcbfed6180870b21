"""`--json`: one document a command, ASCII, numbers as numbers; errors as documents too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from airflow_provider_claude import __version__
from airflow_provider_claude.cli.documents import as_json
from airflow_provider_claude.cli.main import build_parser, main
from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.core.row_trace import AttemptTrace, Ending, Rebuilt, RowTrace, Said
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.active.enter import enter
from airflow_provider_claude.stages.plan.dry_run import DryRun
from airflow_provider_claude.store import AccountFolder, RunFolder
from docs.ext import commands as docs_commands
from tests.cli.conftest import Night, now


def document(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> Any:
    assert main([*map(str, arguments), "--json"]) == code
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.isascii()
    return json.loads(said.out)


def test_every_command_takes_json() -> None:
    for command in docs_commands.commands(build_parser()).values():
        assert "--json" in [name for name, _ in docs_commands.arguments(command)]


PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()


@pytest.mark.parametrize("name", docs_commands.commands(build_parser()))
def test_the_document_of_every_command_is_described(name: str) -> None:
    table = PAGE.split("## Documents", 1)[1].split("## States of a run", 1)[0]
    assert re.search(rf"^\| [^|]*`{name}", table, re.MULTILINE)


@pytest.mark.parametrize("kind", [RowTrace, AttemptTrace, Said, Rebuilt, Ending, DryRun])
def test_every_field_of_a_document_is_described(kind: type[msgspec.Struct]) -> None:
    assert [name for name in kind.__struct_fields__ if not re.search(rf"`{name}(\[\])?`", PAGE)] == []


def test_a_run_is_one_document_from_its_plan_to_its_report(
    night: Night, work: AccountFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    night.scan().plan()
    night.load_shards().report()
    [run] = document(capsys, "runs", work)["runs"]
    assert [name for name in run if not re.search(rf"`{name}(\[\])?`", PAGE)] == []
    assert (run["state"], run["inputs"], run["answered"], run["shards_loaded"]) == ("reported green", 6, 6, 2)
    assert run["cost_usd"] > 0
    whole = document(capsys, "show", night.run)
    assert [one["rows"] for one in whole["shard_list"]] == [4, 2]
    assert whole["cost_usd"] == run["cost_usd"] == pytest.approx(sum(one["cost_usd"] for one in whole["shard_list"]))
    shard = document(capsys, "show", night.shard())
    [attempt] = shard["attempts"]
    assert attempt["state"] == "collected"
    assert attempt["submitted"]["batch_id"].startswith("msgbatch_")
    assert isinstance(attempt["intent"]["most_usd"], float)


def test_quarantine_prune_and_restore_say_what_they_list(
    night: Night, work: AccountFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    night.scan().plan()
    night.load_shards().report()
    assert document(capsys, "quarantine", night.run)["rows"] == 0
    [kept] = document(capsys, "prune", work, "--days", "1", "--dry-run")["runs"]
    assert "days old" in kept["kept_because"]
    assert document(capsys, "restore", work)["partitions"] == []


def test_cancelling_with_json_needs_a_yes_and_says_what_was_cancelled(
    night: Night, claude_simulator: SimulatorProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    claude_simulator.pace("seconds:3600")
    night.scan().plan()
    batch = night.create()
    assert main(["cancel", str(night.run), "--json"]) == 1
    assert "write --yes" in json.loads(capsys.readouterr().err)["error"]["message"]
    [one] = document(capsys, "cancel", night.run, "--yes")["in_flight"]
    assert (one["batch_id"], one["status"]) == (batch, "in_progress")
    assert one["cancelled"].startswith("canceling")


def test_an_error_is_a_document_on_standard_error(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", f"{night.run}\x1b[2J", "--json"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.isascii()
    found = json.loads(said.err)
    assert (found["error"]["type"], found["exit_code"]) == ("StateError", 1)
    with pytest.raises(SystemExit) as end:
        main(["prune", "work", "--days", "x", "--json"])
    assert end.value.code == 2
    found = json.loads(capsys.readouterr().err)
    assert (found["error"]["type"], found["exit_code"]) == ("WrongCall", 2)
    assert "not a number of days" in found["error"]["message"]


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"claude-batch {__version__}\n"


@pytest.mark.parametrize("text", ["\x1b[2J", "\u202e", "a\nb", "\x7f\x9b", "\U0001f600", "\ud800", "\\u001b", '"'])
def test_a_text_reads_back_as_it_was_and_no_character_of_it_is_written_raw(text: str) -> None:
    written = as_json({"text": text, text: [1]})
    assert written.isascii()
    assert written.isprintable() or set(filter(lambda one: not one.isprintable(), written)) == {"\n"}
    whole = text.encode("utf-8", "backslashreplace").decode()
    assert json.loads(written) == {"text": whole, whole: [1]}


def test_money_keeps_all_its_digits_and_is_a_number() -> None:
    amount = Decimal("12345678.123456789012")
    assert json.loads(as_json({"usd": amount}), parse_float=Decimal)["usd"] == amount


def test_the_deadline_of_a_run_and_its_margin_are_listed(
    a_night: Callable[..., Night], work: AccountFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    night = a_night().scan()
    night.plan()
    path = night.run.file("plan.json")
    path.write_text(path.read_text().replace('"deadline": null', f'"deadline": "{now(hours=3, minutes=1)}"', 1))
    assert main(["runs", str(work)]) == 0
    assert " min left " in capsys.readouterr().out
    [run] = document(capsys, "runs", work)["runs"]
    assert 3 * 3600 < run["margin_seconds"] < 3 * 3600 + 61
    night.load_shards()
    [run] = document(capsys, "runs", work)["runs"]
    assert run["deadline"]
    assert run["margin_seconds"] > 3 * 3600 - 60


def test_a_run_whose_scan_failed_or_goes_on_is_listed_by_what_it_has_written_first(
    work: AccountFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    for day, ahead in (("2026-11-20", -120.0), ("2026-11-21", 0.0)):
        me = ActiveRun(dag_id="d", run_id=f"scheduled__{day}", process="p")
        run = RunFolder(work.path / "dag" / "group" / day)
        enter(run, me, alive=lambda _: None, clock=lambda ahead=ahead: now(minutes=ahead))
    states = {run["run"]: run for run in document(capsys, "runs", work)["runs"]}
    assert states["dag/group/2026-11-20"]["state"] == "failed"
    assert "run scheduled__2026-11-20 of d" in states["dag/group/2026-11-20"]["problems"][0]
    assert states["dag/group/2026-11-21"]["state"] == "scanning"
    assert main(["runs", str(work)]) == 0
    assert "its scan failed" in capsys.readouterr().out


def test_people_are_shown_no_document() -> None:
    from airflow_provider_claude.cli.screen import Screen

    stream = StringIO()
    Screen(stream).document({"a": 1})
    assert stream.getvalue() == ""
