"""How long a run's requests cache what they have in common, as plan.json keeps it."""

from __future__ import annotations

import msgspec

from airflow_provider_claude.job.cache import Ttl

#: The hit rate assumed where none is measured yet, about the middle of those that are documented.
ASSUMED_RATE = 0.6


class LaneCache(msgspec.Struct, frozen=True, kw_only=True):
    """The cache in one lane: the `ttl` of all its requests, None for no cache, and the one that one shard tries instead.

    `rate` is the hit rate that the last nights measured for `ttl`, None where it is not known.
    """

    ttl: Ttl | None = None
    probe: Ttl | None = None
    rate: float | None = None

    @property
    def expected_rate(self) -> float:
        """The hit rate that the plan counts with: the measured one, else ASSUMED_RATE."""
        return ASSUMED_RATE if self.rate is None else self.rate


class CachePlan(msgspec.Struct, frozen=True, kw_only=True):
    """The cache by lane. `prefix_tokens` are those that all requests begin with, 0 where they were not counted; `example_tokens`
    of them are labelled examples. `probe_shard` is the shard that tries a lane's
    `probe`.
    """

    lanes: dict[str, LaneCache] = {}
    prefix_tokens: int = 0
    example_tokens: int = 0
    probe_shard: int | None = None

    def ttl(self, lane: str, shard: int) -> Ttl | None:
        """How long the requests of *shard* are cached in *lane*; None for no cache marker. A trial has none."""
        chosen = self.lanes.get(lane)
        if chosen is None:
            return None
        return chosen.probe if chosen.probe and shard == self.probe_shard else chosen.ttl


NO_CACHE = CachePlan()
