"""What a store has to prove before anything is paid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.errors import DestinationError, StoreError
from airflow_provider_claude.store import list_names, remove
from airflow_provider_claude.store.check_store import WRITERS, check_store, check_work_store

NOW = "2026-11-23T00:00:00+00:00"
NEXT_DAY = "2026-11-24T00:00:00+00:00"
NEXT_WEEK = "2026-11-30T00:00:01+00:00"


@pytest.fixture
def work(tmp_path: Path) -> UPath:
    return UPath(f"memory://{tmp_path.name}/work")


@pytest.fixture
def believes(work: UPath, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the store one that ignores the condition of a write, and says that each succeeded."""
    write = type(work.fs).pipe_file

    def ignores(fs: Any, path: str, value: bytes, **_: Any) -> None:
        write(fs, path, value)

    return lambda: monkeypatch.setattr(type(work.fs), "pipe_file", ignores)


@pytest.fixture
def races(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were written conditionally."""
    from airflow_provider_claude.store import check_store as module

    asked: list[str] = []
    write = module.write_new

    def counted(path: UPath, data: bytes) -> bool:
        asked.append(path.path)
        return write(path, data)

    monkeypatch.setattr(module, "write_new", counted)
    return asked


@pytest.mark.parametrize("kind", ["local", "objects"])
def test_a_store_that_lets_one_writer_win_passes_and_is_left_as_it_was(kind: str, work: UPath, tmp_path: Path) -> None:
    place = UPath(tmp_path / "work") if kind == "local" else work
    assert check_work_store(place, NOW) == ()
    assert list_names(place) == ["store.json"]


def test_a_passed_check_counts_for_days_and_is_done_again_after_a_week(work: UPath, races: list[str]) -> None:
    for now, seen in ((NOW, WRITERS), (NEXT_DAY, WRITERS), (NEXT_WEEK, 2 * WRITERS), (NOW, 3 * WRITERS)):
        check_work_store(work, now)
        assert len(races) == seen


def test_a_record_of_another_place_or_one_that_is_damaged_proves_nothing(work: UPath, races: list[str]) -> None:
    check_work_store(work, NOW)
    copy = work.parent / "copy"
    for content in ((work / "store.json").read_bytes(), b"{"):
        (copy / "store.json").write_bytes(content)
        races.clear()
        check_work_store(copy, NOW)
        assert len(races) == WRITERS


def test_a_store_that_lets_all_writers_win_is_refused_each_time(work: UPath, believes: Callable[..., None]) -> None:
    believes()
    for _ in range(2):
        with pytest.raises(DestinationError, match=f"{WRITERS} did") as refused:
            check_work_store(work, NOW)
    for said in (str(work), "conditional writes", "Nothing was sent", "allow_unsafe_store"):
        assert said in str(refused.value)
    assert list_names(work) == []


def test_the_risk_of_such_a_store_can_be_accepted_and_is_said_each_time(
    work: UPath, believes: Callable[..., None]
) -> None:
    believes()
    for _ in range(2):
        [warning] = check_work_store(work, NOW, unsafe=True)
        assert "does not obey conditional writes" in warning
        assert "allow_unsafe_store" in warning
    assert list_names(work) == []


def test_what_is_not_allowed_at_all_is_no_accepted_risk(work: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise PermissionError("The provided token has expired.")

    monkeypatch.setattr(type(work.fs), "pipe_file", refuses)
    with pytest.raises(DestinationError, match=r"Cannot write a new file to work .*token has expired"):
        check_work_store(work, NOW, unsafe=True)


def test_a_store_that_keeps_another_file_than_the_winners_is_refused(
    work: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = type(work.fs).pipe_file

    def refuses_afterwards(fs: Any, path: str, value: bytes, **_: Any) -> None:
        there = fs.exists(path)
        write(fs, path, b"" if there else value)
        if there:
            raise FileExistsError(path)

    monkeypatch.setattr(type(work.fs), "pipe_file", refuses_afterwards)
    with pytest.raises(DestinationError, match="does not obey"):
        check_store(work, "work")


@pytest.mark.parametrize(("method", "step"), [("ls", "list"), ("rm", "remove")])
def test_an_error_of_the_store_names_the_folder_and_what_could_not_be_done(
    method: str, step: str, work: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise OSError(16, "Please reduce your request rate.")

    monkeypatch.setattr(type(work.fs), method, busy)
    with pytest.raises(StoreError, match=rf"Cannot {step} .*{work}: .*reduce your request rate"):
        check_store(work, "work")
    monkeypatch.undo()
    remove(work)


def test_a_store_that_does_not_list_what_was_written_is_not_used(work: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(work.fs), "ls", lambda *_, **__: [])
    with pytest.raises(StoreError, match=r"it lists nothing where there is \['race.json'\]"):
        check_store(work, "work")
