"""A changed job is certified: the accepted one is asked about a sample of the same rows, and a held run asks nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from pydantic import BaseModel
from upath import UPath

from airflow_provider_claude.cli.accept import accept
from airflow_provider_claude.cli.facts import look as facts_of
from airflow_provider_claude.cli.main import main
from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.core.view.verdict import AirflowSide, verdict
from airflow_provider_claude.errors import LedgerError, StateError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.dry_run import dry_run
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import open_shards, plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.settle.run import Settling
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.stages.view.look import look
from airflow_provider_claude.store import (
    AcceptedRecord,
    ActiveRecord,
    BudgetRecord,
    PlanRecord,
    RunFolder,
    write_record,
)
from airflow_provider_claude.store.work_of import group_of, work_of
from tests.cli.conftest import Terminal
from tests.stages.conftest import JOB, Night, clock, patient, scan_by_hand
from tests.stages.probes.test_golden_rows import with_golden

WORDS = ("I love it, wonderful", "This is terrible, I hate it", "The parcel weighs two kilos")
ROWS, SAMPLE = 60, 40
DAYS = ("mon", "tue", "wed", "thu")
REPORT = Consistency(share=0, change_rows=SAMPLE)
HOLD = replace(REPORT, on_change="hold")
OTHER = replace(JOB, system="Label the mail as its writer feels.")


class Tone(BaseModel):
    sentiment: Literal["positive", "neutral", "negative", "mixed"]
    angry: bool


def day(night: Night, name: str, job: ClaudeJob = JOB, rows: int = ROWS) -> Night:
    """A run of the group with mails of its own."""
    run = RunFolder(UPath(str(night.run.path.parent)) / "work" / "dag" / name)
    scan_by_hand(run, [f"{WORDS[n % 3]}. {name} {n}" for n in range(rows)], name=name)
    return Night(run, night.gateway, job)


def planned(night: Night, consistency: Consistency | None = REPORT, **more: Any) -> PlanRecord:
    work = night.run.path.parent.parent
    settings = Settings(trial=False, consistency=consistency, work=work, **more)
    return plan(night.run, night.job, night.gateway, settings=settings, clock=ticking(night))


def ticking(night: Night) -> Callable[[], str]:
    """The clock on the day of *night*."""
    tick = clock()
    return lambda: tick().replace("2026-11-23", dated(night))


def dated(night: Night) -> str:
    return f"2026-11-{23 + DAYS.index(night.run.path.name)}"


def answered(night: Night) -> None:
    shards = open_shards(night.run, night.run.need_plan())
    for shard in shards:
        create(shard, night.gateway, clock=clock())
    for shard in shards:
        patient(lambda now, shard=shard: load(shard, night.job, night.gateway, clock=now))
        Settling(shard=shard, job=night.job, api=night.gateway, clock=clock()).go_on()


def reported(night: Night) -> Summary:
    return report(night.run, output=None, clock=lambda: f"{dated(night)}T01:00:00+00:00")


def whole(night: Night, consistency: Consistency | None = REPORT, **more: Any) -> Summary:
    planned(night, consistency, **more)
    answered(night)
    return reported(night)


def held(night: Night, consistency: Consistency = HOLD) -> str:
    """Why *night* is red, which is planned and asked."""
    planned(night, consistency)
    answered(night)
    with pytest.raises(LedgerError) as red:
        reported(night)
    return str(red.value)


def accepted(night: Night) -> AcceptedRecord | None:
    record = night.run.need_plan()
    return work_of(night.run, record).accepted(group_of(night.run, record)).latest()[1]


def on_monday(night: Night, job: ClaudeJob = JOB) -> None:
    """A run of Monday, whose *job* is accepted. Its rows are not asked."""
    monday = day(night, "mon", job)
    planned(monday)
    accept(monday.run, Terminal(), by="Ann", now="2026-11-23T01:00:00+00:00")


def bill(simulator: SimulatorProcess) -> Mapping[str, Any]:
    return simulator.books()["total"]


def test_the_first_green_run_is_accepted_and_a_run_of_the_same_job_asks_no_probe(night: Night) -> None:
    assert whole(day(night, "mon")).change is None
    tuesday = day(night, "tue")
    assert planned(tuesday, HOLD).probes == []
    assert accepted(tuesday).by == "the run dag/mon"


def test_the_accepted_job_is_asked_about_the_sample_and_the_report_has_the_flips(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(noise=0.15)
    on_monday(night)
    before = bill(claude_simulator)["requests"]
    summary = whole(day(night, "tue", OTHER, rows=320), replace(REPORT, change_rows=300))
    assert bill(claude_simulator)["requests"] == before + 320 + 300
    assert (summary.ledger.inputs, summary.ledger.answered, summary.problems) == (320, 320, [])
    assert summary.change.parts == ["prompt"]
    [found] = [one for one in summary.change.fields if one.field == "sentiment"]
    planted = 1 - (1 - 2 * 0.05) ** 2 - 2 * 0.05**2  # each answer is that to another text of three in 15 of 100 rows
    assert found.rows == 300
    assert found.agreement.low <= 1 - planted <= found.agreement.high
    assert sum(count for *_, count in found.flips) == found.rows - found.same


def test_a_steady_model_changes_no_answer_with_another_prompt(night: Night) -> None:
    on_monday(night)
    summary = whole(day(night, "tue", OTHER))
    assert all(one.same == one.rows == SAMPLE for one in summary.change.fields)
    assert summary.change.before.output_tokens > 0
    assert Decimal(summary.change.after.usd_per_thousand) > Decimal(summary.change.before.usd_per_thousand)


def test_a_green_run_of_the_new_job_makes_it_the_accepted_one(night: Night) -> None:
    whole(day(night, "mon"))
    whole(day(night, "tue", OTHER))
    assert planned(day(night, "wed", OTHER)).change is None
    assert planned(day(night, "thu")).change.parts == ["prompt"]


def test_another_schema_is_compared_in_the_fields_that_both_have(night: Night) -> None:
    on_monday(night)
    summary = whole(day(night, "tue", replace(JOB, output=Tone)))
    assert summary.change.parts == ["schema"]
    assert [one.field for one in summary.change.fields] == ["sentiment"]
    assert summary.change.fields[0].rows == SAMPLE


def test_another_model_is_asked_at_its_own_price(night: Night, claude_simulator: SimulatorProcess) -> None:
    on_monday(night, replace(JOB, model="claude-sonnet-5-5"))
    tuesday = day(night, "tue")
    start = Decimal(bill(claude_simulator)["cost_usd"])
    summary = whole(tuesday)
    [name] = tuesday.run.need_plan().probes
    assert tuesday.run.probe(name).need_plan().job.model == "claude-sonnet-5-5"
    assert summary.costs.actual == Decimal(bill(claude_simulator)["cost_usd"]) - start
    assert Decimal(summary.change.before.usd_per_thousand) > Decimal(summary.change.after.usd_per_thousand)


@pytest.mark.parametrize(
    ("job", "more", "why"),
    [
        (OTHER, {"budget": BudgetRecord(usd="0.002", scope="night")}, "the budget may not cover it"),
        (
            OTHER,
            {"deadline": "2026-11-24T01:15:00+00:00", "lanes": LaneSettings(lane="batch")},
            "a late batch would not end before the deadline",
        ),
        (replace(JOB, output={"type": "object", "properties": {"note": {"type": "string"}}}), {}, "in common"),
    ],
)
def test_where_the_accepted_job_cannot_be_asked_the_run_goes_on_and_says_why(
    night: Night, job: ClaudeJob, more: dict[str, Any], why: str
) -> None:
    on_monday(night)
    tuesday = day(night, "tue", job)
    record = planned(tuesday, **more)
    assert (record.probes, record.held) == ([], False)
    assert why in record.change.why_not
    assert any(why in sentence for sentence in record.explanation)


@pytest.mark.parametrize(("model", "probes"), [("claude-sonnet-5-5", 0), (JOB.model, 1)])
def test_whether_the_budget_covers_the_accepted_job_is_told_by_the_price_of_its_own_model(
    night: Night, model: str, probes: int
) -> None:
    on_monday(night, replace(JOB, model=model, system="Label it."))
    record = planned(day(night, "tue"), budget=BudgetRecord(usd="0.025", scope="night"))
    assert len(record.probes) == probes


def test_a_prompt_that_needs_a_column_that_is_not_read_any_more_cannot_be_asked(night: Night) -> None:
    on_monday(night, replace(JOB, prompt="{sender} <mail>{body}</mail>"))
    tuesday = day(night, "tue")
    scan = tuesday.run.need_scan()
    write_record(tuesday.run.file("scan.json"), msgspec.structs.replace(scan, columns=["body"]))
    assert "its prompt needs sender" in planned(tuesday).change.why_not


class TestHeld:
    def test_only_the_sample_is_asked_of_both_jobs_and_nothing_is_published(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        on_monday(night)
        before = bill(claude_simulator)["requests"]
        tuesday = day(night, "tue", OTHER)
        red = held(tuesday)
        assert bill(claude_simulator)["requests"] == before + 2 * SAMPLE
        assert "sentiment: 0 of 40 answers changed" in red
        assert f"claude-batch accept {tuesday.run}" in red
        assert accepted(tuesday).by == "Ann"

    def test_golden_rows_are_asked_and_judge_the_new_job_beside_the_accepted_run(
        self, night: Night, tmp_path: Path, claude_simulator: SimulatorProcess
    ) -> None:
        golden = replace(HOLD, golden="golden.parquet")
        whole(with_golden(day(night, "mon"), tmp_path), golden)
        claude_simulator.behaviour(noise=0.9)
        tuesday = with_golden(day(night, "tue", OTHER), tmp_path)
        before = bill(claude_simulator)["requests"]
        red = held(tuesday, golden)
        assert bill(claude_simulator)["requests"] == before + 2 * SAMPLE + 30
        assert "sentiment, on 30 golden rows compared with the run of 2026-11-23" in red
        assert ": worse; " in red

    def test_planned_again_without_acceptance_it_is_held_again_and_nothing_is_paid_twice(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        on_monday(night)
        tuesday = day(night, "tue", OTHER)
        held(tuesday)
        paid = bill(claude_simulator)
        assert "claude-batch accept" in held(tuesday)
        assert bill(claude_simulator) == paid

    def test_the_one_row_of_the_trial_is_no_price_of_1_000_rows(
        self, night: Night, capsys: pytest.CaptureFixture[str]
    ) -> None:
        on_monday(night)
        tuesday = day(night, "tue", OTHER)
        work = tuesday.run.path.parent.parent
        settings = Settings(trial=True, consistency=HOLD, work=work)
        plan(tuesday.run, tuesday.job, tuesday.gateway, settings=settings, clock=ticking(tuesday))
        answered(tuesday)
        with pytest.raises(LedgerError):
            reported(tuesday)
        assert main(["show", str(tuesday.run), "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert (shown["state"], shown["answered"], shown["usd_per_thousand"]) == ("held", 1, None)
        assert "For 1,000 answered rows" not in tuesday.run.file("report.html").read_text()

    def test_accepted_the_run_goes_on_with_the_answers_of_the_sample(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        on_monday(night)
        before = bill(claude_simulator)["requests"]
        tuesday, out = day(night, "tue", OTHER), Terminal()
        held(tuesday)
        assert accept(tuesday.run, out, by="me", now="2026-11-24T02:00:00+00:00") == 0
        assert "40 answers of the sample are used" in out.text
        summary = whole(tuesday, HOLD)
        assert (summary.ledger.answered, summary.reused, summary.problems) == (ROWS, SAMPLE, [])
        assert bill(claude_simulator)["requests"] == before + ROWS + SAMPLE
        assert accepted(tuesday).by == "me"
        assert any("accepted on 2026-11-24 02:00 UTC by me" in one for one in tuesday.run.need_plan().explanation)

    def test_of_two_held_runs_the_second_goes_on_with_its_own_sample_too(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        on_monday(night)
        tuesday, wednesday, out = day(night, "tue", OTHER), day(night, "wed", OTHER), Terminal()
        held(tuesday)
        held(wednesday)
        for one in (tuesday, wednesday):
            accept(one.run, out, by="me", now="2026-11-25T02:00:00+00:00")
        assert "accepted already" in out.text
        assert out.text.count("Clear the plan task of this run") == 2
        before = bill(claude_simulator)["requests"]
        assert whole(wednesday, HOLD).reused == SAMPLE
        assert bill(claude_simulator)["requests"] == before + ROWS - SAMPLE

    def test_the_accepted_job_restored_lets_the_run_go_on(self, night: Night) -> None:
        on_monday(night)
        held(day(night, "tue", OTHER))
        assert whole(day(night, "tue"), HOLD).problems == []

    def test_it_is_held_also_where_nothing_can_be_compared(self, night: Night) -> None:
        on_monday(night)
        tuesday = day(night, "tue", replace(JOB, output={"type": "object", "properties": {"note": {"type": "string"}}}))
        assert "The accepted job was not asked: the outputs of both jobs have no label" in held(tuesday)
        assert open_shards(tuesday.run, tuesday.run.need_plan()) == []

    def test_a_task_of_an_earlier_plan_sends_none_of_its_rows(self, night: Night) -> None:
        on_monday(night)
        tuesday = day(night, "tue", OTHER)
        record = planned(tuesday, HOLD)
        for shard in (tuesday.run.shard(spec.number) for spec in record.shards):
            with pytest.raises(StateError, match="is held until the change"):
                create(shard, night.gateway, clock=clock())
            with pytest.raises(StateError, match="is held until the change"):
                Settling(shard=shard, job=OTHER, api=night.gateway, clock=clock()).go_on()

    def test_its_page_promises_no_deadline(self, night: Night) -> None:
        on_monday(night)
        tuesday = day(night, "tue", OTHER)
        planned(tuesday, HOLD, deadline="2026-11-24T09:00:00+00:00")
        me = ActiveRun(dag_id="dag", run_id="tue", host="worker", process="worker 1 1")
        tuesday.run.actives.append(ActiveRecord(run=me, since="2026-11-24T00:00:00Z", until="2026-11-24T01:00:00Z"))
        view = look(tuesday.run.path, now=epoch("2026-11-24T01:00:00+00:00"), dag_id="dag", run_id="tue")
        assert view is not None
        assert view.outlook is None
        assert facts_of(tuesday.run).state == "held"
        assert verdict(view, AirflowSide()).word == "held"

    def test_a_deadline_does_not_cut_its_probes_off(self, night: Night) -> None:
        on_monday(night)
        tuesday = day(night, "tue", OTHER)
        record = planned(tuesday, HOLD, deadline="2026-11-24T01:15:00+00:00")
        assert len(record.probes) == 2
        assert all(tuesday.run.probe(name).need_plan().lanes.due is None for name in record.probes)

    def test_a_run_without_rows_accepts_nothing(self, night: Night) -> None:
        on_monday(night)
        tuesday = day(night, "tue", OTHER, rows=0)
        assert whole(tuesday, HOLD).problems == []
        assert accepted(tuesday).by == "Ann"


def test_planned_again_the_accepted_job_is_asked_once(night: Night, claude_simulator: SimulatorProcess) -> None:
    on_monday(night)
    tuesday = day(night, "tue", OTHER)
    record = planned(tuesday)
    answered(tuesday)
    paid = bill(claude_simulator)
    assert planned(tuesday).probes == record.probes
    answered(tuesday)
    assert reported(tuesday).change.fields[0].rows == SAMPLE
    assert bill(claude_simulator) == paid


def test_a_retired_model_cannot_be_asked_and_the_reason_is_that_of_the_api(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    on_monday(night, replace(JOB, model="claude-sonnet-5-5"))
    claude_simulator.model("claude-sonnet-5-5", lifecycle="retired", retires_at="2026-01-01T00:00:00Z")
    tuesday = day(night, "tue")
    assert "claude-sonnet-5-5" in planned(tuesday).change.why_not
    assert "claude-sonnet-5-5" in held(tuesday)


def test_a_run_that_was_planned_before_another_job_was_accepted_does_not_bring_its_own_back(night: Night) -> None:
    monday, tuesday = day(night, "mon"), day(night, "tue", OTHER)
    planned(monday)
    answered(monday)
    planned(tuesday)
    accept(tuesday.run, Terminal(), by="me", now="2026-11-24T00:00:00+00:00")
    reported(monday)
    assert accepted(monday).by == "me"


def test_a_damaged_record_of_the_accepted_job_stops_plan_and_report_before_anything_is_paid_or_published(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    on_monday(night)
    [record] = (night.run.path.parent / "work" / "accepted").rglob("*.json")
    tuesday = day(night, "tue", OTHER)
    planned(tuesday)
    record.write_text("{}")
    with pytest.raises(StateError, match="or remove it: then the one before it counts"):
        reported(tuesday)
    with pytest.raises(StateError, match="a change could not be seen"):
        planned(tuesday, HOLD)
    assert bill(claude_simulator)["requests"] == 0


def test_accepting_twice_keeps_one_record(night: Night) -> None:
    monday, out = day(night, "mon"), Terminal()
    planned(monday)
    for _ in range(2):
        assert accept(monday.run, out, by="me", now="2026-11-24T00:00:00+00:00") == 0
    assert "accepted already" in out.text
    record = monday.run.need_plan()
    assert work_of(monday.run, record).accepted(group_of(monday.run, record)).numbers() == [1]


def test_the_record_of_an_accepted_job_holds_no_secret_of_the_work_folder(night: Night) -> None:
    monday = day(night, "mon")
    whole(monday)
    work = night.run.path.parent / "work"
    secret = (work / "secret").read_text().strip()
    [record] = (work / "accepted").rglob("*.json")
    assert secret not in record.read_text()


@pytest.mark.parametrize(("consistency", "says"), [(REPORT, "ask the accepted job about 40"), (HOLD, "be held")])
def test_a_dry_run_says_what_a_changed_job_would_ask(night: Night, consistency: Consistency, says: str) -> None:
    on_monday(night)
    tuesday = day(night, "tue", OTHER)
    settings = Settings(trial=False, consistency=consistency, work=night.run.path.parent / "work")
    found = dry_run(tuesday.run, OTHER, night.gateway, settings=settings, clock=clock())
    assert any(f"The prompt differs from the accepted job. The run would {says}" in one for one in found.explanation)


def test_the_order_of_options_is_measured_apart(night: Night, claude_simulator: SimulatorProcess) -> None:
    monday = day(night, "mon")
    summary = whole(monday, replace(REPORT, order_probe=True))
    [name] = monday.run.need_plan().probes
    asked = monday.run.probe(name).need_plan().job.schema["properties"]["sentiment"]["enum"]
    assert asked == ["negative", "neutral", "positive"]
    assert [(one.field, one.rows, one.same) for one in summary.order.again.fields] == [("sentiment", SAMPLE, SAMPLE)]
    assert (summary.ledger.answered, summary.problems) == (ROWS, [])


def test_a_model_that_prefers_the_first_option_is_found_by_the_order_and_not_by_asking_again(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.label_noise(first=0.2)
    wanted = Consistency(least=200, most=200, change_rows=200, order_probe=True)
    summary = whole(day(night, "mon", rows=200), wanted)
    [again], [order] = (
        [one for one in found.again.fields if one.field == "sentiment"]
        for found in (summary.consistency, summary.order)
    )
    assert again.same == again.rows == 200
    assert order.agreement.low <= 0.8 <= order.agreement.high
    assert {pair[:2] for pair in order.flips} == {("positive", "negative")}


def test_without_options_there_is_no_order_to_measure(night: Night) -> None:
    class Angry(BaseModel):
        angry: bool

    record = planned(day(night, "mon", replace(JOB, output=Angry)), replace(REPORT, order_probe=True))
    assert (record.probes, record.left_out["order"]) == ([], "the output has no field with options")
