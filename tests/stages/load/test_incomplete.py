"""Results that are not whole are read again, then used as they are; what was paid and is missing is in the cost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pyarrow as pa
import pytest
from upath import UPath

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import (
    ApiUnavailableError,
    CredentialsError,
    IncompleteError,
    LedgerError,
    PendingError,
)
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.fetch import copy_results, download
from airflow_provider_claude.stages.fetch.download import Download
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.settle.run import Waiting
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import LoadedRecord, LooksRecord, RunFolder
from airflow_provider_claude.store.results import read_lines
from tests.stages.conftest import Night, clock, patient
from tests.stages.settle.test_settle import settle, settling
from tests.stages.submit.test_recover import in_
from tests.stages.submit.test_recover import later as create_later

#: Texts of one length, so that the mean of the answers is what each of them costs.
TEXTS = [f"mail {n:02d}" for n in range(20)]


@pytest.fixture
def night(night: Night, monkeypatch: pytest.MonkeyPatch) -> Night:
    """A batch of 20 requests that has been sent. A failing API is not asked again at once."""
    monkeypatch.setattr(download, "BLIP_SECONDS", 0.0)
    night.run = RunFolder(UPath(Path(night.run.path.path).parent / "work" / "day"))
    night.scanned(TEXTS)
    settings = Settings(limits=Limits(rows=50), trial=False, work=night.run.path.parent, partition="2026-11-22")
    plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    night.create()
    return night


def look(night: Night, seconds: float = 0.0) -> LoadedRecord:
    """One try of the load, *seconds* from now."""
    return load(night.run.shard(1), night.job, night.gateway, clock=in_(seconds))


def looks(night: Night) -> LooksRecord:
    found = night.run.shard(1).looks(1)
    assert found is not None
    return found


def settled(night: Night) -> LoadedRecord:
    return patient(lambda now: settle(night, clock=now))


def billed(simulator: SimulatorProcess) -> Decimal:
    return Decimal(simulator.books()["total"]["cost_usd"])


def reported(night: Night):  # type: ignore[no-untyped-def]
    return report(night.run, output=None, clock=in_(0))


def test_results_that_end_early_are_read_again_and_no_row_is_asked_twice(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("short_results", times=4, share=0.7)
    assert night.load().outcomes == {"succeeded": 20}
    assert settled(night).outcomes == {"succeeded": 20}
    assert (claude_simulator.calls()["create"], claude_simulator.calls()["results"]) == (1, 5)
    summary = reported(night)
    assert summary.costs.actual == billed(claude_simulator)
    assert (summary.costs.missing_requests, summary.warnings) == (0, [])
    assert not night.run.shard(1).looks_file(1).exists()
    assert not night.run.shard(1).short(1).exists()


@pytest.mark.parametrize("fault", ["short_results", "torn_results"])
def test_what_stays_short_is_asked_again_and_both_costs_are_reported(
    night: Night, claude_simulator: SimulatorProcess, fault: str
) -> None:
    claude_simulator.fault(fault, times=None, share=0.7)
    first = night.load()
    claude_simulator.clear_faults()
    lost = first.outcomes["missing"]
    assert 4 <= lost <= 8
    assert f"name {20 - lost} of 20 requests" in night.unresolved()["reason"][0].as_py()
    assert settled(night).outcomes == {"succeeded": 20}
    summary = reported(night)
    assert summary.costs.missing_requests == lost
    assert summary.costs.actual == billed(claude_simulator)
    paid_twice = claude_simulator.books()["same_content"]["requests"]
    again = [text for text in summary.warnings if "asked again" in text]
    assert paid_twice == lost
    assert [f"{lost} rows had to be asked again" in text for text in again] == [True]
    assert any("never came whole" in text and "Shard 1, attempt 1" in text for text in summary.warnings)
    assert "an estimate" in summary.costs.sentence()


def test_looks_are_counted_on_disk_and_minutes_have_to_pass(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.fault("short_results", times=None, share=0.7)
    for number in range(1, 12):
        with pytest.raises(IncompleteError) as error:
            look(night)
        assert looks(night).looks == number
        assert (error.value.retry_after or 0) >= 10
    assert not night.run.shard(1).results(1).exists()
    assert look(night, 400).outcomes["missing"] > 0
    assert looks(night).final


def test_the_task_is_deferred_between_two_looks_and_holds_no_worker(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    from airflow.providers.common.compat.sdk import TaskDeferred
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger

    from airflow_provider_claude.operators.load import ClaudeResultLoadOperator

    claude_simulator.fault("short_results", times=2, share=0.7)
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="load", map_index=-1)
    operator = ClaudeResultLoadOperator(task_id="load", shard=str(night.run.shard(1)), job=night.job)
    for act in (operator.execute, operator.resume):
        with pytest.raises(TaskDeferred) as deferred:
            act({"ti": ti})  # type: ignore[typeddict-item]
        assert isinstance(deferred.value.trigger, DateTimeTrigger)
        assert deferred.value.method_name == "resume"
    assert operator.resume({"ti": ti})["outcomes"] == {"succeeded": 20}  # type: ignore[typeddict-item]


def test_the_best_of_the_looks_is_used(night: Night, claude_simulator: SimulatorProcess) -> None:
    for share in (0.3, 0.9, 0.1):
        claude_simulator.fault("short_results", share=share)
    claude_simulator.fault("short_results", share=0.2, times=None)
    loaded = night.load()
    assert loaded.outcomes["missing"] <= 3
    assert loaded.outcomes["succeeded"] == looks(night).best


@pytest.mark.parametrize("fault", ["strange_results", "short_results"])
def test_a_round_whose_results_name_none_of_its_requests_ends_as_missing_with_its_reason(
    night: Night, claude_simulator: SimulatorProcess, fault: str
) -> None:
    claude_simulator.fault(fault, times=None, share=0.0)
    assert night.load().outcomes == {"missing": 20}
    assert "name none of the 20 requests" in night.unresolved()["reason"][0].as_py()
    claude_simulator.clear_faults()
    assert settled(night).outcomes == {"succeeded": 20}
    summary = reported(night)
    assert summary.costs.missing_requests == 20
    # No answer of the first batch tells what one costs: the plan does.
    assert summary.costs.actual == pytest.approx(billed(claude_simulator), rel=Decimal("0.6"))
    assert summary.costs.actual + summary.costs.unsure >= billed(claude_simulator)


def test_rounds_that_never_name_a_request_come_to_an_end(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.fault("strange_results", times=None)
    night.load()
    assert settled(night).outcomes == {"missing": 20}
    assert claude_simulator.calls()["create"] <= 4


def test_results_that_cannot_be_downloaded_end_as_missing_after_an_hour_of_tries(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("error_500", route="results", times=None)
    for _ in range(10):
        with pytest.raises(IncompleteError, match="could not be read"):
            look(night, 1800)
    assert look(night, 1800 + 3700).outcomes == {"missing": 20}
    assert "could not be read" in night.unresolved()["reason"][0].as_py()


@pytest.mark.parametrize("fault", ["bad_request", "permission", "bad_key"])
def test_results_that_are_refused_end_as_missing_after_an_hour_of_tries_and_are_in_the_cost(
    night: Night, claude_simulator: SimulatorProcess, fault: str
) -> None:
    claude_simulator.fault(fault, route="results", times=None)
    for seconds in (0, 60, 600, 1800, 2400, 3500):
        with pytest.raises(IncompleteError, match=r"could not be read.*HTTP 4"):
            look(night, seconds)
    assert look(night, 3700).outcomes == {"missing": 20}
    assert "HTTP 4" in night.unresolved()["reason"][0].as_py()
    claude_simulator.clear_faults()
    assert settled(night).outcomes == {"succeeded": 20}
    costs = reported(night).costs
    assert costs.missing_requests == 20
    assert "an estimate" in costs.sentence()
    assert costs.actual + costs.unsure >= billed(claude_simulator)


@pytest.mark.parametrize(("fault", "error"), [("permission", CredentialsError), ("bad_key", CredentialsError)])
def test_a_key_that_is_refused_for_the_batch_as_well_makes_no_row_missing(
    night: Night, claude_simulator: SimulatorProcess, fault: str, error: type[Exception]
) -> None:
    for route in ("results", "retrieve"):
        claude_simulator.fault(fault, route=route, times=None)
    for seconds in range(0, 8000, 1000):
        with pytest.raises(error):
            look(night, seconds)
    assert night.run.shard(1).looks(1) is None
    claude_simulator.clear_faults()
    assert look(night, 9000).outcomes == {"succeeded": 20}


def test_results_that_are_refused_in_an_outage_of_the_rest_are_not_abandoned(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    submitted(night)
    claude_simulator.fault("permission", route="results", times=None)
    claude_simulator.fault("error_500", route="retrieve", times=None)
    for _ in range(6):
        with pytest.raises(IncompleteError):
            look(night)
    with pytest.raises(ApiUnavailableError):
        look(night, 4000)


def test_beyond_the_cutoff_the_rows_are_not_waited_for_an_hour(
    night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_claude.stages.load.run.too_late", lambda *_: True)
    claude_simulator.fault("error_500", route="results", times=None)
    for _ in range(4):
        with pytest.raises(IncompleteError):
            look(night)
    assert look(night, 60).outcomes == {"missing": 20}


def test_a_look_that_failed_does_not_keep_a_later_one_from_being_used(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("error_500", route="results")
    claude_simulator.fault("short_results", times=None, share=0.7)
    loaded = night.load()
    assert loaded.outcomes["succeeded"] == looks(night).best > 10


def test_results_that_are_short_after_an_outage_are_read_for_minutes_all_the_same(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("error_500", route="results", times=6)
    for seconds in range(0, 3600, 600):
        with pytest.raises(IncompleteError, match="could not be read"):
            look(night, seconds)
    claude_simulator.fault("short_results", share=0.7)
    with pytest.raises(IncompleteError, match="of 20 requests"):
        look(night, 3700)
    assert look(night, 3710).outcomes == {"succeeded": 20}


def test_looks_that_fail_and_looks_that_are_short_in_turn_come_to_an_end(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    seconds = 0
    for _ in range(30):
        claude_simulator.fault("error_500", route="results")
        claude_simulator.fault("short_results", share=0.7)
        for _ in range(2):
            seconds += 60
            try:
                loaded = look(night, seconds)
            except IncompleteError:
                continue
            assert loaded.outcomes["missing"] > 0
            return
    raise AssertionError("The looks come to no end.")


def test_an_outage_of_the_whole_api_gives_no_batch_up(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.fault("error_500", times=None)
    for _ in range(6):
        with pytest.raises(IncompleteError):
            look(night)
    with pytest.raises(ApiUnavailableError):
        look(night, 4000)
    claude_simulator.clear_faults()
    assert look(night, 4001).outcomes == {"succeeded": 20}


def test_a_batch_that_the_api_does_not_know_any_more_is_abandoned(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("not_found_after_create", times=None)
    for _ in range(6):
        with pytest.raises(IncompleteError):
            look(night)
    assert look(night, 4000).outcomes == {"missing": 20}
    assert reported_cost_is_open(night)


def reported_cost_is_open(night: Night) -> bool:
    """Whether the report says that all requests may have been paid."""
    with pytest.raises(LedgerError, match="20 missing"):
        reported(night)
    return b'"unsure_requests": 20' in night.run.file("report.json").read_bytes()


def test_a_torn_line_after_all_others_is_a_cut_like_any_other(night: Night, claude_simulator: SimulatorProcess) -> None:
    whole = b"".join(night.gateway.results(submitted(night)))
    sources = iter([whole + b'{"custom_id":"x', whole])
    night.gateway.results = lambda _: iter([next(sources)])  # type: ignore[method-assign]
    with pytest.raises(IncompleteError, match="end within a line"):
        look(night)
    assert look(night).outcomes == {"succeeded": 20}


def submitted(night: Night) -> str:
    record = night.run.shard(1).submitted(1)
    assert record is not None
    assert record.batch_id is not None
    night.gateway.batch(record.batch_id)
    return record.batch_id


def test_ids_beyond_the_counts_are_left_out_and_counted(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.fault("extra_results", times=None)
    loaded = night.load()
    assert loaded.outcomes == {"succeeded": 20}
    assert loaded.unmatched == {"unknown": 20}
    assert claude_simulator.calls()["results"] == 1
    assert reported(night).costs.actual == billed(claude_simulator)


def test_an_id_that_comes_twice_counts_once(night: Night, claude_simulator: SimulatorProcess) -> None:
    lines = list(filter(None, b"".join(night.gateway.results(submitted(night))).split(b"\n")))
    twice = b"\n".join([*lines[:10], *lines[:10]]) + b"\n"
    night.gateway.results = lambda _: iter([twice])  # type: ignore[method-assign]
    loaded = night.load()
    assert loaded.outcomes == {"succeeded": 10, "missing": 10}
    assert loaded.unmatched == {"repeated": 10}
    with pytest.raises(LedgerError, match="10 missing"):
        reported(night)
    costs = msgspec.json.decode(night.run.file("report.json").read_bytes())["costs"]
    assert costs["missing_requests"] == 10
    assert Decimal(costs["actual"]) == billed(claude_simulator)


@pytest.mark.parametrize("share", [0.7, 1.0])
def test_counts_of_zero_prove_nothing(night: Night, claude_simulator: SimulatorProcess, share: float) -> None:
    claude_simulator.fault("zero_counts", times=None)
    claude_simulator.fault("short_results", times=None, share=share)
    loaded = night.load()
    assert loaded.outcomes["succeeded"] == 20 - loaded.outcomes.get("missing", 0)
    assert (loaded.outcomes.get("missing", 0) > 0) == (share < 1)
    assert any("the API counted 0 succeeded" in text for text in loaded.count_mismatches)
    claude_simulator.clear_faults()
    settled(night)
    costs = reported(night).costs
    assert costs.unsure_requests == loaded.outcomes.get("missing", 0)
    assert costs.actual <= billed(claude_simulator) <= costs.actual + costs.unsure


def test_counts_of_zero_are_looked_up_again(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.fault("zero_counts")
    claude_simulator.fault("short_results", share=0.5)
    loaded = night.load()
    assert (loaded.outcomes, loaded.count_mismatches) == ({"succeeded": 20}, [])


def test_counts_that_are_not_those_of_the_row_types_are_reported_and_what_may_be_paid_is_counted(
    night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = night.gateway.batch
    claude_simulator.behaviour(errored=0.0)

    def other(batch_id: str) -> BatchInfo:
        info = real(batch_id)
        return msgspec.structs.replace(info, counts={**info.counts, "succeeded": 18, "errored": 2})

    monkeypatch.setattr(night.gateway, "batch", other)
    loaded = night.load()
    assert loaded.outcomes == {"succeeded": 20}
    assert [text.split(": ")[1] for text in loaded.count_mismatches] == [
        "the API counted 18 succeeded, its results hold 20",
        "the API counted 2 errored, its results hold 0",
    ]
    assert reported(night).costs.actual == billed(claude_simulator)


def test_answers_that_were_counted_as_succeeded_and_came_as_errors_are_paid(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    lines = list(filter(None, b"".join(night.gateway.results(submitted(night))).split(b"\n")))
    failed = [
        b'{"custom_id":"' + line.split(b'"', 4)[3] + b'","result":{"type":"errored","error":{"error":'
        b'{"type":"api_error","message":"x"}}}}'
        for line in lines[:2]
    ]
    night.gateway.results = lambda _: iter([b"\n".join([*failed, *lines[2:]])])  # type: ignore[method-assign]
    assert night.load().outcomes == {"succeeded": 18, "errored": 2}
    costs = reported(night).costs
    assert (costs.missing_requests, costs.actual) == (2, billed(claude_simulator))


def test_a_line_that_is_too_long_is_left_out_and_its_row_missing(
    night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_results, "MAX_LINE", 5_000)
    whole = b"".join(night.gateway.results(submitted(night)))
    first, rest = whole.split(b"\n", 1)
    huge = [first[:-1], *[b" " * 4_000] * 9, b"}\n"]
    night.gateway.results = lambda _: iter([*huge, rest])  # type: ignore[method-assign]
    assert night.load().outcomes == {"succeeded": 19, "missing": 1}


def test_results_without_an_end_are_left_where_no_answers_could_be_so_large(
    night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_results, "EACH_BYTES", 5_000)
    monkeypatch.setattr(copy_results, "MORE_BYTES", 0)
    whole = b"".join(night.gateway.results(submitted(night)))
    night.gateway.results = lambda _: itertools.chain([whole], itertools.repeat(whole))  # type: ignore[method-assign]
    with pytest.raises(IncompleteError, match="more bytes than answers"):
        look(night)
    assert night.load().outcomes == {"succeeded": 20}


def test_an_adopted_batch_that_is_anothers_is_abandoned_also_where_its_results_are_short(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    mine, other = (Night(RunFolder(UPath(f"{night.run}-{name}")), night.gateway) for name in ("mine", "other"))
    claude_simulator.fault("error_500", route="create")
    mine.scanned(TEXTS[:5]).plan(rows=50)
    with pytest.raises(ApiUnavailableError):
        create(mine.run.shard(1), night.gateway, clock=in_(0))
    other.scanned(TEXTS[5:10]).plan(rows=50)
    theirs = create(other.run.shard(1), night.gateway, clock=in_(0))
    assert create_later(mine.run.shard(1), mine) == theirs
    claude_simulator.fault("short_results", times=None, share=0.6)
    with pytest.raises(IncompleteError):
        look(mine)
    assert mine.load().outcomes == {"missing": 5}
    voided = mine.run.shard(1).voided(1)
    assert voided is not None
    assert voided.batch_id == theirs


def test_a_batch_of_unresolved_rows_that_the_api_does_not_know_any_more_is_abandoned(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("short_results", times=None, share=0.7)
    lost = night.load().outcomes["missing"]
    claude_simulator.clear_faults()
    claude_simulator.pace("polls:3")
    assert isinstance(settling(night).go_on(), Waiting)
    claude_simulator.fault("not_found_after_create", times=None)
    for _ in range(6):
        with pytest.raises(IncompleteError):
            settle(night, clock=in_(0))
    with pytest.raises(IncompleteError):  # the next round
        settle(night, clock=in_(4000))
    claude_simulator.clear_faults()
    claude_simulator.pace("instant")
    assert patient(
        lambda now: settle(night, clock=now),
    ).outcomes == {"succeeded": 20}
    assert claude_simulator.books()["same_content"]["requests"] >= lost


def test_a_round_that_has_ended_and_is_never_loaded_does_not_turn_in_circles(
    night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude_simulator.fault("short_results", times=None, share=0.0)
    night.load()
    claude_simulator.pace("polls:3")
    waiting = settling(night).go_on()
    assert isinstance(waiting, Waiting)
    while night.gateway.batch(waiting.batch_id).status != "ended":
        pass

    def not_yet(*_: object) -> None:
        raise PendingError("not yet", 1.0)

    monkeypatch.setattr(Download, "fetch", not_yet)
    with pytest.raises(PendingError, match="attempt 2 has no results yet"):
        settling(night).go_on()


def test_a_batch_that_has_ended_and_does_not_say_when_is_loaded(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    real = night.gateway.batch
    monkeypatch.setattr(night.gateway, "batch", lambda name: msgspec.structs.replace(real(name), ended_at=None))
    assert night.load().outcomes == {"succeeded": 20}


def test_no_results_at_all_can_be_read_back(tmp_path: Path) -> None:
    path = UPath(tmp_path / "empty.zst")
    with path.open("wb") as stream, pa.CompressedOutputStream(pa.PythonFile(stream, "w"), "zstd"):
        pass
    assert list(read_lines(path)) == []


def lines_of(chunks: list[bytes]) -> Iterator[tuple[list[bytes], bool]]:
    return copy_results._lines(chunks)


def test_lines_are_cut_at_newlines_wherever_the_chunks_end() -> None:
    data = b'{"a":1}\r\n\n{"b":"\xe2\x80\xa8"}\n{"c":3}'
    expected = [b'{"a":1}\r', b'{"b":"\xe2\x80\xa8"}', b'{"c":3}']
    for size in range(1, len(data) + 1):
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        found = list(lines_of(chunks))
        assert [line for lines, _ in found for line in lines] == expected
        assert [ended for _, ended in found][-1] is False
