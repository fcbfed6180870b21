"""The secret of a work folder is made once, is private, and is the same for all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store import WorkFolder


def test_all_who_make_it_at_once_get_the_same_and_so_does_every_later_one(tmp_path: Path) -> None:
    work = WorkFolder(UPath(tmp_path / "work"))
    with ThreadPoolExecutor(8) as threads:
        [secret] = set(threads.map(lambda _: work.secret(), range(32)))
    assert len(secret) == 32
    assert WorkFolder(UPath(tmp_path / "work")).secret() == secret


def test_it_is_made_by_one_conditional_write_where_the_work_folder_is_on_an_object_store() -> None:
    work = WorkFolder(UPath("memory://secret-of-a-bucket/work"))
    first = work.secret()
    assert work.secret() == first != WorkFolder(UPath("memory://secret-of-another/work")).secret()


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    WorkFolder(UPath(tmp_path)).secret()
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("held", [b"", b"00", b"\xff" * 65, b"g" * 64 + b"\n"])
def test_a_damaged_one_is_never_replaced(tmp_path: Path, held: bytes) -> None:
    (tmp_path / "secret").write_bytes(held)
    with pytest.raises(StateError, match="Put back a copy of it"):
        WorkFolder(UPath(tmp_path)).secret()
    assert (tmp_path / "secret").read_bytes() == held
