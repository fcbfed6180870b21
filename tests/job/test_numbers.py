from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_claude.core.packing.packing import packing_of
from airflow_provider_claude.core.plan.cut_shards import Limits as ShardLimits
from airflow_provider_claude.core.scan.policy import ScanPolicy, check_likeness
from airflow_provider_claude.core.scan.shape_limits import Limits
from airflow_provider_claude.core.sync.account_limits import account_limits
from airflow_provider_claude.core.sync.concurrency import Concurrency
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.numbers import number, usd_amount, whole_number
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings

_NONE = [math.nan, math.inf, -math.inf, -1, 1e308, True, 10**400, "1e3", "nan", "", "ten", [1], None]


@pytest.mark.parametrize("value", _NONE, ids=lambda value: repr(value)[:12])
def test_what_is_no_number_of_the_range_is_refused_by_name_value_and_range(value: Any) -> None:
    with pytest.raises(JobError, match=r"^margin is .*: write a number from 0 to 9\.$") as e:
        number("margin", value, 0, 9)
    assert len(str(e.value)) < 200


@pytest.mark.parametrize("value", [*_NONE, 1.5, 2.0, "1.5", "-1", "١"], ids=lambda value: repr(value)[:12])
def test_what_is_no_whole_number_of_the_range_is_refused(value: Any) -> None:
    with pytest.raises(JobError, match=r"^rows is .*: write a whole number from 1 to 1,000\.$"):
        whole_number("rows", value, 1, 1_000)


@pytest.mark.parametrize(
    "value", [*(one for one in _NONE if one), Decimal("NaN"), Decimal("Infinity"), "-1", "1e3", "1_000", "2,50", 10**10]
)
def test_what_is_no_amount_is_refused(value: Any) -> None:
    with pytest.raises(JobError, match=r"budget_usd is .*: write an amount in USD from 0 to 1,000,000,000"):
        usd_amount("budget_usd", value)


@pytest.mark.parametrize(
    ("value", "amount"), [("2.50", "2.50"), (" 3 ", "3"), (0, "0"), (2.5, "2.5"), (Decimal("0.01"), "0.01")]
)
def test_an_amount_is_read_to_the_last_digit(value: Any, amount: str) -> None:
    assert usd_amount("budget_usd", value) == Decimal(amount)


def test_digits_that_a_template_made_are_a_whole_number() -> None:
    assert whole_number("rows", " 500 ", 1, 1_000) == 500


_READ: dict[str, Callable[[Any], object]] = {
    "reserve": lambda value: LaneSettings(reserve=value),
    "margin": lambda value: LaneSettings(margin=value),
    "lead": lambda value: LaneSettings(lead=value),
    "shard_rows": lambda value: ShardLimits(rows=value),
    "shard_bytes": lambda value: ShardLimits(bytes=value),
    "in_flight": Concurrency.up_to,
    "pack": packing_of,
    "pack_tokens": lambda value: packing_of(2, value),
    "max_chars": lambda value: ScanSettings(text_columns=["a"], max_chars=value),
    "part_rows": lambda value: ScanSettings(text_columns=["a"], part_rows=value),
    "quarantine_score": lambda value: ScanPolicy(quarantine_score=value),
    "near_duplicates": check_likeness,
    "max_line": lambda value: Limits(max_line=value),
    "max_no_text": lambda value: Limits(max_no_text=value),
    "max_tokens": lambda value: ClaudeJob(prompt="{a}", output={"type": "object", "properties": {}}, max_tokens=value),
    "limits": lambda value: account_limits({"requests": value, "input_tokens": 1, "output_tokens": 1}),
}


@pytest.mark.parametrize("name", _READ)
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -1, 1e308, True, "1e3", 10**400], ids=lambda value: repr(value)[:9]
)
def test_each_number_is_bounded_where_it_is_read(name: str, value: Any) -> None:
    with pytest.raises(JobError, match=name):
        _READ[name](value)
