"""The records of a run in one file: a copy that is right, whichever task writes it, and when."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec
import pytest
from upath import UPath

from airflow_provider_claude.store import RunFolder, SettledRecord, record_pack, snapshot, write_record
from airflow_provider_claude.store.files import tree
from airflow_provider_claude.store.record_pack import PACK, keep_pack, read_pack
from airflow_provider_claude.store.snapshot import Snapshot, record_cache


@pytest.fixture(params=["local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    root = UPath(tmp_path / "run") if request.param == "local" else UPath(f"memory:///{tmp_path.name}/run")
    for number in range(3):
        settle(root, number, 1)
    return root


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The records that are read from files of their own."""
    found: list[str] = []
    whole = snapshot.read_record
    monkeypatch.setattr(
        snapshot, "read_record", lambda path, kind: (found.append(path.parent.name), whole(path, kind))[1]
    )
    return found


def settle(root: UPath, number: int, round_: int) -> None:
    record = SettledRecord(shard_fingerprint="f", round=round_, at="2026-11-23T00:00:00+00:00")
    write_record(root / "shards" / f"{number:05d}" / "settled.json", record)


def rounds(root: UPath) -> list[int]:
    """What a reader who has never looked sees."""
    run = RunFolder(root, Snapshot(root, record_cache()))
    return [found.round for shard in run.shards() if (found := shard.settled()) is not None]


def pack(root: UPath) -> None:
    assert keep_pack(root, every=0.0, now=float("inf"))


def test_what_is_packed_is_read_from_the_pack_alone(root: UPath, reads: list[str]) -> None:
    pack(root)
    assert rounds(root) == [1, 1, 1]
    assert reads == []


def test_no_key_and_no_table_is_copied(root: UPath) -> None:
    for name in ("redaction.json", "secret", "shards/00001/unresolved.parquet", "probes/again/redaction.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"{}")
    pack(root)
    assert set(read_pack(root)) == {f"shards/{number:05d}/settled.json" for number in range(3)}


def test_what_was_written_since_is_read_from_its_own_file(root: UPath, reads: list[str]) -> None:
    pack(root)
    settle(root, 1, 2)
    settle(root, 3, 2)
    assert rounds(root) == [1, 2, 1, 2]
    assert reads == ["00001", "00003"]


def test_what_was_removed_since_is_gone(root: UPath) -> None:
    pack(root)
    file = root / "shards" / "00001" / "settled.json"
    file.fs.rm(file.path)
    assert rounds(root) == [1, 1]
    pack(root)
    assert len(read_pack(root)) == 2


def test_a_writer_that_began_before_another_and_ends_after_it_hides_nothing(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(root)
    settle(root, 1, 2)
    pack(root)
    monkeypatch.setattr(record_pack, "tree", lambda _: before)
    pack(root)
    assert rounds(root) == [1, 2, 1]


def test_a_record_that_is_rewritten_while_it_is_packed_is_read_as_it_is_now(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = record_pack.read_whole

    def read_and_rewrite(path: UPath) -> bytes:
        data = whole(path)
        if path.parent.name == "00001":
            settle(root, 1, 2)
        return data

    monkeypatch.setattr(record_pack, "read_whole", read_and_rewrite)
    pack(root)
    assert rounds(root) == [1, 2, 1]


def test_the_next_pack_reads_only_what_is_new(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(root)
    settle(root, 2, 2)
    names: list[str] = []
    whole = record_pack.read_whole
    monkeypatch.setattr(record_pack, "read_whole", lambda path: (names.append(path.name), whole(path))[1])
    pack(root)
    assert names == [PACK, "settled.json"]
    assert rounds(root) == [1, 1, 2]


def test_a_pack_is_written_again_only_when_it_is_old_enough(root: UPath) -> None:
    assert keep_pack(root, every=30.0, now=1e12)
    written = (root / PACK).stat().st_mtime
    assert [keep_pack(root, every=30.0, now=written + age) for age in (-5.0, 29.0, 31.0)] == [False, False, True]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pack",
        zlib.compress(b"{"),
        zlib.compress(msgspec.msgpack.encode({"shards/00001/settled.json": 7})),
        zlib.compress(b"\0" * 1_000_000)[:-8],
    ],
)
def test_a_damaged_pack_is_no_pack(root: UPath, data: bytes) -> None:
    (root / PACK).write_bytes(data)
    assert rounds(root) == [1, 1, 1]
    pack(root)
    assert len(read_pack(root)) == 3


def test_a_pack_that_unpacks_to_more_than_it_may_is_no_pack(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(root)
    monkeypatch.setattr(record_pack, "_MOST", 100)
    assert read_pack(root) == {}
    assert rounds(root) == [1, 1, 1]


def test_a_pack_is_read_once_as_long_as_it_is_the_same(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(root)
    cache, count = record_cache(), 0

    def read(path: UPath) -> record_pack.Packed:
        nonlocal count
        count += 1
        return read_pack(path)

    monkeypatch.setattr(snapshot, "read_pack", read)
    for number in range(3):
        settle(root, 3 + number, 1)
        run = RunFolder(root, Snapshot(root, cache))
        assert all(shard.settled() for shard in run.shards())
    assert count == 1
