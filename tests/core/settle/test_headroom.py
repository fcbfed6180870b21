from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.plan.limits import AccountLimits
from airflow_provider_claude.core.settle.bucket import MIN_PACE
from airflow_provider_claude.core.settle.headroom import (
    LOW,
    Headroom,
    Meter,
    headroom,
    least_share,
    limits_seen,
    pace_for,
)

KNOWN = AccountLimits(requests=1_000, input_tokens=2_000_000, output_tokens=400_000, queued=7)
METERS = ("requests", "input-tokens", "output-tokens")
NAMES = [f"anthropic-ratelimit-{meter}-{what}" for meter in METERS for what in ("limit", "remaining")]


def told(meter: str, limit: str | None, remaining: str | None) -> dict[str, str]:
    values = {"limit": limit, "remaining": remaining}
    return {f"anthropic-ratelimit-{meter}-{name}": value for name, value in values.items() if value is not None}


def test_each_meter_is_read_with_its_limit_and_the_share_left() -> None:
    headers = {
        **told("requests", "4000", "3000"),
        **told("input-tokens", "4000000", "1000000"),
        **told("output-tokens", "800000", "0"),
        **told("tokens", "9", "1"),
    }
    assert headroom(headers) == Headroom(
        requests=Meter(4_000, 0.75), input_tokens=Meter(4_000_000, 0.25), output_tokens=Meter(800_000, 0.0)
    )


def test_no_headers_say_nothing() -> None:
    seen = headroom({})
    assert seen == Headroom(requests=Meter(), input_tokens=Meter(), output_tokens=Meter())
    assert least_share(seen) is None
    assert limits_seen(seen, KNOWN) == KNOWN


@pytest.mark.parametrize("text", ["", "many", "-5", "1.5", "1e3", "nan", "inf", "1_000", " 7", "٣", "²", "9" * 5_000])
def test_what_is_no_whole_number_says_nothing(text: str) -> None:
    assert headroom(told("requests", text, "5")).requests == Meter()
    assert headroom(told("requests", "10", text)).requests == Meter(10, None)


def test_without_what_remains_the_limit_is_known_all_the_same() -> None:
    assert headroom(told("requests", "10", None)).requests == Meter(10, None)


def test_what_remains_of_an_unknown_limit_or_of_none_says_nothing() -> None:
    assert headroom(told("requests", None, "5")).requests == Meter()
    assert headroom(told("requests", "0", "0")).requests == Meter()


def test_tokens_rounded_up_to_the_thousand_are_no_more_than_all() -> None:
    assert headroom(told("output-tokens", "1500", "2000")).output_tokens.share == 1.0


def test_the_meter_closest_to_its_end_counts() -> None:
    headers = told("requests", "100", "90") | told("input-tokens", "100", "20") | told("output-tokens", "100", None)
    assert least_share(headroom(headers)) == 0.2


def test_an_empty_meter_is_not_taken_for_one_that_was_not_told() -> None:
    assert least_share(headroom(told("requests", "100", "0"))) == 0.0


def test_the_limits_of_the_headers_take_the_place_of_the_known_ones() -> None:
    seen = headroom(told("requests", "50", "1") | told("output-tokens", "9000", None))
    assert limits_seen(seen, KNOWN) == AccountLimits(requests=50, input_tokens=2_000_000, output_tokens=9_000, queued=7)


@pytest.mark.parametrize("share", [None, LOW, 0.7, 1.0])
def test_with_half_of_the_bucket_left_or_nothing_known_the_pace_is_full(share: float | None) -> None:
    assert pace_for(share, 0.2) == 1.0


@pytest.mark.parametrize(("share", "reserve"), [(0.1, 0.2), (0.05, 0.2), (0.0, 0.2), (0.0, 0.0), (0.44, 0.9)])
def test_with_half_of_the_reserve_used_up_the_pace_is_the_least(share: float, reserve: float) -> None:
    assert pace_for(share, reserve) == MIN_PACE


def test_in_between_the_pace_falls_in_a_straight_line() -> None:
    assert pace_for(0.3, 0.2) == pytest.approx((1 + MIN_PACE) / 2)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2), st.floats(0, 0.9))
def test_less_room_never_means_a_faster_pace_and_the_pace_keeps_its_bounds(shares: list[float], reserve: float) -> None:
    slow, fast = (pace_for(share, reserve) for share in sorted(shares))
    assert MIN_PACE <= slow <= fast <= 1.0


@given(st.dictionaries(st.sampled_from(NAMES), st.text("0123456789.,-+ _enaif\n\0٣²½") | st.integers().map(str)))
def test_whatever_the_headers_hold_they_are_read(headers: dict[str, str]) -> None:
    seen = headroom(headers)
    share = least_share(seen)
    assert share is None or 0 <= share <= 1
    limits = limits_seen(seen, KNOWN)
    assert min(limits.requests, limits.input_tokens, limits.output_tokens) >= 1
