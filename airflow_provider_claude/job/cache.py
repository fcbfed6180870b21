"""How long the part of a prompt that all rows share is kept in the API's prompt cache."""

from __future__ import annotations

from typing import Literal, get_args

#: How long a cached prefix lasts, from the start of the last request that wrote or read it
#: (https://platform.claude.com/docs/en/build-with-claude/prompt-caching).
Ttl = Literal["5m", "1h"]

TTLS: tuple[Ttl, ...] = get_args(Ttl)

#: What a job may say: let the plan decide, never, or always for so long.
Cache = Literal["auto", "none", "5m", "1h"]

CACHES: tuple[Cache, ...] = get_args(Cache)
