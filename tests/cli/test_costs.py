"""`claude-batch costs`: what a month has cost is what the simulator's books say, whatever was run again or removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from airflow_provider_claude.cli.costs import show_costs
from airflow_provider_claude.cli.documents import Documents
from airflow_provider_claude.cli.main import main
from airflow_provider_claude.cli.prune import prune
from airflow_provider_claude.cli.runs import show_runs
from airflow_provider_claude.cli.show import show_run
from airflow_provider_claude.core.account import Account
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.store import PaidRecord, WorkFolder
from tests.cli.conftest import Night, Terminal, now

MONTH = now()[:7]


def shown(work: WorkFolder, *by: str, month: str = MONTH) -> dict[str, Any]:
    stream = StringIO()
    show_costs(work.path, Documents(stream), month=month, by=by or ("dag",))
    costs: dict[str, Any] = json.loads(stream.getvalue(), parse_float=Decimal)
    return costs


def billed(simulator: SimulatorProcess) -> Decimal:
    return Decimal(simulator.books()["total"]["cost_usd"])


def a_record(at: str, usd: str, **changes: Any) -> PaidRecord:
    values = {"shard": 1, "attempt": 1, "lane": "batch", "model": "m", "requests": 1, "answered": 1}
    return PaidRecord(at=at, usd=usd, **{**values, **changes})


def test_the_sum_of_a_month_is_that_of_the_books_also_after_a_rerun_and_a_prune(
    a_night: Callable[..., Night], work: WorkFolder, claude_simulator: SimulatorProcess
) -> None:
    for day in ("2026-11-20", "2026-11-21"):
        night = a_night(day)
        night.scan().plan()
        night.load_shards().report()
    night.tag = "another"
    night.scan().plan()
    night.load_shards().report()
    costs = shown(work)
    assert Decimal(costs["total"]["paid_usd"]) == billed(claude_simulator) > 0
    assert costs["total"]["unsure_requests"] == 0
    prune(work.path, None, Terminal(), days=1, now=now(days=3))
    assert not night.run.file("plan.json").exists()
    assert shown(work) == costs


def test_a_run_that_is_not_reported_is_counted_from_its_own_files(
    night: Night, work: WorkFolder, claude_simulator: SimulatorProcess
) -> None:
    night.scan().plan()
    night.load_shards(shards=(1,)).create(2)
    costs = shown(work)
    assert costs["open_runs"] == ["dag/group/2026-11-22"]
    assert costs["total"]["unsure_requests"] == 2
    paid, unsure = Decimal(costs["total"]["paid_usd"]), Decimal(costs["total"]["unsure_usd"])
    assert paid < billed(claude_simulator) <= paid + unsure


def test_a_run_that_goes_on_after_its_report_is_open_again(night: Night, work: WorkFolder) -> None:
    night.scan().plan()
    with pytest.raises(Exception, match="never loaded"):
        night.load_shards(shards=(1,)).report()
    assert shown(work)["open_runs"] == []
    night.create(2)
    assert shown(work)["open_runs"] == ["dag/group/2026-11-22"]


def test_a_run_whose_answers_never_came_says_what_may_have_been_paid(
    night: Night, work: WorkFolder, out: Terminal
) -> None:
    night.scan().plan()
    night.create(2)
    with pytest.raises(Exception, match="never loaded"):
        night.load_shards(shards=(1,)).report()
    show_runs(work.path, out)
    assert "more may have been paid for 2 requests without an answer." in out.text
    show_run(night.run, out)
    assert "cost    Paid: $0." in out.text


def test_costs_are_summed_by_dag_day_model_and_lane(work: WorkFolder, out: Terminal) -> None:
    first, second = "2026-11-01T10:00:00+00:00", "2026-11-02T10:00:00+00:00"
    work.spending.add("mails/g/1", [a_record(first, "1"), a_record(second, "2", lane="sync")], open_=False, now=first)
    work.spending.add("tickets/g/1", [a_record(first, "4", unsure=3, up_to_usd="0.5")], open_=False, now=first)
    for by, sums in {
        ("dag",): {("mails",): 3, ("tickets",): 4},
        ("day",): {("2026-11-01",): 5, ("2026-11-02",): 2},
        ("model",): {("m",): 7},
        ("dag", "lane"): {("mails", "batch"): 1, ("mails", "sync"): 2, ("tickets", "batch"): 4},
    }.items():
        costs = shown(work, *by, month="2026-11")
        assert {tuple(one[key] for key in by): one["paid_usd"] for one in costs["costs"]} == sums
        assert costs["total"] == {
            "requests": 3,
            "paid_usd": 7,
            "estimated_usd": 0,
            "unsure_requests": 3,
            "unsure_usd": Decimal("0.5"),
        }
    assert show_costs(work.path, out, month="2026-11", by=["dag"]) == 0
    assert out.row("mails") == "mails 2 $3.00"
    assert out.row("tickets") == "tickets 1 $4.00 up to $0.5000 for 3"
    assert out.row("total") == "total 3 $7.00 up to $0.5000 for 3"


def test_a_month_without_a_record_says_so(work: WorkFolder, out: Terminal) -> None:
    assert show_costs(work.path, out, month="2025-01", by=["dag"]) == 1
    assert "has nothing for 2025-01" in out.text


def test_a_month_takes_one_listing_and_one_read_for_each_run(work: WorkFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    at = "2026-11-01T10:00:00+00:00"
    for run in range(30):
        for attempts in (1, 500):
            paid = [a_record(at, "0.1", attempt=number) for number in range(attempts)]
            work.spending.add(f"dag/g/{run}", paid, open_=attempts == 1, now=at)
    reads: list[str] = []
    lists: list[str] = []
    from airflow_provider_claude.store import spending_book

    read, listed = spending_book.read_record, spending_book.list_names
    monkeypatch.setattr(spending_book, "read_record", lambda path, kind: reads.append(str(path)) or read(path, kind))
    monkeypatch.setattr(spending_book, "list_names", lambda path: lists.append(str(path)) or listed(path))
    assert shown(work, month="2026-11")["total"]["paid_usd"] == 1500
    assert (len(lists), len(reads)) == (1, 30)


@pytest.mark.parametrize("arguments", [["--month", "2026-13"], ["--month", "november"], ["--by", "colour"]])
def test_a_month_or_key_that_is_none_is_refused(work: WorkFolder, arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["costs", str(work), *arguments])


def test_the_command_reads_its_arguments(work: WorkFolder, capsys: pytest.CaptureFixture[str]) -> None:
    work.spending.add("dag/g/1", [a_record("2026-11-01T10:00:00+00:00", "1")], open_=False, now="2026-11-01T10:00:00Z")
    assert main(["costs", str(work), "--month", "2026-11", "--by", "day", "lane", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["by"] == ["day", "lane"]
    assert found["total"]["paid_usd"] == 1


def test_what_a_mock_was_paid_is_distinguished_from_production_also_for_one_run(
    work: WorkFolder, out: Terminal
) -> None:
    at, mock = "2026-11-01T10:00:00+00:00", Account(platform="anthropic", base_url="http://mock", workspace="w")
    work.spending.add("mails/g/1", [a_record(at, "1")], open_=False, now=at)
    in_mock = work.of(mock).spending.add("mails/g/1", [a_record(at, "500")], open_=True, now=at)
    assert [one.usd for one in in_mock] == ["500"]
    sums = {one["account"]: one["paid_usd"] for one in shown(work, "account", month="2026-11")["costs"]}
    assert sums.pop(str(mock)) == 500
    assert list(sums.values()) == [1]
    show_costs(work.path, out, month="2026-11", by=["dag"])
    assert f"`--by account` lists them: {mock}" in out.text


def test_an_open_record_of_an_account_does_not_count_what_its_run_folder_now_spends_elsewhere(
    night: Night, work: WorkFolder, claude_simulator: SimulatorProcess
) -> None:
    mock = Account(platform="anthropic", base_url="http://mock", workspace="w")
    work.of(mock).spending.add("dag/group/2026-11-22", [], open_=True, now=now())
    night.scan().plan()
    night.load_shards()
    assert Decimal(shown(work)["total"]["paid_usd"]) == billed(claude_simulator) > 0
