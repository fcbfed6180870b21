"""What the report and the record of spending say was paid is what the simulator's books say, to the last digit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from upath import UPath

from airflow_provider_claude.core.cost.run_costs import Costs
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.core.requests.request_bytes import custom_id
from airflow_provider_claude.errors import ClaudeError, PendingError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.cost import spent
from airflow_provider_claude.stages.cost.budget import Budget
from airflow_provider_claude.stages.cost.spent import spent_by
from airflow_provider_claude.stages.deadline.abandon import abandon
from airflow_provider_claude.stages.load.merge_rounds import Loading
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.stages.sync.journal import Journal
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.stages.sync.lease import LEASE_SECONDS, Lease
from airflow_provider_claude.stages.sync.run import SyncAttempt
from airflow_provider_claude.store import (
    BudgetRecord,
    LoadedRecord,
    PaidRecord,
    RunFolder,
    ShardFolder,
    SpendingBook,
    WorkFolder,
    atomic_output,
    list_names,
    remove,
)
from airflow_provider_claude.store.results import read_lines
from tests.stages.conftest import JOB, Night, clock, scan_by_hand
from tests.stages.settle.test_settle import settle, settling
from tests.stages.submit.test_recover import in_


class Reported(msgspec.Struct):
    costs: Costs


TEXTS = [f"mail {n}" for n in range(12)]


@pytest.fixture
def night(night: Night) -> Night:
    """A run two folders below its work folder."""
    night.run = RunFolder(UPath(Path(night.run.path.path).parent / "work" / "dag" / "day"))
    return night


def work(night: Night) -> WorkFolder:
    return WorkFolder(night.run.path.parent.parent)


def planned(night: Night, *, hours: int = 0, **settings: object) -> list[int]:
    """Plan the run *hours* later than the first time; its shards."""
    chosen = Settings(**{"limits": Limits(rows=5), "work": work(night).path, "partition": "2026-11-22", **settings})
    return [s.number for s in plan(night.run, night.job, night.gateway, settings=chosen, clock=later(hours)).shards]


def later(hours: int):  # type: ignore[no-untyped-def]
    tick = clock()
    return lambda: tick().replace("T00:", f"T{hours:02d}:")


def go(night: Night, texts: list[str] = TEXTS, *, hours: int = 0, **settings: object) -> Costs:
    """The whole run over *texts*, and its costs."""
    scan_by_hand(night.run, texts, at=f"2026-11-23T{hours:02d}:00:00+00:00")
    for shard in planned(night, hours=hours, **settings):
        if shard:
            create(night.run.shard(shard), night.gateway, clock=later(hours))
            night.load(shard)
    return costs(night, hours)


def costs(night: Night, hours: int = 0) -> Costs:
    try:
        report(night.run, output=None, clock=later(hours))
    except ClaudeError:
        assert night.run.file("report.json").exists()
    return msgspec.json.decode(night.run.file("report.json").read_bytes(), type=Reported).costs


def paid(night: Night) -> Decimal:
    """What the record of spending says, of all months: the simulator's clock is today's."""
    return sum((Decimal(one.usd) for one in attempts(night)), Decimal(0))


def attempts(night: Night) -> list[PaidRecord]:
    book = work(night).spending
    return [one for month in list_names(book.path) for record in book.read(month) for one in record.attempts]


def billed(simulator: SimulatorProcess) -> Decimal:
    return Decimal(simulator.books()["total"]["cost_usd"])


def test_the_trial_and_the_batches_are_in_the_report_and_on_record(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    found = go(night)
    assert found.actual == found.this_run == paid(night) == billed(claude_simulator) > 0
    assert (found.unsure, found.unsure_requests, found.replaced) == (0, 0, 0)
    assert [one.lane for one in attempts(night)] == ["sync", "batch", "batch", "batch"]


def test_a_rerun_of_the_day_adds_what_it_cost_to_what_the_day_has_cost(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    first = go(night)
    second = go(night, ["one more", *TEXTS], hours=1)
    assert second.actual == paid(night) == billed(claude_simulator) > first.actual
    assert 0 < second.this_run == billed(claude_simulator) - first.actual < first.actual
    assert second.replaced > 0


def test_a_rerun_that_asks_nothing_costs_nothing_and_keeps_the_costs_of_the_day(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    first = go(night)
    again = go(night, hours=1)
    assert (again.actual, again.this_run) == (first.actual, 0)
    night.load(1)
    assert costs(night, 1).actual == first.actual == paid(night) == billed(claude_simulator)


def test_what_is_asked_again_is_on_record_in_each_round(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(truncated=0.4, expired=0.3)
    night.scanned(TEXTS)
    planned(night, trial=False)
    for shard in (1, 2, 3):
        night.create(shard)
        night.load(shard)
        settle(night, shard=night.run.shard(shard))
    found = costs(night)
    assert found.retried > 0
    assert found.actual == paid(night) == billed(claude_simulator)


def test_the_sync_lane_is_on_record_at_its_full_price(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50), lanes=LaneSettings(lane="sync"))
    night.create()
    night.load()
    settle(night, lane_factory=lane_factory)
    found = costs(night)
    assert found.actual == found.sync == paid(night) == billed(claude_simulator)
    assert [(one.lane, one.answered, one.unsure) for one in attempts(night)] == [("sync", 12, 0)]


@pytest.mark.parametrize("pack", [None, Packing(items=5)])
@pytest.mark.parametrize("lane", ["batch", "sync"])
def test_packs_and_a_cached_prompt_are_on_record_as_they_are_billed(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, lane: str, pack: Packing | None
) -> None:
    night.job = replace(JOB, system="Label what you read, and mind these examples. " * 80)
    claude_simulator.behaviour(refusal_midway=0.1, truncated=0.1, pack_drop=0.1)
    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50), lanes=LaneSettings(lane=lane), pack=pack)
    night.create()
    night.load()
    settle(night, lane_factory=lane_factory)
    found = costs(night)
    assert found.actual == paid(night) == billed(claude_simulator) > 0
    assert found.unsure_requests == 0


def counted_alone(shard: ShardFolder) -> list[PaidRecord]:
    """What the results of *shard* say by themselves, which is then on record."""
    remove(shard.paid_file(1))
    return list(spent_by(shard.run))


@pytest.mark.parametrize("pack", [None, Packing(items=3)])
def test_a_load_puts_on_record_what_the_results_by_themselves_say(
    night: Night, claude_simulator: SimulatorProcess, pack: Packing | None
) -> None:
    claude_simulator.behaviour(
        refusal=0.1, refusal_midway=0.1, truncated=0.1, errored=0.1, invalid_json=0.2, pack_drop=0.1
    )
    night.scanned([f"mail {n}" for n in range(60)])
    planned(night, trial=False, limits=Limits(rows=60), pack=pack)
    night.create()
    night.load()
    shard = night.run.shard(1)
    lines = list(read_lines(shard.results(1)))
    again = [line.replace(b'"input_tokens":', b'"input_tokens":9') for line in lines[:9]]
    strange = [b'{"custom_id":"mine"}', b"no JSON", b'{"custom_id":"other-000001","result":{"type":"expired"}}']
    with (
        atomic_output(shard.results(1)) as stream,
        pa.CompressedOutputStream(pa.PythonFile(stream, "w"), "zstd") as out,
    ):
        out.write(b"\n".join([*lines[:-2], *again, *strange]))
    remove(shard.paid_file(1))
    loaded = night.load()
    kept = shard.paid(1)
    assert [kept] == counted_alone(shard)
    assert kept is not None
    assert kept.usd == loaded.cost_usd
    assert loaded.unmatched == {"repeated": 9, "unreadable": 2, "unknown": 1}


def test_a_load_reads_the_results_once(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(path: UPath) -> list[bytes]:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(spent, "read_lines", again)
    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50))
    night.create()
    night.load()
    assert night.run.shard(1).paid(1) is not None


def test_what_was_paid_is_counted_where_a_load_died(
    night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(self: Loading, now: str) -> LoadedRecord:
        raise KeyboardInterrupt

    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50))
    night.create()
    with monkeypatch.context() as patch:
        patch.setattr(Loading, "record", die)
        with pytest.raises(KeyboardInterrupt):
            night.load()
    shard = night.run.shard(1)
    assert shard.loaded() is None
    assert [Decimal(one.usd) for one in counted_alone(shard)] == [billed(claude_simulator)]
    night.load()
    assert costs(night).actual == paid(night) == billed(claude_simulator) > 0


def test_a_budget_counts_what_may_have_been_paid_as_spent(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.behaviour(missing=0.5)
    budget = BudgetRecord(usd="1.00", scope="night")
    found = go(night, trial=False, limits=Limits(rows=50), budget=budget)
    left = Budget.of(work(night), night.run.need_plan())
    assert left is not None
    assert left.left() == 1 - found.actual - found.unsure < 1 - found.actual


def test_refusals_are_on_record_as_they_are_billed(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.behaviour(refusal=0.3, refusal_midway=0.3)
    assert go(night, trial=False).actual == paid(night) == billed(claude_simulator) > 0


def test_a_create_whose_answer_was_lost_is_paid_once_it_is_found(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50))
    claude_simulator.fault("reset_after_accept", route="create")
    with pytest.raises(ClaudeError):
        create(night.run.shard(1), night.gateway, clock=in_(0))
    lost = costs(night)
    assert lost.unsure_requests == 12
    assert lost.actual == 0 < billed(claude_simulator) <= lost.unsure
    create(night.run.shard(1), night.gateway, clock=in_(3600))
    night.load()
    found = costs(night)
    assert (found.actual, found.unsure) == (billed(claude_simulator), 0)
    assert found.actual == paid(night)


def test_a_create_that_never_arrived_is_no_cost_once_that_is_known(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50))
    claude_simulator.fault("reset_before_accept", route="create")
    with pytest.raises(ClaudeError):
        create(night.run.shard(1), night.gateway, clock=in_(0))
    assert costs(night).unsure_requests == 12
    create(night.run.shard(1), night.gateway, clock=in_(3600))
    night.load()
    found = costs(night)
    assert (found.actual, found.unsure_requests) == (billed(claude_simulator), 0)
    assert found.actual == paid(night)
    assert sum(one.unsure for one in attempts(night)) == 0


def test_the_dearest_requests_may_be_those_that_were_lost(night: Night, claude_simulator: SimulatorProcess) -> None:
    texts = ["short", "long " * 4_000, *TEXTS]
    night.scanned(texts)
    planned(night, trial=False, limits=Limits(rows=50))
    night.create()
    night.load()
    path = night.run.shard(1).results(1)
    lines = list(read_lines(path))
    name = custom_id(night.run.need_plan().shards[0].fingerprint, 1).encode()
    with atomic_output(path) as stream, pa.CompressedOutputStream(pa.PythonFile(stream, "w"), "zstd") as out:
        out.write(b"\n".join(line for line in lines if name not in line))
    remove(night.run.shard(1).paid_file(1))
    night.load()
    found = costs(night)
    assert found.unsure_requests == 1
    assert found.actual < billed(claude_simulator) <= found.actual + found.unsure


def test_results_that_never_came_may_have_been_paid(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50))
    night.create()
    found = costs(night)
    assert (found.actual, found.unsure_requests) == (0, 12)
    assert billed(claude_simulator) <= found.unsure < 10 * billed(claude_simulator)


def test_answers_that_a_batch_counts_and_its_results_do_not_hold_are_in_the_cost_as_an_estimate(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(missing=0.5)
    found = go(night, trial=False, limits=Limits(rows=50))
    assert 0 < found.missing_requests == found.unsure_requests < 12
    assert found.actual - found.missing == paid(night) < billed(claude_simulator) <= found.actual + found.unsure
    assert found.actual == found.this_run == pytest.approx(billed(claude_simulator), rel=Decimal("0.02"))


def test_a_batch_that_was_abandoned_at_its_cutoff_may_have_been_paid_until_its_results_are_here(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50))
    abandon(night.run.shard(1), night.create(), now=clock()())
    assert costs(night).unsure_requests == 12
    night.load()
    found = costs(night)
    assert (found.actual, found.unsure_requests) == (billed(claude_simulator), 0)


def test_what_was_under_way_when_a_worker_of_the_sync_lane_was_killed_may_have_been_paid(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50), lanes=LaneSettings(lane="sync"))
    night.create()
    night.load()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SyncAttempt, "carry_on", lambda *_: (_ for _ in ()).throw(PendingError("killed", 1.0)))
        with pytest.raises(PendingError):
            settling(night, lane_factory=lane_factory).go_on()
    (number,) = [n for n in night.run.shard(1).attempts() if n > 1]
    dead = Lease(night.run.shard(1), number, in_(0))
    dead.under_way = 5
    dead.renew(3)
    settle(night, lane_factory=lane_factory, clock=in_(2 * LEASE_SECONDS))
    found = costs(night)
    assert found.actual == billed(claude_simulator)
    assert found.unsure_requests == 5
    assert found.unsure > 0


def test_a_request_that_ended_without_an_answer_may_have_been_paid(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50), lanes=LaneSettings(lane="sync"))
    night.create()
    night.load()
    claude_simulator.fault("reset_after_accept", route="messages")
    settle(night, lane_factory=lane_factory)
    found = costs(night)
    assert found.unsure_requests == 1
    assert found.actual < billed(claude_simulator) <= found.actual + found.unsure


def test_answers_that_could_not_be_written_down_may_have_been_paid(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.scanned(TEXTS)
    planned(night, trial=False, limits=Limits(rows=50), lanes=LaneSettings(lane="sync"))
    night.create()
    night.load()

    def refuse(_journal: Journal, _lines: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "write", refuse)
        patched.setattr("airflow_provider_claude.stages.sync.answer_writer.WRITE_PAUSES", ())
        with pytest.raises(OSError, match="disk is full"):
            settling(night, lane_factory=lane_factory).go_on()
    lost = billed(claude_simulator)
    settle(night, lane_factory=lane_factory)
    found = costs(night)
    assert 0 < found.unsure_requests <= 12
    assert lost <= found.unsure
    assert found.actual < billed(claude_simulator) <= found.actual + found.unsure


def test_a_trial_whose_answer_was_lost_may_have_been_paid_and_one_that_was_refused_was_not(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    claude_simulator.fault("billing", route="messages")
    with pytest.raises(ClaudeError):
        planned(night)
    assert [(one.answered, one.unsure) for one in spent_by(night.run)] == [(0, 0)]
    claude_simulator.fault("reset_after_accept", route="messages")
    with pytest.raises(ClaudeError):
        planned(night)
    planned(night)
    assert [(one.answered, one.unsure) for one in spent_by(night.run)] == [(0, 0), (0, 1), (1, 0)]
    (record,) = work(night).spending.read("2026-11")
    assert record.open


def test_a_run_whose_files_were_removed_and_that_is_run_again_keeps_what_it_had_cost(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    go(night)
    remove(night.run.path)
    found = go(night, [f"other {n}" for n in range(12)], hours=2)
    assert found.actual == paid(night) == billed(claude_simulator)
    assert found.this_run < found.actual


def test_a_run_that_is_planned_before_a_month_ends_and_sends_after_it_is_in_the_month_in_which_it_sends(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    scan_by_hand(night.run, TEXTS)
    shards = planned(night, trial=False)
    tick = later(0)

    def december() -> str:
        return tick().replace("2026-11-23", "2026-12-01")

    for shard in shards:
        create(night.run.shard(shard), night.gateway, clock=december)
    assert [(record.run, record.open) for record in work(night).spending.read("2026-12")] == [("dag/day", True)]
    for shard in shards:
        load(night.run.shard(shard), night.job, night.gateway, clock=december)
    report(night.run, output=None, clock=december)
    records = [record for month in ("2026-11", "2026-12") for record in work(night).spending.read(month)]
    assert [record.open for record in records] == [False, False]
    (record,) = work(night).spending.read("2026-12")
    assert sum(Decimal(one.usd) for one in record.attempts) == billed(claude_simulator) > 0


class TestBook:
    """The record itself."""

    @staticmethod
    def one(number: int, usd: str = "1", at: str = "2026-11-23T00:00:00+00:00") -> PaidRecord:
        return PaidRecord(shard=1, attempt=number, at=at, lane="batch", model="m", requests=1, answered=1, usd=usd)

    def test_what_is_on_record_is_never_changed_and_the_last_record_of_a_run_counts(self, tmp_path: Path) -> None:
        book, now = SpendingBook(UPath(tmp_path)), "2026-11-23T09:00:00+00:00"
        book.add("a/b", [self.one(1)], open_=True, now=now)
        before = {name: (tmp_path / "2026-11" / name).read_bytes() for name in list_names(UPath(tmp_path) / "2026-11")}
        book.add("a/b", [self.one(2)], open_=False, now=now)
        (record,) = book.read("2026-11")
        assert [one.attempt for one in record.attempts] == [1, 2]
        assert not record.open
        assert all((tmp_path / "2026-11" / name).read_bytes() == data for name, data in before.items())

    def test_the_same_is_not_written_twice(self, tmp_path: Path) -> None:
        book, now = SpendingBook(UPath(tmp_path)), "2026-11-23T09:00:00+00:00"
        for _ in range(3):
            assert book.add("a/b", [self.one(1)], open_=False, now=now) == [self.one(1)]
        assert len(list_names(UPath(tmp_path) / "2026-11")) == 1

    def test_of_many_who_write_at_once_none_loses_an_attempt(self, tmp_path: Path) -> None:
        book, now = SpendingBook(UPath(tmp_path)), "2026-11-23T09:00:00+00:00"
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: book.add("a/b", [self.one(n)], open_=False, now=now), range(16)))
        (record,) = book.read("2026-11")
        assert [one.attempt for one in record.attempts] == list(range(16))

    def test_an_attempt_is_in_the_month_in_which_it_was_sent(self, tmp_path: Path) -> None:
        book = SpendingBook(UPath(tmp_path))
        october = self.one(1, at="2026-10-31T23:59:00+00:00")
        found = book.add("a/b", [october, self.one(2)], open_=False, now="2026-11-01T01:00:00+00:00")
        assert found == [october, self.one(2)]
        assert [record.attempts for record in book.read("2026-10")] == [[october]]
        assert [record.attempts for record in book.read("2026-11")] == [[self.one(2)]]

    def test_runs_with_alike_names_have_records_of_their_own(self, tmp_path: Path) -> None:
        book, now = SpendingBook(UPath(tmp_path)), "2026-11-23T09:00:00+00:00"
        for run in ("a/b", "a-b", "a b", ""):
            book.add(run, [self.one(1)], open_=False, now=now)
        assert sorted(record.run for record in book.read("2026-11")) == ["", "a b", "a-b", "a/b"]
