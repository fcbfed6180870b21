"""Rows that say nearly the same, and were answered differently.

Looked at are rows that share one of their two longest sentences, without regard to case or figures: that is cheap to know of all
rows. How similar two of them are is judged as where near-duplicates are folded, see core.scan.near_duplicates. Rows that
were folded share an answer, and are none of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import combinations, islice
from string import digits, punctuation, whitespace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Rows this similar (0 to 1) are neighbours.
SIMILAR = 0.8

#: Sentences that are looked up of a text, and how long each has to be (characters).
_SENTENCES, _LEAST_CHARS = 2, 30

#: So much of a text is looked at (characters).
_MOST_CHARS = 20_000

#: What is held at most: sentences, the rows that share one, and all rows that share any.
_MOST_KEYS, _MOST_SHARING, _MOST_ROWS = 400_000, 20, 20_000

#: Pairs that are compared at most.
MOST_PAIRS = 1_000

#: What does not count in a sentence: figures, and what stands between words.
_LEFT_OUT = str.maketrans("", "", digits + punctuation + whitespace)


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """Two rows that are *similar* (0 to 1) and have different answers in *field*, with an *excerpt* of the first."""

    item_id: str
    other_id: str
    similar: float
    field: str
    answer: str
    other_answer: str
    excerpt: str = ""


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """*differ* pairs of rows say nearly the same and were answered differently, or more where there are *more* than could be
    compared; *found* are the first. Looked at were the first *rows* of *of*. *why_not*: why none were.
    """

    rows: int = 0
    of: int = 0
    differ: int = 0
    more: bool = False
    found: list[Neighbour] = []
    why_not: str = ""

    def sentence(self) -> str:
        if self.why_not:
            return f"Rows that say nearly the same were not compared: {self.why_not}."
        if not self.differ:
            return f"No two rows{self._where} were found that say nearly the same and have different answers."
        one = self.differ == 1
        pairs = f"{self.differ:,} {'pair' if one else 'pairs'} of rows{self._where} {'says' if one else 'say'} nearly the same"
        return f"{'At least ' if self.more else ''}{pairs} and {'has' if one else 'have'} different answers."

    @property
    def _where(self) -> str:
        return f" among the first {self.rows:,}" if self.rows < self.of else ""


def sentence_keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """For each of *texts* the numbers of its two longest sentences; 0 where it has none."""
    return np.array([_keys(text) for text in texts], dtype=np.uint64).reshape(len(texts), _SENTENCES)


def _keys(text: str) -> list[int]:
    longest = sorted(text[:_MOST_CHARS].replace("\n", ". ").split(". "), key=len)[-_SENTENCES:]
    keys = [_key(sentence) for sentence in longest if len(sentence) >= _LEAST_CHARS]
    return [*keys, *[0] * (_SENTENCES - len(keys))]


def _key(sentence: str) -> int:
    folded = sentence.lower().translate(_LEFT_OUT)
    return int.from_bytes(blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class Candidates:
    """Rows by their sentences. Memory is bounded: of more than can be held, a share of the sentences, with all their rows."""

    def __init__(self, most: int = _MOST_KEYS) -> None:
        self._most, self._held, self._below = most, 0, 2**64 - 1
        self._chunks: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []

    def add(self, ordinals: NDArray[np.int64], keys: NDArray[np.uint64]) -> None:
        """Take rows with these *ordinals*; *keys*: what `sentence_keys` has for them."""
        self._hold(keys.ravel(), np.repeat(ordinals, _SENTENCES))
        while self._held > self._most:
            self._below //= 2
            held, self._chunks, self._held = self._together(), [], 0
            self._hold(*held)

    def _hold(self, keys: NDArray[np.uint64], ordinals: NDArray[np.int64]) -> None:
        kept = (keys > 0) & (keys <= np.uint64(self._below))
        self._chunks.append((keys[kept], ordinals[kept]))
        self._held += int(kept.sum())

    def _together(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        if not self._chunks:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        keys, ordinals = zip(*self._chunks, strict=True)
        return np.concatenate(keys), np.concatenate(ordinals)

    def groups(self) -> list[list[int]]:
        """Rows that share a sentence, by their ordinals: at most 20 of each sentence, and about 20,000 in all."""
        keys, ordinals = self._together()
        order = np.lexsort((ordinals, keys))
        starts = np.flatnonzero(np.diff(keys[order], prepend=np.uint64(0)))
        found, rows = [], 0
        for group in np.split(ordinals[order], starts)[1:]:
            if len(group) > 1 and rows < _MOST_ROWS:
                found.append(group[:_MOST_SHARING].tolist())
                rows += len(found[-1])
        return found


def answered_differently(
    groups: Sequence[Sequence[int]], answers: Mapping[int, Mapping[str, Any]], most: int = MOST_PAIRS
) -> list[tuple[int, int]]:
    """The pairs of rows that share a sentence and have different *answers*, each once, at most so many."""
    every = dict.fromkeys(
        (one, other)
        for group in groups
        for one, other in combinations([row for row in group if row in answers], 2)
        if answers[one] != answers[other]
    )
    return list(islice(every, most))
