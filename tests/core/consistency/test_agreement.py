"""Agreement, kappa and differences of two answers of the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_provider_claude.core.consistency.agreement import Differences, Pairs, alpha, share


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


def test_each_label_counts_as_often_as_it_is_among_all_answers_and_not_as_often_as_it_was_drawn() -> None:
    drawn = pairs(aa=90, ab=10, bb=60, ba=40)
    assert drawn.agreement().value == 0.75
    assert drawn.agreement({"a": 9_000, "b": 1_000}).value == pytest.approx(0.87)
    assert drawn.agreement({"a": 500, "b": 500}).value == pytest.approx(0.75)
    assert drawn.agreement({"a": 1_000}) == drawn.agreement()


def test_where_few_rows_differ_no_interval_is_a_point() -> None:
    """A bootstrap of rows that all agree knows nothing of those that might not."""
    for found in (pairs(aa=150, bb=50), pairs(aa=149, bb=50, ab=1)):
        kappa = found.kappa()
        assert kappa is not None
        weighted = found.agreement({"a": 700, "b": 300})
        assert kappa.low < 0.97 < kappa.value <= 1
        assert weighted.low < 0.985 < weighted.value <= 1


def test_the_same_counts_give_the_same_interval() -> None:
    one, other = pairs(aa=700, ab=40, bb=230, ba=30), pairs(aa=700, ab=40, bb=230, ba=30)
    assert one.kappa() == other.kappa()
    assert one.agreement({"a": 1, "b": 1}) == other.agreement({"a": 1, "b": 1})


def test_alpha_of_numbers_is_one_where_they_are_the_same_and_none_where_there_is_one_number_only() -> None:
    numbers = np.array([0.1, 0.4, 0.9, 0.5])
    same = alpha(numbers, numbers)
    assert same is not None
    assert same.value == 1
    # Krippendorff: observed 0.09 / 4; the mean squared difference of all pairs of the eight values is 0.1578…
    other = alpha(numbers, np.array([0.1, 0.4, 0.6, 0.5]))
    assert other is not None
    both = [0.1, 0.4, 0.9, 0.5, 0.1, 0.4, 0.6, 0.5]
    expected = np.mean([(one - two) ** 2 for n, one in enumerate(both) for m, two in enumerate(both) if n != m])
    assert other.value == pytest.approx(1 - (0.09 / 4) / expected)
    assert other.low <= other.value <= other.high
    assert alpha(np.full(4, 0.5), np.full(4, 0.5)) is None


def test_intervals_are_the_same_however_many_draws_are_in_memory_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, pairs = np.random.default_rng(1), Pairs()
    first, noise = rng.random(200), rng.normal(0, 0.1, 200)
    pairs.add((str(one), str(two)) for one, two in rng.integers(4, size=(200, 2)))
    whole = alpha(first, first + noise), pairs.kappa()
    monkeypatch.setattr("airflow_provider_claude.core.consistency.agreement._AT_ONCE", 700)
    assert (alpha(first, first + noise), pairs.kappa()) == whole
