"""A sample of a run's rows is asked a second time beside it, and the report says how far both answers agree."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.errors import JobError, LedgerError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan import probe_room
from airflow_provider_claude.stages.plan.dry_run import dry_run
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import open_shards, plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.store import BudgetRecord, PlanRecord
from airflow_provider_claude.store.parquet_files import read_table
from tests.stages.conftest import Night, clock, scan_by_hand
from tests.stages.probes.test_plan_packs import WORDS, answered, day

SOME = Consistency(least=40)


def planned(night: Night, consistency: Consistency | None = SOME, at: str | None = None, **more: Any) -> PlanRecord:
    settings = Settings(trial=False, consistency=consistency, work=night.run.path.parent.parent, **more)
    return plan(night.run, night.job, night.gateway, settings=settings, clock=(lambda: at) if at else clock())


def reported(night: Night) -> Summary:
    return report(night.run, output=None, clock=lambda: "2026-11-23T01:00:00+00:00")


def whole(night: Night, consistency: Consistency = SOME, **more: Any) -> Summary:
    answered(night, open_shards(night.run, planned(night, consistency, **more)))
    return reported(night)


def test_a_steady_model_agrees_with_itself_in_every_row_and_nothing_of_it_is_counted_twice(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    summary = whole(today := day(night, "mon", rows=100))
    assert (summary.ledger.inputs, summary.ledger.answered, summary.problems) == (100, 100, [])
    assert summary.consistency is not None
    assert summary.consistency.again is not None
    assert {(one.field, one.same, one.rows) for one in summary.consistency.again.fields} == {
        ("sentiment", 40, 40),
        ("confidence", 40, 40),
    }
    rows = sum(read_table(part).num_rows for part in today.run.parts("answers"))
    assert rows == 100
    assert summary.costs.actual == Decimal(claude_simulator.books()["total"]["cost_usd"])
    assert 0 < summary.costs.probes < summary.costs.actual / 2


class Ticket(BaseModel):
    needs_reply: bool
    stars: Literal[1, 2, 3]


def test_what_the_text_leaves_open_is_answered_in_the_same_way_by_a_steady_model(night: Night) -> None:
    today = day(night, "mon", rows=60)
    today.job = ClaudeJob(prompt="<mail>{body}</mail>", output=Ticket, max_tokens=100)
    measured = whole(today).consistency
    assert measured is not None
    assert measured.again is not None
    assert [(one.field, one.same, len(one.by_label)) for one in measured.again.fields] == [
        ("needs_reply", 40, 2),
        ("stars", 40, 3),
    ]


def test_the_agreement_of_an_unsteady_model_is_the_one_that_was_planted(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(noise=0.2)
    summary = whole(day(night, "mon", rows=400), Consistency(least=400))
    assert summary.consistency is not None
    assert summary.consistency.again is not None
    label = summary.consistency.again.fields[0]
    # Of two answers each is another text's with 0.2; that has the same label in a third of the cases.
    moved = 0.2 * 2 / 3
    same = (1 - moved) ** 2 + moved**2 / 2
    assert label.rows == 400
    assert abs(label.agreement.value - same) < 4 * math.sqrt(same * (1 - same) / 400)
    assert label.agreement.low < label.agreement.value < label.agreement.high
    assert sum(count for *_, count in label.flips) == label.rows - label.same


def test_the_plan_says_how_many_rows_are_asked_again_and_what_that_costs(night: Night) -> None:
    record = planned(day(night, "mon", rows=100))
    assert any("40 rows are asked a second time" in sentence for sentence in record.explanation)
    [probe] = record.probes
    assert probe.startswith("again-")
    assert Decimal(record.probes_usd) > 0
    assert record.consistency == SOME


def test_planned_again_the_sample_is_the_same_and_paid_once(night: Night, claude_simulator: SimulatorProcess) -> None:
    whole(today := day(night, "mon", rows=60))
    cost = claude_simulator.books()["total"]["cost_usd"]
    summary = whole(today)
    assert claude_simulator.books()["total"]["cost_usd"] == cost
    assert summary.consistency is not None
    assert summary.consistency.again is not None
    assert summary.consistency.again.compared == 40


@pytest.mark.parametrize("limit", ["MAX_REQUESTS", "MAX_BYTES"])
def test_a_sample_that_the_api_would_refuse_as_one_batch_is_not_sent(
    night: Night, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(probe_room, limit, 39)
    record = planned(day(night, "mon", rows=60))
    assert record.probes == []
    assert any("the sample is too large for one batch" in sentence for sentence in record.explanation)


def test_rows_of_packs_are_asked_again_in_packs_beside_other_rows(night: Night) -> None:
    record = planned(today := day(night, "mon", rows=100), pack=Packing(items=5))
    [probe] = today.run.probes()
    [spec] = probe.need_plan().shards
    assert (spec.pack, probe.need_plan().packing) == (5, record.packing)
    order = read_table(probe.part("items", 0))["item_id"].to_pylist()
    assert order != sorted(order)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"budget": BudgetRecord(usd="0.03", scope="night")}, "the budget may not cover it"),
        ({"deadline": "2026-11-23T01:15:00+00:00"}, "a late batch would not end before the deadline"),
    ],
)
def test_without_money_or_time_no_row_is_asked_again_and_the_report_says_why(
    night: Night, more: dict[str, Any], why: str
) -> None:
    record = planned(today := day(night, "mon", rows=340), **more)
    assert record.probes == []
    assert any(why in sentence for sentence in record.explanation)
    answered(today, open_shards(today.run, record))
    measured = reported(today).consistency
    assert measured is not None
    assert why in measured.sentence()


def test_without_the_extra_no_row_is_asked_again_and_the_plan_says_what_to_install(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_claude.extras._MODULES", {"consistency": ("not_installed",)})
    record = planned(day(night, "mon", rows=60))
    assert record.probes == []
    assert any("install 'airflow-provider-claude[consistency]'" in sentence for sentence in record.explanation)


def test_a_probe_that_cannot_be_read_is_named_and_fails_no_run(night: Night) -> None:
    answered(today := day(night, "mon", rows=60), open_shards(today.run, planned(today)))
    [probe] = today.run.probes()
    probe.file("plan.json").write_bytes(b"{}")
    summary = reported(today)
    assert summary.problems == []
    assert summary.consistency is not None
    assert "could not be read" in summary.consistency.sentence()


def test_a_run_without_rows_asks_nothing_again(night: Night) -> None:
    summary = whole(day(night, "mon", rows=0))
    assert summary.consistency is None


def test_a_dry_run_says_how_many_rows_the_run_would_ask_a_second_time(night: Night) -> None:
    today = day(night, "mon", rows=100)
    settings = Settings(trial=False, consistency=Consistency(least=40, golden="golden.parquet"))
    found = dry_run(today.run, today.job, None, settings=settings, clock=clock())
    said = "The run would ask 40 rows a second time and its golden rows: not counted here."
    assert said in found.explanation


class TestHeldBack:
    """Answers that are less consistent than the plan asks for are not published."""

    def test_too_little_agreement_is_red_and_a_lower_limit_publishes_without_another_cent(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        claude_simulator.behaviour(noise=0.2)
        today = day(night, "mon", rows=200)
        with pytest.raises(LedgerError, match="got the same sentiment when they were asked a second time"):
            whole(today, Consistency(least=200, min_agreement=0.95))
        cost = claude_simulator.books()["total"]["cost_usd"]
        assert whole(today, Consistency(least=200, min_agreement=0.3)).problems == []
        assert claude_simulator.books()["total"]["cost_usd"] == cost

    def test_a_steady_model_passes(self, night: Night) -> None:
        assert whole(day(night, "mon", rows=60), Consistency(least=40, min_agreement=0.9)).problems == []

    def test_what_the_budget_does_not_cover_is_not_judged_and_holds_the_answers_back(self, night: Night) -> None:
        today = day(night, "mon", rows=340)
        record = planned(today, Consistency(min_agreement=0.9), budget=BudgetRecord(usd="0.03", scope="night"))
        assert any("The report will hold the answers back" in warning for warning in record.warnings)
        answered(today, open_shards(today.run, record))
        with pytest.raises(LedgerError, match="how far the answers agree in sentiment is not known"):
            reported(today)

    def test_a_sample_without_an_answer_holds_the_answers_back(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        record = planned(today := day(night, "mon", rows=60), Consistency(least=40, min_agreement=0.9))
        answered(today, [today.run.shard(spec.number) for spec in record.shards])
        claude_simulator.behaviour(expired=1.0)
        answered(today, open_shards(today.run, record)[len(record.shards) :])
        with pytest.raises(
            LedgerError, match=r"none of them has two answers to compare\. Without a valid answer .*: 40 expired"
        ):
            reported(today)

    def test_a_night_whose_rows_all_have_answers_already_is_measured_all_the_same(self, night: Night) -> None:
        whole(day(night, "mon", rows=60))
        again = day(night, "tue", rows=60)
        scan_by_hand(again.run, [f"{WORDS[n % 3]}. mon {n}" for n in range(60)], name="mon")
        assert planned(again).probes == []
        assert len(planned(again, Consistency(least=40, min_agreement=0.9)).probes) == 1

    def test_without_the_extra_the_plan_fails_before_anything_is_sent(
        self, night: Night, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_claude.extras._MODULES", {"consistency": ("not_installed",)})
        with pytest.raises(JobError, match=r"consistency=Consistency\(min_agreement=…\) needs not_installed"):
            planned(day(night, "mon", rows=60), Consistency(least=40, min_agreement=0.9))
