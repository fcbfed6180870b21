from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.settle.unresolved import (
    MAX_OUTPUT_TOKENS,
    Decision,
    LeaveUnresolved,
    Rebatch,
    Unresolved,
    ask_again,
    decide,
    hopeless,
)


def left(outcome: Outcome, **more: object) -> Unresolved:
    return Unresolved(**{"ordinal": 0, "outcome": outcome, "reason": "why", "max_tokens": 100, **more})


@pytest.mark.parametrize(
    ("item", "decision"),
    [
        (left(Outcome.EXPIRED), Rebatch(100)),
        (left(Outcome.CANCELED), Rebatch(100)),
        (left(Outcome.MISSING), Rebatch(100)),
        (left(Outcome.ERRORED, error_type="api_error"), Rebatch(100)),
        (left(Outcome.ERRORED, error_type="overloaded_error"), Rebatch(100)),
        (left(Outcome.ERRORED), Rebatch(100)),
        (left(Outcome.ERRORED, error_type="invalid_request_error"), LeaveUnresolved()),
        (left(Outcome.ERRORED, error_type="billing_error"), LeaveUnresolved()),
        (left(Outcome.ERRORED, error_type="invalid_request_error", packed=2, tries=1), Rebatch(100)),
        (left(Outcome.ERRORED, error_type="billing_error", packed=2, tries=1), LeaveUnresolved()),
        (left(Outcome.INVALID, invalid=1), Rebatch(100)),
        (left(Outcome.INVALID, invalid=2), LeaveUnresolved()),
        (left(Outcome.TRUNCATED), Rebatch(200)),
        (left(Outcome.TRUNCATED, max_tokens=MAX_OUTPUT_TOKENS - 1), Rebatch(MAX_OUTPUT_TOKENS)),
        (left(Outcome.TRUNCATED, max_tokens=MAX_OUTPUT_TOKENS), LeaveUnresolved()),
        (left(Outcome.REFUSED), LeaveUnresolved()),
        (left(Outcome.UNAFFORDABLE), LeaveUnresolved()),
    ],
)
def test_each_outcome_has_its_one_decision(item: Unresolved, decision: Decision) -> None:
    assert decide(item, rounds=2) == decision


@pytest.mark.parametrize("outcome", list(Outcome))
def test_after_the_last_round_everything_is_abandoned(outcome: Outcome) -> None:
    assert decide(replace(left(outcome), tries=3), rounds=2) == LeaveUnresolved()


def test_no_rounds_leave_everything_as_it_is() -> None:
    assert ask_again([left(Outcome.EXPIRED)], rounds=0) == {}


def test_those_that_can_succeed_are_asked_again_with_their_limits() -> None:
    some = [left(Outcome.EXPIRED), left(Outcome.REFUSED, ordinal=1), left(Outcome.TRUNCATED, ordinal=2)]
    assert ask_again(some, rounds=2) == {0: 100, 2: 200}


def test_an_error_that_every_request_meets_stops_the_shard() -> None:
    assert hopeless([left(Outcome.ERRORED, error_type="billing_error")], asked=1000) is not None


def test_the_same_invalid_request_in_every_row_stops_the_shard() -> None:
    all_of_them = [left(Outcome.ERRORED, error_type="invalid_request_error")] * 30
    assert hopeless(all_of_them, asked=30) is not None
    assert hopeless(all_of_them, asked=31) is None


def test_twenty_rows_that_all_fail_alike_are_the_fewest_that_stop_the_shard() -> None:
    rows = [left(Outcome.ERRORED, error_type="invalid_request_error")] * 20
    assert hopeless(rows, asked=20) == "all 20 requests failed in the same way (why)"
    assert hopeless(rows[1:], asked=19) is None


def test_a_few_rows_that_fail_alike_do_not_stop_the_shard() -> None:
    assert hopeless([left(Outcome.ERRORED, error_type="invalid_request_error")] * 3, asked=3) is None


@pytest.mark.parametrize("outcome", [Outcome.MISSING, Outcome.UNAFFORDABLE])
def test_what_no_one_has_asked_is_asked_whatever_the_rounds(outcome: Outcome) -> None:
    assert decide(replace(left(outcome), tries=0), rounds=0) == Rebatch(100)
