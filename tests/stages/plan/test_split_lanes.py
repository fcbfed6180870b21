"""A run of which the sync lane makes a part: it gets exactly as many rows as it should."""

from __future__ import annotations

import msgspec
import pytest

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.settle.run import Settled
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.store import PlanRecord, write_record
from tests.stages.conftest import Night, clock, scan_by_hand
from tests.stages.settle.test_settle import settling

TEXTS = [f"mail {n}" for n in range(40)]

#: The sync lane makes two rows a minute, and the answers are due in about ten.
SLOW = LaneSettings(
    limits=AccountLimits(requests=2, input_tokens=10**9, output_tokens=10**9), reserve=0, margin=0, lead=1
)
DUE = "2026-11-23T00:10:00+00:00"


def mixed(night: Night, *, rows: int = 15, deadline: str | None = DUE) -> PlanRecord:
    settings = Settings(limits=Limits(rows=rows), trial=False, deadline=deadline, lanes=SLOW)
    return plan(night.run, night.job, night.gateway, settings=settings, clock=clock())


def by_sync(record: PlanRecord) -> int:
    return sum(spec.rows - spec.reused for spec in record.shards if spec.lane == "sync")


@pytest.mark.parametrize(("rows", "short"), [(40, 0), (7, 0), (14, 0), (15, 1)])
def test_the_sync_lane_gets_exactly_its_rows_and_one_fewer_rather_than_two_batches_of_one_size(
    night: Night, rows: int, short: int
) -> None:
    night.scanned(TEXTS)
    record = mixed(night, rows=rows)
    assert record.lanes.lane == "mixed"
    assert by_sync(record) == record.lanes.sync_rows - short > 0
    items = [n for spec in record.shards for n in range(spec.start, spec.stop)]
    assert sorted(items) == list(range(40))
    assert [spec.number for spec in record.shards] == list(range(1, len(record.shards) + 1))


def test_both_parts_of_a_shard_that_was_cut_are_answered_and_the_ledger_closes(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS, duplicates=(0, 39))
    record = mixed(night)
    _hurry(night)
    sent = {spec.number: night.create(spec.number) for spec in record.shards}
    assert {number for number, batch_id in sent.items() if batch_id} == {3, 4}
    for spec in record.shards:
        night.load(spec.number)
        shard = night.run.shard(spec.number)
        while not isinstance(settling(night, shard=shard, lane_factory=lane_factory).go_on(), Settled):
            pass
    assert report(night.run, output=None, clock=clock()).ledger.answered == 42
    books = claude_simulator.books()
    assert books["same_content"]["requests"] == 0
    assert books["messages"]["requests"] == by_sync(record)


def _hurry(night: Night) -> None:
    """The account is quicker than the plan says: a test has no ten minutes."""
    record = night.run.need_plan()
    limits = AccountLimits(requests=10**6, input_tokens=10**9, output_tokens=10**9)
    lanes = msgspec.structs.replace(record.lanes, limits=limits)
    write_record(night.run.file("plan.json"), msgspec.structs.replace(record, lanes=lanes))


def test_items_that_are_answered_already_are_no_rows_of_the_sync_lane(night: Night) -> None:
    night.scanned(TEXTS[:10])
    night.plan(rows=10)
    night.create()
    night.load()
    scan_by_hand(night.run, TEXTS, at="2026-11-24T00:00:00+00:00")
    record = mixed(night)
    assert sum(spec.reused for spec in record.shards) == 10
    assert by_sync(record) == record.lanes.sync_rows > 0


def test_a_shard_whose_batch_is_on_its_way_is_not_cut(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    mixed(night, deadline=None)
    claude_simulator.pace("polls:99")
    batch_id = night.create(2)
    record = mixed(night)
    assert [(spec.number, spec.lane) for spec in record.shards] == [(1, "sync"), (2, "batch"), (3, "batch")]
    assert night.create(2) == batch_id
    assert claude_simulator.calls().get("cancel", 0) == 0
