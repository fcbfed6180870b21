"""What several workers do to one file at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.store.files import all_names, atomic_output, entries, list_names, remove


@pytest.fixture(params=["local", "objects"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    place = UPath(tmp_path / "run") if request.param == "local" else UPath(f"memory://{tmp_path.name}/run")
    place.mkdir(parents=True)
    return place


@pytest.mark.parametrize("name", ["landed.json", "part"])
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
    with atomic_output(folder / "landed.json"):
        assert len(all_names(folder)) == 1
        assert (list_names(folder), entries(folder)) == ([], {})
    assert list_names(folder) == ["landed.json"]
