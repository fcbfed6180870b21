from __future__ import annotations

from pathlib import Path

from upath import UPath

from airflow_provider_claude.core.account import Account
from airflow_provider_claude.store import AccountFolder, RunFolder


def test_what_a_killed_worker_left_half_written_keeps_no_later_plan_from_reading_what_was_asked(tmp_path: Path) -> None:
    account = Account(platform="anthropic", base_url="http://localhost:1", workspace="w")
    work = AccountFolder(UPath(tmp_path), account)
    shard = RunFolder(UPath(tmp_path / "run")).shard(1)
    work.ask("job", shard, 1, "fingerprint", "2026-11-22T00:00:00Z")
    [folder] = (tmp_path / "accounts" / account.fingerprint / "asked").iterdir()
    (folder / ".fingerprint-2-1.json.a_b0c1d2.tmp").write_bytes(b"")
    assert [record.attempt for record in work.asked("job", since="2026-11-21T00:00:00Z")] == [1]
