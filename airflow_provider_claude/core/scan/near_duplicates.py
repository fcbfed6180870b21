"""Texts that say nearly the same, such as one form filled in a hundred times: found by MinHash, judged by similarity.

Similar is what shares most of its runs of three words, without regard to case or figures (the Jaccard index of the sets of
both; https://en.wikipedia.org/wiki/MinHash). It is an estimate: with 128 values it is off by 0.09 at most, mostly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Values of a signature. They are compared in BANDS of four: two texts of which half the shingles are shared meet in one of
#: them nearly always.
VALUES, BANDS = 128, 32

#: Texts of fewer words have too little to be compared by.
LEAST_WORDS = 12

#: Texts of more words match no other: their uncompared part could say anything.
MOST_WORDS = 5_000

_WORD = re.compile(r"[^\W\d_]+|\d+")
_DIGITS = re.compile(r"\d+")


class Signature(NamedTuple):
    """What stands for a text among similar ones: *values*, 128 of four bytes."""

    values: bytes

    def bands(self) -> Iterator[bytes]:
        """Texts that share one of these are worth a comparison."""
        size = len(self.values) // BANDS
        for number in range(BANDS):
            yield bytes([number]) + self.values[number * size : (number + 1) * size]

    def similarity(self, other: bytes) -> float:
        """The estimated share, 0 to 1, of what this text and the one with the values *other* have in common."""
        return float(np.mean(_numbers(self.values) == _numbers(other)))


def signatures(texts: Sequence[str]) -> list[Signature | None]:
    """The signature of each of *texts*; None for one that is too short or too long."""
    return [_signature(text) for text in texts]


def _signature(text: str) -> Signature | None:
    words = [_DIGITS.sub("0", word) for word in _WORD.findall(text.lower())]
    if not LEAST_WORDS <= len(words) <= MOST_WORDS:
        return None
    shingles = {" ".join(words[n : n + 3]).encode() for n in range(len(words) - 2)}
    return Signature(_minhash(sorted(shingles)).astype("<u4").tobytes())


def _minhash(shingles: list[bytes]) -> NDArray[Any]:
    from datasketch import MinHash

    made = MinHash(num_perm=VALUES, seed=1)
    made.update_batch(shingles)
    return np.asarray(made.hashvalues)


def _numbers(values: bytes) -> NDArray[Any]:
    return np.frombuffer(values, "<u4")
