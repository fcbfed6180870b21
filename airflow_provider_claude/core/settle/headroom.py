"""How much of the account's limits is left, by the headers of an answer, and how fast we send because of it.

Alone, we never take more than our share, and the API's buckets stay almost full. When they sink, someone else is using
the account: we slow down in proportion, and yield to them before anybody meets a 429.

Headers: https://platform.claude.com/docs/en/api/rate-limits. Those of the batch endpoints tell of other limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from airflow_provider_claude.core.plan.limits import AccountLimits
from airflow_provider_claude.core.settle.bucket import MIN_PACE

#: With this share of the API's bucket left, or more, there is no reason to slow down.
LOW = 0.5

_WHOLE = re.compile(r"[0-9]{1,15}")


class Meter(NamedTuple):
    """The *limit* a minute of one meter, and the *share* of it that is left (0 to 1); None where nothing says so."""

    limit: int | None = None
    share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Headroom:
    """What one answer of the Messages API said about the account."""

    requests: Meter
    input_tokens: Meter
    output_tokens: Meter


def headroom(headers: Mapping[str, str]) -> Headroom:
    """What *headers* (names in lower case) say. A value that is absent or no number says nothing."""
    return Headroom(
        requests=_meter(headers, "requests"),
        input_tokens=_meter(headers, "input-tokens"),
        output_tokens=_meter(headers, "output-tokens"),
    )


def least_share(seen: Headroom) -> float | None:
    """The share left of the meter that is closest to its end; None if no meter was told."""
    shares = (seen.requests.share, seen.input_tokens.share, seen.output_tokens.share)
    return min((share for share in shares if share is not None), default=None)


def pace_for(share: float | None, reserve: float) -> float:
    """The pace, MIN_PACE to 1, with *share* of the API's bucket left and the share *reserve* promised to others.

    It falls from 1 at LOW in a straight line to MIN_PACE, where half the reserve is used up. None is no reason to
    slow down.
    """
    if share is None:
        return 1.0
    bottom = reserve / 2
    height = min(1.0, max(0.0, (share - bottom) / (LOW - bottom)))
    return MIN_PACE + (1 - MIN_PACE) * height


def limits_seen(seen: Headroom, known: AccountLimits) -> AccountLimits:
    """The limits *known*, or as the API told them."""
    return msgspec.structs.replace(
        known,
        requests=seen.requests.limit or known.requests,
        input_tokens=seen.input_tokens.limit or known.input_tokens,
        output_tokens=seen.output_tokens.limit or known.output_tokens,
    )


def _meter(headers: Mapping[str, str], name: str) -> Meter:
    """Tokens are told to the nearest thousand: what is left may look like more than the limit."""
    limit = _whole(headers.get(f"anthropic-ratelimit-{name}-limit"))
    left = _whole(headers.get(f"anthropic-ratelimit-{name}-remaining"))
    if not limit:
        return Meter()
    return Meter(limit, None if left is None else min(1.0, left / limit))


def _whole(value: str | None) -> int | None:
    return int(value) if value is not None and _WHOLE.fullmatch(value) else None
