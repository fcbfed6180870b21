from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from upath import UPath

from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.core.view.run_view import RunView, flow_of
from airflow_provider_claude.core.view.shards import Stage
from airflow_provider_claude.core.view.verdict import AirflowSide, Level, verdict
from airflow_provider_claude.errors import LedgerError, StateError
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.view.look import began, look, report_of
from airflow_provider_claude.store import (
    AbandonedRecord,
    ActiveRecord,
    LeaseRecord,
    RunFolder,
    SettledRecord,
    snapshot,
    write_record,
)
from tests.stages.run_folder import MIDNIGHT, Night, Shard, at, build

HOUR = 3600.0
FOUR = MIDNIGHT.timestamp() + 4 * HOUR


def seen(run: RunFolder, run_id: str = "r1") -> RunView:
    view = look(run.path, now=FOUR, dag_id="nightly", run_id=run_id)
    assert view is not None
    return view


def active(run: RunFolder, run_id: str, minutes: float = 0.0) -> None:
    """Put on record that the run *run_id* was active in *run*, from so many minutes on."""
    me = ActiveRun(dag_id="nightly", run_id=run_id, task="scan")
    run.actives.append(ActiveRecord(run=me, since=at(minutes), until=at(minutes + 20), ended=True))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A night with a deadline at nine in Berlin; the last of its three shards is with the API."""
    shards = [Shard(answered=5), Shard(answered=3, failed={"refused": 2}, repeats=1), Shard(answered=5)]
    run = build(UPath(tmp_path / "night"), Night(shards=shards, quarantined={"override": 2}))
    plan = run.need_plan()
    specs = [msgspec.structs.replace(spec, fingerprint=f"{spec.number:064d}") for spec in plan.shards]
    lanes = msgspec.structs.replace(
        plan.lanes, safe_deadline="2026-11-22T08:50:00+01:00", row_seconds=10.0, lead_seconds=600.0
    )
    write_record(run.file("plan.json"), msgspec.structs.replace(plan, shards=specs, lanes=lanes, zone="Europe/Berlin"))
    for spec in specs:
        shard = run.shard(spec.number)
        intent, loaded = shard.intent(1), shard.loaded()
        assert intent is not None
        assert loaded is not None
        write_record(shard.file("1.intent.json"), msgspec.structs.replace(intent, shard_fingerprint=spec.fingerprint))
        write_record(
            shard.file("loaded.json"),
            msgspec.structs.replace(loaded, shard_fingerprint=spec.fingerprint, cost_usd="0.25"),
        )
        shard.results(1).write_bytes(b"")
    active(run, "r1")
    for name in ("loaded.json", "1.ended.json", "1.results.jsonl.zst"):
        Path(run.shard(2).file(name).path).unlink()
    return run


def test_a_look_has_the_stage_the_rows_and_the_cost_of_every_shard(run: RunFolder) -> None:
    view = seen(run)
    assert [shard.stage for shard in view.shards] == [Stage.DONE, Stage.LOADED, Stage.IN_BATCH]
    assert view.spent == Decimal("0.50")
    assert view.shards[2].batch_id == "msgbatch_2"
    assert view.expected is not None
    assert view.expected > view.spent


def test_a_look_counts_the_requests_of_the_sync_lane_that_the_account_had_no_room_for(run: RunFolder) -> None:
    shard = run.shard(2)
    intent, plan = shard.intent(1), run.need_plan()
    assert intent is not None
    asked = msgspec.structs.replace(
        intent, attempt=2, round=2, lane="sync", shard_fingerprint=plan.shard(2).fingerprint
    )
    write_record(shard.file("2.intent.json"), asked)
    for number, refused in ((1, 3), (2, 4)):
        lease = LeaseRecord(attempt=2, number=number, until=at(99), done=1, rate_limited=refused)
        shard.leases(2).write_new(number, lease)
    view = seen(run)
    assert (view.rate_limited, view.shards[2].rate_limited) == (7, 7)


def test_a_shard_whose_rows_are_settled_is_done(run: RunFolder) -> None:
    record = SettledRecord(shard_fingerprint=f"{1:064d}", round=1, at=at(90))
    write_record(run.shard(1).file("settled.json"), record)
    assert seen(run).shards[1].stage is Stage.DONE


def test_what_is_loaded_of_other_rows_does_not_count(run: RunFolder) -> None:
    plan = run.need_plan()
    other = [msgspec.structs.replace(spec, fingerprint="e" * 64) for spec in plan.shards]
    write_record(run.file("plan.json"), msgspec.structs.replace(plan, shards=other))
    assert [shard.stage for shard in seen(run).shards] == [Stage.NOT_SENT] * 3


def test_before_the_report_the_flow_counts_what_is_loaded_with_its_duplicates(run: RunFolder) -> None:
    flow = flow_of(seen(run))
    assert flow is not None
    assert (flow.inputs, flow.answered, flow.failed, flow.quarantined, flow.open) == (18, 9, 2, 2, 5)


def test_the_outlook_is_that_of_the_lane_and_the_cutoff_lies_before_it(run: RunFolder) -> None:
    view = seen(run)
    assert view.outlook is not None
    assert view.outlook.open_rows == 5
    assert verdict(view, AirflowSide()).headline == (
        "2 of 3 shards loaded. If no other batch ends, all rows are answered by 08:50 CET: 09:00 CET is safe."
    )
    assert view.planned is not None
    assert view.planned.safe_deadline is not None
    assert view.cutoffs == {2: view.planned.safe_deadline - 5 * 10.0 - 600.0}


def test_a_batch_whose_cutoff_has_come_is_shown_as_abandoned(run: RunFolder) -> None:
    write_record(run.shard(2).file("1.abandoned.json"), AbandonedRecord(attempt=1, batch_id="msgbatch_2", at=at(400)))
    view = seen(run)
    assert view.shards[2].abandoned
    assert view.cutoffs == {}


@pytest.fixture
def red(run: RunFolder) -> RunFolder:
    """The same with its report, which misses the rows of a shard."""
    with pytest.raises(LedgerError):
        report(run, output=None, clock=lambda: at(300))
    return run


def test_after_the_report_the_report_is_shown(red: RunFolder) -> None:
    view = seen(red)
    assert view.report is not None
    assert view.outlook is None
    assert verdict(view, AirflowSide(state="failed")).word == "red"


def test_on_an_object_store_the_report_says_how_the_shards_ended_without_their_records(
    red: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = UPath(f"memory:///{red.path.parent.name}")
    for path in Path(red.path.path).rglob("*.json"):
        (there / str(path.relative_to(red.path.path))).write_bytes(path.read_bytes())
    names: list[str] = []
    whole = snapshot.read_record
    monkeypatch.setattr(snapshot, "read_record", lambda path, kind: (names.append(path.name), whole(path, kind))[1])
    far = seen(RunFolder(there))
    assert not any(name in names for name in ("loaded.json", "1.intent.json", "1.ended.json"))
    near = seen(red)
    assert flow_of(far) == flow_of(near)
    assert [(one.number, one.rows, one.is_loaded) for one in far.shards] == [
        (one.number, one.rows, one.is_loaded) for one in near.shards
    ]


def test_a_report_that_is_older_than_the_plan_is_not_shown(red: RunFolder) -> None:
    write_record(red.file("plan.json"), msgspec.structs.replace(red.need_plan(), created_at=at(400)))
    assert seen(red).report is None


def test_a_damaged_report_is_an_error_and_never_taken_for_none(red: RunFolder) -> None:
    (red.path / "report.json").write_bytes(b"{}")
    with pytest.raises(StateError, match="not a readable Summary"):
        seen(red)


@pytest.mark.parametrize("name", ["scan.json", "plan.json"])
def test_a_run_that_has_only_begun_is_shown_as_far_as_it_is(run: RunFolder, name: str) -> None:
    Path(run.file(name).path).unlink()
    view = seen(run)
    assert (view.scanned is None, view.planned, view.shards) == (name == "scan.json", None, ())


def test_a_folder_is_of_the_runs_that_were_active_in_it_and_shows_the_last(run: RunFolder) -> None:
    active(run, "r2")
    assert [began(run, "nightly", name) is not None for name in ("r1", "r2", "r3")] == [True, True, False]
    assert seen(run).taken_over == "r2 of nightly"
    assert seen(run, "r2").taken_over is None
    assert look(run.path, now=FOUR, dag_id="another", run_id="r1") is None
    assert look(run.path, now=FOUR, dag_id="nightly", run_id="r3") is None


def test_what_an_earlier_run_of_the_day_has_left_is_not_shown_as_this_one_s(red: RunFolder) -> None:
    active(red, "r2", minutes=500)
    again = seen(red, "r2")
    assert (again.scanned, again.planned, again.report, again.shards) == (None, None, None, ())
    assert verdict(again, AirflowSide(state="failed")).level is Level.BAD
    assert report_of(red.path, "nightly", "r2") is None
    write_record(red.file("scan.json"), msgspec.structs.replace(red.need_scan(), finished_at=at(501)))
    assert verdict(seen(red, "r2"), AirflowSide()).word == "planning"
    plan = red.plan()
    assert plan is not None
    write_record(red.file("plan.json"), msgspec.structs.replace(plan, scanned_at=at(501), created_at=at(502)))
    again = seen(red, "r2")
    assert (len(again.shards), again.report) == (3, None)


def test_the_report_of_a_run_is_there_for_it_until_another_run_uses_the_folder(red: RunFolder) -> None:
    assert report_of(red.path, "nightly", "r1") is not None
    assert report_of(red.path, "nightly", "r3") is None
    active(red, "r2", minutes=500)
    assert report_of(red.path, "nightly", "r1") is None
    first = seen(red)
    assert first.report is not None
    assert first.taken_over == "r2 of nightly"


def test_a_second_look_at_a_run_that_has_not_changed_reads_and_makes_nothing_again(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = seen(run)

    def never(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr("airflow_provider_claude.stages.view.look._shard", never)
    monkeypatch.setattr("airflow_provider_claude.store.snapshot.read_record", never)
    assert seen(run).shards == first.shards
