"""The third layer of the scan: a linear model over hashed features that finds the span of a text that speaks to a model.

An attack is short and stands in a long honest mail. So a score is that of the worst window of a text, and what stands
around it cannot make it any better. The tables hold a small number for each hash; they are made by
`benchmarks/gate/train.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan import features
from airflow_provider_claude.core.scan.features import Tokens
from airflow_provider_claude.shipped import shipped

Ints = NDArray[np.int64]

#: Tokens of a window: long ones for what is said at length, short ones for what is said in a few words.
WINDOWS = (12, 40)

#: A window of n tokens is worth its sum by the root of n + SLACK: a few words are no proof.
SLACK = 10

_SCALES = {size: 1 / np.sqrt(np.arange(size + 1) + SLACK) for size in WINDOWS}


@dataclass(frozen=True, slots=True)
class Classifier:
    """*words* and *grams*: by feature, what it adds to a window. A score is the logistic function of
    *slope* times the worst window plus *bias*.
    """

    words: NDArray[np.int16]
    grams: NDArray[np.int16]
    slope: float
    bias: float

    @property
    def version(self) -> str:
        """A short hash of the tables."""
        return hashlib.sha256(np.concatenate([self.words, self.grams]).astype(np.int32).tobytes()).hexdigest()[:12]

    def scores(self, texts: pa.Array) -> NDArray[np.float32]:
        """How sure it is that each of the folded strings *texts* is an attack, from 0 to 1. A null or a text without any
        token is 0. Memory is that of some copies of a chunk (`features.CHUNK`).
        """
        worst = self.worst(texts)
        with np.errstate(over="ignore"):
            return (1 / (1 + np.exp(-(self.slope * worst + self.bias)))).astype(np.float32)

    def worst(self, texts: pa.Array) -> NDArray[np.float64]:
        """The worth of the worst window of each text, minus infinity where there is none."""
        worst = np.full(len(texts), -np.inf)
        for row, found in features.chunks(texts):
            here = slice(row, row + len(found.counts))
            worst[here] = np.maximum(worst[here], worst_windows(self._worth(found), found.first))
        return worst

    def offset(self, text: str) -> int | None:
        """Where in the folded *text* (characters) its worst window begins; None without a token. What is beyond the first
        chunk is not looked at.
        """
        text = text[: features.CHUNK // 4]
        for _, found in features.chunks(array([text], pa.string())):
            worth = self._worth(found)
            ended = [(windows(worth, found.positions, size), size) for size in WINDOWS]
            if len(worth):
                best, size = max(ended, key=lambda one: float(one[0].max()))
                first = max(0, int(best.argmax()) + 1 - size)
                return len(text.encode()[: found.starts[first]].decode("utf-8", "ignore"))
        return None

    def _worth(self, found: Tokens) -> Ints:
        """What each token adds."""
        worth = np.zeros(len(found.hashes), np.int64)
        for kind in features.word_features(found):
            worth += self.words.take(kind)
        for grams in features.byte_features(found):
            total = np.zeros(len(grams) + 1, np.int32)
            np.cumsum(self.grams.take(grams), dtype=np.int32, out=total[1:])
            worth += total.take(found.stops) - total.take(found.starts)
        return worth


def worst_windows(worth: Ints, first: Ints) -> NDArray[np.float64]:
    """The worth of the worst window of each text, from what each token adds; minus infinity without a token. The tokens of
    text n are those from *first*[n] to before *first*[n + 1].

    It is the greatest of `windows`, without a look at the length of each: all are of full length but the first of a text.
    """
    total = np.zeros(len(worth) + 1, np.int64)
    np.cumsum(worth, out=total[1:])
    begin, count = first[:-1], first[1:] - first[:-1]
    worst = np.full(len(count), -np.inf)
    (some,) = count.nonzero()
    if len(some):
        worst[some] = _worst_beginnings(total, begin[some], count[some])
    for size in WINDOWS:
        (long,) = (count >= size).nonzero()
        if len(long):
            whole = _worst_whole(total, begin[long], count[long], size)
            worst[long] = np.maximum(worst[long], whole * _SCALES[size][size])
    return worst


def _worst_whole(total: Ints, begin: Ints, count: Ints, size: int) -> Ints:
    """The greatest sum of *size* tokens in a row, of texts with so many, from the sums up to each token."""
    sums = np.zeros(len(total) - size + 1, np.int64)
    np.subtract(total[size:], total[:-size], out=sums[:-1])
    bounds = np.stack([begin, begin + count - size + 1], 1).ravel()
    greatest: Ints = np.maximum.reduceat(sums, bounds)[::2]
    return greatest


def _worst_beginnings(total: Ints, begin: Ints, count: Ints) -> NDArray[np.float64]:
    """The worth of the worst window that begins where its text begins and is shorter than the longest."""
    lengths = np.minimum(count, max(WINDOWS) - 1)
    stops = np.cumsum(lengths)
    length = np.arange(1, stops[-1] + 1) - np.repeat(stops - lengths, lengths)
    start = np.repeat(begin, lengths)
    worth = (total.take(start + length) - total.take(start)) * _SCALES[max(WINDOWS)].take(length)
    worst: NDArray[np.float64] = np.maximum.reduceat(worth, stops - lengths)
    return worst


def windows(tokens: Ints, positions: Ints, size: int) -> NDArray[np.float64]:
    """The worth of the window of *size* tokens that ends at each of them, from what each of *tokens* adds."""
    total = np.concatenate([[0.0], np.cumsum(tokens)])
    length = np.minimum(positions + 1, size)
    before = total.take(np.arange(1, len(total)) - length)
    worth: NDArray[np.float64] = (total[1:] - before) * _SCALES[size].take(length)
    return worth


@cache
def load() -> Classifier:
    """The model of the package."""
    with np.load(BytesIO(shipped(__package__, "injection.npz"))) as file:
        return Classifier(file["words"], file["grams"], float(file["slope"]), float(file["bias"]))
