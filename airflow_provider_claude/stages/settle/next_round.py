"""What the next round of a shard asks: which unresolved rows, with which limits, and how many of them in a request."""

from __future__ import annotations

from dataclasses import dataclass, replace

from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.packing.repack import Repack, repack
from airflow_provider_claude.core.requests.reuse_age import reuse_since
from airflow_provider_claude.core.settle.unresolved import Unresolved, ask_again, hopeless
from airflow_provider_claude.errors import HopelessError
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.draft import request_hashes
from airflow_provider_claude.stages.requests.reuse import KEY_BYTES, Known, Used, read_reused, take
from airflow_provider_claude.store.parquet_files import read_table
from airflow_provider_claude.store.planned_shard import PlannedShard


@dataclass(frozen=True)
class NextRound:
    """The items of *shard* to ask again, each by its ordinal with its `max_tokens`; *packs*: how they share requests."""

    shard: PlannedShard
    again: dict[int, int]
    packs: Repack

    def selection(self, asked: dict[int, int], number: int, now: str) -> AttemptSelection:
        """What round *number* asks: *asked* of the items. Answers of earlier runs are reused first."""
        limits = {n: limit for n, limit in asked.items() if limit != self.shard.plan.job.max_tokens}
        selection = AttemptSelection(
            round=number, only=frozenset(asked), max_tokens=limits, pack=self.packs.items, alone=self.packs.alone
        )
        return selection if number == 1 else replace(selection, skip=_answered_before(self.shard, selection, now))


def next_round(shard: PlannedShard, rounds: int) -> NextRound:
    """What is asked next of *shard*, whose unresolved rows may be asked *rounds* times more. Nothing, where `again` is empty.

    Nothing for a probe: it is asked once. Raises HopelessError where no row can succeed.
    """
    if shard.run.is_probe:
        return NextRound(shard, {}, Repack())
    unresolved = _read(shard)
    why = hopeless(unresolved, asked=shard.spec.rows)
    if why is not None:
        raise HopelessError(
            f"Shard {shard.number}: {why}. Nothing more is sent. Fix the cause, then clear the plan task to ask again."
        )
    again = ask_again(unresolved, rounds=rounds)
    return NextRound(shard, again, repack(unresolved, again, items=shard.spec.pack, rounds=rounds))


def _read(shard: PlannedShard) -> list[Unresolved]:
    """The unresolved rows of *shard* without their duplicates. Rows that were not asked yet have the job's `max_tokens`."""
    columns = ["ordinal", "duplicate_of", "outcome", "reason", "error_type", "invalid", "max_tokens", "tries", "packed"]
    rows = read_table(shard.folder.file("unresolved.parquet"), columns).to_pylist()
    return [
        Unresolved(
            **{
                **row,
                "outcome": Outcome(row["outcome"]),
                "max_tokens": row["max_tokens"] or shard.plan.job.max_tokens,
                "packed": row["packed"] or 1,
            }
        )
        for row in rows
        if row.pop("duplicate_of") is None
    ]


def _answered_before(shard: PlannedShard, selection: AttemptSelection, now: str) -> dict[int, bytes]:
    """Reuse the answers that earlier runs got when they asked again; each answer is used once."""
    hashes = request_hashes(shard, selection)
    known = Known(b"".join(one[:KEY_BYTES] for one in hashes.values()), list(hashes))
    since = reuse_since(now, shard.plan.reuse_days)
    known.look_again(shard.work, shard.plan.job_hash, since, _used(shard, selection.round))
    return take(shard, known.found(0, len(hashes)), selection.round)


def _used(shard: PlannedShard, before: int) -> Used:
    """What the rounds before *before* have asked or reused."""
    taken: dict[tuple[str, int], set[int]] = {}
    for of_round in range(1, before):
        path = shard.folder.reused(shard.fingerprint, of_round)
        for batch in read_reused(path, ["shard", "attempt", "row"]):
            for one in batch.to_pylist():
                taken.setdefault((one["shard"], one["attempt"]), set()).add(one["row"])
    mine = shard.work.name_of(shard.folder)
    asked = {(mine, attempt.number): None for attempt in shard.rounds()}
    return {**taken, **asked}
