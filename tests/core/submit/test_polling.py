from __future__ import annotations

import pytest

from airflow_provider_claude.core.submit.polling import (
    TROUBLE_SECONDS,
    Ended,
    Polling,
    StopWaiting,
    Wait,
    bounded,
    check_interval,
)
from airflow_provider_claude.errors import (
    ApiUnavailableError,
    CredentialsError,
    JobError,
    NotFoundYetError,
    RateLimitedError,
)

START = 1_000_000.0
FRESH = Polling(batch_id="msgbatch_1", started=START, interval=60)


def test_an_ended_batch_ends_the_wait() -> None:
    assert FRESH.on_status("ended", now=START)[1] == Ended()


@pytest.mark.parametrize("status", ["in_progress", "canceling", "a word of tomorrow"])
def test_any_other_status_is_waited_out(status: str) -> None:
    assert isinstance(FRESH.on_status(status, now=START)[1], Wait)


@pytest.mark.parametrize(("waited", "pause"), [(0, 5), (50, 5), (300, 30), (600, 60), (40_000, 60)])
def test_the_first_looks_come_soon_and_later_ones_at_the_interval(waited: float, pause: float) -> None:
    assert FRESH.on_status("in_progress", now=START + waited)[1] == Wait(seconds=pause)


@pytest.mark.parametrize(
    ("interval", "floor", "seconds"), [(60, 10, 30), (3600, 10, 30), (20, 10, 10), (1, 0, 0.5), (10, 10, 10)]
)
def test_no_look_comes_before_the_scheduler_has_seen_the_end_of_the_process_that_deferred(
    interval: float, floor: float, seconds: float
) -> None:
    assert Polling(batch_id="b", started=START, interval=interval, floor=floor).first_look == START + seconds


def test_the_first_look_comes_before_the_time_to_wait_is_over() -> None:
    assert Polling(batch_id="b", started=START, interval=60, until=START + 12).first_look == START + 12


def test_an_hour_of_trouble_is_survived_and_not_a_second_more() -> None:
    polling, down = FRESH, ApiUnavailableError("HTTP 529")
    for now in range(0, int(TROUBLE_SECONDS), 30):
        polling, decision = polling.on_error(down, now=START + now)
        assert isinstance(decision, Wait)
    _, decision = polling.on_error(down, now=START + TROUBLE_SECONDS)
    assert isinstance(decision, StopWaiting)
    assert "not cancelled" in decision.message
    assert "pays nothing" in decision.message


def test_one_good_look_forgets_the_trouble_before_it() -> None:
    polling, _ = FRESH.on_error(ApiUnavailableError("x"), now=START)
    polling, _ = polling.on_status("in_progress", now=START + 3000)
    _, decision = polling.on_error(ApiUnavailableError("x"), now=START + TROUBLE_SECONDS + 10)
    assert isinstance(decision, Wait)


def test_a_bad_key_is_believed_at_the_third_look() -> None:
    polling, decision = FRESH, None
    for _ in range(3):
        assert not isinstance(decision, StopWaiting)
        polling, decision = polling.on_error(CredentialsError("401"), now=START)
    assert isinstance(decision, StopWaiting)


def test_a_batch_the_api_does_not_know_is_waited_for_five_minutes() -> None:
    unknown = NotFoundYetError("404")
    polling, decision = FRESH.on_error(unknown, now=START)
    assert isinstance(decision, Wait)
    assert isinstance(polling.on_error(unknown, now=START + 299)[1], Wait)
    assert isinstance(polling.on_error(unknown, now=START + 300)[1], StopWaiting)


def test_a_blip_of_another_kind_after_long_trouble_is_waited_out_too() -> None:
    polling, _ = FRESH.on_error(ApiUnavailableError("529"), now=START)
    polling, decision = polling.on_error(NotFoundYetError("404"), now=START + 350)
    assert isinstance(decision, Wait)


def test_only_bad_keys_in_a_row_are_believed() -> None:
    polling = FRESH
    for error in (
        CredentialsError("401"),
        ApiUnavailableError("529"),
        CredentialsError("401"),
        CredentialsError("401"),
    ):
        polling, decision = polling.on_error(error, now=START)
        assert isinstance(decision, Wait)


def test_the_api_may_ask_for_a_longer_pause_but_not_for_hours() -> None:
    assert FRESH.on_error(RateLimitedError("429", retry_after=120), now=START)[1] == Wait(seconds=120)
    assert FRESH.on_error(RateLimitedError("429", retry_after=9e9), now=START)[1] == Wait(seconds=900)


def test_the_wait_ends_when_its_time_is_up_and_looks_once_more_just_then() -> None:
    polling = Polling(batch_id="b", started=START, interval=60, until=START + 7)
    assert polling.on_status("in_progress", now=START + 4)[1] == Wait(seconds=3)
    assert isinstance(polling.on_status("in_progress", now=START + 7)[1], StopWaiting)
    assert polling.on_status("ended", now=START + 9)[1] == Ended()


@pytest.mark.parametrize(("asked", "pause"), [(None, 5), (0, 5), (3, 5), (10, 10), (400, 400), (9e9, 900), (-7, 5)])
def test_a_batch_in_progress_is_left_alone_as_long_as_the_api_asks_within_bounds(
    asked: float | None, pause: float
) -> None:
    assert FRESH.on_status("in_progress", now=START, asked=asked)[1] == Wait(seconds=pause)


@pytest.mark.parametrize("asked", [float("nan"), float("inf")])
def test_what_is_no_number_of_seconds_parks_no_shard(asked: float) -> None:
    decision = FRESH.on_status("in_progress", now=START, asked=asked)[1]
    assert isinstance(decision, Wait)
    assert decision.seconds <= 900


def test_what_the_api_asks_for_does_not_outlast_the_time_to_wait() -> None:
    polling = Polling(batch_id="b", started=START, until=START + 7)
    assert polling.on_status("in_progress", now=START, asked=600)[1] == Wait(seconds=7)


def test_no_look_comes_sooner_than_the_floor() -> None:
    polling = Polling(batch_id="b", started=START, interval=0.5, floor=10)
    assert polling.on_status("in_progress", now=START)[1] == Wait(seconds=10)
    assert polling.on_error(ApiUnavailableError("529"), now=START)[1] == Wait(seconds=10)


@pytest.mark.parametrize("seconds", [10, 10.0, 60, 3600])
def test_an_interval_within_bounds_is_taken(seconds: float) -> None:
    assert check_interval(seconds) == seconds


@pytest.mark.parametrize("seconds", [9.99, 0, -1, 3601, float("nan"), float("inf"), "60", None, True, 10**400])
def test_an_interval_out_of_bounds_is_refused_with_the_bounds(seconds: object) -> None:
    with pytest.raises(JobError, match="write seconds from 10 to 3600"):
        check_interval(seconds)


def test_too_short_an_interval_names_the_setting_for_a_simulator() -> None:
    with pytest.raises(JobError, match="AIRFLOW__CLAUDE__POLL_FLOOR"):
        check_interval(1)
    assert check_interval(0.05, floor=0) == 0.05


def test_too_long_an_interval_names_no_floor() -> None:
    with pytest.raises(JobError, match=r"write seconds from 10 to 3600\.$"):
        check_interval(3601)


def test_a_good_look_leaves_nothing_of_the_failed_ones_before_it() -> None:
    polling = FRESH
    for error in (
        CredentialsError("401"),
        ApiUnavailableError("529"),
        NotFoundYetError("404"),
        CredentialsError("401"),
    ):
        polling, _ = polling.on_error(error, now=START)
    assert polling.on_status("in_progress", now=START + 50)[0] == FRESH


def test_a_batch_that_was_seen_is_unknown_from_its_next_unknown_look_on() -> None:
    unknown = NotFoundYetError("404")
    polling, _ = FRESH.on_error(unknown, now=START)
    polling, _ = polling.on_status("in_progress", now=START + 200)
    assert isinstance(polling.on_error(unknown, now=START + 400)[1], Wait)


FATE = (
    "The batch was not cancelled and may still be billing. Clear or retry the task: it waits for the same batch again and "
    "pays nothing."
)


@pytest.mark.parametrize(
    ("error", "seconds", "looks", "stop"),
    [
        (CredentialsError("HTTP 401."), 2, 3, {"terminal": True, "unknown": False}),
        (ApiUnavailableError("HTTP 529."), 3600, 2, {"terminal": False, "unknown": False}),
        (NotFoundYetError("HTTP 404."), 300, 2, {"terminal": False, "unknown": True}),
    ],
)
def test_the_end_of_a_wait_names_its_batch_its_trouble_and_whether_a_retry_can_help(
    error: Exception, seconds: int, looks: int, stop: dict[str, bool]
) -> None:
    polling = FRESH
    for look in range(looks):
        polling, decision = polling.on_error(error, now=START + seconds * look / (looks - 1))
    why = f"{seconds} s of failed looks, the last: {str(error).rstrip('.')}"
    assert decision == StopWaiting(message=f"Stopped waiting for batch msgbatch_1: {why}. {FATE}", **stop)


def test_the_end_of_the_time_to_wait_names_the_batch_and_the_time() -> None:
    polling = Polling(batch_id="msgbatch_1", started=START, until=START + 7)
    message = f"Stopped waiting for batch msgbatch_1: it had not ended after 7 s, its time to wait. {FATE}"
    assert polling.on_status("in_progress", now=START + 7)[1] == StopWaiting(message=message)


@pytest.mark.parametrize(
    ("asked", "seconds"), [(None, 0), (float("nan"), 0), (-7, 0), (0, 0), (0.5, 0.5), (900, 900), (float("inf"), 900)]
)
def test_the_api_may_ask_for_no_pause_and_for_a_quarter_of_an_hour(asked: float | None, seconds: float) -> None:
    assert bounded(asked) == seconds
