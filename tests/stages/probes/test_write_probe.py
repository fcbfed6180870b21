"""A probe is asked by the stages of any run, once, and nothing of it mixes with its run."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pendulum
import pytest
from upath import UPath

from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.deadline.at_cutoff import Step
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.probes.asking import Asking
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.cost.spent import keep_on_record
from airflow_provider_claude.stages.deadline.record_at_risk import first_at_risk
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.probes.write_probe import Draft, items_at
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.settle.run import Settled, Settling
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.store import BudgetRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.parquet_files import read_table
from airflow_provider_claude.triggers.watch_cutoff import Cutoff
from tests.stages.conftest import Night, clock, patient

TEXTS = [f"mail {n}" for n in range(30)]
ASKED = [4, 9, 2, 17, 23, 11]
ORDERS = (Asking(order=ASKED), Asking(order=ASKED[::-1], pack=3))


@pytest.fixture
def planned(night: Night) -> Night:
    """A run of 30 items and two shards, planned without a probe."""
    night.scanned(TEXTS).plan(rows=15)
    return night


def probe_of(night: Night, *, due: float | None = None) -> RunFolder:
    """A probe of six items: alone, and in packs of three in another order."""
    plan = night.run.need_plan()
    return draft_of(night, plan).weighed().write("packs", due)


def draft_of(night: Night, plan: PlanRecord) -> Draft:
    items = items_at(night.run, ASKED)
    return Draft(run=night.run, plan=plan, items=items, askings=ORDERS, packing=Packing(items=3), tokens=TokenModel())


def asked(night: Night, probe: RunFolder) -> list[str]:
    """The batches of *probe*, whose shards are created, loaded and settled."""
    sent = [create(shard, night.gateway, clock=clock()) for shard in shards(probe)]
    for shard in shards(probe):
        patient(lambda now, shard=shard: load(shard, night.job, night.gateway, clock=now))
        settled(night, probe, shard.number)
    return sent


def shards(probe: RunFolder) -> list:
    return [probe.shard(spec.number) for spec in probe.need_plan().shards]


def settled(night: Night, probe: RunFolder, shard: int, lane_factory: LaneFactory | None = None) -> Settled:
    settling = Settling(
        shard=probe.shard(shard), job=night.job, api=night.gateway, clock=clock(), lane_factory=lane_factory
    )
    step = settling.go_on()
    assert isinstance(step, Settled)
    return step


def reported(night: Night) -> Summary:
    for shard in (1, 2):
        night.create(shard)
        night.load(shard)
    return report(night.run, output=None, clock=lambda: "2026-11-23T01:00:00+00:00")


class TestAsked:
    def test_each_shard_asks_the_same_items_in_its_own_order_and_form(self, planned: Night) -> None:
        probe = probe_of(planned)
        assert all(asked(planned, probe))
        for number, pack in ((1, 1), (2, 3)):
            answers = read_table(probe.part("answers", number))
            assert sorted(answers["item_id"].to_pylist()) == sorted(f"mail-{n}" for n in ASKED)
            assert probe.shard(number).intent(1).requests == len(ASKED) // pack
        assert read_table(probe.part("items", 1))["item_id"].to_pylist() == [f"mail-{n}" for n in ASKED[::-1]]

    def test_planned_again_it_is_the_same_and_nothing_is_sent_twice(
        self, planned: Night, claude_simulator: SimulatorProcess
    ) -> None:
        first = asked(planned, probe_of(planned))
        cost = claude_simulator.books()["total"]["cost_usd"]
        again = probe_of(planned)
        assert asked(planned, again) == first
        assert planned.run.probes()[0].path == again.path
        assert claude_simulator.books()["total"]["cost_usd"] == cost

    def test_a_run_folder_among_probes_is_refused_before_anything_is_sent(self, planned: Night) -> None:
        planned.run = RunFolder(UPath(str(planned.run.path.parent / "probes" / "2026-11-22")))
        with pytest.raises(JobError, match="Rename the task group"):
            planned.scanned(TEXTS).plan()


class TestApart:
    def test_its_rows_are_in_no_count_and_no_table_and_its_cost_has_a_line(
        self, planned: Night, claude_simulator: SimulatorProcess
    ) -> None:
        asked(planned, probe := probe_of(planned))
        summary = reported(planned)
        assert (summary.ledger.inputs, summary.ledger.answered, summary.problems) == (30, 30, [])
        assert summary.costs.probes == sum((Decimal(shard.loaded().cost_usd) for shard in shards(probe)), Decimal(0))
        assert summary.costs.actual == Decimal(claude_simulator.books()["total"]["cost_usd"])

    def test_no_run_reuses_its_answers_and_it_reuses_none(self, planned: Night) -> None:
        for shard in (1, 2):
            planned.create(shard)
            planned.load(shard)
        probe = probe_of(planned)
        assert all(asked(planned, probe))
        assert all(not shard.loaded().reused for shard in shards(probe))
        work = planned.run.need_plan().work
        assert work == 0
        names = [path.name for path in planned.run.file("accounts").rglob("answers/*/*.json")]
        assert len(names) == 2

    def test_its_spending_is_on_record_beside_that_of_its_run(self, planned: Night) -> None:
        asked(planned, probe := probe_of(planned))
        from airflow_provider_claude.store.work_of import work_of

        work = work_of(planned.run, planned.run.need_plan())
        keep_on_record(planned.run, work, open_=False, now="2026-11-23T01:00:00+00:00")
        found = {record.run: len(record.attempts) for record in work.spending.read("2026-11")}
        assert found[work.run_name(probe)] == 2


class TestOnce:
    def test_rows_without_an_answer_are_not_asked_again(
        self, planned: Night, claude_simulator: SimulatorProcess, lane_factory: LaneFactory
    ) -> None:
        claude_simulator.behaviour(expired=1.0)
        probe = probe_of(planned)
        asked(planned, probe)
        assert settled(planned, probe, 1, lane_factory).loaded.outcomes == {"expired": 6}
        assert [len(shard.attempts()) for shard in shards(probe)] == [1, 1]

    def test_what_the_budget_does_not_cover_whole_is_not_sent(self, night: Night) -> None:
        night.scanned(TEXTS)
        settings = Settings(trial=False, budget=BudgetRecord(usd="0.0002", scope="night"))  # two requests of the six
        plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
        assert asked(night, probe := probe_of(night)) == ["", ""]
        assert [shard.loaded().outcomes for shard in shards(probe)] == [{"unaffordable": 6}] * 2

    def test_after_its_cutoff_nothing_is_sent_by_either_lane(
        self, planned: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
    ) -> None:
        probe = probe_of(planned, due=pendulum.parse("2026-11-22T23:00:00Z").timestamp())
        assert asked(planned, probe) == ["", ""]
        assert settled(planned, probe, 1, lane_factory).loaded.outcomes == {"missing": 6}
        assert Decimal(claude_simulator.books()["total"]["cost_usd"]) == 0

    def test_at_its_cutoff_its_batch_is_cancelled_and_no_alert_is_raised(
        self, planned: Night, claude_simulator: SimulatorProcess
    ) -> None:
        claude_simulator.pace("seconds:1000000")
        now = pendulum.now("UTC")
        probe = probe_of(planned, due=now.add(seconds=-1).timestamp())
        sent = create(probe.shard(1), planned.gateway, clock=lambda: now.add(hours=-9).isoformat())
        assert Cutoff(str(probe.shard(1)), sent).look() is Step.CANCEL
        assert first_at_risk(probe, now=now.timestamp()) is None
        assert probe.at_risk() is None


def test_the_plan_of_a_probe_has_nothing_of_a_table(planned: Night) -> None:
    record: PlanRecord = probe_of(planned).need_plan()
    assert (record.destination, record.priority, record.reuse_days, record.work) == (None, None, 0.0, 2)


def test_rows_that_stand_in_tool_results_are_estimated_with_the_tokens_of_the_tool(planned: Night) -> None:
    record = planned.run.need_plan()
    [alone, _] = draft_of(planned, record).weighed().sums
    planned.job = replace(planned.job, placement="tool_result")
    planned.plan(rows=15)
    [in_results, _] = draft_of(planned, planned.run.need_plan()).weighed().sums
    assert in_results.input_tokens - alone.input_tokens > len(ASKED) * 0.9 * TokenModel().tool_tokens
