"""A request that was answered before is not paid again, whatever run it was in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import PendingError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.store import PlanRecord, RunFolder, remove
from tests.stages.conftest import Night, clock
from tests.stages.settle.test_settle import settle as settle_to_the_end

TEXTS = [f"mail {n}" for n in range(12)]


def go(night: Night, texts: list[str], **settings: object) -> PlanRecord:
    """The whole night over *texts*, in the work folder around it."""
    night.scanned(texts)
    work = UPath(Path(night.run.path.path).parent)
    chosen = Settings(**{"limits": Limits(rows=5), "trial": True, "work": work, **settings})
    record = plan(night.run, night.job, night.gateway, settings=chosen, clock=clock())
    for spec in record.shards:
        if spec.lane == "batch":
            night.create(spec.number)
            night.load(spec.number)
    return record


def billed(simulator: SimulatorProcess) -> int:
    return int(simulator.books()["total"]["requests"])


def texts_of(night: Night, record: PlanRecord) -> list[str]:
    return sorted(name for spec in record.shards for name in night.answers(spec.number)["item_id"].to_pylist())


@pytest.fixture
def first(night: Night) -> Night:
    go(night, TEXTS)
    return night


@pytest.fixture
def second(first: Night) -> Night:
    return Night(RunFolder(UPath(f"{first.run}-again")), first.gateway)


def test_another_run_over_the_same_data_bills_nothing(second: Night, claude_simulator: SimulatorProcess) -> None:
    record = go(second, TEXTS)
    assert billed(claude_simulator) == 12
    assert sum(spec.reused for spec in record.shards) == 12
    assert len(texts_of(second, record)) == 12
    assert "12 items have an answer" in " ".join(record.explanation)


def test_a_reused_answer_names_the_batch_that_was_paid_for_and_costs_nothing(first: Night, second: Night) -> None:
    go(second, TEXTS)
    row = second.answers().to_pylist()[0]
    assert row["claude_lane"] == "store"
    assert row["claude_batch_id"] in first.answers()["claude_batch_id"].to_pylist()
    assert row["claude_cost_usd"] == 0
    assert row["claude_input_tokens"] == 0


def test_one_changed_row_bills_one(second: Night, claude_simulator: SimulatorProcess) -> None:
    go(second, [*TEXTS[:6], "quite another mail", *TEXTS[7:]])
    assert billed(claude_simulator) == 13


def test_a_late_row_bills_one_although_it_moves_all_others(first: Night, claude_simulator: SimulatorProcess) -> None:
    record = go(first, ["a late mail", *TEXTS])
    assert billed(claude_simulator) == 13
    assert len(texts_of(first, record)) == 13


def test_another_shard_size_bills_nothing(first: Night, claude_simulator: SimulatorProcess) -> None:
    go(first, TEXTS, limits=Limits(rows=3))
    assert billed(claude_simulator) == 12


def test_a_changed_job_bills_every_row(second: Night, claude_simulator: SimulatorProcess) -> None:
    from dataclasses import replace

    second.job = replace(second.job, system="Label it well.")
    go(second, TEXTS)
    assert billed(claude_simulator) == 24


def test_reuse_can_be_turned_off(second: Night, claude_simulator: SimulatorProcess) -> None:
    go(second, TEXTS, reuse_days=0)
    assert billed(claude_simulator) == 24


def test_another_work_folder_knows_nothing_of_it(second: Night, claude_simulator: SimulatorProcess) -> None:
    go(second, TEXTS, work=None)
    assert billed(claude_simulator) == 24


def test_answers_whose_run_folder_is_gone_are_asked_again(
    first: Night, second: Night, claude_simulator: SimulatorProcess
) -> None:
    remove(first.run.path)
    record = go(second, TEXTS)
    assert billed(claude_simulator) == 24
    assert len(texts_of(second, record)) == 12


def test_answers_that_vanish_between_plan_and_create_are_asked_again(
    first: Night, second: Night, claude_simulator: SimulatorProcess
) -> None:
    second.scanned(TEXTS)
    work = UPath(Path(second.run.path.path).parent)
    plan(second.run, second.job, second.gateway, settings=Settings(limits=Limits(rows=5), work=work), clock=clock())
    remove(first.run.path)
    second.create(1)
    assert second.load(1).outcomes == {"succeeded": 5}
    assert billed(claude_simulator) == 17


def test_rows_with_reused_and_new_answers_land_together(second: Night) -> None:
    go(second, ["new first", *TEXTS[1:]])
    go(second, [TEXTS[0], "new second", *TEXTS[2:]])
    assert second.answers(1)["item_id"].to_pylist().sort() == [f"mail-{n}" for n in range(1, 6)].sort()
    assert second.run.shard(1).loaded().reused == 4  # type: ignore[union-attr]


def test_a_shard_that_moved_because_rows_came_before_it_still_lands(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    texts = [f"mail {n}" for n in range(43)]
    go(night, texts, limits=Limits(rows=30), trial=False)
    before = night.run.need_plan().shards
    record = go(night, ["a late mail", *texts], limits=Limits(rows=30), trial=False)
    assert record.shards[1].fingerprint == before[1].fingerprint
    assert record.shards[1].start == before[1].start + 1
    assert len(texts_of(night, record)) == 44
    assert billed(claude_simulator) == 44


def settled(night: Night, record: PlanRecord) -> Counter[str]:
    """How the rows of all shards ended, after settling each to the end."""
    outcomes: Counter[str] = Counter()
    for spec in record.shards:
        if spec.lane == "batch":
            outcomes.update(settle_to_the_end(night, shard=night.run.shard(spec.number)).outcomes)
    return outcomes


@pytest.mark.parametrize(("kind", "outcome"), [("truncated", "succeeded"), ("invalid_json", "invalid")])
def test_what_was_asked_again_in_an_earlier_run_is_not_paid_again(
    night: Night, claude_simulator: SimulatorProcess, kind: str, outcome: str
) -> None:
    claude_simulator.behaviour(**{kind: 1.0})
    record = go(night, TEXTS, trial=False)
    if kind == "truncated":
        claude_simulator.control("DELETE", "/behaviour")
    assert settled(night, record) == {outcome: 12}
    paid = billed(claude_simulator)
    again = Night(RunFolder(UPath(f"{night.run}-again")), night.gateway)
    assert settled(again, go(again, TEXTS, trial=False)) == {outcome: 12}
    assert (paid, billed(claude_simulator)) == (24, 24)


def test_content_that_changes_and_changes_back_is_not_paid_again(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS).plan(rows=12)
    claude_simulator.pace("polls:3")
    night.create()
    night.scanned([*TEXTS[:-1], "changed"])
    with pytest.raises(PendingError, match="being cancelled"):
        night.plan(rows=12)
    claude_simulator.advance(3600)
    claude_simulator.pace("instant")
    for texts in ([*TEXTS[:-1], "changed"], TEXTS):
        night.scanned(texts).plan(rows=12)
        night.create()
        night.load()
    assert settle_to_the_end(night).outcomes == {"succeeded": 12}
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_an_older_answer_counts_where_the_newest_attempt_brought_none(
    first: Night, second: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(errored=1.0)
    claude_simulator.advance(60)
    go(second, TEXTS, trial=False, reuse_days=0)
    claude_simulator.control("DELETE", "/behaviour")
    third = Night(RunFolder(UPath(f"{first.run}-third")), first.gateway)
    paid = billed(claude_simulator)
    record = go(third, TEXTS, trial=False)
    assert sum(spec.reused for spec in record.shards) == 12
    assert billed(claude_simulator) == paid
    assert settled(third, record) == {"succeeded": 12}


def test_a_line_that_is_no_answer_is_not_taken_and_its_row_is_asked(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    import pyarrow as pa

    go(night, TEXTS, trial=False)
    path = night.run.shard(1).results(1).path
    lines = pa.input_stream(path, compression="zstd").read().splitlines(keepends=True)
    lines[0] = lines[0].replace(b'"input_tokens":', b'"input_tokens":-')
    with pa.output_stream(path, compression="zstd") as stream:
        stream.write(b"".join(lines))
    again = Night(RunFolder(UPath(f"{night.run}-again")), night.gateway)
    assert settled(again, go(again, TEXTS, trial=False)) == {"succeeded": 12}
    assert billed(claude_simulator) == 13


def test_a_shard_whose_batch_was_abandoned_keeps_what_it_took_from_earlier_runs(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(invalid_json=1.0)
    go(night, TEXTS[:1], trial=False)
    claude_simulator.control("DELETE", "/behaviour")
    other = Night(RunFolder(UPath(f"{night.run}-other")), night.gateway)
    go(other, TEXTS[1:3], trial=False)
    third = Night(RunFolder(UPath(f"{night.run}-third")), night.gateway)
    go(third, TEXTS[:5], trial=False)
    third.run.shard(1).void(1, None, "it was another's", clock()())
    third.load()
    for gone in (night, other):
        remove(gone.run.path)
    assert settle_to_the_end(third).outcomes == {"succeeded": 5}
    lanes = dict(zip(*(third.answers()[name].to_pylist() for name in ("item_id", "claude_lane")), strict=True))
    assert [lanes[f"mail-{n}"] for n in range(5)] == ["batch", "store", "store", "batch", "batch"]
