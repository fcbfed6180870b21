"""The shell around the commands, in processes of its own where what is imported matters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from airflow.sdk.io import attach
from upath import UPath

from airflow_provider_claude.cli import prune
from airflow_provider_claude.cli.locations import to_path
from airflow_provider_claude.cli.main import build_parser, main
from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.store import AccountFolder, RunFolder
from docs.ext import commands as docs_commands
from tests.cli.conftest import Night, now


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "airflow_provider_claude.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def lost(a_night: Callable[..., Night], claude_simulator: SimulatorProcess) -> Night:
    """A shard that was sent ten minutes ago, and its batch id lost."""
    night = a_night(clock=now)
    night.scan(8).plan()
    claude_simulator.fault("reset_after_accept", route="create")
    night.lose()
    intent = Path(str(night.shard().file("1.intent.json")))
    old = intent.read_text()
    record = night.shard().intent(1)
    intent.write_text(old.replace(record.until, now(minutes=-5)).replace(record.at, now(minutes=-6)))
    return night


def test_listing_and_showing_need_neither_airflow_nor_the_sdk(night: Night, work: AccountFolder) -> None:
    night.scan().plan()
    for arguments in (
        ["runs", str(work)],
        ["show", str(night.run)],
        ["show", str(night.shard())],
        ["trace", "1", str(work), "--request", "--json"],
    ):
        code = (
            "import sys\nfrom airflow_provider_claude.cli.main import main\n"
            f"status = main({arguments!r})\n"
            "print(status, [name for name in ('airflow', 'anthropic', 'pandas') if name in sys.modules])"
        )
        night.shard().path.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.splitlines()[-1] == "0 []"


def test_a_relative_path_and_a_link_lead_to_the_same_run(
    night: Night,
    work: AccountFolder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    night.scan()
    (tmp_path / "link").symlink_to(str(work.path))
    monkeypatch.chdir(tmp_path)
    for name in ("work", "./work/", "link", f"file://{work}"):
        assert main(["runs", name]) == 0
        assert "dag/group/2026-11-22" in capsys.readouterr().out


def test_an_expected_error_is_one_line_and_no_trace(tmp_path: Path) -> None:
    done = run("show", str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"claude-batch: {tmp_path} is not a run folder: it has no scan.json. `claude-batch runs` lists run folders."
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unheard-of"],
        ["runs"],
        ["prune", "work"],
        ["prune", "work", "--days", "0"],
        ["prune", "work", "--days", "x"],
    ],
)
def test_a_wrong_call_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2


def test_an_argument_that_is_wrong_acts_on_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["accept", "run", "--\x1b[2J"])
    assert "⟨U+001B⟩[2J" in capsys.readouterr().err


def test_the_help_of_prune_says_what_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["prune", "--help"])
    assert end.value.code == 0
    assert "paid for again" in capsys.readouterr().out


def test_a_store_that_is_not_known_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "nosuchstore://bucket/work"]) == 1
    assert "cannot be used here" in capsys.readouterr().err


def test_a_hold_is_ended_through_airflow_s_connection(lost: Night, capsys: pytest.CaptureFixture[str]) -> None:
    [batch_id] = [info.id for info in lost.gateway.batches(since=0.0)]
    assert main(["adopt", str(lost.shard()), batch_id]) == 0
    assert f"is now batch {batch_id}" in capsys.readouterr().out
    assert lost.create() == batch_id


def test_a_refusal_of_the_api_is_one_line(lost: Night, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", str(lost.shard()), "msgbatch_none"]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert main(["adopt", str(lost.shard()), "\x1b[2J"]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_a_connection_that_does_not_exist_is_one_line(lost: Night, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", str(lost.shard()), "msgbatch_1", "--conn-id", "nobody"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("claude-batch: There is no Airflow connection 'nobody'")
    assert said.count("\n") == 1


def test_a_shard_is_resent_without_a_connection(
    lost: Night, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_ANTHROPIC_DEFAULT")
    assert main(["resend", str(lost.shard())]) == 0
    assert main(["resend", str(lost.shard())]) == 1


@pytest.mark.parametrize(("said", "code", "cancelled"), [("y\n", 0, 1), ("YES\n", 0, 1), ("n\n", 1, 0), ("", 1, 0)])
def test_cancelling_asks_first(
    night: Night,
    claude_simulator: SimulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: str,
    code: int,
    cancelled: int,
) -> None:
    claude_simulator.pace("seconds:3600")
    night.scan().plan()
    night.create()
    monkeypatch.setattr(sys, "stdin", StringIO(said))
    assert main(["cancel", str(night.run)]) == code
    assert "Cancel 1 of these batches? [y/N]" in capsys.readouterr().out
    assert claude_simulator.calls().get("cancel", 0) == cancelled


def test_cancelling_one_shard_with_yes_asks_nothing(
    night: Night, claude_simulator: SimulatorProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    claude_simulator.pace("seconds:3600")
    night.scan().plan()
    night.create()
    assert main(["cancel", str(night.shard()), "--yes"]) == 0
    assert "[y/N]" not in capsys.readouterr().out
    assert claude_simulator.calls()["cancel"] == 1


def test_pruning_with_its_batches_goes_through_airflow_s_connection(
    a_night: Callable[..., Night],
    work: AccountFolder,
    claude_simulator: SimulatorProcess,
    capsys: pytest.CaptureFixture[str],
) -> None:
    night = a_night()
    night.scan().plan()
    night.load_shards().clock = lambda: now(days=-3)
    night.run.file("plan.json").write_text(
        night.run.file("plan.json").read_text().replace(night.run.plan().created_at, now(days=-4))
    )
    night.report()
    assert main(["prune", str(work), "--days", "2", "--delete-batches"]) == 0
    assert "1 run removed." in capsys.readouterr().out
    assert claude_simulator.calls()["delete"] == 2


def test_a_night_on_an_object_store_is_listed_shown_and_pruned(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = UPath(f"memory://{tmp_path.name}/work")
    attach(protocol="memory", fs=root.fs)
    night = Night(
        RunFolder(root / "dag" / "group" / "day"),
        AccountFolder(root, gateway.account()),
        gateway,
        tmp_path / "day.jsonl",
    )
    night.scan().plan()
    night.load_shards().report()
    assert main(["runs", str(root)]) == 0
    assert "dag/group/day  day" in capsys.readouterr().out
    assert main(["show", str(night.shard())]) == 0
    assert "attempt 1: collected" in capsys.readouterr().out
    assert main(["trace", "5", str(root), "--request"]) == 0
    assert "its SHA-256 is the recorded one" in capsys.readouterr().out
    prune.prune(to_path(str(root)), None, Screen(sys.stdout), days=1, now=now(days=2))
    assert "6 answers, 7 records that point to it" in capsys.readouterr().out
    stays = ("account.json", "/secret", "/store.json")
    kept = ("/accepted/", "/spending/")
    assert all(any(one in name for one in kept) or name.endswith(stays) for name in root.fs.find(root.path))
    assert main(["costs", str(root), "--month", now()[:7]]) == 0
    assert "total" in capsys.readouterr().out


def test_a_pipe_that_is_closed_early_is_no_error_worth_a_trace(
    a_night: Callable[..., Night], work: AccountFolder
) -> None:
    a_night().scan()
    command = f"{sys.executable} -m airflow_provider_claude.cli.main runs {work} | true"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["bash", "-c", command], env=buffered, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""


def test_the_docs_list_every_command_and_argument_from_the_parser() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    assert "```{commands}\n```" in page
    made = docs_commands.as_markdown(build_parser())
    for name, command in docs_commands.commands(build_parser()).items():
        assert f"## `claude-batch {name}`" in made
        assert all(f"| `{argument}` |" in made for argument, _ in docs_commands.arguments(command))
