"""A text without the sentences that brought it into doubt: what `screen="flip"` compares the text with."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan import classifier
from airflow_provider_claude.core.scan.folding import fold
from airflow_provider_claude.core.scan.signatures import Signatures
from airflow_provider_claude.core.scan.signatures.labelled import Labelled

#: From this score of the classifier on a sentence, read by itself, is left out.
SENTENCE_SCORE = 0.05

#: Where a sentence ends: the pieces between are kept with their ends, so that what stays is as it was.
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


def without_doubtful(texts: Sequence[str | None], signatures: Signatures | Labelled) -> list[str | None]:
    """*texts* without the sentences that *signatures* or the classifier doubt when they read them one by one.

    Where none is doubted alone, the one that reads most like an attack is left out, of all *texts* (the columns of a row).
    """
    pieces = [(column, piece) for column, text in enumerate(texts) for piece in sentences(text or "")]
    if not pieces:
        return list(texts)
    doubted = _doubted([piece for _, piece in pieces], signatures)
    kept: list[list[str]] = [[] for _ in texts]
    for (column, piece), out in zip(pieces, doubted, strict=True):
        if not out:
            kept[column].append(piece)
    return [None if text is None else "".join(some) for text, some in zip(texts, kept, strict=True)]


def sentences(text: str) -> list[str]:
    """The sentences and lines of *text*, each with the blanks behind it; together they are *text*."""
    ends = [match.end() for match in _END.finditer(text)]
    return [piece for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if (piece := text[start:end])]


def _doubted(pieces: Sequence[str], signatures: Signatures | Labelled) -> list[bool]:
    texts = array(list(pieces), pa.string())
    folded = fold(texts)
    scores = classifier.load().scores(folded)
    found = {finding.row for finding in signatures.find(texts, folded)}
    doubted = [row in found or bool(score >= SENTENCE_SCORE) for row, score in enumerate(scores)]
    if not any(doubted):
        doubted[int(np.argmax(scores))] = True
    return doubted
