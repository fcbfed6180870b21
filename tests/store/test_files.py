"""What several workers do to one file at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.store.files import remove


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
