"""When the consistency of a run holds its answers back."""

from __future__ import annotations

import pytest

from airflow_provider_claude.core.consistency.asked_again import asked_again
from airflow_provider_claude.core.consistency.comparable import Comparable
from airflow_provider_claude.core.consistency.drift import Drift
from airflow_provider_claude.core.consistency.gate import (
    not_judged,
    too_little_agreement,
    too_much_drift,
    too_often_wrong,
)
from airflow_provider_claude.core.consistency.golden import golden
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.consistency.settings import Consistency

FIELDS = {"label": Comparable(), "sure": Comparable(numbers=True, span=1.0)}


def measured(same: int, of: int = 100) -> Measured:
    first = {str(n): {"label": "a", "sure": 0.1} for n in range(of)}
    second = {str(n): {"label": "a" if n < same else "b", "sure": 0.9} for n in range(of)}
    return Measured(again=asked_again(FIELDS, first, second, asked=of))


def held(least: float | dict[str, float] | None, found: Measured | None, items: int = 200) -> list[str]:
    return list(too_little_agreement(Consistency(min_agreement=least), FIELDS, found, items=items))


@pytest.mark.parametrize(("same", "holds"), [(100, False), (97, False), (96, True), (90, True)])
def test_agreement_is_judged_at_the_lower_end_of_its_interval(same: int, holds: bool) -> None:
    # 97 of 100 may be 91.5 % of all rows, 96 of 100 may be 90.2 %.
    assert bool(held(0.91, measured(same))) is holds


def test_what_holds_the_answers_back_says_by_how_much_and_what_to_do() -> None:
    [problem] = held(0.95, measured(90))
    assert problem.startswith("Only 90.0% of 100 rows got the same label when they were asked a second time")
    assert "in all rows it may be as few as 82.6%, and min_agreement is 95.0%" in problem
    assert "write a lower min_agreement and clear the plan task" in problem


def test_a_share_for_all_fields_is_for_labels_and_numbers_are_judged_by_their_name_only() -> None:
    assert held(0.9, measured(100)) == []
    [problem] = held({"sure": 0.9}, measured(100))
    assert "got the same sure" in problem


@pytest.mark.parametrize("found", [Measured(why_not="its rows do not go by batch"), measured(0, of=0)])
def test_what_was_to_be_judged_and_was_not_measured_holds_the_answers_back(found: Measured) -> None:
    [problem] = held(0.9, found)
    assert "how far the answers agree in label is not known" in problem
    assert "write min_agreement=None and clear the plan task" in problem


def test_a_run_without_rows_and_one_without_a_limit_are_held_back_by_nothing() -> None:
    assert held(0.9, None, items=0) == []
    assert held(None, measured(0)) == []


def test_a_run_with_few_rows_is_not_judged_and_the_report_says_so() -> None:
    assert held(0.9, None, items=99) == []
    [warning] = not_judged(Consistency(min_agreement=0.9), [], items=99)
    assert "the run has 99 different texts, and fewer than 100 tell little" in warning
    assert len(held(0.9, None, items=100)) == 1


@pytest.mark.parametrize(("right", "holds"), [(97, False), (96, True)])
def test_golden_rows_are_judged_at_the_lower_end_of_their_interval(right: int, holds: bool) -> None:
    known = {str(n): {"label": "a"} for n in range(100)}
    found = {str(n): {"label": "a" if n < right else "b"} for n in range(100)}
    wanted = Consistency(golden="golden.parquet", min_golden=0.91)
    measured = Measured(golden=golden({"label": FIELDS["label"]}, known, found))
    assert bool(list(too_often_wrong(wanted, FIELDS, measured, items=1))) is holds


def test_golden_rows_that_were_not_asked_hold_the_answers_back() -> None:
    wanted = Consistency(golden="golden.parquet", min_golden=0.9)
    [problem] = too_often_wrong(wanted, FIELDS, Measured(why_not="its rows do not go by batch"), items=5)
    assert (
        "how often label is right is not known. No row was asked a second time: its rows do not go by batch." in problem
    )
    assert list(too_often_wrong(wanted, FIELDS, None, items=0)) == []


def drift(divergence: float) -> Drift:
    return Drift(field="label", nights=9, divergence=divergence, psi=0.0, limit=0.001, moved=[("a", 0.1)])


@pytest.mark.parametrize(("divergence", "holds"), [(0.0009, False), (0.0019, False), (0.0021, True)])
def test_drift_is_judged_in_multiples_of_what_chance_does(divergence: float, holds: bool) -> None:
    found = list(too_much_drift(Consistency(max_drift=2), [drift(divergence)]))
    assert bool(found) is holds
    assert list(too_much_drift(Consistency(), [drift(divergence)])) == []


def test_too_few_earlier_runs_hold_nothing_back_and_the_report_says_so() -> None:
    [warning] = not_judged(Consistency(max_drift=1), [], items=5)
    assert "fewer than 5 earlier runs" in warning
    assert list(not_judged(Consistency(max_drift=1), [drift(0.1)], items=5)) == []
    assert list(not_judged(Consistency(), [], items=5)) == []
