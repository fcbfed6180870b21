from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.cli.locations import to_path as typed_path
from airflow_provider_claude.errors import DestinationError, JobError
from airflow_provider_claude.runtime.paths import run_folder, to_path
from airflow_provider_claude.stages.sync.journal import Journal
from airflow_provider_claude.store import RunFolder, atomic_output, write_bytes, write_new
from airflow_provider_claude.store.access import GROUP, OWNER, grant
from airflow_provider_claude.store.probe import probe


@pytest.fixture(autouse=True)
def _owner_again() -> Iterator[None]:
    yield
    grant(OWNER)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def write_all(root: Path) -> None:
    """Everything the store can write, each in folders that are not there."""
    write_bytes(UPath(root / "a" / "b" / "record.json"), b"{}")
    write_bytes(UPath(root / "a" / "b" / "record.json"), b"{ }")  # what replaces a file is as private as the file
    assert write_new(UPath(root / "c" / "claim.json"), b"{}")
    with atomic_output(UPath(root / "d" / "part.parquet")) as stream:
        stream.write(b"x")
    shard = RunFolder(UPath(root / "e")).shard(1)
    write_bytes(shard.file("1.intent.json"), b"{}")
    for line in (b"one", b"two"):
        Journal(shard, 1, 1).write([line])


def modes(root: Path) -> set[tuple[str, str]]:
    """The modes of all files and folders below *root*, in octal."""
    found = [path.lstat() for path in root.rglob("*")]
    return {("folder" if stat.S_ISDIR(one.st_mode) else "file", oct(stat.S_IMODE(one.st_mode))) for one in found}


@pytest.mark.parametrize(("setting", "kept"), [("False", OWNER), ("True", GROUP)])
def test_files_and_folders_are_as_private_as_the_setting_says_whatever_the_umask(
    setting: str, kept: Any, umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CLAUDE__GROUP_ACCESS", setting)
    to_path(str(tmp_path))
    write_all(tmp_path)
    assert modes(tmp_path) == {("file", oct(kept.file)), ("folder", oct(kept.folder))}


def test_without_a_setting_they_are_their_users_alone(tmp_path: Path) -> None:
    to_path(str(tmp_path))
    write_all(tmp_path)
    assert modes(tmp_path) == {("file", "0o600"), ("folder", "0o700")}


def test_what_is_on_its_way_to_an_object_store_is_private_in_the_temporary_folder(
    umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant(GROUP)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with atomic_output(UPath("memory://private/part.parquet")) as stream:
        stream.write(b"x")
        assert modes(tmp_path) == {("file", "0o600")}
    assert modes(tmp_path) == set()


def test_folders_that_are_there_keep_their_mode(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o750)
    write_bytes(UPath(tmp_path / "there" / "new" / "a"), b"")
    assert stat.S_IMODE((tmp_path / "there").stat().st_mode) == 0o750


def open_itself(root: Path) -> Path:
    (root / "work").mkdir()
    (root / "work").chmod(0o1777)
    return root / "work"


def open_above(root: Path) -> Path:
    (root / "open" / "work").mkdir(parents=True)
    (root / "open").chmod(0o777)
    return root / "open" / "work" / "dag" / "2026-11-23"


def open_behind_a_link(root: Path) -> Path:
    (root / "kept").symlink_to(open_above(root).parents[1])
    return root / "kept" / "dag"


@pytest.mark.parametrize("make", [open_itself, open_above, open_behind_a_link])
@pytest.mark.parametrize("use", [run_folder, lambda path: probe(UPath(path), "work")])
def test_a_folder_that_all_users_can_change_is_refused_with_what_to_do(
    make: Callable[[Path], Path], use: Callable[[str], object], tmp_path: Path
) -> None:
    folder = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DestinationError, match=r"all users of the machine can write to .*chmod o-w .*group_access"):
        use(str(folder))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_of_ones_own_below_the_systems_temporary_one_is_fine(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    assert str(run_folder(str(tmp_path / "tmp" / "mine"))).endswith("mine")


def test_a_folder_of_another_user_is_refused_unless_a_group_shares_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.stat()
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    monkeypatch.setattr(Path, "stat", owned_by(6_789))
    with pytest.raises(DestinationError, match=r"belongs to another user \(id 6789\).*group_access"):
        run_folder(str(tmp_path))
    monkeypatch.setenv("AIRFLOW__CLAUDE__GROUP_ACCESS", "True")
    run_folder(str(tmp_path))


def owned_by(user: int) -> Callable[..., os.stat_result]:
    def status(path: Path, **_: Any) -> os.stat_result:
        found = list(os.stat(str(path)))  # noqa: PTH116 - Path.stat is what is replaced
        found[stat.ST_UID] = user
        return os.stat_result(found)

    return status


@pytest.mark.parametrize("name", ["there", "there/work", "there/a/b"])
def test_a_folder_that_this_user_cannot_write_to_or_make_is_refused_with_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.setattr(os, "access", lambda place, _: place != tmp_path / "there")
    with pytest.raises(
        DestinationError, match=rf"user \(id {os.geteuid()}\) may not write to .*/there, which .*group_access"
    ):
        run_folder(str(tmp_path / name))


@pytest.mark.parametrize("access", [OWNER, GROUP])
def test_what_a_command_writes_is_as_private_as_the_folder_it_is_for(access: Any, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(access.folder)
    write_bytes(typed_path(str(tmp_path / "run" / "releases")) / "1.json", b"{}")
    assert modes(tmp_path / "run") == {("file", oct(access.file)), ("folder", oct(access.folder))}


def test_a_store_that_has_no_conditional_write_is_refused_with_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    path = UPath("memory://odd/claim.json")

    def pipe_file(*_: object, **__: object) -> None:
        raise NotImplementedError("If-None-Match")

    monkeypatch.setattr(type(path.fs), "pipe_file", pipe_file)
    with pytest.raises(JobError, match="Google Cloud Storage"):
        write_new(path, b"{}")
