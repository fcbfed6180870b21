from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from upath import UPath

from airflow_provider_claude.core.account import Account
from airflow_provider_claude.store import AccountFolder, RunFolder, TokensRecord


def test_what_a_killed_worker_left_half_written_keeps_no_later_plan_from_reading_what_was_asked(tmp_path: Path) -> None:
    account = Account(platform="anthropic", base_url="http://localhost:1", workspace="w")
    work = AccountFolder(UPath(tmp_path), account)
    shard = RunFolder(UPath(tmp_path / "run")).shard(1)
    work.ask("job", shard, 1, "fingerprint", "2026-11-22T00:00:00Z")
    [folder] = (tmp_path / "accounts" / account.fingerprint / "asked").iterdir()
    (folder / ".fingerprint-2-1.json.a_b0c1d2.tmp").write_bytes(b"")
    assert [record.attempt for record in work.asked("job", since="2026-11-21T00:00:00Z")] == [1]


@pytest.mark.parametrize("other", [{"platform": "aws"}, {"base_url": "http://localhost:2"}, {"workspace": "test"}])
def test_what_the_requests_of_one_account_used_is_known_to_no_other(tmp_path: Path, other: dict[str, str]) -> None:
    account = Account(platform="anthropic", base_url="http://localhost:1", workspace="w")
    used = TokensRecord(input_per_byte=0.25, tool_tokens=500.0, output_tokens=40.0, rows=57, at="2026-11-22T00:00:00Z")
    AccountFolder(UPath(tmp_path), account).record_tokens("job", used)
    assert AccountFolder(UPath(tmp_path), account).tokens("job") == used
    assert AccountFolder(UPath(tmp_path), msgspec.structs.replace(account, **other)).tokens("job") is None
