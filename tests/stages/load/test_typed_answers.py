"""Dates, times and decimals of the model's, from the simulator to the table."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
from pydantic import BaseModel, Field

from airflow_provider_claude.job import ClaudeJob
from tests.stages.conftest import Night


class Invoice(BaseModel):
    total: Decimal = Field(ge=0, max_digits=12, decimal_places=2)
    rate: Decimal | None
    due: dt.date
    received: dt.datetime
    opens: dt.time


def test_answers_with_dates_and_decimals_are_loaded_typed(night: Night) -> None:
    night.job = ClaudeJob(prompt="{body}", output=Invoice)
    night.scanned([f"invoice {n}" for n in range(5)]).plan(rows=9)
    night.create()
    record = night.load()
    assert record.outcomes == {"succeeded": 5}
    table = night.answers().select(["total", "rate", "due", "received", "opens"])
    assert table.schema.types == [
        pa.decimal128(12, 2),
        pa.decimal128(38, 18),
        pa.date32(),
        pa.timestamp("us", tz="UTC"),
        pa.time64("us"),
    ]
    kinds = {name: {type(value) for value in table[name].to_pylist()} for name in table.column_names}
    assert kinds["total"] == {Decimal}
    assert (kinds["due"], kinds["received"], kinds["opens"]) == ({dt.date}, {dt.datetime}, {dt.time})
