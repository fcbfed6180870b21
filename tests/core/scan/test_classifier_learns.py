"""The way the classifier is trained, on a part of the data: it has to know attacks of sources it has not seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn trains the classifier; the package itself does without it")

from benchmarks.gate import data, kinds, train
from benchmarks.gate.corpus import Corpus

HELD_OUT = ("lakera-gandalf", "notinject")


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[data.Row]:
    return [*data._injections(shared_data, reserve=False), *data._sentiment(shared_data, reserve=False)[::6]]


@pytest.fixture(scope="module")
def trainer(rows: list[data.Row]) -> train.Trainer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "MADE", 80)
        return train.Trainer(train.examples(rows))


@pytest.fixture(scope="module")
def model(trainer: train.Trainer) -> train.Model:
    return trainer.train(HELD_OUT)


def worth(model: train.Model, texts: list[str]) -> np.ndarray:
    worst, _ = Corpus(texts).worst(model.weights)
    return worst + model.bias


def test_attacks_of_a_source_not_seen_stand_out_of_honest_texts_not_seen(
    rows: list[data.Row], model: train.Model
) -> None:
    attacks = worth(model, [row.text for row in rows if row.source == "lakera-gandalf" and row.kind == "attack"])
    honest = worth(model, [row.text for row in rows if row.source == "notinject"])
    assert (attacks > np.quantile(honest, 0.99)).mean() >= 0.5


def test_learning_twice_gives_the_same_bytes(trainer: train.Trainer, model: train.Model, tmp_path: Path) -> None:
    for name, one in (("a", model), ("b", trainer.train(HELD_OUT))):
        train.save(one, 1.0, 0.0, tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_family_held_out_takes_what_it_was_put_into_with_it(trainer: train.Trainer) -> None:
    carried = [one for one in trainer.some if one.attack and "clothing" in one.families]
    assert carried
    assert any(one.families != ("clothing",) for one in carried)


def test_made_up_texts_are_the_same_each_time_and_have_no_slots_left() -> None:
    once = kinds.made(30, 1)
    assert once == kinds.made(30, 1) != kinds.made(30, 2)
    assert len({one.text for one in once}) == len(once)
    assert {one.attack for one in once} == {True, False}
    assert not any(kinds._SLOT.search(one.text) or kinds._CHOICE.search(one.text) for one in once)
