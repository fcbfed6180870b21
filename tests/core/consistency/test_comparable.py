"""Which fields of two answers can be compared, and when they are the same."""

from __future__ import annotations

from airflow_provider_claude.core.consistency.comparable import comparable
from tests.core.packing.test_score_packs import SCHEMA


def test_labels_booleans_and_numbers_are_compared_and_texts_are_not() -> None:
    assert list(comparable(SCHEMA)) == ["label", "urgent", "confidence", "amount"]


def test_numbers_agree_within_a_tenth_of_their_range_or_of_themselves() -> None:
    same = comparable(SCHEMA)
    assert [same["confidence"].same(0.5, other) for other in (0.6, 0.61)] == [True, False]
    assert [same["amount"].same(100, other) for other in (91, 89, None)] == [True, False, False]
    assert same["amount"].same(None, None)
