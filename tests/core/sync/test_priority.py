"""How urgent rows are, by a number in a column of theirs."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.sync.priority import Priority, carry_with, priority_of, urgent_first
from airflow_provider_claude.errors import JobError

BY = Priority(column="priority")


def test_numbers_count_as_they_are_and_everything_else_as_none() -> None:
    texts = ["2", " -1 ", "0.5", "+3", None, "", "high", "1e3", "nan", "inf", "٣", "9" * 40]
    assert BY.of(pa.array(texts, pa.string())).tolist() == [2, -1, 0.5, 3] + [0] * 8


def test_no_rows_have_no_numbers() -> None:
    assert BY.of(pa.array([], pa.string())).tolist() == []


def test_the_most_urgent_come_first_and_equals_as_they_came() -> None:
    assert urgent_first(BY.of(pa.array(["0", "2", "1", "2", None, "-1"]))).tolist() == [1, 3, 2, 0, 4, 5]


@given(st.lists(st.text(max_size=5) | st.none()))
def test_whatever_a_column_holds_every_row_has_its_turn_once(texts: list[str | None]) -> None:
    writable = [None if text is None else text.encode("utf-8", "replace").decode() for text in texts]
    order = urgent_first(BY.of(pa.array(writable, pa.string())))
    assert sorted(order.tolist()) == list(range(len(texts)))


@pytest.mark.parametrize(("column", "urgent"), [("", 1), (3, 1), ("p", "1"), ("p", float("nan")), ("p", True)])
def test_arguments_that_make_no_sense_are_refused(column: Any, urgent: Any) -> None:
    with pytest.raises(JobError):
        priority_of(column, urgent)


def test_without_a_column_all_are_alike() -> None:
    assert priority_of(None) is None


def test_the_column_is_carried_unless_it_is_sent() -> None:
    assert carry_with(["a"], ["text"], "p") == ["a", "p"]
    assert carry_with(["a", "p"], ["text"], "p") == ["a", "p"]
    assert carry_with(["a"], ["p"], "p") == ["a"]
    assert carry_with(["a"], ["text"], None) == ["a"]
