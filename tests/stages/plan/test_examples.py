"""Labelled examples go with every request, and are no part of what an answer must not repeat."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import BaseModel

from airflow_provider_claude.core.load.prompt_leaks import PromptLeaks
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.encode_attempt import encode_body
from airflow_provider_claude.store.planned_shard import PlannedShard
from tests.context import SECRET
from tests.stages.conftest import JOB, Night, clock

TEXTS = [f"mail {n}" for n in range(12)]
MAIL = "The parcel came two days late, and nobody at the hotline could say where it was in the meantime."
EXAMPLE = ({"body": MAIL}, {"sentiment": "negative", "confidence": 0.9})
WITH = replace(JOB, examples=[EXAMPLE] * 3)
MANY = replace(JOB, examples=[EXAMPLE] * 12)


@pytest.mark.parametrize("pack", [None, Packing(items=4)])
@pytest.mark.parametrize("placement", ["user", "tool_result"])
def test_every_request_has_them_in_its_system_prompt(night: Night, placement: str, pack: Packing | None) -> None:
    night.job = replace(WITH, placement=placement)
    settings = Settings(limits=Limits(rows=12), trial=False, pack=pack)
    record = plan(night.scanned(TEXTS).run, night.job, night.gateway, settings=settings, clock=clock())
    shown = record.job.examples
    assert shown.count("<example>") == 3
    with encode_body(PlannedShard.of(night.run.shard(1)), AttemptSelection(pack=record.shards[0].pack)) as body:
        asked = [one["params"] for one in json.loads(b"".join(body))["requests"]]
    assert len(asked) == (3 if pack else 12)
    for one in asked:
        assert one["system"].startswith(f"Label.\n\n{shown}\n\n")
        assert MAIL not in json.dumps(one["messages"])


def test_other_examples_ask_again_and_the_same_ones_do_not(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    for job, reused in ((JOB, 0), (WITH, 0), (WITH, 12), (JOB, 12)):
        night.job = job
        assert sum(spec.reused for spec in night.plan(rows=12).shards) == reused
        night.create()
        night.load()
    assert claude_simulator.calls()["create"] == 2


def test_the_plan_says_what_they_cost_with_a_warm_cache_and_without(night: Night) -> None:
    night.job = MANY
    record = night.scanned(TEXTS).plan(rows=12)
    assert 512 < record.cache.example_tokens < record.cache.prefix_tokens
    (told,) = [line for line in record.explanation if line.startswith("Labelled examples are about ")]
    assert "with a cache of which 60% is read" in told
    assert "without examples and cache." in told


def test_they_lift_a_short_prefix_over_what_the_model_caches(night: Night, claude_simulator: SimulatorProcess) -> None:
    for job, cached in ((JOB, False), (MANY, True)):
        night.job = replace(job, cache="5m")
        night.scanned(TEXTS).plan(rows=12)
        before = claude_simulator.books()["total"]["cache_creation_5m_input_tokens"]
        night.create()
        night.load()
        assert (claude_simulator.books()["total"]["cache_creation_5m_input_tokens"] > before) is cached


class Topic(BaseModel):
    topic: str
    summary: str


def test_an_answer_that_resembles_an_example_leaks_nothing() -> None:
    topic = "A parcel that came two days late and could not be found meanwhile"
    labelled = ({"body": MAIL}, {"topic": topic, "summary": MAIL})
    job = ClaudeJob(system="Say what it is about.", prompt="{body}", output=Topic, examples=[labelled] * 5)
    leaks = PromptLeaks(job.spec(SECRET))
    assert topic in job.examples_text
    for text in (topic, MAIL, f"{topic}. {MAIL}"):
        assert leaks._found(text.lower().encode()) == []
        assert not leaks.leaks({"topic": text, "summary": text})
