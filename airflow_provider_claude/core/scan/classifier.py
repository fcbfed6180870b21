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

from airflow_provider_claude.core.scan import features
from airflow_provider_claude.core.scan.features import Tokens
from airflow_provider_claude.shipped import shipped

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

    words: NDArray[np.int32]
    grams: NDArray[np.int32]
    slope: float
    bias: float

    @property
    def version(self) -> str:
        """A short hash of the tables."""
        return hashlib.sha256(self.words.tobytes() + self.grams.tobytes()).hexdigest()[:12]

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
            if len(found.rows):
                first = np.flatnonzero(found.positions == 0)
                here = row + found.rows[first]
                worth = self._worth(found)
                for size in WINDOWS:
                    window = np.maximum.reduceat(windows(worth, found.positions, size), first)
                    worst[here] = np.maximum(worst[here], window)
        return worst

    def offset(self, text: str) -> int | None:
        """Where in the folded *text* (characters) its worst window begins; None without a token. What is beyond the first
        chunk is not looked at.
        """
        text = text[: features.CHUNK // 4]
        for _, found in features.chunks(pa.array([text], pa.string())):
            worth = self._worth(found)
            ended = [(windows(worth, found.positions, size), size) for size in WINDOWS]
            if len(worth):
                best, size = max(ended, key=lambda one: float(one[0].max()))
                first = max(0, int(best.argmax()) + 1 - size)
                return len(text.encode()[: found.starts[first]].decode("utf-8", "ignore"))
        return None

    def _worth(self, found: Tokens) -> NDArray[np.float64]:
        """What each token adds."""
        worth = np.zeros(len(found.hashes), np.int32)
        for kind in features.word_features(found):
            worth += self.words.take(kind)
        for grams in features.byte_features(found):
            total = np.zeros(len(grams) + 1, np.int32)
            np.cumsum(self.grams.take(grams), out=total[1:])
            worth += total.take(found.stops) - total.take(found.starts)
        return worth.astype(np.float64)


def windows(tokens: NDArray[np.float64], positions: NDArray[np.int64], size: int) -> NDArray[np.float64]:
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
        words, grams = (file[name].astype(np.int32) for name in ("words", "grams"))
        return Classifier(words, grams, float(file["slope"]), float(file["bias"]))
