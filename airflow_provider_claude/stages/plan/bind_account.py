"""Which account a run folder belongs to: that of the first connection that was asked about its rows."""

from __future__ import annotations

from airflow_provider_claude.core.account import Account, check_same
from airflow_provider_claude.store import AccountRecord, RunFolder, ShardFolder, write_record


def bind(run: RunFolder, account: Account) -> None:
    """Make *run* a run of *account*. Raises StateError where another account was asked about its rows already.

    An attempt that was certainly not carried out does not count: its key may have been the wrong one.
    """
    known = run.account()
    if known is not None and known.account == account:
        return
    if known is not None and any(map(_was_asked, run.shards())):
        check_same(known.account, account, f"The run folder {run}")
    write_record(run.file("account.json"), AccountRecord(account=account))


def _was_asked(shard: ShardFolder) -> bool:
    """Whether anything of *shard* was paid for, or may have been."""
    voided = map(shard.voided, shard.attempts())
    return any(record is None or record.paid for record in voided)
