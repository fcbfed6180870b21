"""Many items in one request, against the simulator: whatever it does to packs, no row gets another's answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import JobError, PendingError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.encode_attempt import encode_body
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.store import BudgetRecord, PlanRecord
from airflow_provider_claude.store.planned_shard import PlannedShard
from tests.stages.conftest import Night, clock, scan_by_hand
from tests.stages.settle.test_settle import settle, settling
from tests.stages.sync.test_sync import _Stops

WORDS = ["I love it", "It is terrible", "The parcel weighs two kilos", "A wonderful, happy day", "Awful, I hate it"]
TEXTS = [f"{WORDS[n % 5]} {'very ' * (n % 7)}much, said number {n}" for n in range(120)]

SLIPS = {"pack_drop": 0.1, "pack_repeat": 0.1, "pack_mix": 0.15, "pack_forge": 0.1}


def packed(night: Night, items: int = 8, **more: Any) -> PlanRecord:
    packing = Packing(items=items, by=more.pop("by", ()), tokens=more.pop("tokens", 4_000))
    settings = Settings(trial=False, pack=packing, **more)
    return plan(night.run, night.job, night.gateway, settings=settings, clock=clock())


def answers(night: Night, shard: int = 1) -> dict[str, tuple[str, float]]:
    """Each item's answer, as far as it is a function of its text."""
    rows = night.answers(shard).to_pylist()
    return {row["item_id"]: (row["sentiment"], row["confidence"]) for row in rows}


def alone(night: Night, tmp_path: Path, texts: Sequence[str]) -> dict[str, tuple[str, float]]:
    """What the simulator answers to each text by itself."""
    from upath import UPath

    from airflow_provider_claude.store import RunFolder

    other = Night(RunFolder(UPath(tmp_path / "alone")), night.gateway).scanned(texts)
    other.plan(rows=len(texts))
    other.create()
    other.load()
    return answers(other)


def manifest(night: Night, attempt: int = 1) -> pa.Table:
    return pq.read_table(night.run.shard(1).manifest(attempt).path)


def requests(night: Night, attempt: int = 1) -> list[list[dict[str, Any]]]:
    """The manifest's rows of each request."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in manifest(night, attempt).to_pylist():
        found.setdefault(row["custom_id"], []).append(row)
    return list(found.values())


def flag(night: Night, ordinals: Sequence[int]) -> None:
    """Let the scan have flagged these items."""
    for part in night.run.parts("items"):
        table = pq.read_table(part.path)
        suspects = [n in ordinals for n in table["ordinal"].to_pylist()]
        place = table.schema.get_field_index("scan_found")
        pq.write_table(
            table.set_column(place, table.schema.field("scan_found"), pa.array(suspects)),
            part.path,
            row_group_size=3,
        )


def own(night: Night, senders: Sequence[str | None]) -> None:
    """Give each item its sender."""
    for part in night.run.parts("items"):
        table = pq.read_table(part.path)
        values = [senders[n] for n in table["ordinal"].to_pylist()]
        place = table.schema.get_field_index("sender")
        pq.write_table(table.set_column(place, "sender", [pa.array(values, pa.string())]), part.path, row_group_size=3)


def billed(simulator: SimulatorProcess) -> Decimal:
    return Decimal(simulator.books()["total"]["cost_usd"])


@pytest.mark.parametrize("lane", ["batch", "sync"])
def test_whatever_happens_to_packs_every_row_gets_its_own_answer(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, tmp_path: Path, lane: str
) -> None:
    claude_simulator.behaviour(**SLIPS)
    night.scanned(TEXTS, duplicates=(0, 3))
    packed(night, lanes=LaneSettings(lane=lane))
    night.create()
    night.load()
    loaded = settle(night, lane_factory=lane_factory)
    assert loaded.outcomes == {"succeeded": 122}
    assert Decimal(loaded.cost_usd) == billed(claude_simulator)
    assert loaded.unmatched["foreign"] > 0
    spent = sum(row["claude_cost_usd"] for row in night.answers().to_pylist())
    assert spent + Decimal(loaded.retried_usd) == Decimal(loaded.cost_usd)
    mine = answers(night)
    assert {name: mine[name] for name in mine if name.startswith("mail")} == alone(night, tmp_path, TEXTS)


def test_slips_of_elements_leave_their_neighbours_their_answers(
    night: Night, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    claude_simulator.behaviour(**SLIPS)
    night.scanned(TEXTS)
    packed(night)
    night.create()
    loaded = night.load()
    assert loaded.outcomes["succeeded"] > 40
    assert loaded.outcomes["missing"] > 0
    assert loaded.outcomes["invalid"] > 0
    right = alone(night, tmp_path, TEXTS)
    assert all(right[name] == answer for name, answer in answers(night).items())
    left = night.unresolved().to_pylist()
    assert all("of a pack of" in row["reason"] for row in left)
    assert {row["packed"] for row in left} <= {8}


def test_what_fails_in_a_pack_is_asked_alone(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.behaviour(**SLIPS)
    night.scanned(TEXTS)
    packed(night)
    night.create()
    left = night.load().outcomes
    settle(night)
    assert len(requests(night, 2)) == left["missing"] + left["invalid"]
    assert "pack_element" not in manifest(night, 2).schema.names


WHOLE = {"refusal": "refused", "refusal_midway": "refused", "invalid_json": "invalid", "truncated": "truncated",
         "errored": "errored", "expired": "expired"}  # fmt: skip


@pytest.mark.parametrize("slip", WHOLE)
def test_a_pack_that_fails_as_a_whole_is_asked_item_by_item(
    night: Night, claude_simulator: SimulatorProcess, slip: str
) -> None:
    claude_simulator.behaviour(**{slip: 1.0})
    night.scanned(TEXTS[:20])
    packed(night)
    night.create()
    first = night.load()
    assert first.outcomes == {WHOLE[slip]: 20}
    assert first.count_mismatches == []
    assert Decimal(first.cost_usd) == billed(claude_simulator)
    claude_simulator.control("DELETE", "/behaviour")
    loaded = settle(night)
    assert loaded.outcomes == {"succeeded": 20}
    assert Decimal(loaded.cost_usd) == billed(claude_simulator)


def test_a_pack_without_a_result_is_missing_item_by_item(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.behaviour(missing=0.5)
    night.scanned(TEXTS)
    packed(night)
    night.create()
    assert night.load().outcomes["missing"] % 8 == 0
    claude_simulator.control("DELETE", "/behaviour")
    assert settle(night).outcomes == {"succeeded": 120}


def test_an_item_that_is_refused_alone_stays_refused(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.behaviour(refusal=1.0)
    night.scanned(TEXTS[:20])
    packed(night)
    night.create()
    night.load()
    assert settle(night).outcomes == {"refused": 20}
    assert claude_simulator.calls()["create"] == 2


def test_items_of_different_senders_never_share_a_request(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    own(night, [f"s{n % 7}" if n % 11 else None for n in range(120)])
    packed(night, by=("sender",))
    night.create()
    asked = requests(night)
    assert max(len(rows) for rows in asked) == 8
    for rows in asked:
        assert len({row["sender"] for row in rows}) == 1
        assert len(rows) == 1 or rows[0]["sender"] is not None
    assert night.load().outcomes == {"succeeded": 120}


def test_what_the_scan_has_flagged_is_asked_alone(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    odd = [5, 6, 40, 119]
    flag(night, odd)
    packed(night)
    night.create()
    by_place = {row["index"]: rows for rows in requests(night) for row in rows}
    assert all(len(by_place[n]) == 1 for n in odd)
    assert len(by_place[7]) == 8
    assert night.load().outcomes == {"succeeded": 120}


def test_a_long_item_is_asked_alone_and_a_pack_holds_so_many_tokens(night: Night) -> None:
    night.scanned(["short " * 3, "long " * 500, *["middling " * 20] * 9])
    packed(night, tokens=210)
    night.create()
    sizes = Counter(len(rows) for rows in requests(night))
    assert max(sizes) == 2
    assert night.load().outcomes == {"succeeded": 11}


def test_a_pack_of_one_is_the_request_that_it_always_was(night: Night) -> None:
    night.scanned(TEXTS[:9])
    record = packed(night)
    shard = PlannedShard(night.run.shard(1), record, record.shard(1))
    with encode_body(shard, AttemptSelection(pack=8)) as body:
        last = list(body.requests())[-1]
    with encode_body(shard, AttemptSelection()) as body:
        assert list(body.requests())[8] == last


def test_the_same_ask_makes_the_same_bytes_again(night: Night) -> None:
    night.scanned(TEXTS)
    packed(night)
    shard = PlannedShard.of(night.run.shard(1))
    with encode_body(shard, AttemptSelection(pack=8)) as body:
        first = b"".join(body)
        assert (body.rows, body.count, body.items) == (120, 15, [8] * 15)
    with encode_body(shard, AttemptSelection(pack=8)) as body:
        assert b"".join(body) == first
    prompt = json.loads(first)["requests"][0]["params"]["messages"][-1]["content"]
    assert prompt.count("<item id=") == prompt.count("</check>\n</item>") == 8


def test_the_same_run_planned_again_takes_up_its_batch(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    packed(night)
    batch = night.create()
    night.load()
    packed(night)
    assert night.create() == batch
    assert night.load().outcomes == {"succeeded": 120}
    assert claude_simulator.calls()["create"] == 1


def test_an_answer_from_a_pack_is_never_that_of_a_request_alone(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    packed(night)
    night.create()
    night.load()
    planned = night.plan(rows=120)
    assert [spec.reused for spec in planned.shards] == [0]
    night.create()
    assert night.load().outcomes == {"succeeded": 120}
    assert claude_simulator.books()["total"]["requests"] == 15 + 120


@pytest.mark.parametrize(("lane", "usd"), [("batch", "0.0008"), ("sync", "0.0016")])
def test_a_budget_counts_packs(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, lane: str, usd: str
) -> None:
    night.scanned(TEXTS)
    packed(night, lanes=LaneSettings(lane=lane), budget=BudgetRecord(usd=usd, scope="night"))
    night.create()
    night.load()
    loaded = settle(night, lane_factory=lane_factory)
    assert set(loaded.outcomes) == {"succeeded", "unaffordable"}
    assert loaded.rows == 120
    assert 0 < billed(claude_simulator) <= Decimal(usd)


def test_the_plan_knows_that_packs_are_fewer_requests(night: Night) -> None:
    night.scanned(TEXTS)
    record = packed(night)
    assert record.estimate.requests == 15
    assert any("Up to 8 items share a request, about 15 requests" in line for line in record.explanation)


@pytest.mark.parametrize("more", [{"by": ("customer",)}])
def test_what_cannot_be_packed_is_said_by_the_plan(night: Night, more: dict[str, Any]) -> None:
    night.scanned(TEXTS)
    with pytest.raises(JobError, match="pack_by names customer"):
        packed(night, **more)


def test_shards_of_packs_settle_one_by_one(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    packed(night, limits=Limits(rows=50))
    for shard in (1, 2, 3):
        night.create(shard)
        night.load(shard)
    assert sum(night.run.shard(n).loaded().rows for n in (1, 2, 3)) == 120  # type: ignore[union-attr]


def test_a_lane_that_was_stopped_makes_the_same_packs_again(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude_simulator.behaviour(**SLIPS)
    night.scanned(TEXTS)
    flag(night, [3, 50])
    packed(night, items=2, lanes=LaneSettings(lane="sync"))
    night.create()
    night.load()
    with monkeypatch.context() as patched:
        patched.setattr("airflow_provider_claude.stages.sync.lane_factory.Lane", _Stops)
        with pytest.raises(PendingError, match="a retry resumes it"):
            settling(night, lane_factory=lane_factory).go_on()
    loaded = settle(night, lane_factory=lane_factory)
    assert loaded.outcomes == {"succeeded": 120}
    assert claude_simulator.books()["same_content"]["requests"] == 0
    assert Decimal(loaded.cost_usd) == billed(claude_simulator)


def test_many_unresolved_rows_of_packs_are_asked_in_halves_and_then_alone(
    night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("airflow_provider_claude.core.packing.repack.MANY", 10)
    claude_simulator.behaviour(**SLIPS)
    night.scanned(TEXTS)
    packed(night)
    night.create()
    night.load()
    loaded = settle(night)
    assert loaded.outcomes == {"succeeded": 120}
    assert loaded.round == 3
    assert max(len(rows) for rows in requests(night, 2)) == 4
    assert Decimal(loaded.cost_usd) == billed(claude_simulator)
    assert answers(night) == alone(night, tmp_path, TEXTS)


def test_with_everything_on_nothing_is_shared_that_must_not_be(
    night: Night, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    claude_simulator.behaviour(**SLIPS, invalid_json=0.1, refusal_midway=0.05, expired=0.05)
    night.scanned(TEXTS, duplicates=(1,))
    own(night, [f"s{n % 3}" for n in range(120)])
    flag(night, [7, 8])
    packed(night, by=("sender",))
    night.create()
    night.load()
    settle(night)
    for rows in requests(night):
        assert len({row["sender"] for row in rows}) == 1
        assert len(rows) == 1 or not {row["index"] for row in rows} & {7, 8}
    claude_simulator.control("DELETE", "/behaviour")
    right = alone(night, tmp_path, TEXTS)
    mine = {name: answer for name, answer in answers(night).items() if name.startswith("mail")}
    assert all(right[name] == answer for name, answer in mine.items())


def test_the_trial_is_asked_alone_and_the_others_are_packed(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    settings = Settings(pack=Packing(items=8))
    record = plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    assert [spec.pack for spec in record.shards] == [1, 8]
    night.create()
    assert night.load().outcomes == {"succeeded": 119}
    assert claude_simulator.books()["total"]["requests"] == 1 + 15


def test_another_packing_is_other_content(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    packed(night, items=8)
    night.create()
    night.load()
    packed(night, items=5)
    night.create()
    assert night.load().outcomes == {"succeeded": 120}
    assert claude_simulator.books()["total"]["requests"] == 15 + 24


def test_a_packed_run_takes_what_was_answered_alone(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS[:40])
    night.plan(rows=40)
    night.create()
    night.load()
    scan_by_hand(night.run, TEXTS, at="2026-11-24T00:00:00+00:00")
    assert packed(night).shard(1).reused == 40
    night.create()
    assert night.load().outcomes == {"succeeded": 120}
    assert claude_simulator.books()["total"]["requests"] == 40 + 10
