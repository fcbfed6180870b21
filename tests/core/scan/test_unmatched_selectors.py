from __future__ import annotations

import pytest

from airflow_provider_claude.core.scan.unmatched_selectors import Unmatched

ROWS = [
    {
        "item_id": "m-1",
        "source_ref": "a#1",
        "reason": "override",
        "flags": ["override", "urls"],
        "scan_layer": "signatures",
    },
    {"item_id": "m-2", "source_ref": "a#2", "reason": "binary", "flags": [], "scan_layer": "structure"},
    {"item_id": None, "source_ref": "a#3", "reason": "empty", "flags": [], "scan_layer": "source"},
]


def said(*selectors: str) -> list[str]:
    found = Unmatched(selectors)
    for row in ROWS:
        found.see(row)
    return found.sentences()


@pytest.mark.parametrize("term", ["rule:override", "rule:urls", "id:m-1", "place:a#2", "layer:structure", "all"])
def test_a_selector_that_matches_a_row_is_not_mentioned(term: str) -> None:
    assert said(term) == []


def test_a_rule_without_a_row_names_the_rules_that_there_are() -> None:
    (message,) = said("rule:overide")
    assert message == (
        "rule:overide matches no row in quarantine. Did you mean rule:override? "
        "There is rule: override (1), urls (1), binary (1), empty (1)."
    )


def test_a_layer_and_an_id_without_a_row_are_named() -> None:
    assert said("layer:screen", "id:m-9") == [
        "layer:screen matches no row in quarantine. There is layer: signatures (1), structure (1), source (1).",
        "id:m-9 matches no row in quarantine.",
    ]


def test_rows_that_could_not_be_read_cannot_be_released() -> None:
    assert said("rule:empty") == [
        "rule:empty matches 1 of the rows that could not be read or have no text: they cannot be released."
    ]
