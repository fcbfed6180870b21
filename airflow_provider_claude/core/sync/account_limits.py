"""What the account may use a minute: by the name of its tier (limits.json, dated), or in numbers.

Source: https://platform.claude.com/docs/en/api/rate-limits
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.numbers import whole_number
from airflow_provider_claude.shipped import shipped

#: The lowest tier: what is too low only makes the sync lane slow, until the API's headers say better.
DEFAULT_TIER = "start"

#: More than any account may do in a minute.
_MOST = 10**12


class AccountLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Messages API's limits: `requests`, `input_tokens` (not read from a cache) and `output_tokens` a minute, and how
    many batched requests may be `queued` at once, None where that was not written.
    """

    requests: int
    input_tokens: int
    output_tokens: int
    queued: int | None = None

    def seconds(self, *, requests: float, input_tokens: float, output_tokens: float, share: float = 1.0) -> float:
        """How long requests with so many tokens in all take on the Messages API, using *share* of the limits."""
        minutes = max(requests / self.requests, input_tokens / self.input_tokens, output_tokens / self.output_tokens)
        return 60.0 * minutes / share


def account_limits(given: str | Mapping[str, Any] | None = None) -> AccountLimits:
    """The limits *given* by a tier's name or as numbers; None is the lowest tier, whose queue holds no shard back.

    Raises JobError for an unknown tier, and for invalid numbers.
    """
    if isinstance(given, Mapping):
        return _numbers(given)
    tiers = msgspec.json.decode(shipped(__package__, "limits.json"))["tiers"]
    name = given or DEFAULT_TIER
    if name not in tiers:
        raise JobError(
            f"limits is {name!r}: write one of {', '.join(tiers)}, or numbers a minute such as "
            "{'requests': 4000, 'input_tokens': 4_000_000, 'output_tokens': 800_000}."
        )
    limits = _numbers(tiers[name])
    return limits if given else msgspec.structs.replace(limits, queued=None)


def _numbers(given: Mapping[str, Any]) -> AccountLimits:
    try:
        limits = msgspec.convert(dict(given), AccountLimits)
    except msgspec.ValidationError as e:
        raise JobError(
            f"limits is {dict(given)!r}: {e}. Write requests, input_tokens and output_tokens a minute."
        ) from e
    for name, value in msgspec.structs.asdict(limits).items():
        if value is not None:
            whole_number(f"limits[{name!r}]", value, 1, _MOST)
    return limits
