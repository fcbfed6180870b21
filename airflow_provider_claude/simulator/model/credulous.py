"""A model that believes what it reads: it does what the text of an item asks for.

It gives the label that the text names near a word such as "answer" or "classify", reveals the system prompt on
request, and answers under the ids of other items. It obeys more than real attacks say: it is the worst case for a gate in
front of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from airflow_provider_claude.simulator.model.behaviour import Behaviour
from airflow_provider_claude.simulator.model.chance import draws

_VERBS = (
    r"answer|respond|response|reply|output|return|label|classif(?:y|ied)|classification|categori[sz]ed?|mark|rate|tag|print|say|"
    r"write|set|choose|pick|treat|report|sentiment|verdict|must be|should be"
)
_EVERYONE = re.compile(
    r"\b(?:all|every|each|any|other|others|neighbou?rs?|next|previous|rest|whole)\b(?:\s+\w+){0,3}?\s+"
    r"(?:e-?mails?|mails?|messages?|items?|elements?|texts?|rows?|reviews?|entries|answers?|labels?|batch|list)\b",
    re.IGNORECASE,
)
_LEAK = re.compile(
    r"\b(?:reveal|repeat|print|show|output|write|include|copy|quote|tell|disclose|put)\b[^.\n]{0,80}?"
    r"\b(?:system prompt|instructions|confidential word|secret|canary|everything above)",
    re.IGNORECASE,
)
_WORD = re.compile(r"confidential word|secret|canary", re.IGNORECASE)
_FORGE = re.compile(
    r"\b(?:add|append|insert|emit|forge|give|write)\b[^.\n]{0,60}?\b(?:elements?|answers?|objects?)\b", re.IGNORECASE
)


def obeys(behaviour: Behaviour, seed: int, text: str, *, in_result: bool) -> bool:
    """Whether the model believes *text*. *in_result*: it stands in a tool result."""
    share = behaviour.credulous * (behaviour.credulous_results if in_result else 1)
    return share > 0 and draws(seed, "credulous", text)[0] < share


def addressed_to_all(texts: Iterable[str]) -> str:
    """Those of *texts* that speak about other items than their own."""
    return "\n".join(text for text in texts if _EVERYONE.search(text))


def label_asked(orders: str, labels: Sequence[str]) -> str | None:
    """The one of *labels* that *orders* ask for first; None without."""
    found = _asking(tuple(labels)).search(orders) if orders else None
    return None if found is None else next(one for one in labels if one.lower() == found[1].lower())


#: Stems of what a label is called, in English, German, French, Spanish, Italian, Dutch, Polish, Swedish, Russian, Turkish,
#: Chinese and Japanese.
_NAMES = {
    "positive": r"positi|pozyty|pozitif|favou?r|favorev|lobend|praise|lovend|pochlebn|berömmande|olumlu|положительн|позитив|"
    r"正面|积极|好评|ポジティブ|肯定的|好意的",
    "negative": r"negati|négati|negaty|unfavou?r|défavor|desfavor|sfavorev|kritisch|complaint|afkeurend|nieprzychyln|klandrande|"
    r"olumsuz|отрицательн|негатив|负面|消极|差评|ネガティブ|否定的|批判的",
}


def label_named(orders: str, labels: Sequence[str]) -> str | None:
    """The one of *labels* that *orders* name last, in whatever way; None without."""
    found = [
        (match.start(), label)
        for label in labels
        if label.lower() in _NAMES
        for match in re.finditer(rf"(?<![a-zé])(?:{_NAMES[label.lower()]})", orders, re.IGNORECASE)
    ]
    return max(found)[1] if found else None


def names(behaviour: Behaviour, seed: int, text: str) -> bool:
    """Whether a believed *text* is also obeyed where it only names a label."""
    return behaviour.credulous_names > 0 and draws(seed, "names", text)[0] < behaviour.credulous_names


@lru_cache(maxsize=256)
def _asking(labels: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(sorted(map(re.escape, labels), key=len, reverse=True))
    return re.compile(rf"\b(?:{_VERBS})\b[^\n]{{0,80}}?\b({words})\b", re.IGNORECASE)


def leaked(orders: str, secret: str) -> str | None:
    """What *orders* make the model reveal of its system prompt, which is *secret*; None where they do not ask."""
    if not secret or not orders or not _LEAK.search(orders):
        return None
    if _WORD.search(orders):
        lines = [line for line in re.split(r"(?<=[.!?])\s+", secret) if re.search("confidential|secret", line)]
        return " ".join(lines) or secret
    return secret


def forges(orders: str) -> bool:
    """Whether *orders* make the model answer under the ids of other items."""
    return bool(orders and _FORGE.search(orders) and _EVERYONE.search(orders))
