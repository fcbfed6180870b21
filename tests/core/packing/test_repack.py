"""What is asked again, alone or in company."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.packing.repack import MANY, Repack, repack
from airflow_provider_claude.core.settle.unresolved import LeaveUnresolved, Rebatch, Unresolved, decide, hopeless


def left(count: int, first: int = 0, **more: object) -> list[Unresolved]:
    base = {"outcome": Outcome.MISSING, "reason": "why", "max_tokens": 100, "packed": 20, **more}
    return [Unresolved(**{**base, "ordinal": first + n}) for n in range(count)]


def ask(unresolved: list[Unresolved], *, items: int = 20, rounds: int = 2) -> Repack:
    again = [one.ordinal for one in unresolved]
    return repack(unresolved, again, items=items, rounds=rounds)


def test_what_no_one_has_asked_is_packed_as_planned() -> None:
    assert ask(left(3, tries=0, packed=1)) == Repack(items=20)


def test_few_unresolved_rows_of_packs_are_asked_alone() -> None:
    assert ask(left(MANY)) == Repack()


def test_many_unresolved_rows_of_packs_are_asked_in_halves() -> None:
    assert ask(left(MANY + 1)) == Repack(items=10)


def test_in_the_last_round_everything_is_asked_alone() -> None:
    assert ask(left(MANY + 1, tries=2)) == Repack()


def test_packs_of_two_have_no_halves() -> None:
    assert ask(left(MANY + 1, packed=2)) == Repack()


def test_what_failed_alone_is_asked_alone() -> None:
    some = left(MANY + 1) + left(2, first=5000, packed=1)
    assert ask(some) == Repack(items=10, alone=frozenset({5000, 5001}))


def test_what_is_not_asked_again_does_not_count() -> None:
    assert repack(left(MANY + 1), [0], items=20, rounds=2) == Repack()


def test_a_job_that_is_not_packed_stays_so() -> None:
    assert ask(left(5000, tries=0, packed=1), items=1) == Repack()


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.INVALID, Outcome.TRUNCATED, Outcome.ERRORED])
def test_no_failure_in_a_pack_is_the_items_own(outcome: Outcome) -> None:
    (one,) = left(1, outcome=outcome, error_type="invalid_request_error", invalid=2, max_tokens=64_000)
    assert decide(one, rounds=2) == Rebatch(64_000)
    assert decide(replace(one, tries=3), rounds=2) == LeaveUnresolved()


def test_requests_that_fail_in_packs_are_not_hopeless_alone() -> None:
    some = left(40, outcome=Outcome.ERRORED, error_type="invalid_request_error")
    assert hopeless(some, asked=40) is None
