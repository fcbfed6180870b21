"""The plan's choice of a prompt cache, from what the last nights of the job measured."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_claude.core.cost.cache_use import CacheUse
from airflow_provider_claude.core.cost.estimate import Warm
from airflow_provider_claude.core.cost.tokens import BYTES_A_TOKEN, TokenModel
from airflow_provider_claude.core.plan.cache_plan import NO_CACHE, CachePlan, LaneCache
from airflow_provider_claude.core.plan.caching import ENOUGH, WINDOW, choose, least_cacheable
from airflow_provider_claude.core.plan.cut_shards import TRIAL_SHARD
from airflow_provider_claude.core.requests.request_bytes import RequestEncoder
from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.stages.plan import count_tokens
from airflow_provider_claude.store import CacheRecord, ShardSpec

if TYPE_CHECKING:
    from airflow_provider_claude.stages.plan.start import Start

_log = logging.getLogger(__name__)

_LANES = ("batch", "sync")


def plan_cache(
    start: Start, shards: Sequence[ShardSpec], tokens: TokenModel, api: count_tokens.Api | None
) -> CachePlan:
    """How long tonight's requests cache what they have in common. *api* None: nothing is asked of it."""
    setting, price = start.job.cache, start.price
    open_ = {one.number: one.rows - one.reused for one in shards if one.number != TRIAL_SHARD and one.rows > one.reused}
    if not open_ or (setting == "none" and not start.draft.job.examples):
        return NO_CACHE
    prefix = prefix_tokens(start.items.encoder, tokens, api)
    counted = CachePlan(prefix_tokens=prefix, example_tokens=_example_tokens(start, prefix, tokens, api))
    if setting == "none" or (setting == "auto" and prefix < (least_cacheable(start.job.model) or math.inf)):
        return counted
    nights = start.work.caches(start.draft.job_hash, WINDOW)
    probe = min((number for number, rows in open_.items() if rows >= ENOUGH), key=open_.__getitem__, default=None)
    share = open_[probe] / sum(open_.values()) if probe is not None else 0.0
    chosen = {
        lane: choose(_in_lane(nights, lane), price.tier(prefix), smallest=share, setting=setting) for lane in _LANES
    }
    return msgspec.structs.replace(
        counted,
        lanes={lane: LaneCache(ttl=one.ttl, probe=one.probe, rate=one.rate) for lane, one in chosen.items()},
        probe_shard=probe,
    )


def _example_tokens(start: Start, prefix: int, tokens: TokenModel, api: count_tokens.Api | None) -> int:
    """How many of the *prefix* tokens are labelled examples."""
    spec = start.draft.job
    if not spec.examples:
        return 0
    without = RequestEncoder(msgspec.structs.replace(spec, examples=""))
    return max(prefix - prefix_tokens(without, tokens, api), 0)


def warm(plan: CachePlan) -> dict[str, Warm]:
    """What the cache is expected to do, in the lanes that have one. One shard that only tries it does not count."""
    return {
        lane: Warm(plan.prefix_tokens, one.ttl, one.expected_rate)
        for lane, one in plan.lanes.items()
        if one.ttl is not None
    }


def _in_lane(nights: Sequence[CacheRecord], lane: str) -> list[list[CacheUse]]:
    return [[use for use in night.uses if use.lane == lane] for night in nights]


def prefix_tokens(encoder: RequestEncoder, tokens: TokenModel, api: count_tokens.Api | None) -> int:
    """The tokens that all requests begin with: those of a request whose row is empty, less what stands around an empty row.

    They are counted by the API, with the hidden ones of tools and of the output format. Whether hidden tokens count towards the
    least that a model caches is not documented. Where the API cannot be asked, they are estimated from bytes.
    """
    content = next(encoder.contents({name: [""] for name in encoder.texts}))
    params = encoder.request(content)
    around = round(len(content.text) / BYTES_A_TOKEN)
    try:
        counted = api.count_tokens(params) if api is not None else 0
    except ClaudeError as error:
        _log.warning("The tokens that all requests have in common could not be counted: %s", error)
        counted = 0
    in_result = encoder.frames[content.placement].in_result
    return max((counted or tokens.input_tokens(len(params), int(in_result))) - around, 0)
