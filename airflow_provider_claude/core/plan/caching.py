"""Whether the prompt that all rows share is cached: dated data (cacheable.json) and one decision.

A written hour of cache costs twice the input, a read a tenth or less: more than every second request has to find it, which
is usual, and not promised, where a batch is large
(https://platform.claude.com/docs/en/build-with-claude/prompt-caching).
"""

from __future__ import annotations

import re

import msgspec

from airflow_provider_claude.core.cost.tokens import BYTES_A_TOKEN
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.untrusted import full_system
from airflow_provider_claude.shipped import shipped

#: A prompt may have so many times fewer tokens than its bytes let expect.
_CARE = 1.25

_DATED = re.compile(r"-\d{8}$")


def least_cacheable(model: str) -> int | None:
    """The fewest tokens that *model* caches, None if unknown."""
    data = msgspec.json.decode(shipped(__package__, "cacheable.json"))
    found: int | None = data["models"].get(_DATED.sub("", model))
    return found


def is_cached(job: ClaudeJob) -> bool:
    """Whether the requests of *job* mark their system prompt to be cached.

    As the job says; else where its bytes alone, counted carefully, are enough tokens for the model. Nothing measured goes in,
    so that a run that is planned again asks the very same.
    """
    if job.cache is not None:
        return job.cache
    least = least_cacheable(job.model)
    return (
        least is not None and len(full_system(job.placement, job.system, b"").encode()) / BYTES_A_TOKEN / _CARE >= least
    )
