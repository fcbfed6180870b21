"""Attacks and their honest look-alikes by kind, made up from grammars of our own: what no collection has enough of.

A grammar is a text: a line `= name` begins the ways to say *name*, one a line. In a way, `{name}` is any way to say that
name and `(a|b|)` any of the choices. `attack …` and `honest …` are the names that are said.
"""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import NamedTuple

#: Kinds of attacks and of what sounds like them, and honest mail in other languages.
GRAMMARS = ("kinds.txt", "mails.txt")

_SLOT = re.compile(r"\{([\w ]+)\}")
_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")


class Made(NamedTuple):
    """A made-up *text* and its *kind*; *attack* or honest."""

    text: str
    kind: str
    attack: bool


def made(each: int, seed: int) -> list[Made]:
    """*each* texts of each kind, at most: no text is there twice."""
    rng = random.Random(seed)
    grammar = _read("\n".join(Path(__file__).with_name(name).read_text("utf-8") for name in GRAMMARS))
    kinds = [name for name in grammar if name.startswith(("attack ", "honest "))]
    texts = {_said(grammar, kind, rng): kind for kind in kinds for _ in range(each)}
    return [Made(text, kind.split(" ", 1)[1], kind.startswith("attack ")) for text, kind in texts.items()]


def _read(text: str) -> dict[str, list[str]]:
    grammar: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("= "):
            ways = grammar.setdefault(line[2:].strip(), [])
        elif line.strip() and not line.startswith("# "):
            ways.append(line.replace("\\n", "\n"))
    return grammar


def _said(grammar: dict[str, list[str]], name: str, rng: random.Random) -> str:
    text = rng.choice(grammar[name])
    while slot := _SLOT.search(text):
        text = text[: slot.start()] + _said(grammar, slot[1], rng) + text[slot.end() :]
    while choice := _CHOICE.search(text):
        text = text[: choice.start()] + rng.choice(choice[1].split("|")) + text[choice.end() :]
    return re.sub(r" {2,}", " ", text).strip(" ")
