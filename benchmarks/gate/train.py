"""Trains the classifier the package ships: `make scan-train`. Same data and same libraries, same file, byte for byte.

1. Windows of all texts (`corpus`): of an honest text each is honest; of an attack the worst one or more are the attack.
2. A linear model; with it the windows are chosen anew, and the honest ones it takes for an attack are added.
3. Calibration on scores no model gave to what it was trained on (`heldout`).
"""

from __future__ import annotations

import argparse
import hashlib
import random
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import SGDClassifier

from airflow_provider_claude.core.scan import classifier, features
from benchmarks.gate import data, kinds
from benchmarks.gate.corpus import WORDS, Corpus, Floats
from benchmarks.gate.data import Row

SEED = 5
ROUNDS = 3
EPOCHS = 5

#: Texts made up of each kind.
MADE = 500

#: Strength of the model against its own weights.
C = 8.0

#: Of the windows of mails as many are looked at; the hard ones are found by the rounds.
MAILS = 0.1

#: Tokens of the windows that are learnt from, beside short texts and the hard windows; of honest texts only the longest.
TILES = (40,)

#: The largest weight as it is written; the smallest that counts is this many times smaller.
STEPS = 2047

MODEL = Path(classifier.__file__).with_name("injection.npz")


class Example(NamedTuple):
    """A text to learn from; *families* are those it was taken from, *weight* what it counts."""

    text: str
    attack: bool
    families: tuple[str, ...]
    weight: float
    tiles: float = 1.0


class Model(NamedTuple):
    weights: Floats
    bias: float


def examples(rows: Sequence[Row]) -> list[Example]:
    """What is learnt from: *rows*, attacks of them put into honest mails, and what is made up."""
    rng = random.Random(SEED)
    used = [row for row in rows if _used(row)]
    counts = Counter(row.source for row in used if row.kind == "attack")
    carriers = [row for row in used if _is_carrier(row)]
    found = [_example(row, counts) for row in used]
    plain = [row for row in used if row.kind == "sentiment"]
    found += [_dressed(row, rng) for row in rng.sample(plain, min(2000, len(plain)))]
    short = [row for row in used if row.kind == "attack" and len(row.text) < 400]
    found += [_carried(_varied(row.text, rng), row.families, _weight(row, counts), carriers, rng) for row in short]
    for one in kinds.made(MADE, SEED):
        if one.attack and rng.random() < 0.5:
            found.append(_carried(one.text, (), one.weight, carriers, rng))
        else:
            found.append(Example(one.text, one.attack, (), one.weight))
    return found


def _used(row: Row) -> bool:
    """Plain requests within a mail and pieces of code are attacks only by where they stand: nothing to learn from."""
    if row.file == "unicode":
        return row.kind == "benign"
    if row.file == "unicode":
        return row.kind == "benign"
    return not row.subtype.startswith(("bipia_email_injected", "bipia_code"))


def _is_carrier(row: Row) -> bool:
    return row.kind in {"ham", "ham_hard"} or row.subtype == "email_ordinary" or row.source.startswith("womens")


def _example(row: Row, counts: Counter[str]) -> Example:
    tiles = MAILS if row.source == "spamassassin" else 1.0
    return Example(row.text, row.kind == "attack", row.families, _weight(row, counts), tiles)


def _weight(row: Row, counts: Counter[str]) -> float:
    if row.kind == "attack":
        return float(min(1.0, (120 / counts[row.source]) ** 0.5))
    return 2.0 if row.kind.startswith("benign") else 1.0


def _varied(text: str, rng: random.Random) -> str:
    return rng.choice([text] * 7 + [text.upper(), text.lower(), text.lower()])


def _dressed(row: Row, rng: random.Random) -> Example:
    """An honest text in the look of mail: quoted, forwarded, shouted."""
    lines = [row.text[at : at + 70] for at in range(0, min(len(row.text), 700), 70)]
    mark = rng.choice(["> ", "> > ", ">", "| ", "    ", "* ", "- "])
    head = rng.choice(["Subject: Re: ", "RE: ", "", "", "Hi,\n\n", "FW: "])
    text = head + rng.choice(["", mark]) + ("\n" + mark).join(lines)
    return Example(rng.choice([text, text, text.upper(), text.title()]), False, row.families, 1.0)


def _carried(
    text: str, families: tuple[str, ...], weight: float, carriers: Sequence[Row], rng: random.Random
) -> Example:
    """*text* within an honest one, where a sentence or a line of it ends; of that, what is near."""
    carrier = rng.choice(carriers)
    ends = [at + 1 for at, letter in enumerate(carrier.text[:6000]) if letter in ".\n"] or [len(carrier.text)]
    at = rng.choice(ends)
    before, after = rng.choice([" ", "\n", "\n\n"]), rng.choice([" ", "\n", "\n\n"])
    whole = carrier.text[max(0, at - 150) : at] + before + text + after + carrier.text[at : at + 150]
    return Example(whole, attack=True, families=(*families, *carrier.families), weight=weight)


class Trainer:
    """Learns from *some* examples, as often as needed, without those of some families."""

    def __init__(self, some: Sequence[Example]) -> None:
        self.some = some
        self.attack = np.array([one.attack for one in some])
        self.weight = np.array([one.weight for one in some])
        self.corpus = Corpus([one.text for one in some])
        shares = np.array([one.tiles for one in some])
        chance = np.random.default_rng(SEED)
        tiles = []
        for size in TILES:
            found = self.corpus.tiles(size)
            owner = self.corpus.text[found[:, 0]]
            kept = chance.random(len(found)) < shares[owner]
            tiles.append(found[kept & (self.attack[owner] | (size == max(TILES)))])
        self.tiles = np.concatenate(tiles)
        self.owner = self.corpus.text[self.tiles[:, 0]]

    @cached_property
    def matrix(self) -> Any:
        return self.corpus.matrix(self.tiles)

    def train(self, without: Collection[str] = (), banned: Collection[str] = ()) -> Model:
        """A model that saw nothing of the families *without*, nor any of the texts *banned*."""
        seen = np.array([not set(one.families) & set(without) and one.text not in banned for one in self.some])
        kept = seen[self.owner]
        hard = np.zeros((0, 2), np.int64)
        for _ in range(ROUNDS - 1):
            model = self._fit(kept, hard)
            kept = seen[self.owner] & self._telling(model)
            hard = np.concatenate([hard, self._hardest(model, seen)])
        return self._fit(kept, hard)

    def _fit(self, kept: NDArray[np.bool_], hard: NDArray[np.int64]) -> Model:
        owner = self.owner[kept]
        shares = self.weight[owner] / np.bincount(owner, minlength=len(self.some))[owner] ** 0.6
        matrix, attack = self.matrix[np.flatnonzero(kept)], self.attack[owner]
        weights = np.where(attack, shares, self.weight[owner])
        if len(hard):
            matrix = sparse.vstack([matrix, self.corpus.matrix(hard)]).tocsr()
            attack = np.append(attack, np.zeros(len(hard), bool))
            weights = np.append(weights, np.ones(len(hard)))
        learner = SGDClassifier(
            "log_loss", alpha=1 / (C * len(attack)), max_iter=EPOCHS, tol=None, average=True, random_state=SEED
        )
        learner.fit(matrix, attack, sample_weight=weights)
        return Model(learner.coef_[0].astype(np.float64), float(learner.intercept_[0]))

    def _telling(self, model: Model) -> NDArray[np.bool_]:
        """The windows that stay: all honest ones, and of an attack those near the worst."""
        worth = self.matrix @ model.weights
        worst = np.full(len(self.some), -np.inf)
        np.maximum.at(worst, self.owner, worth)
        return ~self.attack[self.owner] | (worth >= worst[self.owner] - 0.5)

    def _hardest(self, model: Model, seen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The worst windows of the honest texts that look most like attacks."""
        worst, windows = self.corpus.worst(model.weights)
        honest = np.flatnonzero(seen & ~self.attack & (worst + model.bias > -3.5))
        return windows[honest[np.argsort(-worst[honest], kind="stable")][:3000]]


def save(model: Model, slope: float, bias: float, path: Path) -> None:
    """Writes *model* in whole numbers up to STEPS. *slope* and *bias* turn its worth into the logit of a score."""
    weights = model.weights.copy()
    weights[WORDS:] *= features.GRAM_WEIGHT
    unit = float(np.abs(weights).max()) / STEPS
    whole = np.rint(weights / unit).astype(np.int16)
    np.savez_compressed(
        path,
        words=whole[:WORDS],
        grams=whole[WORDS:],
        slope=np.float64(slope * unit),
        bias=np.float64(bias + slope * model.bias),
    )


def main() -> None:
    from benchmarks.gate import heldout

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=data.DATA)
    parser.add_argument("--out", type=Path, default=MODEL)
    args = parser.parse_args()
    rows = data.read(args.data)
    trainer = Trainer(examples(rows))
    slope, bias = heldout.calibration(rows, heldout.scores(rows, trainer).threads)
    save(trainer.train(), slope, bias, args.out)
    print(f"{args.out}: {args.out.stat().st_size:,} bytes, {hashlib.sha256(args.out.read_bytes()).hexdigest()[:16]}")


if __name__ == "__main__":
    main()
