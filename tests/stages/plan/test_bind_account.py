"""Answers belong to an account: no other takes them, and a new key of the same workspace does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from upath import UPath

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import ApiUnavailableError, CredentialsError, StateError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import PlanRecord, RunFolder, ShardFolder
from tests.stages.conftest import JOB, clock, scan_by_hand

TEXTS = [f"mail {n}" for n in range(12)]

Connect = Callable[..., Gateway]


@pytest.fixture
def connect(claude_simulator: SimulatorProcess) -> Iterator[Connect]:
    """A gateway with a key; a key `name@workspace` is of that workspace."""
    import anthropic

    with ExitStack() as stack:

        def gateway(key: str, url: str = claude_simulator.base_url, workspace: str = "") -> Gateway:
            client = stack.enter_context(anthropic.Anthropic(base_url=url, api_key=key, max_retries=0))
            return Gateway(lambda: client, workspace=lambda: workspace)

        yield gateway


def a_run(root: UPath, day: str) -> RunFolder:
    run = RunFolder(root / "dag" / "group" / day)
    scan_by_hand(run, TEXTS)
    return run


def planned(run: RunFolder, gateway: Gateway, *, trial: bool = True) -> PlanRecord:
    work = run.path.parent.parent.parent
    settings = Settings(limits=Limits(rows=20), trial=trial, partition=run.path.name, work=work)
    return plan(run, JOB, gateway, settings=settings, clock=clock())


def night(run: RunFolder, gateway: Gateway) -> None:
    """Plan, send and load one run."""
    for spec in planned(run, gateway).shards:
        if spec.number:
            create(run.shard(spec.number), gateway, clock=clock())
            load(run.shard(spec.number), JOB, gateway, clock=clock())


@pytest.fixture
def root(tmp_path: object) -> UPath:
    return UPath(str(tmp_path)) / "work"


def test_another_workspace_pays_for_its_own_answers(
    root: UPath, connect: Connect, claude_simulator: SimulatorProcess
) -> None:
    night(a_run(root, "2026-11-22"), connect("k1@mock"))
    other = a_run(root, "2026-11-23")
    night(other, connect("k2@production"))
    assert sum(spec.reused for spec in other.need_plan().shards) == 0
    books = claude_simulator.books()
    assert books["same_content"]["requests"] == len(TEXTS)


def test_a_new_key_of_the_same_workspace_finds_its_answers(
    root: UPath, connect: Connect, claude_simulator: SimulatorProcess
) -> None:
    night(a_run(root, "2026-11-22"), connect("k1@production"))
    other = a_run(root, "2026-11-23")
    night(other, connect("k2@production"))
    assert sum(spec.reused for spec in other.need_plan().shards) == len(TEXTS)
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_a_dead_host_answers_nothing_from_the_batches_of_another(root: UPath, connect: Connect) -> None:
    night(a_run(root, "2026-11-22"), connect("k1@production"))
    with pytest.raises(ApiUnavailableError):
        planned(a_run(root, "2026-11-23"), connect("k1@production", "http://127.0.0.1:9"))


def test_a_run_is_planned_again_by_its_own_account_only(
    root: UPath, connect: Connect, claude_simulator: SimulatorProcess
) -> None:
    run = a_run(root, "2026-11-22")
    night(run, connect("k1@mock"))
    calls = claude_simulator.calls()
    with pytest.raises(StateError, match=r"wrkspc_mock.*wrkspc_production"):
        planned(run, connect("k2@production"))
    assert {**claude_simulator.calls(), "models": 0} == {**calls, "models": 0}
    planned(run, connect("k3@mock"))


def test_a_run_that_another_account_was_refused_for_is_anyones(root: UPath, connect: Connect) -> None:
    run = a_run(root, "2026-11-22")
    with pytest.raises(CredentialsError):
        planned(run, connect("bad"))
    planned(run, connect("k1@mock"), trial=False)
    assert planned(run, connect("k2@production"), trial=False).account.workspace == "wrkspc_production"


@pytest.fixture
def sent(root: UPath, connect: Connect) -> ShardFolder:
    run = a_run(root, "2026-11-22")
    planned(run, connect("k1@mock"))
    return run.shard(1)


def test_a_shard_is_sent_by_its_own_account_only(
    sent: ShardFolder, connect: Connect, claude_simulator: SimulatorProcess
) -> None:
    with pytest.raises(StateError, match=r"wrkspc_mock.*wrkspc_production"):
        create(sent, connect("k2@production"), clock=clock())
    assert "create" not in claude_simulator.calls()
    assert sent.attempts() == []


def test_results_are_fetched_by_their_own_account_only(sent: ShardFolder, connect: Connect) -> None:
    create(sent, connect("k1@mock"), clock=clock())
    with pytest.raises(StateError, match=r"wrkspc_mock.*wrkspc_production"):
        load(sent, JOB, connect("k2@production"), clock=clock())


def test_a_connection_that_names_another_workspace_than_its_key_has_is_refused(root: UPath, connect: Connect) -> None:
    with pytest.raises(CredentialsError, match="wrkspc_production"):
        planned(a_run(root, "2026-11-22"), connect("k@mock", workspace="wrkspc_production"))


def test_the_plan_and_the_folders_say_whose_they_are(root: UPath, connect: Connect) -> None:
    run = a_run(root, "2026-11-22")
    account = planned(run, connect("k1@mock")).account
    assert account.workspace == "wrkspc_mock"
    known = run.account()
    assert known is not None
    assert known.account == account
    assert "wrkspc_mock" in (root / "accounts" / account.fingerprint / "account.json").read_text()


def test_what_another_run_has_under_way_is_told_of_and_not_what_is_fetched_or_anothers(
    root: UPath, connect: Connect, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.pace("seconds:1000000")
    first, gateway = a_run(root, "2026-11-22"), connect("k1@mock")
    planned(first, gateway, trial=False)
    create(first.shard(1), gateway, clock=clock())
    explanation = " ".join(planned(a_run(root, "2026-11-23"), gateway, trial=False).explanation)
    assert f"{len(TEXTS)} of these items are in progress in the run dag/group/2026-11-22" in explanation
    assert "in progress" not in " ".join(planned(first, gateway, trial=False).explanation)
    other = planned(a_run(root, "2026-11-24"), connect("k@production"), trial=False)
    assert "in progress" not in " ".join(other.explanation)
    claude_simulator.advance(2_000_000)
    load(first.shard(1), JOB, gateway, clock=clock())
    assert "in progress" not in " ".join(planned(a_run(root, "2026-11-25"), gateway, trial=False).explanation)
