from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_claude.core.plan.cut_shards import MAX_SHARDS
from airflow_provider_claude.core.requests.request_params import MARKER_BYTES
from airflow_provider_claude.errors import CredentialsError, JobError, RequestRejectedError, StateError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.report.run import report
from tests.stages.conftest import Night, clock

TEXTS = [f"I love it, mail {n}" for n in range(16)]


def test_items_are_cut_into_shards_of_the_asked_size(night: Night) -> None:
    shards = night.scanned(TEXTS).plan(rows=5).shards
    assert [(s.number, s.start, s.stop) for s in shards] == [(1, 0, 5), (2, 5, 10), (3, 10, 15), (4, 15, 16)]


def test_planning_twice_gives_the_same_fingerprints(night: Night) -> None:
    night.scanned(TEXTS)
    assert night.plan().shards == night.plan().shards


def test_the_planned_bytes_of_a_shard_are_those_that_are_sent_and_room_for_cache_markers(night: Night) -> None:
    [shard] = night.scanned(["ä <b> \n"] * 3).plan().shards
    night.create()
    intent = night.run.shard(1).intent(1)
    assert intent is not None
    assert shard.bytes - intent.bytes - 3 * MARKER_BYTES in {0, 1}  # a plan counts a comma after the last row too


def test_the_trial_asks_the_first_item_once_and_keeps_its_answer(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    record = night.scanned(TEXTS, duplicates=[0]).plan(trial=True)
    night.plan(trial=True)
    assert [(s.number, s.start, s.stop, s.lane) for s in record.shards][:2] == [(0, 0, 1, "sync"), (1, 1, 6, "batch")]
    assert claude_simulator.calls()["messages"] == 1
    assert night.answers(0)["item_id"].to_pylist() == ["mail-0", "duplicate-0"]
    assert night.answers(0)["claude_lane"].to_pylist() == ["sync", "sync"]


def test_the_trial_calibrates_the_estimate(night: Night) -> None:
    estimate = night.scanned(TEXTS).plan(trial=True).estimate
    assert estimate.measured is True
    assert estimate.requests == 16


def test_a_night_of_one_mail_is_the_trial_alone(night: Night) -> None:
    assert [s.lane for s in night.scanned(TEXTS[:1]).plan(trial=True).shards] == ["sync"]


def test_an_empty_night_plans_nothing_and_calls_no_one(night: Night, claude_simulator: SimulatorProcess) -> None:
    record = night.scanned([]).plan(trial=True)
    assert record.shards == []
    assert "no rows tonight" in record.explanation[0]
    assert sum(claude_simulator.calls().values()) == 0


def test_a_wrong_parameter_fails_at_the_trial_with_the_apis_words(night: Night) -> None:
    night.job = replace(night.job, max_tokens=999_999)
    with pytest.raises(RequestRejectedError, match="max_tokens"):
        night.scanned(TEXTS).plan(trial=True)
    assert night.run.plan() is None


def test_a_bad_key_is_told_before_anything_is_sent(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.fault("bad_key")
    with pytest.raises(CredentialsError, match="401"):
        night.scanned(TEXTS).plan(trial=True)


def test_a_prompt_over_columns_that_were_not_scanned_is_refused(night: Night) -> None:
    night.job = replace(night.job, prompt="{subject}")
    with pytest.raises(JobError, match=r"needs subject, the scan read body, sender"):
        night.scanned(TEXTS).plan()


def test_more_shards_than_airflow_can_map_are_refused(night: Night) -> None:
    with pytest.raises(JobError, match="larger shard_rows"):
        night.scanned(["x"] * (MAX_SHARDS + 1)).plan(rows=1)


def test_a_run_that_was_not_scanned_says_so(night: Night) -> None:
    with pytest.raises(StateError, match=r"scan\.json does not exist"):
        night.plan()


def test_planning_again_forgets_what_was_loaded_but_not_what_was_paid_for(night: Night) -> None:
    night.scanned(TEXTS[:3]).plan()
    batch = night.create()
    night.load()
    night.plan()
    assert night.run.shard(1).loaded() is None
    assert night.run.parts("answers") == []
    assert night.create() == batch


def test_a_plan_of_fewer_shards_closes_although_the_paid_ones_of_the_old_plan_stay(night: Night) -> None:
    for rows in (5, 20):
        for spec in night.scanned(TEXTS).plan(rows=rows).shards:
            night.create(spec.number)
            night.load(spec.number)
    assert report(night.run, output=None, clock=clock()).green


def test_a_plan_that_fails_leaves_no_older_one_to_report_on(night: Night) -> None:
    night.scanned(TEXTS).plan()
    night.job = replace(night.job, model="claude-unheard-of")
    with pytest.raises(JobError, match="not a known Claude model"):
        night.plan()
    assert night.run.plan() is None
