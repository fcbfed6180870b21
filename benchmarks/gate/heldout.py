"""Scores of texts by models that saw nothing of their family, nor anything nearly the same elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from airflow_provider_claude.core.scan import classifier, features, folding
from benchmarks.gate import corpus, data, train
from benchmarks.gate.corpus import Corpus, Floats
from benchmarks.gate.data import Row
from benchmarks.gate.train import Model, Trainer

#: Texts whose five-letter pieces agree this much (cosine) are nearly the same.
NEAR = 0.7

#: A mailbox in which one text of as many is an attack: what a score of 0.5 is calibrated to.
ODDS = 100

HONEST: Collection[str] = frozenset({"benign", "benign_hard", "sentiment", "ham", "ham_hard"})

KEPT = Path(__file__).resolve().parents[2] / ".bench"


class Held(NamedTuple):
    """The worth of each text for a model that saw nothing of its family. *threads* is the same, but mails are judged by a
    model that saw other threads of their collection: what a model that knows mail thinks of mail.
    """

    strict: Floats
    threads: Floats


def scores(rows: Sequence[Row], trainer: Trainer) -> Held:
    """The held-out worth of *rows*; kept in `.bench` by content."""
    kept = KEPT / f"heldout-{_digest(rows, trainer)}.npy"
    if not kept.exists():
        KEPT.mkdir(exist_ok=True)
        np.save(kept, np.stack(_scores(rows, trainer)))
    return Held(*np.load(kept))


def _scores(rows: Sequence[Row], trainer: Trainer) -> Held:
    near = _near(rows)
    family = np.array([row.family for row in rows])
    part = np.array([row.families[-1] for row in rows])
    strict = np.full(len(rows), np.nan)
    for fold in data.folds(rows):
        judged = np.flatnonzero(np.isin(family, fold))
        banned = {rows[other].text for row in judged for other in near.get(int(row), ())}
        strict[judged] = _worth(rows, judged, trainer.train(fold, banned))
        print(f"held out {', '.join(fold)}: {len(judged):,} texts", flush=True)
    threads = strict.copy()
    for thread in data.threads():
        judged = np.flatnonzero(part == thread)
        if len(judged):
            threads[judged] = _worth(rows, judged, trainer.train((thread, data.TRIGGERS)))
            print(f"held out {thread}: {len(judged):,} texts", flush=True)
    return Held(strict, threads)


def _worth(rows: Sequence[Row], judged: Sequence[int] | NDArray[np.int64], model: Model) -> Floats:
    worst, _ = Corpus([rows[row].text for row in judged]).worst(model.weights)
    return worst + model.bias


def _near(rows: Sequence[Row]) -> dict[int, list[int]]:
    """By row, the rows of other families that are nearly the same. Only in the collections of attacks."""
    listed = np.array([n for n, row in enumerate(rows) if row.file in {"injections", "unicode"}])
    pieces = HashingVectorizer(analyzer="char_wb", ngram_range=(5, 5), n_features=1 << 20, binary=True, norm="l2")
    matrix = pieces.transform([rows[n].text for n in listed])
    alike = (matrix @ matrix.T).tocoo()
    near: dict[int, list[int]] = {}
    for one, other, value in zip(listed[alike.row], listed[alike.col], alike.data, strict=True):
        if value >= NEAR and rows[one].family != rows[other].family:
            near.setdefault(int(one), []).append(int(other))
    return near


def calibration(rows: Sequence[Row], worth: Floats) -> tuple[float, float]:
    """Slope and bias of the logit: attacks for readers of documents against honest texts, one to ODDS."""
    attack = np.array([row.for_documents for row in rows])
    honest = np.array([row.kind in HONEST for row in rows])
    used = np.flatnonzero((attack | honest) & np.isfinite(worth))
    shares = np.where(attack[used], 1 / attack.sum(), 1 / honest.sum())
    learner = LogisticRegression(C=1e6).fit(worth[used, None], attack[used], sample_weight=shares * len(used))
    return float(learner.coef_[0, 0]), float(learner.intercept_[0] - np.log(ODDS - 1))


def logistic(values: Floats) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-values))


def _digest(rows: Sequence[Row], trainer: Trainer) -> str:
    """Of all that the scores come from: the texts and the code."""
    digest = hashlib.sha256()
    for one in (*rows, *trainer.some):
        digest.update(repr(one).encode())
    digest.update(repr((classifier.WINDOWS, classifier.SLACK, NEAR)).encode())
    for module in (folding, features, corpus, train, data):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]
