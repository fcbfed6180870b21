"""Texts as windows of hashed features: what the model is trained on is what it will see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from airflow_provider_claude.core.scan import classifier, features
from airflow_provider_claude.core.scan.folding import fold

WORDS = 1 << features.WORD_BITS
GRAMS = 1 << features.BYTE_BITS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Corpus:
    """The features of *texts*, kept by token; *text* is the text each token is of, *place* its number in it.
    A weight is a vector over WORDS + GRAMS features.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        words, grams, first, last, text, place = [], [], [], [], [], []
        size = 0
        for row, found in features.chunks(fold(pa.array(texts, pa.string()))):
            words.append(np.stack(features.word_features(found), 1))
            grams.append(np.stack(list(features.byte_features(found)), 1))
            first.append(found.starts + size)
            last.append(found.stops + size)
            size += len(found.sums) - 1
            text.append(found.rows + row)
            place.append(found.positions)
        self.size = len(texts)
        self.words, self.grams = np.concatenate(words), np.concatenate(grams)
        self.first, self.last = np.concatenate(first), np.concatenate(last)
        self.text, self.place = np.concatenate(text), np.concatenate(place)
        self.starts = np.flatnonzero(self.place == 0)
        self.stops = np.append(self.starts[1:], len(self.place))

    def tiles(self, size: int) -> Ints:
        """Windows of *size* that cover all texts, half of each in the next: rows of first and last + 1 token."""
        windows: list[tuple[int, int]] = []
        for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True):
            windows += [(at, at + size) for at in range(start, stop - size, size // 2)]
            windows.append((max(start, stop - size), stop))
        return np.array(windows)

    def matrix(self, windows: Ints) -> Any:
        """The features of *windows* as a sparse matrix, each window as long as the model will hold it to be."""
        lengths = windows[:, 1] - windows[:, 0]
        first, last = self.first[windows[:, 0]], self.last[windows[:, 1] - 1]
        scale = (1 / np.sqrt(lengths + classifier.SLACK)).astype(np.float32)
        words = self.words[_within(windows[:, 0], windows[:, 1])]
        grams = self.grams[_within(first, last)] + np.uint32(WORDS)
        return (_rows(words, lengths, scale) + _rows(grams, last - first, scale * features.GRAM_WEIGHT)).tocsr()

    def worst(self, weights: Floats) -> tuple[Floats, Ints]:
        """The worth of the worst window of each text, and that window; minus infinity where a text has no token."""
        sums = np.append(0, np.cumsum(weights[WORDS:][self.grams].sum(1) * features.GRAM_WEIGHT))
        worth = weights[:WORDS][self.words].sum(1) + sums[self.last] - sums[self.first]
        worst, windows = np.full(self.size, -np.inf), np.zeros((self.size, 2), np.int64)
        for size in classifier.WINDOWS:
            ended = classifier.windows(worth, self.place, size)
            for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True):
                last = start + int(np.argmax(ended[start:stop]))
                text = self.text[start]
                if ended[last] > worst[text]:
                    worst[text] = ended[last]
                    windows[text] = max(start, last + 1 - size), last + 1
        return worst, windows


def _within(first: Ints, last: Ints) -> Ints:
    """All numbers from first to last - 1, one range after the other."""
    lengths = last - first
    ends = np.cumsum(lengths)
    return np.repeat(first - (ends - lengths), lengths) + np.arange(ends[-1])


def _rows(found: Any, lengths: Ints, scale: Any) -> Any:
    """A matrix whose row n counts the next lengths[n] lines of *found*, times scale[n]."""
    counts = lengths * found.shape[1]
    ends = np.append(0, np.cumsum(counts))
    return sparse.csr_matrix(
        (np.repeat(scale, counts), found.ravel().astype(np.int32), ends), shape=(len(lengths), WORDS + GRAMS)
    )
