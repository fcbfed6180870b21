from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from airflow_provider_claude.cli.costs import show_costs
from airflow_provider_claude.cli.prune import prune
from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.core.publish.destination import Destination
from airflow_provider_claude.errors import ApiUnavailableError, LedgerError, NotFoundYetError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.active.enter import enter
from airflow_provider_claude.stages.cost.budget import Budget
from airflow_provider_claude.store import AccountFolder, list_names, remove, write_record
from tests.cli.conftest import Night, Terminal, now

OLD, NEW = "dag/group/2026-11-20", "dag/group/2026-11-21"


@pytest.fixture
def old(a_night: Callable[..., Night]) -> Night:
    """A green run of two batches, whose report will be old enough to go."""
    night = a_night("2026-11-20")
    night.scan().plan()
    return night.load_shards().report()


@pytest.fixture
def new(a_night: Callable[..., Night]) -> Night:
    """A green run whose report is of in forty days."""
    night = a_night("2026-11-21")
    night.scan().plan()
    night.load_shards().clock = lambda: now(days=40)
    return night.report()


def files(work: AccountFolder) -> list[str]:
    root = Path(str(work.path))
    found = (str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    stays = ("accepted/", "spending/", "secret", "store.json")
    return sorted(name for name in found if not name.startswith(stays) and not name.endswith("/account.json"))


def ids(night: Night) -> list[str]:
    return [night.shard(n).submitted(1).batch_id for n in (1, 2)]


def run(work: AccountFolder, out: Terminal, api: Gateway | None = None, *, dry_run: bool = False) -> int:
    return prune(work.path, api, out, days=30, now=now(days=41), dry_run=dry_run)


def test_an_old_green_run_goes_with_everything_that_points_into_it_and_nothing_else(
    old: Night, work: AccountFolder, out: Terminal, a_night: Callable[..., Night]
) -> None:
    before = files(work)
    young = a_night("2026-11-21")
    young.scan().plan()
    young.load_shards().clock = lambda: now(days=40)
    young.report()
    of_the_young = [name for name in files(work) if name not in before]
    assert run(work, out) == 0
    assert files(work) == of_the_young
    assert f"removed  {OLD}: 6 answers, 7 records that point to it" in out.text
    assert f"kept     {NEW}: its report is 1.0 days old" in out.text
    assert "1 run removed." in out.text


def test_a_dry_run_says_the_same_and_removes_nothing(
    old: Night, work: AccountFolder, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    before = files(work)
    assert run(work, out, gateway, dry_run=True) == 0
    assert files(work) == before
    assert f"would go {OLD}: 6 answers, 7 records that point to it, 2 batches of the API" in out.text
    assert "1 run would be removed." in out.text
    assert claude_simulator.calls().get("delete", 0) == 0


def test_batches_stay_at_the_api_unless_it_is_asked_for(
    old: Night, work: AccountFolder, gateway: Gateway, out: Terminal
) -> None:
    batches = ids(old)
    run(work, out)
    assert [gateway.batch(batch_id).status for batch_id in batches] == ["ended"] * 2


def test_batches_are_deleted_at_the_api_where_it_is_asked_for(
    old: Night, new: Night, work: AccountFolder, gateway: Gateway, out: Terminal
) -> None:
    batches, kept = ids(old), ids(new)
    assert run(work, out, gateway) == 0
    for batch_id in batches:
        with pytest.raises(NotFoundYetError):
            gateway.batch(batch_id)
    assert [gateway.batch(batch_id).status for batch_id in kept] == ["ended"] * 2


def test_a_batch_that_is_gone_already_is_no_error(
    old: Night, work: AccountFolder, gateway: Gateway, out: Terminal
) -> None:
    gateway.delete_batch(ids(old)[0])
    assert run(work, out, gateway) == 0
    assert files(work) == []


def test_where_the_api_fails_the_run_stays_whole_and_the_next_time_it_goes(
    old: Night, work: AccountFolder, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    before = files(work)
    claude_simulator.fault("error_529", times=3, route="delete")
    with pytest.raises(ApiUnavailableError):
        run(work, out, gateway)
    assert files(work) == before
    assert out.text == ""
    assert run(work, out, gateway) == 0
    assert files(work) == []


def test_a_batch_that_was_abandoned_is_another_s_and_is_not_deleted(
    old: Night, work: AccountFolder, gateway: Gateway, out: Terminal
) -> None:
    [first, second] = ids(old)
    old.shard(1).void(1, first, "its results are another's", now())
    run(work, out, gateway)
    assert gateway.batch(first).status == "ended"
    with pytest.raises(NotFoundYetError):
        gateway.batch(second)


def test_a_removal_that_was_cut_short_is_taken_up(old: Night, work: AccountFolder, out: Terminal) -> None:
    for folder in ("items", "shards", "answers"):
        remove(old.run.file(folder))
    assert run(work, out) == 0
    assert files(work) == []


def test_runs_without_a_green_report_are_never_removed(
    a_night: Callable[..., Night], work: AccountFolder, out: Terminal
) -> None:
    a_night("2026-11-20").scan()
    a_night("2026-11-21").scan().plan()
    red = a_night("2026-11-22").scan()
    red.plan()
    red.load_shards([1])
    with pytest.raises(LedgerError):
        red.report()
    again = a_night("2026-11-23").scan()
    again.plan()
    again.load_shards().report().plan()
    before = files(work)
    assert run(work, out) == 0
    assert files(work) == before
    assert "kept     dag/group/2026-11-20: " in out.text
    assert "it has no report of its current plan; it is planned" in out.text
    assert "kept     dag/group/2026-11-22: its report is red: " in out.text
    assert "0 runs removed." in out.text


def test_a_green_run_with_a_batch_in_flight_stays_until_its_results_cannot_be_had_any_more(
    old: Night, work: AccountFolder, out: Terminal
) -> None:
    old.shard(1).results(1).unlink()
    assert prune(work.path, None, out, days=1, now=now(days=10)) == 0
    assert "batches in flight: 1; attempts without a batch id: 0" in out.text
    assert prune(work.path, None, out, days=1, now=now(days=30)) == 0
    assert files(work) == []


def test_a_run_that_cannot_be_read_stays(old: Night, work: AccountFolder, out: Terminal) -> None:
    old.run.file("report.json").write_text("{")
    assert run(work, out) == 0
    assert "not a readable ReportRecord" in out.text
    assert old.run.file("plan.json").exists()


def test_a_work_folder_that_was_moved_is_pruned_all_the_same(
    old: Night, work: AccountFolder, out: Terminal, tmp_path: Path
) -> None:
    Path(str(work.path)).rename(tmp_path / "moved")
    moved = AccountFolder(work.path.parent / "moved", work.account)
    assert run(moved, out) == 0
    assert files(moved) == []


def test_a_run_that_was_moved_out_of_its_work_folder_stays(old: Night, work: AccountFolder, out: Terminal) -> None:
    plan = old.run.file("plan.json")
    plan.write_text(plan.read_text().replace('"work": 3', '"work": 99'))
    assert run(work, out) == 0
    assert "folders below its work folder" in out.text
    assert old.run.file("report.json").exists()


def test_a_record_that_names_a_run_with_a_longer_name_stays(
    a_night: Callable[..., Night], work: AccountFolder, out: Terminal
) -> None:
    short, long = a_night("2026-11-2"), a_night("2026-11-20")
    short.scan().plan()
    short.load_shards().report()
    long.scan().plan()
    long.load_shards().clock = lambda: now(days=40)
    long.report()
    run(work, out)
    assert len(list_names(work.own / "batches")) == 2
    assert [work.claimed(batch_id).shard for batch_id in ids(long)] == [
        "dag/group/2026-11-20/shards/00001",
        "dag/group/2026-11-20/shards/00002",
    ]


def test_of_a_run_that_is_its_own_work_folder_only_the_record_of_spending_stays(
    old: Night, gateway: Gateway, out: Terminal, tmp_path: Path
) -> None:
    alone = Night(
        old.run, AccountFolder(old.run.path, old.work.account), gateway, tmp_path / "alone.jsonl", tag="alone"
    )
    alone.scan().plan()
    alone.load_shards().report()
    run(alone.work, out)
    assert list_names(alone.run.path) == ["spending"]


def test_equal_requests_are_paid_for_again_afterwards(
    old: Night, work: AccountFolder, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    run(work, out)
    old.scan().plan()
    old.load_shards()
    assert claude_simulator.calls()["create"] == 4


def test_what_a_run_has_spent_of_a_budget_stays_spent(old: Night, work: AccountFolder, out: Terminal) -> None:
    budget = Budget(work.path / "budgets" / "backfill-0a1b2c", Decimal("1.00"))
    name = work.name_of(old.shard(1))
    budget.reserve(name, 1, [10**11])
    budget.spent(name, [1], "0.05")
    budget.reserve(work.name_of(old.shard(2)), 1, [10**11])
    assert run(work, out) == 0
    assert "1 run removed." in out.text
    assert budget.left() == Decimal("0.85")


def test_a_run_whose_publication_was_cut_short_or_that_was_to_publish_and_has_not_stays(
    old: Night, work: AccountFolder, out: Terminal
) -> None:
    path = old.run.file("report.json")
    green = path.read_bytes()
    before = files(work)
    path.write_bytes(green.replace(b'"publication": "none"', b'"publication": "publishing"'))
    assert run(work, out) == 0
    path.write_bytes(green)
    plan = old.run.need_plan()
    write_record(old.run.file("plan.json"), msgspec.structs.replace(plan, destination=Destination(output="/out")))
    assert run(work, out) == 0
    assert files(work) == before
    assert out.text.count(f"kept     {OLD}: its answers are not published, and exist nowhere else") == 2


def test_an_old_run_that_another_airflow_run_is_at_work_in_stays(
    old: Night, work: AccountFolder, out: Terminal
) -> None:
    again = ActiveRun(dag_id="mails", run_id="manual__1", task="g.scan")
    active = enter(old.run, again, alive=lambda _: None, clock=lambda: now(days=41))
    assert run(work, out) == 0
    assert f"kept     {OLD}: run manual__1 of mails" in out.text
    active.close()
    run(work, out)
    assert "1 run removed." in out.text


def test_what_killed_workers_left_half_written_in_any_folder_disturbs_no_later_run_and_no_command(
    old: Night, work: AccountFolder, out: Terminal, a_night: Callable[..., Night]
) -> None:
    root = Path(str(work.path))
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        for name in ("1.json", "1.spent.json", "part-00000.parquet", "20261120T000000-0123456789abcdef.json"):
            (folder / f".{name}.a_b0c1d2.tmp").write_bytes(b"{")
    young = a_night("2026-11-21")
    young.scan().plan()
    young.load_shards().clock = lambda: now(days=40)
    assert young.report().run.file("report.json").exists()
    old.report()
    show_costs(work.path, out, month=now()[:7], by=["dag"])
    assert run(work, out) == 0
    assert not Path(str(old.run)).exists()
