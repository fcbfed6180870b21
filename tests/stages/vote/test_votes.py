"""`resolve="majority"`: rows whose second answer is another one are asked a third time, and the majority is published."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.errors import ApiUnavailableError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.run import open_shards
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.sync.lane_factory import Connection, LaneFactory
from airflow_provider_claude.stages.trace.trace_row import trace
from airflow_provider_claude.stages.vote.ask_votes import ask_votes
from airflow_provider_claude.store import BudgetRecord, write_record
from tests.stages.conftest import Night, clock, scan_by_hand
from tests.stages.probes.test_ask_again import answered, planned
from tests.stages.probes.test_plan_packs import WORDS, day

VOTE = Consistency(least=120, resolve="majority")


def asked(night: Night, consistency: Consistency = VOTE, **more: Any) -> Night:
    answered(night, open_shards(night.run, planned(night, consistency, **more)))
    return night


def voted(night: Night, lane_factory: LaneFactory, at: Callable[[], str] | None = None) -> None:
    ask_votes(night.run, night.job, night.gateway, lane_factory, clock=at or clock())


def published(night: Night, output: UPath) -> tuple[Summary, list[dict[str, Any]]]:
    summary = report(night.run, output=output, clock=lambda: "2026-11-23T01:00:00+00:00")
    return summary, [row for path in sorted(output.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def labels(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["item_id"]: row["sentiment"] for row in rows}


def test_the_majority_of_three_is_published_and_each_vote_is_noted_and_traced(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory, tmp_path: Any
) -> None:
    claude_simulator.behaviour(noise=0.3)
    today = asked(day(night, "mon", rows=120))
    first = labels([row for part in today.run.parts("answers") for row in pq.read_table(part.path).to_pylist()])
    voted(today, lane_factory)
    summary, rows = published(today, UPath(tmp_path / "out"))
    votes = {row["item_id"]: json.loads(row["claude_votes"]) for row in rows if row["claude_votes"]}
    assert summary.votes is not None
    assert summary.consistency is not None
    assert summary.consistency.again is not None
    agreement = summary.consistency.again.fields[0]
    assert (summary.votes.differing, summary.votes.voted) == (agreement.rows - agreement.same, len(votes))
    assert 10 < len(votes) < 110
    changed = {item for item, label in labels(rows).items() if label != first[item]}
    assert len(changed) == summary.votes.changed > 0
    for item, vote in votes.items():
        three = [one["sentiment"] for one in vote["answers"]]
        assert (three[0], labels(rows)[item]) == (first[item], three[vote["published"] - 1])
        assert three.count(labels(rows)[item]) == (1 if vote.get("tie") else 2)
        assert len(set(vote["messages"])) == 3
    assert summary.votes.sentence() in today.run.file("report.html").read_text()
    assert summary.costs.actual == Decimal(claude_simulator.books()["total"]["cost_usd"])
    [row] = trace(today.run, min(changed), requests=True)
    assert {(one.probe or "").split("-")[0]: one.purpose for one in row.measured} == {
        "again": "which only measures",
        "vote": "which asks a third time, for a vote",
    }
    assert row.ending is not None
    assert row.ending.vote == "of three answers, number 2 is in the table"


def test_a_vote_that_is_repeated_changes_nothing_and_is_paid_once(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory, tmp_path: Any
) -> None:
    claude_simulator.behaviour(noise=0.3)
    today = asked(day(night, "mon", rows=120))
    voted(today, lane_factory)
    once = published(today, UPath(tmp_path / "out"))
    cost = claude_simulator.books()["total"]["cost_usd"]
    for again in (
        lambda: None,
        lambda: asked(today),
        lambda: answered(today, open_shards(today.run, today.run.need_plan())),
    ):
        again()
        voted(today, lane_factory)
        twice = published(today, UPath(tmp_path / "out"))
        assert labels(twice[1]) == labels(once[1])
        assert (twice[0].votes, twice[0].consistency) == (once[0].votes, once[0].consistency)
    assert claude_simulator.books()["total"]["cost_usd"] == cost


def test_duplicates_have_the_answer_that_won(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory, tmp_path: Any
) -> None:
    claude_simulator.behaviour(noise=0.3)
    today = day(night, "mon", rows=120)
    scan_by_hand(today.run, [f"{WORDS[n % 3]}. mon {n}" for n in range(120)], list(range(120)))
    voted(asked(today), lane_factory)
    _, rows = published(today, UPath(tmp_path / "out"))
    own = labels([row for row in rows if row["duplicate_of"] is None])
    copies = {row["duplicate_of"]: row["sentiment"] for row in rows if row["duplicate_of"]}
    assert len(rows) == 240
    assert copies == own


@pytest.mark.parametrize(
    ("more", "at", "why"),
    [
        ({"deadline": "2026-11-24T09:00:00+00:00"}, "2026-11-24T08:59:30+00:00", "the deadline leaves no time"),
        ({"budget": BudgetRecord(usd="5", scope="night")}, None, "the budget may not cover a third answer"),
    ],
)
def test_without_time_or_money_the_first_answer_stays_and_the_report_says_why(
    night: Night,
    claude_simulator: SimulatorProcess,
    lane_factory: LaneFactory,
    tmp_path: Any,
    more: dict[str, Any],
    at: str | None,
    why: str,
) -> None:
    claude_simulator.behaviour(noise=0.3)
    today = asked(day(night, "mon", rows=120), **more)
    plan = today.run.need_plan()
    if plan.budget:
        spent = msgspec.structs.replace(plan.budget, usd="0.001")
        write_record(today.run.file("plan.json"), msgspec.structs.replace(plan, budget=spent))
    cost = claude_simulator.books()["total"]["cost_usd"]
    voted(today, lane_factory, (lambda: at) if at else None)
    summary, rows = published(today, UPath(tmp_path / "out"))
    assert summary.votes is not None
    assert (summary.votes.voted, summary.problems) == (0, [])
    assert why in summary.votes.sentence()
    assert not any(row["claude_votes"] for row in rows)
    assert claude_simulator.books()["total"]["cost_usd"] == cost


def test_without_the_task_that_asks_the_report_says_so(
    night: Night, claude_simulator: SimulatorProcess, tmp_path: Any
) -> None:
    claude_simulator.behaviour(noise=0.3)
    summary, _ = published(asked(day(night, "mon", rows=120)), UPath(tmp_path / "out"))
    assert summary.votes is not None
    assert "the task that asks them a third time has not ended" in summary.votes.sentence()


def test_a_lane_that_is_stopped_keeps_what_was_answered_and_the_rest_is_asked_later(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory, tmp_path: Any
) -> None:
    claude_simulator.behaviour(noise=0.3)
    today = asked(day(night, "mon", rows=120))
    lane_factory.stop()
    voted(today, lane_factory)
    summary, _ = published(today, UPath(tmp_path / "out"))
    assert summary.votes is not None
    assert summary.votes.voted == 0
    assert "the time for the vote was over" in summary.votes.sentence()
    voted(today, replace(lane_factory, _stopped=False))
    summary, _ = published(today, UPath(tmp_path / "out"))
    assert summary.votes is not None
    assert summary.votes.voted == summary.votes.differing > 10
    assert summary.costs.actual == Decimal(claude_simulator.books()["total"]["cost_usd"])


def test_without_resolve_there_is_no_column_and_no_vote(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory, tmp_path: Any
) -> None:
    claude_simulator.behaviour(noise=0.3)
    summary, rows = published(asked(day(night, "mon", rows=60), Consistency(least=40)), UPath(tmp_path / "out"))
    assert summary.votes is None
    assert "claude_votes" not in rows[0]


def test_a_vote_that_an_error_of_the_api_ended_holds_nothing_back_and_is_carried_on_and_paid_once(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory, tmp_path: Any
) -> None:
    def unreachable() -> Connection:
        raise ApiUnavailableError("The API does not answer.")

    claude_simulator.behaviour(noise=0.3)
    today = asked(day(night, "mon", rows=120))
    voted(today, replace(lane_factory, open_connection=unreachable))
    summary, rows = published(today, UPath(tmp_path / "out"))
    assert summary.votes is not None
    assert (len(rows), summary.votes.voted, summary.problems) == (120, 0, [])
    assert summary.votes.sentence().endswith("The others keep the first answer: The API does not answer.")
    assert summary.votes.sentence() in summary.warnings
    voted(today, lane_factory)
    summary, _ = published(today, UPath(tmp_path / "out"))
    assert summary.votes is not None
    assert summary.votes.voted == summary.votes.differing > 10
    assert summary.costs.actual == Decimal(claude_simulator.books()["total"]["cost_usd"])


def test_a_day_that_is_run_again_with_other_columns_is_voted_about_anew(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory, tmp_path: Any
) -> None:
    claude_simulator.behaviour(noise=0.3)
    today = asked(day(night, "mon", rows=120))
    voted(today, lane_factory)
    for part in today.run.parts("items"):
        items = pq.read_table(part.path)
        pq.write_table(
            items.rename_columns(["text" if one == "body" else one for one in items.column_names]), part.path
        )
    write_record(today.run.file("scan.json"), msgspec.structs.replace(today.run.need_scan(), columns=["text"]))
    today.job = replace(today.job, prompt="<mail>{text}</mail>")
    voted(asked(today), lane_factory)
    summary, _ = published(today, UPath(tmp_path / "out"))
    assert summary.votes is not None
    assert summary.votes.voted == summary.votes.differing > 10


def test_second_answers_that_cannot_be_read_hold_nothing_back(
    night: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory, tmp_path: Any
) -> None:
    claude_simulator.behaviour(noise=0.3)
    today = asked(day(night, "mon", rows=120))
    for part in today.run.probe(today.run.need_plan().probes[0]).parts("answers"):
        part.write_bytes(part.read_bytes()[:100])
    voted(today, lane_factory)
    summary, rows = published(today, UPath(tmp_path / "out"))
    assert summary.votes is not None
    assert (len(rows), summary.problems) == (120, [])
    assert summary.votes.sentence().startswith("There was no vote: the second or third answers could not be read")
    assert summary.votes.sentence() in summary.warnings


def test_where_no_second_answer_came_the_report_does_not_say_that_all_agreed(
    night: Night, lane_factory: LaneFactory, tmp_path: Any
) -> None:
    today = day(night, "mon", rows=120)
    answered(today, [one for one in open_shards(today.run, planned(today, VOTE)) if not one.run.is_probe])
    voted(today, lane_factory)
    summary, _ = published(today, UPath(tmp_path / "out"))
    assert summary.votes is not None
    assert summary.votes.sentence() == "There was no vote: no row has two valid answers to compare."
