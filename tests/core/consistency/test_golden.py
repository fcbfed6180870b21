"""How right answers to golden rows are, and whether that has changed since the baseline."""

from __future__ import annotations

import msgspec
import pytest

from airflow_provider_claude.core.consistency.comparable import Comparable, NoAnswer, comparable, known_value
from airflow_provider_claude.core.consistency.golden import Golden, change, golden, right
from airflow_provider_claude.errors import JobError

FIELDS = {"label": Comparable(labels=("a", "b", "c")), "sure": Comparable(numbers=True, span=1.0)}


def rows(text: str) -> dict[str, dict[str, str | None]]:
    """A label a letter; for a dash it is not known, and a dot is no row."""
    return {str(n): {"label": None if one == "-" else one} for n, one in enumerate(text) if one != "."}


def measured(known: str, answered: str) -> Golden:
    return golden({"label": FIELDS["label"]}, rows(known), rows(answered))


def test_accuracy_is_the_share_of_known_rows_with_the_known_answer() -> None:
    [label] = measured("aabbc", "aabca").fields
    assert (label.rows, label.right) == (5, 3)
    assert label.accuracy.low < 0.6 < label.accuracy.high
    assert sorted(label.wrong) == [("b", "c", 1), ("c", "a", 1)]


def test_rows_without_an_answer_or_whose_answer_is_not_known_are_not_judged() -> None:
    found = measured("ab-c", "a.bc")
    assert (found.asked, found.answered, found.fields[0].rows) == (4, 3, 2)
    assert "none of them has a valid answer" in measured("ab", "..").sentence()


def test_a_golden_row_that_the_model_refused_is_wrong() -> None:
    known, refused = rows("aaaa"), {"label": NoAnswer("refused")}
    found = golden({"label": FIELDS["label"]}, known, {**rows("a"), "1": refused, "2": refused, "3": refused})
    assert (found.asked, found.answered) == (4, 1)
    assert [(one.right, one.rows) for one in found.fields] == [(1, 4)]
    assert found.fields[0].wrong == [("a", "(refused)", 3)]


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [(90, 70, "worse"), (70, 90, "better"), (80, 81, "undecided"), (80, 80, "undecided")],
)
def test_a_change_is_judged_by_the_rows_that_only_one_run_got_right(before: int, now: int, verdict: str) -> None:
    first, second = ({str(n): n < right for n in range(100)} for right in (before, now))
    found = change(first, second)
    assert found is not None
    assert (found.verdict, found.better - found.worse) == (verdict, now - before)


def test_only_rows_that_both_runs_answered_are_compared() -> None:
    assert change({"1": True}, {"2": True}) is None
    found = change({"1": True, "2": False}, {"2": True, "3": True})
    assert found is not None
    assert (found.rows, found.better, found.worse) == (1, 1, 0)


def test_the_sentence_names_the_baseline_only_where_the_change_is_no_chance() -> None:
    known, answers = rows("a" * 100), rows("a" * 90 + "b" * 10)
    before = {"label": {str(n): n < 60 for n in range(100)}}
    found = golden({"label": FIELDS["label"]}, known, answers, before=before, baseline="the run of 2026-11-21")
    assert found.sentence().endswith("; better than the run of 2026-11-21.")
    assert "than" not in golden({"label": FIELDS["label"]}, known, answers).sentence()


def test_what_was_found_stays_the_same_through_the_report_file() -> None:
    for found in (measured("aab", "aaa"), measured("a", "."), measured("aa", "aa")):
        assert msgspec.json.decode(msgspec.json.encode(found), type=Golden) == found


def test_numbers_are_right_within_a_tenth_of_their_range() -> None:
    known = {"1": {"sure": 0.9}, "2": {"sure": 0.9}}
    assert right({"sure": FIELDS["sure"]}, known, {"1": {"sure": 0.85}, "2": {"sure": 0.5}}) == {
        "sure": {"1": True, "2": False}
    }


SCHEMA = {
    "type": "object",
    "properties": {"urgent": {"type": "boolean"}, "stars": {"enum": [1, 2, 3]}, "sure": {"type": "number"}},
}


@pytest.mark.parametrize(
    ("field", "written", "known"),
    [
        ("urgent", "true", True),
        ("urgent", False, False),
        ("stars", "2", 2),
        ("stars", 2, 2),
        ("sure", "0.5", 0.5),
        ("sure", "", None),
        ("urgent", None, None),
    ],
)
def test_a_known_answer_is_read_from_text_as_from_a_typed_column(field: str, written: object, known: object) -> None:
    assert known_value(comparable(SCHEMA)[field], field, written, "mail-7") == known


@pytest.mark.parametrize(("field", "written"), [("urgent", "yes"), ("stars", 4), ("sure", "high"), ("sure", "nan")])
def test_an_answer_that_cannot_be_is_refused_with_its_row(field: str, written: object) -> None:
    with pytest.raises(JobError, match=f"The golden row 'mail-7' has .* for {field}: write"):
        known_value(comparable(SCHEMA)[field], field, written, "mail-7")
