"""Files that another user may have put where they are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store import files
from airflow_provider_claude.store.files import read_whole


def test_a_file_is_read_whole_and_one_without_bounds_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 4)
    (tmp_path / "file").write_bytes(b"1234")
    assert read_whole(UPath(tmp_path / "file")) == b"1234"
    (tmp_path / "file").write_bytes(b"12345")
    with pytest.raises(StateError, match="no file of at most 4 bytes"):
        read_whole(UPath(tmp_path / "file"))
    with pytest.raises(StateError, match="no file of at most 4 bytes"):
        read_whole(UPath("/dev/zero"))
    with pytest.raises(FileNotFoundError):
        read_whole(UPath(tmp_path / "nowhere"))
