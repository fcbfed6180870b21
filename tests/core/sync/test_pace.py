from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.core.sync.pace import (
    LOW,
    Headroom,
    Meter,
    fuller,
    headroom,
    least_share,
    limits_seen,
    pace_for,
)
from airflow_provider_claude.core.sync.token_bucket import MIN_PACE, NOTHING, Use

KNOWN = AccountLimits(requests=1_000, input_tokens=2_000_000, output_tokens=400_000, queued=7)
METERS = ("requests", "input-tokens", "output-tokens")
FULL = Use(1.0, 1.0, 1.0)
NAMES = [f"anthropic-ratelimit-{meter}-{what}" for meter in METERS for what in ("limit", "remaining")]


def header(meter: str, limit: str | None, remaining: str | None) -> dict[str, str]:
    values = {"limit": limit, "remaining": remaining}
    return {f"anthropic-ratelimit-{meter}-{name}": value for name, value in values.items() if value is not None}


def test_each_meter_is_read_with_its_limit_and_the_share_left() -> None:
    headers = {
        **header("requests", "4000", "3000"),
        **header("input-tokens", "4000000", "1000000"),
        **header("output-tokens", "800000", "0"),
        **header("tokens", "9", "1"),
    }
    seen = headroom(headers)
    assert seen == Headroom(
        requests=Meter(4_000, 3_000), input_tokens=Meter(4_000_000, 1_000_000), output_tokens=Meter(800_000, 0)
    )
    assert [meter.share() for meter in seen] == [0.75, 0.25, 0.0]
    assert seen.left == (3_000, 1_000_000, 0)


def test_no_headers_say_nothing() -> None:
    seen = headroom({})
    assert seen == Headroom()
    assert seen.left == (None, None, None)
    assert least_share(seen, Use(1, 100, 10), FULL) is None
    assert limits_seen(seen, KNOWN) == KNOWN


@pytest.mark.parametrize("text", ["", "many", "-5", "1.5", "1e3", "nan", "inf", "1_000", " 7", "٣", "²", "9" * 5_000])
def test_what_is_no_whole_number_says_nothing(text: str) -> None:
    assert headroom(header("requests", text, "5")).requests == Meter()
    assert headroom(header("requests", "10", text)).requests == Meter(10, None)


def test_without_what_remains_the_limit_is_known_all_the_same() -> None:
    assert headroom(header("requests", "10", None)).requests == Meter(10, None)


@pytest.mark.parametrize(("limit", "left"), [(None, "5"), ("0", "0"), ("10", None)])
def test_a_meter_without_a_limit_or_what_is_left_of_it_has_no_share(limit: str | None, left: str | None) -> None:
    assert headroom(header("requests", limit, left)).requests.share() is None


def test_tokens_rounded_up_to_the_thousand_are_no_more_than_all() -> None:
    assert headroom(header("output-tokens", "1500", "2000")).output_tokens.share() == 1.0


def seen(requests: int | None = None, input_tokens: int | None = None, output_tokens: int | None = None) -> Headroom:
    """So much is left of a million each."""
    return Headroom(*(Meter(1_000_000, left) for left in (requests, input_tokens, output_tokens)))


def test_what_the_answered_request_took_counts_as_left_and_what_rounding_may_have_hidden() -> None:
    assert least_share(seen(200_000), Use(300_000, 0, 0), FULL) == 0.5
    assert least_share(seen(None, 200_000), Use(1, 299_500, 0), FULL) == 0.5


def test_the_meter_closest_to_its_end_counts() -> None:
    assert least_share(seen(900_000, 199_500), NOTHING, FULL) == 0.2


def test_an_empty_meter_is_not_taken_for_one_that_was_not_reported() -> None:
    assert least_share(seen(0), NOTHING, FULL) == 0.0


def test_a_bucket_that_holds_a_second_is_full_when_a_second_is_left() -> None:
    full = fuller(seen(16_000), NOTHING)
    assert least_share(seen(8_000), NOTHING, full) == pytest.approx(0.5)
    assert least_share(seen(15_999), Use(1, 0, 0), full) == 1.0
    assert least_share(seen(15_999), Use(200, 0, 0), full) == 1.0


def test_the_most_that_was_left_is_remembered_meter_by_meter() -> None:
    full = fuller(seen(500_000, None, 0), Use(0.25, 0.75, 0.0))
    assert full == Use(0.5, 0.75, 0.0)
    assert fuller(seen(100_000, 100_000, 100_000), full) == Use(0.5, 0.75, 0.1)


def test_a_meter_of_which_nothing_was_ever_left_says_nothing() -> None:
    assert least_share(seen(0, 0, 0), NOTHING, NOTHING) is None


def test_the_limits_of_the_headers_take_the_place_of_the_known_ones() -> None:
    seen = headroom(header("requests", "50", "1") | header("output-tokens", "9000", None))
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
    full = fuller(seen, NOTHING)
    assert all(0 <= share <= 1 for share in full)
    share = least_share(seen, Use(1, 500, 50), full)
    assert share is None or 0 <= share <= 1
    limits = limits_seen(seen, KNOWN)
    assert min(limits.requests, limits.input_tokens, limits.output_tokens) >= 1
