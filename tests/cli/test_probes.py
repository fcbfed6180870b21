"""The commands on a run that has a probe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_claude.cli.cancel import cancel
from airflow_provider_claude.cli.costs import show_costs
from airflow_provider_claude.cli.facts import look
from airflow_provider_claude.cli.locations import find_runs
from airflow_provider_claude.cli.main import main
from airflow_provider_claude.cli.prune import prune
from airflow_provider_claude.cli.show import show_run
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.probes.asking import Asking
from airflow_provider_claude.errors import NotFoundYetError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.probes.write_probe import Draft, items_at
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import AccountFolder, ShardFolder
from tests.cli.conftest import JOB, Night, Terminal, now


@pytest.fixture
def probed(night: Night) -> Night:
    """A planned night whose probe asks three rows again."""
    plan = night.scan().plan()
    asking = Asking(order=[5, 0, 3])
    items = items_at(night.run, asking.order)
    draft = Draft(run=night.run, plan=plan, items=items, askings=[asking], packing=None, tokens=TokenModel())
    draft.weighed().write("again", None)
    return night


def test_a_trace_shows_what_a_probe_has_asked_about_the_row(probed: Night, capsys: pytest.CaptureFixture[str]) -> None:
    shard = probe_shard(probed)
    create(shard, probed.gateway, clock=now)
    load(shard, JOB, probed.gateway, clock=now)
    probed.load_shards()
    assert main(["trace", "5", str(probed.run), "--request", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["rows"]
    [asked], [measured] = row["attempts"], row["measured"]
    assert (asked["probe"], measured["probe"]) == (None, shard.run.path.name)
    assert measured["request"]["params"] == asked["request"]["params"]
    assert row["cost_usd"] == asked["said"]["cost_usd"]
    assert main(["trace", "5", str(probed.run), "--request"]) == 0
    assert f"attempt 1 of probe {shard.run.path.name}, which only measures: made again" in capsys.readouterr().out


def probe_shard(night: Night) -> ShardFolder:
    [probe] = night.run.probes()
    return probe.shard(1)


def test_a_probe_is_no_run_of_its_own_and_is_shown_and_paid_with_its_run(
    probed: Night, work: AccountFolder, out: Terminal
) -> None:
    create(probe_shard(probed), probed.gateway, clock=now)
    load(probe_shard(probed), JOB, probed.gateway, clock=now)
    probed.load_shards().report()
    assert [run.path.name for run in find_runs(work.path)] == ["2026-11-22"]
    show_run(probed.run, out)
    assert f"{probe_shard(probed).run.path.name} 1 3 0 1 1 collected" in " ".join(out.text.split())
    costs = Terminal()
    assert show_costs(work.path, costs, month=now()[:7], by=["dag"]) == 0
    assert "dag 9 $" in " ".join(costs.text.split())


def test_its_batch_is_cancelled_with_those_of_its_run(
    probed: Night, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.pace("seconds:3600")
    probed.create(1)
    batch = create(probe_shard(probed), probed.gateway, clock=now)
    assert cancel(look(probed.run), 1, probed.gateway, out, sure=lambda _: True) == 0
    assert probed.gateway.batch(batch).status == "in_progress"
    assert cancel(look(probed.run), None, probed.gateway, out, sure=lambda _: True) == 0
    assert probed.gateway.batch(batch).status == "canceling"


def test_it_is_removed_with_its_run_and_so_is_what_points_to_it(
    probed: Night, work: AccountFolder, gateway: Gateway, out: Terminal
) -> None:
    batch = create(probe_shard(probed), probed.gateway, clock=now)
    load(probe_shard(probed), JOB, probed.gateway, clock=now)
    probed.load_shards().report()
    assert prune(work.path, gateway, out, days=30, now=now(days=41)) == 0
    assert list((Path(str(work.path)) / "accounts").rglob("msgbatch_*.json")) == []
    with pytest.raises(NotFoundYetError):
        gateway.batch(batch)


def test_a_run_whose_probe_is_in_flight_is_kept(
    probed: Night, work: AccountFolder, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    probed.load_shards()
    claude_simulator.pace("seconds:3600")
    create(probe_shard(probed), probed.gateway, clock=now)
    probed.report()
    prune(work.path, None, out, days=10, now=now(days=20))
    assert "batches in flight: 1" in out.text
