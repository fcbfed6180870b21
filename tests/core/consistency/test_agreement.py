"""Agreement, kappa and differences of two answers of the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_provider_claude.core.consistency.agreement import Differences, Pairs, share


def pairs(**counts: int) -> Pairs:
    """`ab=3`: a first and b second, three times."""
    found = Pairs()
    for pair, count in counts.items():
        found.add([(pair[0], pair[1])] * count)
    return found


def test_the_interval_of_a_share_holds_the_true_share_as_often_as_it_says() -> None:
    draws = np.random.default_rng(7).binomial(300, 0.97, size=400)
    inside = sum(low <= 0.97 <= high for _, low, high in (share(int(n), 300) for n in draws))
    assert inside / 400 >= 0.93


def test_agreement_counts_the_rows_with_the_same_value() -> None:
    found = pairs(aa=90, ab=4, bb=5, ba=1)
    assert (found.rows, found.same) == (100, 95)
    assert found.agreement().value == 0.95
    assert found.flips() == [("a", "b", 4), ("b", "a", 1)]


def test_agreement_by_label_goes_by_the_first_answer() -> None:
    found = pairs(aa=90, ab=10, bb=1, ba=1).by_label()
    assert list(found) == ["a", "b"]
    assert (found["a"].value, found["b"].value) == (0.9, 0.5)
    assert found["b"].high - found["b"].low > found["a"].high - found["a"].low


def test_kappa_is_one_for_full_agreement_about_nothing_for_chance_and_none_for_one_label() -> None:
    full, chance = pairs(aa=40, bb=60).kappa(), pairs(aa=25, ab=25, ba=25, bb=25).kappa()
    assert full is not None
    assert chance is not None
    assert full.value == pytest.approx(1)
    assert chance.low < 0 < chance.high
    assert chance.value == pytest.approx(0)
    assert pairs(aa=10).kappa() is None


def test_kappa_is_that_of_a_published_table() -> None:
    """75, 1, 4 / 5, 4, 1 / 0, 0, 10: the example in Fleiss, Statistical Methods for Rates and Proportions."""
    found = pairs(pp=75, pn=1, po=4, np=5, nn=4, no=1, oo=10).kappa()
    assert found is not None
    assert found.value == pytest.approx(0.676, abs=0.001)


def test_differences_sum_up_what_changed_in_numbers() -> None:
    found = Differences()
    found.add(np.array([1, 2, 3, 4]), np.array([1, 2, 4, 3]))
    assert (found.rows, found.same, found.mean, found.mean_absolute) == (4, 2, 0, 0.5)
