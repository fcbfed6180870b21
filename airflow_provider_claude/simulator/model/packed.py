"""Many items in one request: an element of `answers` for each `<item id="…">` of the prompt, read from its own text.

Where an item holds a `<check>word</check>` and an element has a `check`, the word is copied: it stays with the answer, also
where ids are mixed, and a forged element has a word of its own making.

An element depends on the seed and its text, whatever it is packed with, unless the model is unsteady, or is credulous and
another text speaks for all. A slip is drawn from the request and the
element's id: the same request slips again, the same item in another request may not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from airflow_provider_claude.simulator.model.chance import digest, draws
from airflow_provider_claude.simulator.model.credulous import addressed_to_all, forges, obeys
from airflow_provider_claude.simulator.model.property_values import Cue, Json, Maker, Pack
from airflow_provider_claude.simulator.model.request_params import item_text
from airflow_provider_claude.simulator.model.unsteady import texts_answered

ANSWERS = "answers"
_CHECK = re.compile(r"<check>([^<>]*)</check\s*>")
_ITEM = re.compile(r'<item\s+id="([^"<>]+)"[^<>]*>.*?</item\s*>', re.DOTALL)


class _Luck(NamedTuple):
    """The draws of one element, each from 0 to 1."""

    drop: float
    repeat: float
    mix: float
    forge: float


def element_schema(schema: dict[str, Json], resolve: Callable[[str], Json]) -> Json | None:
    """The schema of one element, where *schema* asks for nothing but `answers`: an array of objects with an `id`."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or list(properties) != [ANSWERS]:
        return None
    answers = properties[ANSWERS]
    items = answers.get("items") if isinstance(answers, dict) and answers.get("type") == "array" else None
    element = resolve(items["$ref"]) if isinstance(items, dict) and "$ref" in items else items
    fields = element.get("properties") if isinstance(element, dict) else None
    name = fields.get("id") if isinstance(fields, dict) else None
    return items if isinstance(name, dict) and name.get("type") == "string" else None


def packed(make: Maker, otherwise: Maker, cue: Cue) -> Json:
    """One element by *make* for each item of the prompt; what *otherwise* makes where it holds none."""
    items = [(found[1], found[0]) for found in _ITEM.finditer(cue.pack.asked)] if cue.pack else []
    if not cue.pack or not items:
        return otherwise(cue)
    asked = [name for name, _ in items]
    luck = [_Luck(*draws(cue.seed, "pack", name)[:4]) for name in asked]
    orders = _orders(cue.pack, [item for _, item in items])
    texts = texts_answered([_own_text(item) for _, item in items], cue.pack.behaviour, cue.seed)
    elements = []
    for index, name in enumerate(_mixed(asked, luck, cue.pack.behaviour.pack_mix)):
        item = items[index][1]
        element = _checked({**make(_own_cue(cue, cue.pack, texts[index], orders[index])), "id": name}, item)
        elements += _slipped(element, cue.pack, luck[index], _forged(asked, index))
        if forges(orders[index]):
            elements += [_checked({**element, "id": other}, text) for other, text in items if other != name]
    return {ANSWERS: elements}


def _own_text(item: str) -> str:
    return item_text(_CHECK.sub("", item))


def _own_cue(cue: Cue, pack: Pack, text: str, orders: str) -> Cue:
    seed = digest(pack.seed, text)
    return Cue(text, seed, drift=cue.drift, words=cue.words, orders=orders, secret=cue.secret, asking=cue.asking)


def _orders(pack: Pack, items: Sequence[str]) -> list[str]:
    """What each of *items* makes the model do: what the believed ones say to all comes first."""
    if not pack.behaviour.credulous:
        return [""] * len(items)
    texts = [_own_text(item) for item in items]
    believed = [obeys(pack.behaviour, pack.seed, text, in_result=pack.in_result) for text in texts]
    to_all = addressed_to_all(text for text, one in zip(texts, believed, strict=True) if one)
    return [f"{to_all}\n{text if one else ''}".strip() for text, one in zip(texts, believed, strict=True)]


def _checked(element: dict[str, Json], item: str) -> dict[str, Json]:
    """The element with the word that its item holds last."""
    words = _CHECK.findall(item)
    return {**element, "check": words[-1]} if words and "check" in element else element


def _slipped(element: dict[str, Json], pack: Pack, luck: _Luck, forged: str) -> list[Json]:
    """The element as it comes: not at all, once or twice, and with a forged one after it."""
    if luck.drop < pack.behaviour.pack_drop:
        return []
    elements = [element, element] if luck.repeat < pack.behaviour.pack_repeat else [element]
    if luck.forge >= pack.behaviour.pack_forge:
        return elements
    word = {"check": f"{digest(forged):x}"} if "check" in element else {}
    return [*elements, {**element, "id": forged, **word}]


def _mixed(asked: Sequence[str], luck: Sequence[_Luck], share: float) -> list[str]:
    """The ids, those of struck elements swapped with the next; none is swapped twice."""
    names = list(asked)
    free = list(range(len(names)))
    while free:
        index = free.pop(0)
        if luck[index].mix < share and free:
            other = free.pop(0)
            names[index], names[other] = names[other], names[index]
    return names


def _forged(asked: Sequence[str], index: int) -> str:
    """An id that looks like those *asked*, but is not one of them."""
    stem, dash, _ = asked[index].rpartition("-")
    number = len(asked) + index + 1
    while f"{stem}{dash}{number}" in asked:
        number += 1
    return f"{stem}{dash}{number}"
