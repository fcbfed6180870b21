"""The facts of a run are read as its page reads it: with one listing, and from the pack where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.cli.facts import look
from airflow_provider_claude.store import RunFolder, snapshot
from airflow_provider_claude.store.record_pack import keep_pack
from tests.stages.run_folder import Night, Shard, build


@pytest.fixture
def far(tmp_path: Path) -> RunFolder:
    """A run of 40 shards on an object store."""
    near = build(UPath(tmp_path / "night"), Night(shards=[Shard(answered=2) for _ in range(40)]))
    there = UPath(f"memory:///{tmp_path.name}/night")
    for path in Path(near.path.path).rglob("*.json"):
        (there / str(path.relative_to(near.path.path))).write_bytes(path.read_bytes())
    return RunFolder(there)


def test_the_facts_of_a_run_are_those_of_its_records_with_and_without_a_pack(
    far: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = look(far)
    assert plain.loaded_planned == 40
    assert {number: [one.batch_id for one in past] for number, past in plain.attempts.items()} == {
        number: [f"msgbatch_{number}"] for number in range(40)
    }
    keep_pack(far.path, every=0.0, now=1e12)
    reads: list[str] = []
    monkeypatch.setattr(snapshot, "read_record", lambda path, _: reads.append(path.name))
    packed = look(far)
    assert reads == []
    assert (packed.loaded, packed.attempts, packed.scan, packed.plan) == (
        plain.loaded,
        plain.attempts,
        plain.scan,
        plain.plan,
    )


def test_what_is_done_with_the_facts_reads_the_run_as_it_is_then(far: RunFolder) -> None:
    facts = look(far)
    shard = facts.run.shard(3)
    shard.void(1, "msgbatch_3", "test", "2026-11-22T00:00:00+00:00")
    assert shard.voided(1) is not None
