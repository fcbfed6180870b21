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
GRAMMARS = ("kinds.txt", "mails.txt", "steering.txt")

HERE = Path(__file__).parent

Grammar = dict[str, list[str]]

_SLOT = re.compile(r"\{([\w ]+)\}")
_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")


class Made(NamedTuple):
    """A made-up *text* and its *kind*; *attack* or honest."""

    text: str
    kind: str
    attack: bool

    @property
    def weight(self) -> float:
        """What it counts. Steering comes in more kinds than all else, and must not outweigh it."""
        return 1.3 if self.attack and self.kind.startswith("steering") else 2.0


def made(each: int, seed: int) -> list[Made]:
    """*each* texts of each kind, at most: no text is there twice."""
    rng = random.Random(seed)
    rules = grammar(*(HERE / name for name in GRAMMARS))
    kinds = [name for name in rules if name.startswith(("attack ", "honest "))]
    texts = {said(rules, kind, rng): kind for kind in kinds for _ in range(each)}
    return [Made(text, kind.split(" ", 1)[1], kind.startswith("attack ")) for text, kind in texts.items()]


def grammar(*paths: Path) -> Grammar:
    """The ways to say each name of the grammars at *paths*, read as one."""
    ways: Grammar = {}
    for line in (line for path in paths for line in path.read_text("utf-8").splitlines()):
        if line.startswith("= "):
            some = ways.setdefault(line[2:].strip(), [])
        elif line.strip() and not line.startswith("# "):
            some.append(line.replace("\\n", "\n"))
    return ways


def said(grammar: Grammar, name: str, rng: random.Random) -> str:
    """One way to say *name*."""
    text = rng.choice(grammar[name])
    while slot := _SLOT.search(text):
        text = text[: slot.start()] + said(grammar, slot[1], rng) + text[slot.end() :]
    while choice := _CHOICE.search(text):
        text = text[: choice.start()] + rng.choice(choice[1].split("|")) + text[choice.end() :]
    return re.sub(r" {2,}", " ", text).strip(" ")
