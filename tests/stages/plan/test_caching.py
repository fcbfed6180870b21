"""What all requests have in common is cached where that pays, and no answer is asked for twice because of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from io import StringIO

import pytest
from upath import UPath

from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.cli.show import show_run, show_shard
from airflow_provider_claude.core.cost.cache_use import CacheUse
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.dry_run import dry_run
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.encode_attempt import encode_body
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.store import AccountFolder, BudgetRecord, CacheRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.planned_shard import PlannedShard
from tests.stages.conftest import JOB, Night, clock, scan_by_hand
from tests.stages.settle.test_settle import settle

TEXTS = [f"mail {n}" for n in range(40)]
LONG = replace(JOB, system="Label what you read, and mind these examples. " * 80)


@pytest.mark.parametrize("ttl", ["5m", "1h"])
@pytest.mark.parametrize("pack", [None, Packing(items=5)])
@pytest.mark.parametrize("lane", ["batch", "sync"])
def test_the_report_says_what_a_cache_that_the_job_wants_has_saved(
    night: Night,
    lane_factory: LaneFactory,
    claude_simulator: SimulatorProcess,
    lane: str,
    pack: Packing | None,
    ttl: str,
) -> None:
    night.job = replace(LONG, cache=ttl)
    night.scanned(TEXTS)
    settings = Settings(trial=False, lanes=LaneSettings(lane=lane), pack=pack)
    record = plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    assert any("are cached for" in line and "60% of them" in line for line in record.explanation)
    night.create()
    night.load()
    loaded = settle(night, lane_factory=lane_factory)
    books = claude_simulator.books()["total"]
    other = "5m" if ttl == "1h" else "1h"
    written = books[f"cache_creation_{ttl}_input_tokens"]
    assert written > 0
    assert books[f"cache_creation_{other}_input_tokens"] == 0
    assert Decimal(loaded.cost_usd) == Decimal(books["cost_usd"])
    costs = report(night.run, output=None, clock=clock()).costs
    (use,) = costs.cache
    assert (use.lane, use.ttl, use.hits + use.writes) == (lane, ttl, books["requests"])
    assert use.read == books["cache_read_input_tokens"] == loaded.tokens.cache_read
    extra = written * Decimal("0.1e-6" if ttl == "1h" else "0.025e-6")
    saved = books["cache_read_input_tokens"] * Decimal("0.09e-6")
    assert abs(costs.cache_saved - (saved - extra) / (2 if lane == "batch" else 1)) < Decimal("1e-9")
    assert use.sentence() in night.run.file("report.html").read_text()


def test_where_what_requests_share_is_too_short_nothing_is_cached_and_the_plan_says_why(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    record = night.scanned(TEXTS).plan(rows=40)
    assert any(line.startswith("Nothing is cached: about ") and "512" in line for line in record.explanation)
    night.create()
    night.load()
    assert claude_simulator.books()["total"]["cache_creation_1h_input_tokens"] == 0
    assert report(night.run, output=None, clock=clock()).costs.cache == []
    assert "Cached for" not in night.run.file("report.html").read_text()


def test_tools_and_their_hidden_prompt_count_towards_what_is_cached(night: Night) -> None:
    night.job = replace(JOB, placement="tool_result", cache="1h")
    with_tools = night.scanned(TEXTS).plan(rows=40).cache.prefix_tokens
    night.job = replace(JOB, placement="user", cache="1h")
    assert with_tools > night.plan(rows=40).cache.prefix_tokens + 496


def test_a_long_beginning_of_the_prompt_is_cached_and_counted(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.behaviour(cold_cache_hit=1.0, cache_hit=1.0)
    lead = "Label what you read, and mind these rules. " * 60
    night.job = replace(JOB, prompt=lead + JOB.prompt, placement="user", cache="5m")
    record = night.scanned(TEXTS).plan(rows=40)
    night.create()
    night.load()
    books = claude_simulator.books()["total"]
    assert books["cache_read_input_tokens"] == 39 * books["cache_creation_5m_input_tokens"] > 0
    assert abs(record.cache.prefix_tokens - books["cache_creation_5m_input_tokens"]) < 20


@pytest.mark.parametrize("lead", ["", "Mind this, and this, and this. " * 20])
@pytest.mark.parametrize("pack", [1, 5])
@pytest.mark.parametrize("placement", ["user", "tool_result"])
def test_no_hash_of_a_request_covers_its_marker(
    night: Night, tmp_path: UPath, placement: str, pack: int, lead: str
) -> None:
    night.job = replace(LONG, placement=placement, prompt=lead + LONG.prompt)
    settings = Settings(limits=Limits(rows=40), trial=False, pack=Packing(items=pack) if pack > 1 else None)
    plan(night.scanned(TEXTS).run, night.job, night.gateway, settings=settings, clock=clock())
    shard = PlannedShard.of(night.run.shard(1))
    others = dict.fromkeys(range(7), 999)
    for asked in (AttemptSelection(pack=pack), AttemptSelection(pack=pack, round=2, max_tokens=others)):
        path = UPath(tmp_path / f"{asked.round}.parquet")
        with encode_body(shard, asked) as body:
            body.write_manifest(path)
        for cache in ("5m", "1h"):
            with encode_body(shard, replace(asked, cache=cache)) as body:
                assert b"cache_control" in b"".join(body)
                assert body.is_asked_in(path)


@pytest.mark.parametrize("pack", [None, Packing(items=5)])
@pytest.mark.parametrize("placement", ["user", "tool_result"])
def test_another_cache_is_the_same_question(
    night: Night, claude_simulator: SimulatorProcess, placement: str, pack: Packing | None
) -> None:
    night.scanned(TEXTS)
    records: list[PlanRecord] = []
    for cache in ("none", "5m", "1h"):
        night.job = replace(LONG, cache=cache, placement=placement)
        settings = Settings(limits=Limits(rows=40), trial=False, pack=pack)
        records.append(plan(night.run, night.job, night.gateway, settings=settings, clock=clock()))
        night.create()
    assert len({one.job_hash for one in records}) == 1
    assert len({one.shards[0].fingerprint for one in records}) == 1
    assert [one.cache.ttl("batch", 1) for one in records] == [None, "5m", "1h"]
    assert claude_simulator.calls()["create"] == 1
    night.load()
    assert claude_simulator.books()["batches_total"]["cache_creation_1h_input_tokens"] == 0


@pytest.mark.parametrize("cache", ["none", "5m", "1h", "auto"])
def test_a_night_takes_the_answers_of_one_with_another_cache(
    night: Night, claude_simulator: SimulatorProcess, cache: str
) -> None:
    night.job = replace(LONG, cache="5m")
    night.scanned(TEXTS).plan(rows=40, trial=True)
    night.create()
    night.load()
    before = claude_simulator.calls()
    night.job = replace(LONG, cache=cache)
    record = night.plan(rows=39, trial=True)
    assert sum(spec.reused for spec in record.shards) == 40
    night.create()
    assert claude_simulator.calls()["create"] == before["create"] == 1
    assert claude_simulator.calls()["messages"] == before["messages"] == 1


@pytest.mark.parametrize("pack", [None, Packing(items=5)])
@pytest.mark.parametrize("placement", ["user", "tool_result"])
def test_the_requests_that_were_sent_can_be_made_again_with_their_markers(
    night: Night, placement: str, pack: Packing | None
) -> None:
    night.scanned(TEXTS)
    bodies = {}
    for cache in ("none", "5m"):
        night.job = replace(LONG, cache=cache, placement=placement)
        settings = Settings(limits=Limits(rows=40), trial=False, pack=pack)
        record = plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
        shard = PlannedShard.of(night.run.shard(1))
        with encode_body(
            shard, AttemptSelection(pack=record.shards[0].pack, cache=record.cache.ttl("batch", 1))
        ) as body:
            bodies[cache] = json.loads(b"".join(body))
            assert len(b"".join(body)) == len(body) <= record.shards[0].bytes
    control = {"type": "ephemeral", "ttl": "5m"}
    for plain, marked in zip(bodies["none"]["requests"], bodies["5m"]["requests"], strict=True):
        assert json.dumps(marked).count("cache_control") == 1
        assert "cache_control" not in json.dumps(plain)
        asked, same = marked["params"], plain["params"]
        if placement == "user":
            assert asked.pop("system") == [{"type": "text", "text": same.pop("system"), "cache_control": control}]
        else:
            assert asked["messages"][1]["content"][0].pop("cache_control") == control
        assert marked == plain


def test_show_names_the_markers_that_were_sent_whatever_is_planned_now(night: Night) -> None:
    night.job = replace(LONG, cache="5m")
    night.scanned(TEXTS).plan(rows=40)
    night.create()
    night.job = replace(LONG, cache="none")
    night.plan(rows=40)
    night.create()
    out = StringIO()
    show_shard(night.run.shard(1), Screen(out))
    assert "cache markers of 5m" in out.getvalue()
    night.load()
    report(night.run, output=None, clock=clock())
    show_run(night.run, Screen(out))
    assert "cache   Cached for 5m: of 40 requests by batch" in out.getvalue()


def test_a_budget_holds_though_every_request_writes_the_cache(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.behaviour(cold_cache_hit=0.0, cache_hit=0.0)
    night.job = replace(LONG, cache="1h")
    night.scanned(TEXTS)
    usd = "0.0020"
    settings = Settings(trial=False, budget=BudgetRecord(usd=usd, scope="night"))
    plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    night.create()
    night.load()
    loaded = settle(night)
    assert set(loaded.outcomes) == {"succeeded", "unaffordable"}
    spent = Decimal(claude_simulator.books()["total"]["cost_usd"])
    assert Decimal("0.0010") < spent <= Decimal(usd)


@pytest.mark.parametrize("placement", ["user", "tool_result"])
def test_markers_do_not_count_as_text_where_tokens_are_measured_by_bytes(
    night: Night, tmp_path: UPath, placement: str
) -> None:
    measured = []
    for cache in ("none", "5m"):
        one = Night(RunFolder(UPath(tmp_path / cache)), night.gateway, replace(LONG, cache=cache, placement=placement))
        record = one.scanned(TEXTS).plan(rows=40)
        one.create()
        one.load()
        report(one.run, output=None, clock=clock())
        tokens = AccountFolder(one.run.path, night.gateway.account()).tokens(record.job_hash)
        assert tokens is not None
        measured.append(tokens.input_per_byte)
    assert measured[0] == pytest.approx(measured[1], rel=1e-6)


def test_a_place_of_inference_is_priced_as_it_is_billed(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.job = replace(LONG, cache="5m", params={"inference_geo": "us"})
    night.scanned(TEXTS).plan(rows=39, trial=True)
    night.create()
    night.load()
    costs = report(night.run, output=None, clock=clock()).costs
    assert costs.actual == Decimal(claude_simulator.books()["total"]["cost_usd"])


class Nights:
    """Nights of one job in one work folder, each with 240 mails of its own in two shards."""

    def __init__(self, root: UPath, night: Night, job: ClaudeJob = LONG) -> None:
        self.root, self.gateway, self.job, self.count = root, night.gateway, job, 0

    def run(self) -> tuple[PlanRecord, list[CacheUse]]:
        """The plan of one more night, and what its cache did."""
        self.count += 1
        run = RunFolder(self.root / f"night-{self.count}")
        scan_by_hand(run, [f"mail {n} of night {self.count}" for n in range(240)])
        record = self.plan(run)
        for number in (1, 2):
            create(run.shard(number), self.gateway, clock=clock())
            load(run.shard(number), self.job, self.gateway, clock=clock())
        return record, report(run, output=None, clock=clock()).costs.cache

    def plan(self, run: RunFolder) -> PlanRecord:
        return plan(run, self.job, self.gateway, settings=self.settings, clock=self.now)

    def now(self) -> str:
        return f"2026-11-{self.count:02d}T00:00:00+00:00"

    @property
    def settings(self) -> Settings:
        return Settings(limits=Limits(rows=121), trial=False, work=self.root)


@pytest.fixture
def nights(tmp_path: UPath, night: Night) -> Nights:
    return Nights(UPath(tmp_path / "work"), night)


def lanes(record: PlanRecord) -> Sequence[str | None]:
    return [record.cache.ttl("batch", spec.number) for spec in record.shards]


def test_the_first_night_tries_the_cache_with_one_shard_and_the_next_ones_use_it_where_it_pays(
    nights: Nights, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(cold_cache_hit=0.9, cache_hit=0.9)
    record, (use,) = nights.run()
    assert lanes(record) == [None, "5m"]
    assert any(line.startswith("Shard 2 tries a cache of five minutes by batch") for line in record.explanation)
    assert use.requests == record.shards[1].rows
    assert use.rate is not None
    assert use.rate > 0.8
    record, (use,) = nights.run()
    assert lanes(record) == ["5m", "5m"]
    assert use.requests == 240
    assert Decimal(use.saved_usd) > 0
    estimated = record.estimate.usd("batch")
    assert estimated is not None
    assert any("as in the last nights" in line and "instead of" in line for line in record.explanation)


def test_a_cache_that_did_not_pay_is_left_out_for_a_fortnight_and_then_tried_again(
    nights: Nights, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(cold_cache_hit=0.1, cache_hit=0.1)
    record, (use,) = nights.run()
    assert lanes(record) == [None, "5m"]
    assert Decimal(use.saved_usd) < 0
    record, uses = nights.run()
    assert lanes(record) == [None, None]
    assert uses == []
    work = AccountFolder(nights.root, nights.gateway.account())
    for day in range(10, 24):
        work.record_cache(record.job_hash, CacheRecord(shard=f"night-{day}", at=f"2026-11-{day}T00:00:00", uses=[]))
    nights.count = 25
    assert lanes(nights.run()[0]) == [None, "5m"]


def test_nights_of_other_jobs_say_nothing(nights: Nights, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.behaviour(cold_cache_hit=0.9, cache_hit=0.9)
    nights.run()
    nights.job = replace(LONG, max_tokens=99)
    assert lanes(nights.run()[0]) == [None, "5m"]


def test_a_dry_run_expects_the_same_of_the_cache(nights: Nights, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.behaviour(cold_cache_hit=0.9, cache_hit=0.9)
    nights.run()
    run = RunFolder(nights.root / "dry")
    scan_by_hand(run, [f"another mail {n}" for n in range(240)])
    dry = dry_run(run, nights.job, nights.gateway, settings=nights.settings, clock=nights.now)
    record = nights.plan(run)
    assert Decimal(dry.batch_usd) == record.estimate.usd("batch")
    assert any("are cached for five minutes by batch" in line for line in dry.explanation)
