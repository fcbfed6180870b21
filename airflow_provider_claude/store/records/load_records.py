"""The records of a shard that was loaded, or settled."""

from __future__ import annotations

import msgspec

from airflow_provider_claude.store.records.record import Record


class TokenSums(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of many requests together. Those of `cache_write` were written for five minutes, or for an hour."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def prompt(self) -> int:
        """All tokens that were sent."""
        return self.input + self.cache_read + self.cache_write


class SettledRecord(Record, frozen=True, kw_only=True):
    """settled.json: nothing more is sent for this shard with the fingerprint `shard_fingerprint`. `round` was the last one."""

    shard_fingerprint: str
    round: int
    at: str


class LoadedRecord(Record, frozen=True, kw_only=True):
    """loaded.json: how the rows of a shard ended, duplicates counted with their originals.

    `outcomes` counts rows by outcome; `unmatched` result lines with an unknown or repeated custom id, or none, and
    `foreign` elements of packed answers, whose id matches no item;
    `count_mismatches` says where a batch's own counts are not those of its results. `round` is the last one that
    was loaded. `cost_usd` is all that was paid, `retried_usd` the part that went to tries which a later one replaced.
    `incomplete` says of which attempts the results never came whole, and why. `asked_again` rows had no result for that
    reason and were asked again, which cost `asked_again_usd`.
    """

    shard: int
    shard_fingerprint: str
    round: int
    rows: int
    outcomes: dict[str, int]
    unmatched: dict[str, int]
    count_mismatches: list[str]
    reused: int
    tokens: TokenSums
    cost_usd: str
    retried_usd: str
    loaded_at: str
    incomplete: list[str] = []
    asked_again: int = 0
    asked_again_usd: str = "0"
