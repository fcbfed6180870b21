"""What a run of the nightly DAG has left on disk."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.standalone.conftest import DAG, FIRST_DAY, MAILS
from tests.standalone.server import KeptAirflow


def some_days(first: int, count: int) -> list[str]:
    """*count* days of the mail, from day number *first* on."""
    return [(FIRST_DAY + timedelta(days=first + number)).isoformat() for number in range(count)]


def partition(airflow: KeptAirflow, day: str) -> Path:
    return airflow.root / "answers" / "email_sentiment" / f"day={day}"


def record(airflow: KeptAirflow, day: str, name: str) -> dict[str, Any]:
    """A record of the run folder of *day*."""
    return dict(json.loads((airflow.root / "work" / DAG / "sentiment" / day / name).read_bytes()))


def assert_published(airflow: KeptAirflow, day: str, mails: int = MAILS) -> None:
    """The day has a partition, of its own mail, with every mail accounted for."""
    ledger = record(airflow, day, "report.json")["ledger"]
    answers = pq.read_table(partition(airflow, day), partitioning=None).to_pylist()
    assert ledger["inputs"] == mails
    assert len(answers) + sum(ledger["quarantined"].values()) + sum(ledger["failed"].values()) == mails
    assert {str(answer["date"].date()) for answer in answers} == {day}
