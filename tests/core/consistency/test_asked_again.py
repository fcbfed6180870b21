"""What two answers to the same rows show: agreement by field and by label, and the rows that differ."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from airflow_provider_claude.core.consistency.asked_again import AskedAgain, asked_again
from airflow_provider_claude.core.consistency.comparable import Comparable, comparable

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"enum": ["a", "b", "c", None]},
        "urgent": {"type": "boolean"},
        "sure": {"type": "number", "minimum": 0, "maximum": 1},
        "summary": {"type": "string"},
    },
}
LABEL = {"label": Comparable()}


def answers(*rows: tuple[Any, ...]) -> dict[str, dict[str, Any]]:
    return {f"mail-{n}": dict(zip(("label", "urgent", "sure"), row, strict=False)) for n, row in enumerate(rows)}


def compared(first: str, second: str) -> AskedAgain:
    """Two answers a row, a letter each; a dot has none."""
    one, other = (
        {str(n): {"label": letter} for n, letter in enumerate(text) if letter != "."} for text in (first, second)
    )
    return asked_again(LABEL, one, other, asked=len(first))


def test_each_field_that_can_be_compared_has_its_own_agreement() -> None:
    first = answers(("a", True, 0.9), ("b", False, 0.5), ("c", True, 0.1), (None, False, 0.3))
    second = answers(("a", False, 0.85), ("b", False, 0.2), ("a", True, 0.1), (None, False, 0.35))
    found = asked_again(comparable(SCHEMA), first, second, asked=4)
    assert {one.field: (one.same, one.rows) for one in found.fields} == {
        "label": (3, 4),
        "urgent": (3, 4),
        "sure": (3, 4),
    }
    assert found.fields[0].flips == [("c", "a", 1)]
    assert found.fields[0].by_label["null"].value == 1
    assert found.fields[1].flips == [("true", "false", 1)]
    assert round(found.fields[2].mean_absolute or 0, 4) == 0.1


def test_rows_without_two_valid_answers_are_counted_and_not_compared() -> None:
    found = compared("aab.", "ab.c")
    assert (found.asked, found.compared, found.fields[0].same) == (4, 2, 1)


def test_the_rows_that_differ_are_named_with_both_answers_and_the_list_is_bounded() -> None:
    [one] = compared("abc", "abb").differing
    assert (one.item_id, one.field, one.first, one.second) == ("2", "label", "c", "b")
    assert len(compared("a" * 500, "b" * 500).differing) == 50


def test_the_weakest_field_is_one_with_labels_though_numbers_agree_less() -> None:
    first, second = answers(("a", True, 0.9), ("b", True, 0.1)), answers(("a", True, 0.1), ("b", True, 0.9))
    found = asked_again(comparable(SCHEMA), first, second, asked=2)
    assert found.weakest is not None
    assert found.weakest.field == "label"


def test_the_sentence_says_how_many_rows_kept_their_answer_and_within_which_limits() -> None:
    assert compared("a" * 98 + "bb", "a" * 99 + "b").sentence() == (
        "Of 100 rows that were asked a second time, 99.0% got the same label (95% interval: 94.6% to 99.8%)."
    )
    assert "none of them has two answers" in compared("a.", ".b").sentence()


def test_what_was_found_stays_the_same_through_the_report_file() -> None:
    for found in (compared("aab.", "ab.c"), compared("aaaa", "aaaa"), compared("..", "..")):
        assert msgspec.json.decode(msgspec.json.encode(found), type=AskedAgain) == found


def test_the_interval_holds_the_planted_agreement_as_often_as_it_says() -> None:
    rng, inside = np.random.default_rng(11), 0
    for _ in range(200):
        flips = rng.random(400) < 0.06
        found = compared("a" * 400, "".join("ab"[int(flip)] for flip in flips))
        _, low, high = found.fields[0].agreement
        inside += low <= 0.94 <= high
    assert inside / 200 >= 0.93
