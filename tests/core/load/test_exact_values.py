"""Answers that are dates, times and decimals: their columns, and their values to the last digit."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from airflow_provider_claude.core.load.answer_columns import answer_type
from airflow_provider_claude.core.load.answer_rows import _answer_columns
from airflow_provider_claude.core.load.validate import InvalidAnswerError, validator_for
from airflow_provider_claude.job import ClaudeJob


class Inner(BaseModel):
    price: Decimal
    at: dt.datetime | None = None


class Output(BaseModel):
    any: Decimal
    money: Decimal = Field(max_digits=10, decimal_places=2)
    thousandths: Decimal | None = Field(ge=0, decimal_places=3)
    digits: Decimal = Field(max_digits=5)
    wide: Decimal = Field(max_digits=60, decimal_places=2)
    sent: dt.datetime
    day: dt.date
    hour: dt.time
    lasted: dt.timedelta
    prices: list[Decimal]
    inner: Inner
    share: float
    either: float | str


ANSWER: dict[str, str] = {
    "any": "1.5",
    "money": '"1.10"',
    "thousandths": "null",
    "digits": "12345",
    "wide": "1",
    "sent": '"2026-11-02T10:00:00+05:30"',
    "day": '"2026-11-02"',
    "hour": '"10:00:00Z"',
    "lasted": '"PT90S"',
    "prices": '[0.1, "2"]',
    "inner": '{"price": 0.1, "at": null}',
    "share": "0.1",
    "either": "0.5",
}


def job(output: Any) -> ClaudeJob:
    return ClaudeJob(prompt="{body}", output=output)


def value(output: Any, text: str, name: str) -> Any:
    """What stands in the column *name* for the answer *text*."""
    asked = job(output)
    return _answer_columns(answer_type(asked.schema), [validator_for(asked)(text)])[name].to_pylist()[0]


def answer(**changes: str) -> str:
    return "{" + ", ".join(f'"{name}": {text}' for name, text in (ANSWER | changes).items()) + "}"


def test_the_columns_of_dates_times_and_decimals_have_their_types() -> None:
    kind = answer_type(job(Output).schema)
    unbounded, utc = pa.decimal128(38, 18), pa.timestamp("us", tz="UTC")
    assert {field.name: field.type for field in kind} == {
        "any": unbounded,
        "money": pa.decimal128(10, 2),
        "thousandths": pa.decimal128(38, 3),
        "digits": pa.decimal128(10, 5),
        "wide": pa.decimal256(60, 2),
        "sent": utc,
        "day": pa.date32(),
        "hour": pa.time64("us"),
        "lasted": pa.string(),
        "prices": pa.list_(unbounded),
        "inner": pa.struct({"price": unbounded, "at": utc}),
        "share": pa.float64(),
        "either": pa.string(),
    }


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("any", "12345678901234567890.123456789012345678", Decimal("12345678901234567890.123456789012345678")),
        ("any", "0.1", Decimal("0.1")),
        ("any", "1e-7", Decimal("1e-7")),
        ("money", '"1.10"', Decimal("1.10")),
        ("money", "99999999.99", Decimal("99999999.99")),
        ("thousandths", "null", None),
        ("wide", "9" * 57 + ".25", Decimal("9" * 57 + ".25")),
        ("sent", '"2026-11-02T10:00:00+05:30"', dt.datetime(2026, 11, 2, 4, 30, tzinfo=dt.UTC)),
        ("sent", '"2026-11-02T10:00:00.25"', dt.datetime(2026, 11, 2, 10, 0, 0, 250_000, tzinfo=dt.UTC)),
        ("day", '"2026-11-02"', dt.date(2026, 11, 2)),
        ("hour", '"23:59:59.5"', dt.time(23, 59, 59, 500_000)),
        ("prices", "[0.1, 12345678901234567.25]", [Decimal("0.1"), Decimal("12345678901234567.25")]),
        ("share", "0.1234567890123456789", 0.1234567890123456789),
    ],
)
def test_a_value_is_the_one_that_was_answered(name: str, text: str, right: Any) -> None:
    assert value(Output, answer(**{name: text}), name) == right


def test_values_in_objects_are_read_as_well() -> None:
    found = value(Output, answer(inner='{"price": 1234567890123456.78, "at": "2026-11-02T10:00:00Z"}'), "inner")
    assert found == {"price": Decimal("1234567890123456.78"), "at": dt.datetime(2026, 11, 2, 10, tzinfo=dt.UTC)}


@given(st.decimals(min_value=-(10**19), max_value=10**19, places=18))
def test_no_digit_of_a_decimal_is_lost(number: Decimal) -> None:
    assert value(Inner, f'{{"price": {number:f}, "at": null}}', "price") == number


@pytest.mark.parametrize(
    ("name", "text"),
    [("any", "1e-30"), ("any", "1e30"), ("hour", '"10:00:00+05:30"'), ("sent", '"0001-01-01T00:00:00+05:00"')],
)
def test_a_value_that_its_column_cannot_hold_is_refused(name: str, text: str) -> None:
    with pytest.raises((pa.ArrowInvalid, OverflowError)):
        value(Output, answer(**{name: text}), name)


@pytest.mark.parametrize(("name", "text"), [("money", '"12.345"'), ("day", '"soon"'), ("any", '"NaN"')])
def test_a_value_that_the_model_refuses_is_invalid(name: str, text: str) -> None:
    with pytest.raises(InvalidAnswerError):
        value(Output, answer(**{name: text}), name)


def test_a_json_schema_names_the_formats_itself() -> None:
    schema = {
        "type": "object",
        "properties": {
            "price": {"type": "string", "format": "decimal(12, 4)"},
            "at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            "mail": {"type": "string", "format": "email"},
        },
        "required": ["price", "at", "mail"],
        "additionalProperties": False,
    }
    kinds = {field.name: field.type for field in answer_type(job(schema).schema)}
    assert kinds == {"price": pa.decimal128(12, 4), "at": pa.timestamp("us", tz="UTC"), "mail": pa.string()}
    text = '{"price": "1234.5678", "at": "2026-11-02T10:00:00Z", "mail": "a@b.example"}'
    assert value(schema, text, "price") == Decimal("1234.5678")
    assert value(schema, text, "at") == dt.datetime(2026, 11, 2, 10, tzinfo=dt.UTC)


def test_the_bounds_of_a_number_hold_whatever_its_digits() -> None:
    price = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "format": "decimal(30, 5)"}]}
    schema = {"type": "object", "properties": {"price": price}, "required": ["price"], "additionalProperties": False}
    assert value(schema, '{"price": 12345678901234567890.12345}', "price") == Decimal("12345678901234567890.12345")
    with pytest.raises(InvalidAnswerError):
        value(schema, '{"price": -12345678901234567890.12345}', "price")
