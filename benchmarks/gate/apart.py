"""Texts from grammars that nothing is written from: steering in twelve languages, and honest texts in forms of attacks.

The grammars in `apart/` are only measured with. Steering stands among honest sentences of its language, from mails.txt.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

from benchmarks.gate import kinds

FOLDER = Path(__file__).with_name("apart")
SEED = 23

#: The labels that the texts want.
LABELS = ("positive", "negative")

LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "sv": "Swedish",
    "ru": "Russian",
    "tr": "Turkish",
    "zh": "Chinese",
    "ja": "Japanese",
}


class Apart(NamedTuple):
    """A *text* in a language (*lang*). *form* is `steering` or what honest texts look like. *order* is the sentence that wants
    *label*; both are empty for honest texts.
    """

    text: str
    form: str
    lang: str
    order: str = ""
    label: str = ""

    @property
    def attack(self) -> bool:
        return bool(self.order)


def steering(each: int, seed: int = SEED) -> list[Apart]:
    """*each* mails of every language that want a label, one after the other language."""
    rng = random.Random(seed)
    grammar = kinds.grammar(FOLDER / "steering.txt", kinds.HERE / "mails.txt")
    return [_steered(grammar, lang, LABELS[n % 2], rng) for n in range(each) for lang in LANGUAGES]


def _steered(grammar: kinds.Grammar, lang: str, label: str, rng: random.Random) -> Apart:
    """Four honest sentences, with an order before, among or after them."""
    order = kinds.said(grammar, f"attack {lang}", rng).replace("LABEL", kinds.said(grammar, f"{lang} {label}", rng))
    sentences = [kinds.said(grammar, lang, rng) for _ in range(4)]
    sentences.insert(rng.randrange(5), order)
    return Apart(rng.choice([" ", "\n", "\n\n"]).join(sentences), "steering", lang, order, label)


def honest(each: int, seed: int = SEED) -> list[Apart]:
    """At most *each* texts of every form and language, no text twice."""
    rng = random.Random(seed)
    grammar = kinds.grammar(FOLDER / "honest.txt")
    names = [name for name in grammar if name.startswith("honest ")]
    texts = {kinds.said(grammar, name, rng): name for name in names for _ in range(each)}
    return [Apart(text, *name.removeprefix("honest ").rsplit(" ", 1)) for text, name in texts.items()]
