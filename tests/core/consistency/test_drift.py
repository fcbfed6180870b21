"""The drift of a night beside earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from airflow_provider_claude.core.consistency.drift import LEAST_NIGHTS, drift

LABELS = ("positive", "neutral", "negative", "mixed")
SHARES = (0.55, 0.30, 0.12, 0.03)


def nights(count: int, rows: int, *, spread: float = 0.0, shares: Sequence[float] = SHARES) -> Iterator[dict[str, int]]:
    """So many nights whose shares vary by *spread* beyond chance."""
    rng = np.random.default_rng(5)
    for _ in range(count):
        drawn = rng.dirichlet(np.array(shares) * (1 - spread) / spread) if spread else shares
        yield dict(zip(LABELS, rng.multinomial(rows, drawn).tolist(), strict=True))


@pytest.mark.parametrize(("rows", "spread"), [(2_000, 0.0), (100_000, 1e-4)])
def test_quiet_nights_raise_about_as_many_alarms_as_stated(rows: int, spread: float) -> None:
    """One in a hundred: of 60 more than four come by chance once in 500 such tests."""
    past = list(nights(74, rows, spread=spread))
    found = [drift("sentiment", past[n], past[n - 14 : n]) for n in range(14, 74)]
    assert sum(one is not None and one.alarm for one in found) <= 4


def test_a_shift_beyond_what_nights_differ_by_raises_the_alarm_and_names_the_label() -> None:
    past = list(nights(14, 20_000, spread=1e-4))
    [tonight] = nights(1, 20_000, shares=(0.50, 0.30, 0.17, 0.03))
    found = drift("sentiment", tonight, past)
    assert found is not None
    assert found.alarm
    assert {label for label, _ in found.moved[:2]} == {"positive", "negative"}
    assert "negative +" in found.sentence()


def test_the_same_shift_is_no_alarm_where_nights_differ_by_as_much_anyway() -> None:
    past = list(nights(14, 20_000, spread=5e-3))
    [tonight] = nights(1, 20_000, shares=(0.50, 0.30, 0.17, 0.03))
    found = drift("sentiment", tonight, past)
    assert found is not None
    assert not found.alarm


def test_a_label_that_is_new_tonight_is_part_of_the_distance() -> None:
    past = [{"a": 500, "b": 500}] * 6
    found = drift("f", {"a": 450, "b": 450, "c": 100}, past)
    assert found is not None
    assert found.alarm
    assert found.moved[0] == ("c", pytest.approx(0.1))


def test_too_few_nights_or_a_night_without_rows_tell_nothing() -> None:
    past = list(nights(LEAST_NIGHTS, 100))
    assert drift("f", past[0], past[1:]) is None
    assert drift("f", {}, past) is None
    assert drift("f", past[0], [*past[1:], {}]) is None


def test_the_same_counts_give_the_same_limit() -> None:
    past = list(nights(8, 1_000))
    assert drift("f", past[0], past) == drift("f", past[0], past)


@pytest.mark.parametrize(("refused", "alarm"), [(0, False), (1, False), (3, False), (40, True)])
def test_a_single_refusal_after_nights_without_any_is_no_alarm_and_many_are(refused: int, alarm: bool) -> None:
    nights = [{"answered": 20_000, "refused": 0}] * 14
    found = drift("claude_outcome", {"answered": 20_000 - refused, "refused": refused}, nights, more=1)
    assert found is not None
    assert found.alarm is alarm
