"""Which items of a shard an attempt asks, and how."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_provider_claude.job.cache import Ttl
from airflow_provider_claude.store.planned_shard import PlannedShard


@dataclass(frozen=True, kw_only=True)
class AttemptSelection:
    """Which items of a shard an attempt asks: all but *skip* in round 1, then *only* the unresolved ones.

    *skip* holds the request hashes of items that are answered already, by ordinal; *max_tokens* replaces the job's for
    single items. *withheld*: how many more would be asked if the budget allowed. At most *pack* items share a request; those
    of *alone* have their own. *name* is the fingerprint, where the attempt has one already. *cache*: how long what the requests
    have in common is cached, None for no cache marker; it is no part of any fingerprint.
    """

    round: int = 1
    skip: Mapping[int, bytes] = field(default_factory=dict)
    only: frozenset[int] | None = None
    max_tokens: Mapping[int, int] = field(default_factory=dict)
    withheld: int = 0
    pack: int = 1
    alone: frozenset[int] = frozenset()
    name: str = ""
    cache: Ttl | None = None

    @property
    def whole(self) -> bool:
        """Whether it is the whole shard, asked for the first time."""
        return self.round == 1 and not self.skip and self.only is None

    def wants(self, ordinal: int) -> bool:
        return ordinal not in self.skip and (self.only is None or ordinal in self.only)

    def fingerprint(self, shard: PlannedShard) -> str:
        """What the custom ids start with: the shard's own fingerprint while all of it is asked for the first time."""
        if self.name:
            return self.name
        if self.whole:
            return shard.fingerprint
        asked = [n for n in range(shard.spec.start, shard.spec.stop) if self.wants(n)]
        identity = f"{shard.fingerprint}:{self.round}:{asked}:{sorted(self.max_tokens.items())}"
        if self.pack > 1:
            identity += f":{self.pack}:{sorted(self.alone)}"
        return hashlib.sha256(identity.encode()).hexdigest()
