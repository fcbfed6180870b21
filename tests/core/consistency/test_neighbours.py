"""Rows that say nearly the same, and were answered differently."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_provider_claude.core.consistency.neighbours import (
    Candidates,
    Neighbour,
    Neighbours,
    answered_differently,
    sentence_keys,
)

LONG = "Your parcel 17 has been waiting at the depot since Tuesday. Please collect it."


def _groups(texts, **how):
    candidates = Candidates(**how)
    candidates.add(np.arange(len(texts)), sentence_keys(texts))
    return candidates.groups()


def test_texts_that_share_a_long_sentence_meet_whatever_else_they_say() -> None:
    texts = [
        f"Dear Ms Smith,\n{LONG}",
        f"Hello Bob!\n{LONG.replace('17', '900').upper()}\nYours, Ann",
        "Nothing of it at all.",
    ]
    assert _groups(texts) == [[0, 1]]


def test_texts_without_a_long_sentence_meet_none() -> None:
    assert _groups(["Thanks. Bye.", "Thanks. Bye.", "", "   "]) == []


def test_no_rows_give_no_groups() -> None:
    assert Candidates().groups() == []
    assert _groups([]) == []


def test_of_more_than_can_be_held_whole_groups_are_dropped() -> None:
    texts = [
        f"{'x' * (n % 50)} is the sentence number {'ab' * (n % 50)} that two of the rows have." for n in range(100)
    ]
    found = _groups(texts, most=40)
    assert 0 < len(found) < 50
    assert all(other - one == 50 for one, other in found)


def test_of_a_sentence_that_all_rows_have_only_some_are_compared() -> None:
    [group] = _groups([LONG] * 500)
    assert group == list(range(20))


def test_only_rows_with_different_answers_are_compared_and_each_pair_once() -> None:
    answers = {row: {"label": label} for row, label in enumerate("aabx")}
    assert answered_differently([[0, 1, 2], [0, 2, 9]], answers) == [(0, 2), (1, 2)]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Neighbours(), "No two rows were found that say nearly the same and have different answers."),
        (Neighbours(differ=1), "1 pair of rows says nearly the same and has different answers."),
        (
            Neighbours(differ=1_000, more=True),
            "At least 1,000 pairs of rows say nearly the same and have different answers.",
        ),
        (
            Neighbours(rows=10, of=20, differ=2),
            "2 pairs of rows among the first 10 say nearly the same and have different answers.",
        ),
        (Neighbours(why_not="no extra"), "Rows that say nearly the same were not compared: no extra."),
    ],
)
def test_the_report_says_it_in_a_sentence(found: Neighbours, said: str) -> None:
    assert found.sentence() == said


def test_a_neighbour_is_a_value() -> None:
    one = Neighbour(item_id="a", other_id="b", similar=0.9, field="f", answer="x", other_answer="y")
    assert one.excerpt == ""
