"""What the retirement of a model means for a run."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_claude.core.plan.model_lifecycle import ModelInfo, Retirement, instead_of, retirement
from airflow_provider_claude.core.submit.attempt import RESULTS_SECONDS
from airflow_provider_claude.core.times import epoch

NOW, DUE = epoch("2026-11-30T02:00:00Z"), epoch("2026-11-30T08:00:00Z")
FORGOTTEN = datetime.fromtimestamp(NOW + RESULTS_SECONDS, UTC).isoformat()


@pytest.mark.parametrize(
    ("lifecycle", "retires_at", "level", "message"),
    [
        ("retired", None, "error", "The model m was retired: requests that name it fail."),
        (
            "retired",
            "2026-11-01T00:00:00Z",
            "error",
            "The model m was retired on 2026-11-01 01:00 CET: requests that name it fail.",
        ),
        ("deprecated", None, "note", "The model m is deprecated."),
        ("deprecated", "soon", "note", "The model m is deprecated."),
        (
            "active",
            "2026-11-30T02:00:00Z",
            "warning",
            "The model m was to retire on 2026-11-30 03:00 CET: it may stop at any moment.",
        ),
        (
            "active",
            "2026-11-30T02:00:01Z",
            "error",
            "The model m retires on 2026-11-30 03:00 CET, before the answers of this run are due.",
        ),
        (
            "active",
            "2026-11-30T08:00:00Z",
            "error",
            "The model m retires on 2026-11-30 09:00 CET, before the answers of this run are due.",
        ),
        (
            "active",
            FORGOTTEN,
            "warning",
            "The model m retires on 2026-12-29 03:00 CET: rows of this run that are asked again then need another model.",
        ),
        ("active", "2027-06-01T00:00:00Z", "note", "The model m retires on 2027-06-01 02:00 CEST."),
    ],
)
def test_what_a_retirement_means_depends_on_when_it_comes(
    lifecycle: str, retires_at: str | None, level: str, message: str
) -> None:
    info = ModelInfo(id="m", lifecycle=lifecycle, retires_at=retires_at)
    assert retirement(info, now=NOW, due=DUE, zone="Europe/Berlin") == Retirement(level, message)  # type: ignore[arg-type]


@pytest.mark.parametrize("lifecycle", ["", "active"])
def test_a_model_without_an_end_means_nothing(lifecycle: str) -> None:
    assert retirement(ModelInfo(id="m", lifecycle=lifecycle), now=NOW, due=DUE) is None


def test_without_a_zone_the_end_is_in_utc() -> None:
    found = retirement(ModelInfo(id="m", retires_at="2027-06-01T00:00:00Z"), now=NOW, due=DUE)
    assert found == Retirement("note", "The model m retires on 2027-06-01 00:00 UTC.")


def test_the_models_to_write_instead_are_alive_and_those_of_its_line_come_first() -> None:
    old = ModelInfo(id="old", line="haiku")
    others = [
        ModelInfo(id="opus", line="opus", lifecycle="active"),
        ModelInfo(id="gone", line="haiku", lifecycle="retired"),
        ModelInfo(id="going", line="haiku", lifecycle="deprecated"),
        old,
        ModelInfo(id="silent", line="haiku"),
        ModelInfo(id="haiku", line="haiku", lifecycle="active"),
    ]
    assert instead_of(old, others) == ["silent", "haiku", "opus"]


def test_no_more_than_five_models_are_named() -> None:
    assert len(instead_of(ModelInfo(id="m"), [ModelInfo(id=str(number)) for number in range(9)])) == 5
