"""Tokens from bytes, before and after a real request was measured."""

from __future__ import annotations

import pytest

from airflow_provider_claude.core.cost.tokens import TokenModel


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
