"""How the simulated model misbehaves: seeded shares of requests, all 0 at first.

What belongs to the text (a refusal, a drifted case) is drawn from the seed and the custom id, so it comes back on a
resend. What passes by (an errored or an expired row) is drawn from the batch too, so a resend may succeed. The slips of
elements are drawn from the request and the id of each element, see `packed`.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Behaviour(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Shares from 0 to 1: of requests, those of packs of elements. The first that strikes, in this order, decides.

    *errored*: the row fails with `api_error`
    *expired*: the row expired
    *missing*, *duplicated*: no row at all, or two
    *refusal*: refused before any output, free
    *refusal_midway*: refused after some output, billed
    *truncated*: cut by `max_tokens`
    *invalid_json*: the answer is not JSON
    *case_drift*: enums in another letter case
    *pack_drop*, *pack_repeat*: of a request with many items, this share of elements is missing, or comes twice
    *pack_mix*: the element has the id of another, which has its id
    *pack_forge*: after it comes one with an id that was not asked
    *credulous*: this share of texts is believed: the model does what they ask for, see `credulous`
    *credulous_results*: of those in a tool result, this share is still believed
    *credulous_names*: of texts that are believed, this share is also obeyed where it only names a label
    *noise*, *pack_fade*, *pack_leak*: this share of answers is not that to their text, see `unsteady`
    *cache_hit*, *cold_cache_hit*: hit rates of a warm prompt cache, and within a batch without a warm cache
    """

    errored: float = 0.0
    expired: float = 0.0
    missing: float = 0.0
    duplicated: float = 0.0
    refusal: float = 0.0
    refusal_midway: float = 0.0
    truncated: float = 0.0
    invalid_json: float = 0.0
    case_drift: float = 0.0
    pack_drop: float = 0.0
    pack_repeat: float = 0.0
    pack_mix: float = 0.0
    pack_forge: float = 0.0
    credulous: float = 0.0
    credulous_results: float = 1.0
    credulous_names: float = 0.0
    noise: float = 0.0
    pack_fade: float = 0.0
    pack_leak: float = 0.0
    cache_hit: float = 0.98
    cold_cache_hit: float = 0.5

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {getattr(self, name)}")

    def changed(self, **shares: float) -> Behaviour:
        """The same with these shares; raises msgspec.ValidationError for an unknown name."""
        return msgspec.convert({**msgspec.structs.asdict(self), **shares}, Behaviour)
