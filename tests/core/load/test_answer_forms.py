"""What came is read in the form that the schema asks for."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_claude.core.load.answer_forms import form_of, spelled

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"enum": ["Good", "Bad"]},
        "case": {"enum": ["a", "A"]},
        "topic": {"type": "string"},
        "count": {"type": "integer"},
        "score": {"type": "number"},
        "either": {"anyOf": [{"type": "integer"}, {"type": "number"}]},
        "tags": {"type": "array", "items": {"enum": ["New"]}},
    },
}


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("label", "GOOD", "Good"),
        ("label", "Bad", "Bad"),
        ("label", "neither", "neither"),
        ("case", "A", "A"),
        ("topic", "GOOD news", "GOOD news"),
        ("tags", ["NEW", "old"], ["New", "old"]),
        ("unknown", "GOOD", "GOOD"),
    ],
)
def test_only_a_word_to_choose_from_changes_its_letter_case(name: str, value: Any, read: Any) -> None:
    assert spelled({name: value}, form_of(SCHEMA)) == {name: read}


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("count", 5.0, int),
        ("count", 5.5, float),
        ("score", 5.0, float),
        ("either", 5.0, float),
        ("topic", 5.0, float),
        ("unknown", 5.0, float),
    ],
)
def test_only_a_whole_number_where_no_other_is_allowed_becomes_an_integer(name: str, value: float, kind: type) -> None:
    read = spelled({name: value}, form_of(SCHEMA))[name]
    assert (read, type(read)) == (value, kind)
