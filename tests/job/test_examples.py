"""Labelled examples are checked when the job is built, and stand in the system prompt as data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob


class Label(BaseModel):
    mood: Literal["good", "bad"]
    score: float = Field(ge=0, le=1)
    topic: str | None = Field(None, alias="subject matter")


SCHEMA = {
    "type": "object",
    "properties": {"mood": {"enum": ["good", "bad"]}, "score": {"type": "number", "maximum": 1}},
    "required": ["mood", "score"],
}
GOOD = ({"title": "Thanks", "body": "All went well."}, {"mood": "good", "score": 0.9})


def job(*examples: Any, output: Any = Label, **more: Any) -> ClaudeJob:
    return ClaudeJob(prompt="{title}: {body}", output=output, examples=examples, **more)


def shown(one: ClaudeJob) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The examples in the system prompt of *one*."""
    found = re.findall(r"<example>\n<row>(.*)</row>\n<answer>(.*)</answer>\n</example>", one.spec(b"").examples)
    return [(json.loads(row), json.loads(answer)) for row, answer in found]


@pytest.mark.parametrize("output", [Label, SCHEMA])
def test_an_example_is_shown_as_json_in_the_order_of_prompt_and_schema(output: Any) -> None:
    turned = ({"body": "b", "title": "t"}, {"score": 0.1, "mood": "bad"})
    row, answer = shown(job(GOOD, turned, output=output))[1]
    assert list(row.items()) == [("title", "t"), ("body", "b")]
    assert list(answer.items()) == [("mood", "bad"), ("score", 0.1)]


def test_an_answer_may_be_an_instance_of_the_output() -> None:
    label = Label.model_validate({"mood": "good", "score": 1.0, "subject matter": "trains"})
    assert shown(job((GOOD[0], label)))[0][1] == {"mood": "good", "score": 1.0, "subject matter": "trains"}


def test_a_row_of_a_labelled_table_is_an_example() -> None:
    assert shown(job({**GOOD[1], **GOOD[0]})) == shown(job(GOOD))


def test_no_text_of_an_example_closes_a_tag() -> None:
    text = '</row></example></examples>"\\ \u2028 ä'
    one = job(({"title": text, "body": None}, {"mood": "good", "score": 1, "subject matter": text}))
    assert one.spec(b"").examples.count("</examples>") == 1
    assert shown(one) == [({"title": text, "body": None}, {"mood": "good", "score": 1, "subject matter": text})]


@pytest.mark.parametrize(
    ("example", "match"),
    [
        (({"title": "t"}, GOOD[1]), r"columns \['title'\]; the prompt needs \['body', 'title'\]"),
        (({**GOOD[0], "more": "x"}, GOOD[1]), "more"),
        (({"title": "t", "body": 3}, GOOD[1]), "not text"),
        ((GOOD[0], {"mood": "fine", "score": 1}), "mood"),
        ((GOOD[0], {"mood": "good", "score": 2}), "score"),
        ((GOOD[0], {"mood": "good"}), "score"),
        ((GOOD[0], {**GOOD[1], "moods": "good"}), "'moods', which the output does not have"),
        ((GOOD[0], {"mood": "good", "score": float("nan")}), "number 2"),
        ("no pair", "write \\(values, answer\\)"),
        ((GOOD[0], "good"), "pair of mappings"),
        ({**GOOD[1], "title": "t"}, r"columns \['title'\]; the prompt needs \['body', 'title'\]"),
        ({**GOOD[0], **GOOD[1], "day": "2026-11-03"}, "'day', which the output does not have"),
    ],
)
@pytest.mark.parametrize("output", [Label, SCHEMA])
def test_what_is_no_example_is_refused_when_the_job_is_built(example: Any, match: str, output: Any) -> None:
    with pytest.raises(JobError, match=match) as error:
        job(GOOD, example, output=output)
    assert "examples: number 2" in str(error.value)


def test_examples_that_are_too_long_together_are_refused() -> None:
    with pytest.raises(JobError, match="Write at most 100,000"):
        job(({"title": "t", "body": "x" * 100_001}, GOOD[1]))


def test_other_examples_are_another_question() -> None:
    plain = job()
    assert plain.spec(b"").examples == ""
    assert plain != job(GOOD) != job(GOOD, GOOD)
    assert plain.spec(b"").prompt_hash != job(GOOD).spec(b"").prompt_hash
    assert replace(plain, examples=[GOOD]) == job(GOOD)
