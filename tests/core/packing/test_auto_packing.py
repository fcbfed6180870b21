"""How many items may share a request is concluded from scores, on the cautious side."""

from __future__ import annotations

import random

import pytest

from airflow_provider_claude.core.packing.auto_packing import AutoPacking
from airflow_provider_claude.core.packing.pack_verdict import MOST_RUNS, Scores, verdict
from airflow_provider_claude.errors import JobError


def scores(size: int, lost: int, *, rows: int = 300, gained: int = 0, field: str = "label") -> Scores:
    """*lost* of *rows* rows lost all agreement, *gained* won it."""
    changes = [lost, 0, 0, 0, rows - lost - gained, 0, 0, 0, gained]
    return Scores(size=size, field=field, changes=changes, alone=(0, 0), packed=(0, 0), places=[(0, 0)] * size)


def sample(*lost: int, rows: int = 300) -> list[Scores]:
    """Packs of 5, 10 and 20, which lost so many rows."""
    return [scores(size, one, rows=rows) for size, one in zip((5, 10, 20), lost, strict=True)]


@pytest.mark.parametrize(
    ("lost", "items"),
    [((0, 0, 0), 20), ((0, 0, 30), 10), ((0, 30, 60), 5), ((30, 60, 90), 1), ((30, 0, 0), 20)],
)
def test_the_largest_size_that_loses_no_more_than_the_margin_is_taken(lost: tuple[int, ...], items: int) -> None:
    found = verdict([sample(*lost)], 0.01)
    assert (found.items, found.final) == (items, True)


def test_without_a_sample_each_item_has_a_request_of_its_own() -> None:
    assert (verdict([], 0.01).items, verdict([], 0.01).final) == (1, False)


def test_a_small_sample_without_any_difference_proves_nothing() -> None:
    assert verdict([sample(0, 0, 0, rows=60)], 0.01).items == 1


def test_what_is_undecided_is_tried_again_and_all_samples_count_together() -> None:
    small = sample(0, 0, 0, rows=150)
    assert (verdict([small], 0.01).items, verdict([small], 0.01).final) == (1, False)
    assert (verdict([small, small], 0.01).items, verdict([small, small], 0.01).final) == (20, True)


def test_it_is_tried_so_often_and_no_more() -> None:
    unsure = sample(4, 4, 4)
    assert not verdict([unsure] * (MOST_RUNS - 1), 0.01).final
    assert (verdict([unsure] * MOST_RUNS, 0.01).items, verdict([unsure] * MOST_RUNS, 0.01).final) == (1, True)


def test_where_a_larger_pack_is_undecided_it_is_measured_first() -> None:
    unsure = sample(0, 0, 4)
    assert (verdict([unsure], 0.01).items, verdict([unsure], 0.01).final) == (1, False)
    assert (verdict([unsure] * MOST_RUNS, 0.01).items, verdict([unsure] * MOST_RUNS, 0.01).final) == (10, True)
    assert verdict([sample(4, 4, 0)], 0.01).final, "smaller ones do not matter where a larger one is accepted"


def test_each_field_has_to_hold() -> None:
    good, bad = scores(5, 0), scores(5, 60, field="urgent")
    assert verdict([[good, bad]], 0.01).items == 1
    assert "urgent" in verdict([[good, bad]], 0.01).why


def test_an_output_without_comparable_fields_is_never_packed_and_not_tried_again() -> None:
    assert (verdict([[]], 0.01).items, verdict([[]], 0.01).final) == (1, True)


def test_noise_of_the_model_itself_is_no_loss() -> None:
    noisy = Scores(size=5, field="label", changes=[3, 0, 9, 0, 976, 0, 9, 0, 3], alone=(0, 0), packed=(0, 0), places=[])
    assert verdict([[noisy]], 0.01).items == 5


def test_of_a_thousand_samples_of_packs_that_lose_two_points_hardly_one_is_accepted() -> None:
    draw = random.Random(1)
    lost = [sum(draw.random() < 0.02 for _ in range(300)) for _ in range(1_000)]
    accepted = {one: verdict([[scores(5, one)]], 0.01).items == 5 for one in set(lost)}
    assert sum(accepted[one] for one in lost) <= 25


@pytest.mark.parametrize("wrong", [{"sizes": ()}, {"sizes": (30,)}, {"rows": 5}, {"margin": 0.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(JobError, match="write"):
        AutoPacking(**wrong)
