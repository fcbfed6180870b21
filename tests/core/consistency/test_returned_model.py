"""The model that answered, beside the one that was asked."""

from __future__ import annotations

import pytest

from airflow_provider_claude.core.consistency.returned_model import other_models


@pytest.mark.parametrize(
    ("answered", "asked", "stands_for"),
    [
        ("claude-haiku-5-5", "claude-haiku-5-5", None),
        ("claude-haiku-5-5-20261007", "claude-haiku-5-5", None),
        ("claude-h", "an-alias", "claude-h"),
    ],
)
def test_the_model_that_was_asked_and_the_one_its_name_stands_for_are_no_news(
    answered: str, asked: str, stands_for: str | None
) -> None:
    assert other_models({answered: 5}, asked=asked, stands_for=stands_for) == []


@pytest.mark.parametrize("answered", ["claude-haiku-4-5-20251001", "claude-haiku-5-5-mini", "claude-haiku-5"])
def test_another_model_is_named_with_its_rows(answered: str) -> None:
    found = other_models({answered: 1_200, "claude-haiku-5-5": 7}, asked="claude-haiku-5-5", stands_for=None)
    assert found == [f"claude-haiku-5-5 was asked, and another model has answered: {answered} (1,200 rows)."]


def test_another_version_than_the_dated_one_that_was_asked_is_named() -> None:
    assert other_models({"claude-x-20260101": 1}, asked="claude-x-20250101", stands_for=None)
