from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.sync.backoff import (
    CAP_SECONDS,
    MOST_ALONE,
    MOST_ASKED_SECONDS,
    Again,
    Failed,
    Next,
    Stop,
    after,
    wait_asked,
)
from airflow_provider_claude.errors import (
    ApiUnavailableError,
    BillingError,
    ClaudeError,
    CredentialsError,
    NotFoundYetError,
    RateLimitedError,
    RequestRejectedError,
    StateError,
    UnknownFateError,
)

NOW = 1_800_000_000.0
ALMOST = math.nextafter(1.0, 0.0)

waits = st.none() | st.floats(0, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf, -5.0])


def tried(
    error: ClaudeError, *, failed: int = 1, until: float | None = None, jitter: float = ALMOST, alone: int = 0
) -> Next:
    return after(error, failed=failed, now=NOW, until=until, jitter=jitter, alone=alone)


def seconds(step: Next) -> float:
    assert isinstance(step, Again)
    return step.seconds


def test_a_request_that_is_wrong_has_failed_and_says_why() -> None:
    assert tried(RequestRejectedError("max_tokens: 0 is too few")) == Failed("max_tokens: 0 is too few")


@pytest.mark.parametrize("error", [CredentialsError("401"), BillingError("402"), StateError("another cause")])
def test_what_every_request_meets_stops_the_lane(error: ClaudeError) -> None:
    assert tried(error) == Stop()


@pytest.mark.parametrize("kind", [RateLimitedError, ApiUnavailableError, UnknownFateError, NotFoundYetError])
def test_what_passes_is_tried_again(kind: type[ClaudeError]) -> None:
    assert seconds(tried(kind("later"))) == pytest.approx(0.5)


@pytest.mark.parametrize(("failed", "most"), [(0, 0.5), (1, 0.5), (2, 1), (3, 2), (7, 32), (8, 60), (10**9, 60)])
def test_each_failure_doubles_the_pause_up_to_a_minute(failed: int, most: float) -> None:
    assert seconds(tried(ApiUnavailableError("529"), failed=failed)) == pytest.approx(most)


def test_chance_takes_any_part_of_the_pause() -> None:
    assert seconds(tried(ApiUnavailableError("529"), failed=4, jitter=0.0)) == 0.0
    assert seconds(tried(ApiUnavailableError("529"), failed=4, jitter=0.25)) == 1.0


def test_requests_pushed_back_together_come_back_apart_and_after_what_was_asked() -> None:
    error = RateLimitedError("429", retry_after=20.0)
    assert seconds(tried(error, failed=3, jitter=0.0)) == 20.0
    assert seconds(tried(error, failed=3, jitter=0.5)) == 21.0


@pytest.mark.parametrize("asked", [None, -3.0, math.nan, math.inf])
def test_a_wait_that_is_no_number_was_not_asked_for(asked: float | None) -> None:
    assert seconds(tried(RateLimitedError("429", retry_after=asked), until=NOW + 60, jitter=0.0)) == 0.0


def test_what_the_api_asks_for_is_kept_past_the_last_moment_as_a_late_answer_is_better_than_none() -> None:
    error = RateLimitedError("429", retry_after=61.0)
    assert seconds(tried(error, until=NOW + 60)) == pytest.approx(61.5)
    assert seconds(tried(error)) == pytest.approx(61.5)


def test_after_the_last_moment_nothing_is_in_a_hurry() -> None:
    assert seconds(tried(ApiUnavailableError("529"), failed=9, until=NOW - 1)) == pytest.approx(60)


def test_a_request_that_fails_while_others_are_answered_is_left_in_the_end() -> None:
    error = ApiUnavailableError("HTTP 500")
    assert isinstance(tried(error, failed=40, alone=MOST_ALONE - 1), Again)
    assert tried(error, failed=40, alone=MOST_ALONE) == Failed("40 tries failed, the last: HTTP 500")


def test_only_what_passes_can_ask_for_a_wait() -> None:
    assert wait_asked(RateLimitedError("429", retry_after=7.0)) == 7.0
    assert wait_asked(BillingError("402")) == 0.0


def test_whoever_asks_for_a_day_is_asked_again_after_an_hour() -> None:
    assert wait_asked(RateLimitedError("429", retry_after=86_400.0)) == 3600.0


def test_a_long_pause_is_spread_over_the_time_that_is_left() -> None:
    assert seconds(tried(ApiUnavailableError("529"), failed=9, until=NOW + 10, jitter=0.5)) == 5.0


def test_a_wrong_request_has_failed_even_when_it_is_too_late() -> None:
    assert isinstance(tried(RequestRejectedError("400"), until=NOW - 1), Failed)


@given(
    asked=waits,
    failed=st.integers(0, 2_000),
    left=st.none() | st.floats(-1e3, 1e6),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_no_try_comes_sooner_than_asked_or_for_our_own_sake_after_the_last_moment(
    asked: float | None, failed: int, left: float | None, jitter: float
) -> None:
    until = None if left is None else NOW + left
    floor = min(asked, MOST_ASKED_SECONDS) if asked is not None and math.isfinite(asked) and asked > 0 else 0.0
    pause = seconds(tried(RateLimitedError("429", retry_after=asked), failed=failed, until=until, jitter=jitter))
    assert floor <= pause <= floor + CAP_SECONDS
    assert until is None or until <= NOW + floor or NOW + pause <= until
