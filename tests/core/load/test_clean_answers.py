from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.cost.prices import Usage
from airflow_provider_claude.core.load import clean_answers
from airflow_provider_claude.core.load.answers import Judged
from airflow_provider_claude.core.load.clean_answers import Cleaner
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.job.schema import output_schema

SCHEMA = output_schema({
    "type": "object",
    "properties": {
        "label": {"enum": ["good", "so\u00adso"]},
        "topic": {"type": "string"},
        "parts": {"type": "array", "items": {"type": "object", "properties": {"said": {"type": ["string", "null"]}}}},
        "sent": {"type": "string", "format": "date"},
    },
})  # fmt: skip


def _clean(*answers: dict[str, Any] | None) -> list[Judged]:
    judged = [Judged(str(n), Outcome.SUCCEEDED, Usage(), answer=answer) for n, answer in enumerate(answers)]
    return Cleaner(SCHEMA).clean(judged)


@pytest.mark.parametrize("unseen", ["\x00", "\x1b[31m", "\u202e", "\u200b", "\U000e0041", "\x9b", "\u2066"])
def test_what_is_not_seen_is_taken_out_of_free_text_and_the_answer_is_marked(unseen: str) -> None:
    (one,) = _clean({"topic": f"late {unseen}delivery"})
    assert one.answer == {"topic": "late [31mdelivery" if "[" in unseen else "late delivery"}
    assert one.cleaned


def test_free_text_is_cleaned_wherever_it_is() -> None:
    (one,) = _clean({"label": "good", "parts": [{"said": "a\x00"}, {"said": None}, {"said": "b"}]})
    assert one.answer == {"label": "good", "parts": [{"said": "a"}, {"said": None}, {"said": "b"}]}


def test_words_to_choose_from_are_as_they_are() -> None:
    (one,) = _clean({"label": "so\u00adso", "topic": "x"})
    assert (one.answer, one.cleaned) == ({"label": "so\u00adso", "topic": "x"}, False)


def test_each_answer_gets_its_own_texts_back() -> None:
    found = _clean({"topic": "a\x00"}, None, {"topic": "b"}, {"topic": "c\x00"})
    assert [one.answer and one.answer["topic"] for one in found] == ["a", None, "b", "c"]
    assert [one.cleaned for one in found] == [True, False, False, True]


def test_half_a_character_does_not_keep_others_from_being_cleaned() -> None:
    found = _clean({"topic": "\ud800"}, {"topic": "b\x00"})
    assert [one.answer and one.answer["topic"] for one in found] == ["\ud800", "b"]


FLAT = output_schema(
    {"type": "object", "properties": {"topic": {"type": "string"}, "note": {"type": ["string", "null"]}}}
)
_text = st.text(st.sampled_from("ab \t\n\r\x00\x0b\x1f\x7f\x85\xad\u0301ü\u200b\u200d\u202e\ufeff中\ud800"), max_size=5)
_said = st.fixed_dictionaries({}, optional={"said": st.none() | _text})
_free = {"topic": _text, "note": st.none() | _text, "parts": st.lists(_said, max_size=2)}
_answers = st.lists(st.none() | st.fixed_dictionaries({}, optional=_free), max_size=4)


@pytest.mark.parametrize("schema", [SCHEMA, FLAT], ids=["nested", "flat"])
@given(answers=_answers)
def test_answers_that_need_no_cleaning_are_reported_without_cleaning_them(
    schema: dict[str, Any], answers: list[dict[str, Any] | None]
) -> None:
    judged = [Judged(str(n), Outcome.SUCCEEDED, Usage(), answer=answer) for n, answer in enumerate(answers)]
    slow = Cleaner(schema)
    slow._flat = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clean_answers, "is_plain", lambda _: False)
        expected = slow.clean(judged)
    assert Cleaner(schema).clean(judged) == expected
