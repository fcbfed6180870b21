"""How much of the account's limits is left, by the headers of an answer, and how fast we send because of it.

Alone, we never take more than our share, and the API's buckets stay almost full. When they sink, other clients are using
the account: the lane slows down in proportion, before any of them meets a 429.

The headers have the limit of a minute and what is left of it, but not how much of a minute the API's bucket holds: it
may be a second of it. So "full" is the most that was ever left. What the answered request used counts as left:
where a bucket holds little more than one request, our own requests are no reason to slow down.

Headers: https://platform.claude.com/docs/en/api/rate-limits. Those of the batch endpoints describe other limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.core.sync.token_bucket import MIN_PACE, Use

#: With this share of the API's bucket left, or more, there is no reason to slow down.
LOW = 0.5

#: The headers round tokens to the nearest thousand.
_ROUNDED = Use(0, 500, 500)

_WHOLE = re.compile(r"[0-9]{1,15}")


class Meter(NamedTuple):
    """The *limit* a minute of one meter, and how much of it is *left*; None where nothing says so."""

    limit: int | None = None
    left: int | None = None

    def share(self, more: float = 0.0) -> float | None:
        """What is left and *more*, as a share of a minute's limit (0 to 1); None where nothing says so."""
        if self.limit is None or self.left is None:
            return None
        return min(1.0, (self.left + more) / self.limit)


_UNKNOWN = Meter()


class Headroom(NamedTuple):
    """What one answer of the Messages API said about the account."""

    requests: Meter = _UNKNOWN
    input_tokens: Meter = _UNKNOWN
    output_tokens: Meter = _UNKNOWN

    @property
    def left(self) -> tuple[int | None, ...]:
        """What is left of each meter."""
        return tuple(meter.left for meter in self)


def headroom(headers: Mapping[str, str]) -> Headroom:
    """What *headers* (names in lower case) say. A value that is absent or no number says nothing."""
    return Headroom(
        requests=_meter(headers, "requests"),
        input_tokens=_meter(headers, "input-tokens"),
        output_tokens=_meter(headers, "output-tokens"),
    )


def fuller(seen: Headroom, full: Use) -> Use:
    """The most that was ever left, in shares of a minute's limits, when *full* was the most before."""
    return Use(*(max(most, meter.share() or 0.0) for meter, most in zip(seen, full, strict=True)))


def least_share(seen: Headroom, taken: Use, full: Use) -> float | None:
    """The share of its bucket that is left, of the meter with the least left; None without meters.

    *taken*: what the answered request took. *full*: see `fuller`; a meter of which nothing was ever left says nothing.
    """
    shares = [
        (meter.share(amount + rounded), most)
        for meter, amount, rounded, most in zip(seen, taken, _ROUNDED, full, strict=True)
    ]
    return min((min(1.0, share / most) for share, most in shares if share is not None and most > 0), default=None)


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
    """The limits *known*, or those from the API's headers."""
    return msgspec.structs.replace(
        known,
        requests=seen.requests.limit or known.requests,
        input_tokens=seen.input_tokens.limit or known.input_tokens,
        output_tokens=seen.output_tokens.limit or known.output_tokens,
    )


def _meter(headers: Mapping[str, str], name: str) -> Meter:
    limit = _whole(headers.get(f"anthropic-ratelimit-{name}-limit"))
    if not limit:
        return _UNKNOWN
    return Meter(limit, _whole(headers.get(f"anthropic-ratelimit-{name}-remaining")))


def _whole(value: str | None) -> int | None:
    return int(value) if value is not None and _WHOLE.fullmatch(value) else None
