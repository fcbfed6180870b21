"""A model that does not always say the same, and that reads the later items of a pack with less care.

noise       this share of answers is that to another text, drawn anew for each request
pack_fade   of a pack of twenty, this share of the last elements; less of those before it, and none of the first five
pack_leak   this share of elements is answered as the one before it in the pack
"""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_claude.simulator.model.behaviour import Behaviour
from airflow_provider_claude.simulator.model.chance import draws

#: What is answered instead: a text of each feeling.
_OTHERS = ("I love it, wonderful!", "This is terrible, I hate it.", "The parcel weighs two kilos.")

#: The first places of a pack, which are read with care, and the place at which `pack_fade` is what it says.
_CAREFUL, _LAST = 5, 20


def text_answered(text: str, behaviour: Behaviour, seed: int) -> str:
    """*text*, asked alone in a request with *seed*, or the one that is answered instead."""
    if not behaviour.noise:
        return text
    stray, pick, *_ = draws(seed, "noise")
    return _other(pick) if stray < behaviour.noise else text


def texts_answered(texts: Sequence[str], behaviour: Behaviour, seed: int) -> list[str]:
    """The same for the *texts* of a pack."""
    if not (behaviour.noise or behaviour.pack_fade or behaviour.pack_leak):
        return list(texts)
    return [_in_pack(texts, place, behaviour, seed) for place in range(len(texts))]


def _in_pack(texts: Sequence[str], place: int, behaviour: Behaviour, seed: int) -> str:
    leak, stray, pick, *_ = draws(seed, "unsteady", place)
    if place and leak < behaviour.pack_leak:
        return texts[place - 1]
    fade = behaviour.pack_fade * max(place + 1 - _CAREFUL, 0) / (_LAST - _CAREFUL)
    return _other(pick) if stray < behaviour.noise + fade else texts[place]


def _other(pick: float) -> str:
    return _OTHERS[int(pick * len(_OTHERS))]
