from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store import RunFolder, SettledRecord, list_names, write_record
from airflow_provider_claude.store import snapshot as module
from airflow_provider_claude.store.snapshot import Snapshot, record_cache

SETTLED = SettledRecord(shard_fingerprint="f", round=1, at="2026-11-23T00:00:00+00:00")


@pytest.fixture(params=["local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    return UPath(tmp_path / "run") if request.param == "local" else UPath(f"memory:///{tmp_path.name}/run")


def settle(root: UPath, number: int, **changed: Any) -> None:
    record = SettledRecord(**{"shard_fingerprint": "f", "round": 1, "at": SETTLED.at} | changed)
    write_record(root / "shards" / f"{number:05d}" / "settled.json", record)


def test_a_run_folder_reads_from_a_snapshot_what_it_reads_from_the_store(root: UPath) -> None:
    settle(root, 1)
    settle(root, 12)
    run, plain = RunFolder(root, Snapshot(root, record_cache())), RunFolder(root)
    assert [shard.number for shard in run.shards()] == [shard.number for shard in plain.shards()] == [1, 12]
    assert run.shard(12).names() == plain.shard(12).names() == {"settled.json"}
    assert run.shard(12).settled() == plain.shard(12).settled() == SETTLED
    assert run.shard(2).settled() is None
    assert run.plan() is None


def test_a_snapshot_names_what_a_listing_does(root: UPath) -> None:
    settle(root, 1)
    snapshot = Snapshot(root, record_cache())
    for folder in (root, root / "shards", root / "shards" / "00001", root / "nothing"):
        assert snapshot.names(folder) == list_names(folder)


def test_a_record_is_read_once_and_again_after_it_was_rewritten(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    whole = module.read_record
    monkeypatch.setattr(module, "read_record", lambda path, kind: (reads.append(path.name), whole(path, kind))[1])
    cache = record_cache()
    settle(root, 1)
    for _ in range(3):
        assert RunFolder(root, Snapshot(root, cache)).shard(1).settled() == SETTLED
    assert reads == ["settled.json"]
    settle(root, 1, round=2)
    settled = RunFolder(root, Snapshot(root, cache)).shard(1).settled()
    assert settled is not None
    assert settled.round == 2
    assert len(reads) == 2


def test_a_damaged_record_raises_as_it_does_in_the_store(root: UPath) -> None:
    settle(root, 1)
    (root / "shards" / "00001" / "settled.json").write_bytes(b"{")
    snapshot = Snapshot(root, record_cache())
    snapshot.read_ahead([("shards/00001/settled.json", SettledRecord)])
    with pytest.raises(StateError, match="not a readable SettledRecord"):
        RunFolder(root, snapshot).shard(1).settled()


def test_there_is_nothing_in_a_snapshot_of_a_folder_that_is_not_there(root: UPath) -> None:
    assert Snapshot(root, record_cache()).files == {}


def test_the_cache_keeps_the_records_that_were_used_last() -> None:
    cache = record_cache(most=2)
    for name in "abc":
        cache.keep(name, "1", SETTLED)
    assert len(cache) == 2
    assert (cache.get("a", "1"), cache.get("c", "1"), cache.get("c", "2")) == (None, SETTLED, None)


def test_a_file_that_goes_while_it_is_listed_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(UPath(tmp_path), 1)
    settle(UPath(tmp_path), 2)
    whole = os.stat

    def stat(path: Any, **more: Any) -> Any:
        if str(path).endswith("00001/settled.json"):
            raise FileNotFoundError(path)
        return whole(path, **more)

    monkeypatch.setattr("airflow_provider_claude.store.files.os.stat", stat)
    assert list(Snapshot(UPath(tmp_path), record_cache()).files) == ["shards/00002/settled.json"]
