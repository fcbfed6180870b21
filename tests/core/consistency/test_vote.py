"""Which of three answers to the same row counts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from airflow_provider_claude.core.consistency.comparable import Comparable, NoAnswer
from airflow_provider_claude.core.consistency.vote import Ballot, Voted, ballot, differ

FIELDS = {
    "label": Comparable(labels=("a", "b", "c")),
    "urgent": Comparable(labels=(True, False)),
    "sure": Comparable(numbers=True, span=1.0),
}
NUMBERS = {"sure": Comparable(numbers=True, span=1.0)}


def answer(label: str, urgent: bool = True, sure: float = 0.9) -> dict[str, Any]:
    return {"label": label, "urgent": urgent, "sure": sure}


def vote(*answers: dict[str, Any], fields: dict[str, Comparable] = FIELDS) -> tuple[int, bool]:
    found = ballot(fields, answers, ["msg_1", "msg_2", "msg_3"])
    return found.published, found.tie


def test_the_answer_that_came_twice_counts_and_the_earlier_of_the_two_is_published() -> None:
    assert vote(answer("a"), answer("b"), answer("a")) == (1, False)
    assert vote(answer("a"), answer("b"), answer("b")) == (2, False)


def test_three_different_answers_leave_the_first_one_and_are_marked() -> None:
    assert vote(answer("a"), answer("b"), answer("c")) == (1, True)


def test_the_vote_is_on_whole_answers_and_publishes_no_mixture_that_the_model_never_gave() -> None:
    # Field by field, a and urgent=False had two votes each; together no two answers are the same.
    assert vote(answer("a", True), answer("b", False), answer("a", False)) == (1, True)


def test_numbers_have_no_vote_where_there_are_labels() -> None:
    assert not differ(FIELDS, answer("a", sure=0.1), answer("a", sure=0.9))
    assert vote(answer("a", sure=0.1), answer("b", sure=0.2), answer("a", sure=0.9)) == (1, False)


@pytest.mark.parametrize(
    ("values", "published"),
    [((0.1, 0.9, 0.5), 3), ((0.1, 0.9, 0.8), 3), ((0.4, 0.9, 0.1), 1), ((0.9, None, 0.5), 1), ((None, 0.9, None), 1)],
)
def test_of_numbers_alone_the_median_counts(values: tuple[float | None, ...], published: int) -> None:
    assert vote(*({"sure": value} for value in values), fields=NUMBERS) == (published, False)


def test_no_answer_differs_from_each_answer() -> None:
    assert differ(FIELDS, answer("a"), dict.fromkeys(FIELDS, NoAnswer("refused")))


def test_a_vote_stays_the_same_through_its_column() -> None:
    found = ballot(FIELDS, [answer("a"), answer("b"), answer("b")], ["msg_1", "msg_2", None])
    assert msgspec.json.decode(msgspec.json.encode(found), type=Ballot) == found


def test_the_sentence_says_what_changed_and_why_some_rows_have_no_third_answer() -> None:
    said = Voted(differing=10, voted=8, changed=3, ties=1, why_not="the budget may not cover it").sentence()
    assert "the majority changed 3 of the published answers; 1 have three different ones" in said
    assert said.endswith("The others keep the first answer: the budget may not cover it.")
    assert "nothing to vote about" in Voted(differing=0).sentence()
