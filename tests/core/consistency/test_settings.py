"""How many rows are asked a second time, and which settings are refused."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_claude.core.consistency.settings import Consistency, checked_consistency
from airflow_provider_claude.errors import JobError

SCHEMA = {"type": "object", "properties": {"label": {"type": "boolean"}}}


@pytest.mark.parametrize(
    ("items", "rows"), [(0, 0), (99, 0), (100, 100), (5_000, 200), (50_000, 500), (100_000, 1_000), (1_000_000, 2_000)]
)
def test_one_percent_is_asked_again_at_least_200_rows_and_at_most_2000(items: int, rows: int) -> None:
    assert Consistency().rows(items) == rows


def test_where_fewer_rows_are_enough_for_the_user_smaller_runs_are_asked_again_too() -> None:
    assert [Consistency(least=40).rows(items) for items in (39, 40, 90)] == [0, 40, 40]


def test_a_share_of_nothing_asks_no_row_again() -> None:
    assert Consistency(share=0).rows(100_000) == 0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"share": 1.5}, "consistency: share is 1.5: write a number from 0 to 1"),
        ({"least": 0}, "consistency: least is 0: write a whole number from 1"),
        ({"least": 500, "most": 100}, "least=500 exceeds most=100"),
        ({"min_agreement": 95}, "consistency: min_agreement is 95: write a number from 0 to 1"),
        ({"min_agreement": {"label": "95%"}}, r"min_agreement\['label'\] is '95%'"),
        ({"min_agreement": 0.9, "share": 0}, "share=0 asks no row a second time"),
        ({"max_drift": -1}, "consistency: max_drift is -1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_its_name(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(JobError, match=says):
        Consistency(**wrong)


def test_what_is_no_consistency_is_refused() -> None:
    assert checked_consistency(None, SCHEMA) is None
    with pytest.raises(JobError, match=r"consistency is 0.01: write Consistency\(\)"):
        checked_consistency(0.01, SCHEMA)


@pytest.mark.parametrize(
    ("least", "properties", "says"),
    [
        (
            {"labl": 0.9},
            {"label": {"type": "boolean"}},
            "names labl, which is no label, boolean or number of the output",
        ),
        (0.9, {"sure": {"type": "number"}}, "the output has no labels and no booleans"),
    ],
)
def test_a_limit_of_a_field_that_cannot_be_judged_is_refused_when_the_dag_is_parsed(
    least: float | dict[str, float], properties: dict[str, Any], says: str
) -> None:
    with pytest.raises(JobError, match=says):
        checked_consistency(Consistency(min_agreement=least), {"type": "object", "properties": properties})


def test_a_confidence_field_that_is_no_number_of_the_output_is_refused() -> None:
    with pytest.raises(
        JobError, match=r"confidence_field is 'label', which is no number of the output \(it has none\)"
    ):
        checked_consistency(Consistency(confidence_field="label"), SCHEMA)
