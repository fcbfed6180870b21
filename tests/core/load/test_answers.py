from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator, model_validator

from airflow_provider_claude.core.cost.prices import Usage
from airflow_provider_claude.core.load.answers import Judged, judge
from airflow_provider_claude.core.load.validate import validator_for
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.job import ClaudeJob


class Label(BaseModel):
    label: Literal["Spam", "Ham"]
    score: float = Field(ge=0, le=1)


JOBS = [ClaudeJob(prompt="{a}", output=Label), ClaudeJob(prompt="{a}", output=Label.model_json_schema())]
GOOD = {"label": "Spam", "score": 0.5}


def line(text: str, *, stop: str = "end_turn", blocks: list[dict[str, Any]] | None = None) -> bytes:
    content = [*(blocks or []), {"type": "text", "text": text}]
    usage = {
        "input_tokens": 10,
        "output_tokens": 4,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 5},
        "service_tier": "batch",
    }
    message = {"id": "msg_1", "type": "message", "model": "m", "content": content, "stop_reason": stop, "usage": usage}
    return json.dumps({"custom_id": "x-1", "result": {"type": "succeeded", "message": message}}).encode()


def judged(data: bytes, job: ClaudeJob = JOBS[0]) -> Judged:
    result = judge(data, validator_for(job))
    assert result is not None
    return result


@pytest.mark.parametrize("job", JOBS, ids=["pydantic", "json schema"])
class TestBothKindsOfOutput:
    def test_a_valid_answer_comes_with_its_values_and_usage(self, job: ClaudeJob) -> None:
        one = judged(line(json.dumps(GOOD)), job)
        assert (one.outcome, one.answer, one.message_id, one.model) == (Outcome.SUCCEEDED, GOOD, "msg_1", "m")
        assert one.usage == Usage(input=10, output=4, cache_read=3, cache_write_5m=2, cache_write_1h=5)

    def test_drifted_letter_case_of_an_enum_is_put_right(self, job: ClaudeJob) -> None:
        assert judged(line('{"label":"SPAM","score":1}'), job).answer == {"label": "Spam", "score": 1}

    @pytest.mark.parametrize(
        "text",
        ["", "spam", '{"label":"Spam"}', '{"label":"Eggs","score":0}', '{"label":"Spam","score":2}', "[1]", "null",
         '{"label":"Spam","score":"0.5"}', '{"label":"Spam","score":0.5'],
    )  # fmt: skip
    def test_anything_else_is_invalid_and_keeps_the_raw_text(self, job: ClaudeJob, text: str) -> None:
        one = judged(line(text), job)
        assert (one.outcome, one.answer, one.text) == (Outcome.INVALID, None, text)
        assert one.reason

    @given(st.text())
    def test_no_text_can_raise(self, job: ClaudeJob, text: str) -> None:
        judged(line(text), job)


def test_a_thinking_block_before_the_answer_is_skipped() -> None:
    thinking = {"type": "thinking", "thinking": "", "signature": "s"}
    assert judged(line(json.dumps(GOOD), blocks=[thinking])).answer == GOOD


@pytest.mark.parametrize(
    ("stop", "outcome"),
    [
        ("refusal", Outcome.REFUSED),
        ("max_tokens", Outcome.TRUNCATED),
        ("model_context_window_exceeded", Outcome.TRUNCATED),
        ("pause_turn", Outcome.TRUNCATED),
    ],
)
def test_a_message_that_did_not_finish_is_no_answer_however_valid_it_looks(stop: str, outcome: Outcome) -> None:
    one = judged(line(json.dumps(GOOD), stop=stop))
    assert (one.outcome, one.answer) == (outcome, None)


@pytest.mark.parametrize(
    ("result", "outcome", "reason"),
    [
        ({"type": "expired"}, Outcome.EXPIRED, "expired"),
        ({"type": "canceled"}, Outcome.CANCELED, "canceled"),
        ({"type": "vanished"}, Outcome.ERRORED, "'vanished'"),
        ({"type": "succeeded"}, Outcome.ERRORED, "without a message"),
        (
            {
                "type": "errored",
                "error": {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}},
            },
            Outcome.ERRORED,
            "not_found_error: model: x",
        ),
    ],
)
def test_a_result_without_a_message_ends_as_its_type_says(
    result: dict[str, Any], outcome: Outcome, reason: str
) -> None:
    one = judged(json.dumps({"custom_id": "x-1", "result": result}).encode())
    assert one.outcome is outcome
    assert reason in one.reason


@given(st.binary())
def test_a_line_that_is_no_result_is_no_ones(data: bytes) -> None:
    assert judge(data, validator_for(JOBS[0])) is None


@pytest.mark.parametrize("tokens", [-1, 2**31, 10**16])
def test_a_line_with_an_impossible_number_of_tokens_is_no_ones(tokens: int) -> None:
    data = line(json.dumps(GOOD)).replace(b'"input_tokens": 10', b'"input_tokens": %d' % tokens)
    assert judge(data, validator_for(JOBS[0])) is None


class Picky(BaseModel):
    label: str

    @field_validator("label")
    @classmethod
    def known(cls, value: str) -> str:
        return {"a": "A"}[value]


def test_a_validator_that_raises_anything_costs_its_own_row_only() -> None:
    one = judged(line('{"label":"b"}'), ClaudeJob(prompt="{a}", output=Picky))
    assert (one.outcome, one.reason) == (Outcome.INVALID, "the model's validation raised KeyError")


class Cross(BaseModel):
    label: Literal["Spam", "Ham"]

    @model_validator(mode="after")
    def known(self) -> Cross:
        raise KeyError(self.label)


def test_a_validator_that_raises_after_a_letter_case_was_put_right_costs_its_own_row_only() -> None:
    one = judged(line('{"label":"SPAM"}'), ClaudeJob(prompt="{a}", output=Cross))
    assert (one.outcome, one.reason) == (Outcome.INVALID, "the model's validation raised KeyError")


class Deep(BaseModel):
    inner: Label


@pytest.mark.parametrize(
    ("output", "text", "reason"),
    [
        (Deep, {"inner": {"label": "Spam", "score": 2}}, "inner.score: Input should be less than or equal to 1"),
        (
            Deep.model_json_schema(),
            {"inner": {"label": "Spam", "score": 2}},
            "inner.score: 2 is greater than the maximum of 1",
        ),
        (Label.model_json_schema(), {"label": "Spam"}, '(root): "score" is a required property'),
        (Label, [1], "(root): Input should be an object"),
    ],
)
def test_the_reason_of_an_invalid_answer_names_the_field_and_what_is_wrong(output: Any, text: Any, reason: str) -> None:
    assert judged(line(json.dumps(text)), ClaudeJob(prompt="{a}", output=output)).reason == reason


def test_a_reason_is_no_longer_than_three_hundred_characters() -> None:
    long = json.dumps({"label": "x" * 1_000, "score": 0})
    assert len(judged(line(long), JOBS[1]).reason) == 300


CACHE = {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 5}


@pytest.mark.parametrize(
    ("cache", "usage"),
    [
        ({}, Usage(input=10, output=4)),
        ({"cache_read_input_tokens": None, "cache_creation_input_tokens": None}, Usage(input=10, output=4)),
        ({"cache_read_input_tokens": 3}, Usage(input=10, output=4, cache_read=3)),
        (
            {"cache_read_input_tokens": 3, "cache_creation_input_tokens": None},
            Usage(input=10, output=4, cache_read=3),
        ),
        ({"cache_creation_input_tokens": 7}, Usage(input=10, output=4, cache_write_5m=7)),
        (
            {"cache_creation_input_tokens": 7, "cache_creation": CACHE},
            Usage(input=10, output=4, cache_write_5m=2, cache_write_1h=5),
        ),
    ],
)
def test_the_tokens_of_an_answer_are_counted_by_what_they_cost(cache: dict[str, Any], usage: Usage) -> None:
    data = json.loads(line(json.dumps(GOOD)))
    data["result"]["message"]["usage"] = {"input_tokens": 10, "output_tokens": 4, **cache}
    assert judged(json.dumps(data).encode()).usage == usage


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"type": "expired"}, "the request was expired before it was processed"),
        ({"type": "canceled"}, "the request was canceled before it was processed"),
        ({"type": "errored"}, "a result of type 'errored' without a message"),
        ({"type": "errored", "error": {"error": {"message": "x" * 1_000}}}, "unknown: " + "x" * 491),
    ],
)
def test_the_reason_of_a_row_without_a_message_is_a_sentence_of_bounded_length(
    result: dict[str, Any], reason: str
) -> None:
    assert judged(json.dumps({"custom_id": "x-1", "result": result}).encode()).reason == reason
