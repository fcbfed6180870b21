"""What several workers do to one file at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.errors import StoreError
from airflow_provider_claude.store.files import all_names, atomic_output, entries, exists, list_names, remove, write_new
from airflow_provider_claude.store.records.attempt_records import LeaseRecord
from airflow_provider_claude.store.records.record import write_new_record


@pytest.fixture(params=["local", "objects"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    place = UPath(tmp_path / "run") if request.param == "local" else UPath(f"memory://{tmp_path.name}/run")
    place.mkdir(parents=True)
    return place


@pytest.mark.parametrize("name", ["loaded.json", "part"])
def test_what_another_worker_removes_in_the_same_moment_is_removed(
    place: UPath, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place / name
    if name == "part":
        path.mkdir()
        (path / "1.json").write_text("{}")
    else:
        path.write_text("{}")

    def after_another(removal: Callable[..., None]) -> Callable[..., None]:
        def raced(*args: Any, **kwargs: Any) -> None:
            removal(*args, **kwargs)
            raise FileNotFoundError(str(path))

        return raced

    monkeypatch.setattr("shutil.rmtree", after_another(__import__("shutil").rmtree))
    monkeypatch.setattr(type(path.fs), "rm", after_another(type(path.fs).rm))
    remove(path)
    assert not path.exists()


def test_removing_what_is_not_there_is_no_error(place: UPath) -> None:
    remove(place / "nothing.json")


def test_what_a_killed_worker_left_half_written_is_in_no_listing(place: UPath) -> None:
    for name in ("1.json", ".1.json.a_b0c1d2.tmp", ".hidden", "notes.tmp"):
        (place / name).write_text("{}")
    assert list_names(place) == list(entries(place)) == [".hidden", "1.json", "notes.tmp"]
    assert len(all_names(place)) == 4


def test_what_is_being_written_is_in_no_listing_either(tmp_path: Path) -> None:
    folder = UPath(tmp_path / "run")
    with atomic_output(folder / "loaded.json"):
        assert len(all_names(folder)) == 1
        assert (list_names(folder), entries(folder)) == ([], {})
    assert list_names(folder) == ["loaded.json"]


def test_a_folder_and_a_file_that_are_not_there_are_no_error(place: UPath) -> None:
    assert list_names(place / "nothing") == []
    assert not exists(place / "nothing.json")


def test_the_names_of_a_folder_are_those_of_its_files_and_folders(place: UPath) -> None:
    (place / "b.json").write_text("{}")
    (place / "a").mkdir()
    (place / "a" / "c.json").write_text("{}")
    assert list_names(place) == ["a", "b.json"]
    assert list_names(place / "b.json") == []
    assert exists(place / "a")
    assert exists(place / "b.json")


@pytest.mark.parametrize("read", [list_names, exists])
def test_a_store_that_fails_to_answer_is_not_an_empty_one(
    read: Callable[[UPath], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = UPath(f"memory://{tmp_path.name}/run")
    place.mkdir(parents=True)
    (place / "1.json").write_text("{}")

    def fails(*_: Any, **__: Any) -> None:
        raise OSError(5, "Input/output error")

    for name in ("info", "ls"):
        monkeypatch.setattr(type(place.fs), name, fails)
    with pytest.raises(StoreError, match="Input/output error"):
        read(place)


@pytest.mark.parametrize("read", [list_names, exists])
def test_what_an_object_store_listed_before_is_not_taken_for_what_is_there_now(
    read: Callable[[UPath], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = UPath(f"memory://{tmp_path.name}/run")
    place.mkdir(parents=True)
    asked: list[str] = []
    monkeypatch.setattr(type(place.fs), "invalidate_cache", lambda *_: asked.append("anew"))
    read(place)
    assert asked == ["anew"]


@pytest.fixture
def lossy(place: UPath, monkeypatch: pytest.MonkeyPatch) -> UPath:
    """A store that carries out each exclusive write, and whose client asks a second time, because the answer was lost."""

    def twice(write: Callable[..., None]) -> Callable[..., None]:
        def asks_again(*args: Any, **kwargs: Any) -> None:
            write(*args, **kwargs)
            write(*args, **kwargs)

        return asks_again

    monkeypatch.setattr("os.link", twice(os.link))
    monkeypatch.setattr(type(place.fs), "pipe_file", twice(type(place.fs).pipe_file))
    return place


def test_a_write_whose_answer_was_lost_is_known_as_its_writers_own(lossy: UPath) -> None:
    lease = LeaseRecord(attempt=1, number=1, until="2026-11-22T00:01:30Z", done=0)
    assert write_new_record(lossy / "1.lease.1.json", lease)
    assert not write_new_record(lossy / "1.lease.1.json", lease), "another worker can have the same record to write"


def test_of_writers_whose_answers_are_lost_the_first_wins(lossy: UPath) -> None:
    assert [write_new(lossy / "1.intent.json", b"%d" % n) for n in range(3)] == [True, False, False]
    assert (lossy / "1.intent.json").read_bytes() == b"0"


@pytest.mark.parametrize("place", ["objects"], indirect=True)
def test_a_store_that_fails_while_the_winner_is_asked_for_names_no_winner(
    lossy: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(lossy.fs), "cat_file", fails)
    with pytest.raises(StoreError, match="Input/output error"):
        write_new(lossy / "1.intent.json", b"1")


@pytest.mark.parametrize("place", ["objects"], indirect=True)
def test_a_conflict_of_any_type_is_a_lost_race_only_where_a_file_is_there(
    place: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise OSError(22, "At least one of the pre-conditions you specified did not hold")

    (place / "1.intent.json").write_bytes(b"another's")
    monkeypatch.setattr(type(place.fs), "pipe_file", refuses)
    assert not write_new(place / "1.intent.json", b"mine")
    with pytest.raises(StoreError, match="pre-conditions"):
        write_new(place / "2.intent.json", b"mine")
