"""Tokens from bytes, before and after a real request was measured."""

from __future__ import annotations

import pytest

from airflow_provider_claude.core.cost.tokens import TOOL_TOKENS, Counted, TokenModel


def test_a_measured_request_is_the_model_and_it_says_so() -> None:
    model = TokenModel().calibrated(request_bytes=1_000, input_tokens=500, output_tokens=7)
    assert model == TokenModel(input_per_byte=0.5, output=7, measured=True)


@pytest.mark.parametrize(("request_bytes", "input_tokens"), [(0, 500), (-1, 500), (1_000, 0), (1_000, -1), (0, 0)])
def test_a_request_without_bytes_or_tokens_measures_nothing(request_bytes: int, input_tokens: int) -> None:
    guess = TokenModel()
    assert guess.calibrated(request_bytes=request_bytes, input_tokens=input_tokens, output_tokens=7) == guess


def test_one_byte_and_one_token_are_a_measurement() -> None:
    assert TokenModel().calibrated(request_bytes=1, input_tokens=1, output_tokens=7).input_per_byte == 1


def test_a_request_without_output_leaves_the_output_assumed() -> None:
    assert TokenModel(output=9).calibrated(request_bytes=10, input_tokens=1, output_tokens=0).output == 9


def test_the_first_measured_request_counts_whole_and_a_later_one_a_twentieth() -> None:
    first = TokenModel().learned(request_bytes=1_000, input_tokens=500, output_tokens=20)
    assert (first.input_per_byte, first.output, first.measured) == (0.5, 20, True)
    later = first.learned(request_bytes=1_000, input_tokens=1_000, output_tokens=40)
    assert (later.input_per_byte, later.output, later.measured) == (pytest.approx(0.525), pytest.approx(21), True)


USER, RESULT = Counted(4, 4_000, 1_000), Counted(2, 3_000, 1_750)


def test_requests_in_both_placements_tell_what_a_byte_and_what_a_tool_is() -> None:
    model = TokenModel().fitted(USER, RESULT)
    assert (model.input_per_byte, model.tool_tokens, model.measured) == (0.25, 500.0, True)
    assert model.input_tokens(7_000, 2) == USER.tokens + RESULT.tokens


def test_without_a_request_in_a_tool_result_the_tool_is_assumed() -> None:
    assert TokenModel().fitted(USER, Counted()) == TokenModel(input_per_byte=0.25, measured=True)


def test_without_one_in_the_prompt_the_sum_is_right_with_the_tool_assumed() -> None:
    model = TokenModel().fitted(Counted(), RESULT)
    assert model.tool_tokens == TOOL_TOKENS
    assert model.input_tokens(RESULT.bytes, RESULT.requests) == RESULT.tokens


def test_a_tool_that_would_be_more_than_all_tokens_is_none() -> None:
    model = TokenModel().fitted(Counted(), Counted(2, 1_000, 400))
    assert (model.tool_tokens, model.input_per_byte) == (0.0, 0.4)


def test_nothing_counted_is_nothing_known() -> None:
    assert TokenModel().fitted(Counted(), Counted()) == TokenModel()


def test_requests_of_a_placement_add_up() -> None:
    assert Counted().plus(100, 30).plus(200, 40) == Counted(2, 300, 70)


def test_a_measured_request_in_a_tool_result_teaches_its_bytes_without_the_tool() -> None:
    measured = {"request_bytes": 1_000, "input_tokens": 746, "output_tokens": 7}
    assert TokenModel().calibrated(**measured, in_result=True).input_per_byte == 0.25
    later = TokenModel(input_per_byte=0.25, measured=True).learned(**measured, in_result=True)
    assert later.input_per_byte == pytest.approx(0.25)
