"""Which publication may replace which, decided without any file."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.publish.destination import Destination, Holder, agreed, is_true
from airflow_provider_claude.core.publish.guard import (
    FEWER_ROWS,
    FEWER_SHARE,
    fewer_rows,
    foreign,
    other_source,
    shrinks,
)
from airflow_provider_claude.core.publish.nesting import is_read, is_within
from airflow_provider_claude.errors import DestinationError, JobError

FIVE, SIX = "2026-11-22T05:00:00Z/2026-11-22T06:00:00Z", "2026-11-22T06:00:00Z/2026-11-22T07:00:00Z"


@dataclass(frozen=True)
class By:
    """A task of a DAG, in a run for *interval*."""

    dag: str = "mail"
    task: str = "sentiment.plan"
    interval: str | None = None

    @property
    def holder(self) -> Holder:
        return Holder(dag_id=self.dag, task_id=self.task, interval=self.interval)

    def to(self, **options: object) -> Destination:
        return msgspec.structs.replace(Destination(output="/out", holder=self.holder), **options)


@pytest.mark.parametrize(
    ("held", "mine", "said"),
    [
        (None, By(), None),
        (By(), By(), None),
        (By(interval=FIVE), By(interval=FIVE), None),  # a rerun, a backfill
        (By(interval=FIVE), By(), None),  # by hand
        (By(), By(interval=SIX), None),  # the first scheduled one after that
        (By(dag="other"), By(), "belongs to task sentiment.plan of DAG other"),
        (By(task="topics.plan"), By(), "belongs to task topics.plan of DAG mail"),
        (By(interval=FIVE), By(interval=SIX), "the schedule is finer than the partition"),
    ],
)
def test_a_partition_belongs_to_one_task_and_one_data_interval(held: By | None, mine: By, said: str | None) -> None:
    found = foreign("/out/day=1", held and held.holder, mine.to())
    assert (found is None) == (said is None)
    assert said is None or (said in found and "take_over=True" in found)
    assert foreign("/out/day=1", held and held.holder, mine.to(take_over=True)) is None


@pytest.mark.parametrize(
    ("before", "now", "refused"),
    [
        (0, 0, False),
        (0, 9, False),
        (1, 0, True),
        (60, 0, True),
        (60, 60, False),
        (60, 61, False),
        (60, 48, False),  # a fifth less
        (60, 47, True),
        (5, 1, False),  # four rows: fewer than the least count
        (6, 1, True),
        (1_000_000, 800_000, False),
        (1_000_000, 799_999, True),
    ],
)
def test_nothing_and_far_fewer_rows_need_to_be_asked_for(before: int, now: int, *, refused: bool) -> None:
    assert (fewer_rows("p", before, now, By().to()) is not None) == refused
    assert fewer_rows("p", before, now, By().to(replace="always")) is None


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_table_never_shrinks_unasked_by_more_than_the_rule_says(before: int, now: int) -> None:
    if not shrinks(before, now):
        assert before - now < FEWER_ROWS or now >= (1 - FEWER_SHARE) * before - 1e-6
        assert now or not before


def test_rows_of_another_source_need_to_be_asked_for_unless_there_are_none() -> None:
    assert "were read from /mail/a; this run read /mail/b" in (
        other_source("p", 3, "/mail/a", "/mail/b", By().to()) or ""
    )
    assert other_source("p", 3, "/mail/a/", "/mail/a", By().to()) is None
    assert other_source("p", 0, "/mail/a", "/mail/b", By().to()) is None
    assert other_source("p", 3, "/mail/a", "/mail/b", By().to(replace="always")) is None


def test_what_is_neither_of_its_values_is_refused() -> None:
    with pytest.raises(JobError, match="write 'guarded' or 'always'"):
        Destination(output="/out", replace="yes")
    with pytest.raises(JobError, match="take_over is 'maybe'"):
        is_true("maybe", "take_over")
    assert [is_true(value, "take_over") for value in (True, "True", "false", "", None)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_plan_and_a_report_that_name_two_outputs_do_not_agree() -> None:
    assert agreed("/out", "/out/") == "/out"
    assert (agreed(None, "/out"), agreed("/out", None), agreed(None, None)) == ("/out", "/out", None)
    for other in ("/other", ""):
        with pytest.raises(DestinationError, match="publish_to is '/out' for the plan and"):
            agreed("/out", other)


@pytest.mark.parametrize(
    ("folder", "source", "read"),
    [
        ("/data/out", "/data", True),
        ("/data/out", "/data/out", True),
        ("/data/out", "/data/mail", False),
        ("/data/out", "/data/mail.parquet", False),
        ("/database", "/data", False),
        ("/data/out", "/data/*.parquet", False),
        ("/data/out", "/data/*/*.parquet", True),
        ("/data/out", "/data/**/*.parquet", True),
        ("/data/out", "/data/**/*.PARQUET", True),
        ("/data/out", "/data/**/*.csv", False),
        ("/data.x/out", "/data.x/**", True),
        ("/data/out", "/data/o?t/*", True),
        ("s3://b/out", "s3://b/", True),
        ("s3://b/out", "s3://c/", False),
    ],
)
def test_a_source_that_takes_in_the_output_is_reported(folder: str, source: str, *, read: bool) -> None:
    assert is_read(folder, source) == read


def test_a_folder_is_within_itself_and_above_what_is_below() -> None:
    assert is_within("/a/b", "/a/b/")
    assert is_within("/a/b/c", "/a/b")
    assert not is_within("/a/bc", "/a/b")
