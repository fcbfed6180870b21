"""The object store that workers share: what one removes while another lists takes nothing else away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.store import list_names
from tests.chaos.objects import PROTOCOL, Objects


@pytest.fixture
def shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UPath:
    monkeypatch.setattr(Objects, "folder", tmp_path)
    shard = UPath(f"{PROTOCOL}://bucket/shards/00001")
    for name in ("1.intent.json", "1.submitted.json", "loaded.json"):
        (shard / name).write_text("{}")
    return shard


def test_an_object_that_another_worker_removes_is_missing_from_a_list_and_no_other_is(
    shard: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def raced(folder: Any) -> Iterator[os.DirEntry[str]]:
        with scan(folder) as found:
            names = list(found)
        next(Path(one.path) for one in names if "loaded" in one.name).unlink()
        return iter(names)

    monkeypatch.setattr(os, "scandir", raced)
    assert list_names(shard) == ["1.intent.json", "1.submitted.json"]
