from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.submit.attempt import (
    GRACE_SECONDS,
    RESULTS_SECONDS,
    Adopt,
    Attempt,
    Decision,
    Hold,
    Listed,
    Reattach,
    Replace,
    Search,
    Submit,
    Void,
    Wait,
    decide,
)

NOW = 10_000.0
MEANT = Attempt(number=1, shard_fingerprint="a", round=1, requests=5, at=NOW - 600, until=NOW - 500)
SENT = replace(MEANT, submitted=True, batch_id="msgbatch_1", created=NOW - 590)
DONE = replace(SENT, collected=True)
ABANDONED = replace(MEANT, voided=True)
SENDING = replace(MEANT, at=NOW - 10, until=NOW + 50)
OTHER_SENT = replace(SENT, shard_fingerprint="b", batch_id="msgbatch_2")
OTHER_DONE = replace(OTHER_SENT, collected=True)
OTHER_MEANT = replace(MEANT, shard_fingerprint="b")
OTHER_SENDING = replace(SENDING, shard_fingerprint="b")
FROM_STORE = replace(MEANT, submitted=True, batch_id=None)
SECOND_ROUND = replace(SENT, number=2, round=2, batch_id="msgbatch_9")
OLD = replace(SENT, created=NOW - RESULTS_SECONDS - 1)


def like(orphan: Attempt, name: str = "msgbatch_x", **changes: float) -> Listed:
    return Listed(**{"batch_id": name, "requests": orphan.requests, "created": orphan.at + 5, **changes})


@pytest.mark.parametrize(
    ("history", "decision"),
    [
        ([], Submit(1)),  # a first time
        ([SENT], Reattach(SENT)),  # a retry, a clear, a backfill
        ([DONE], Reattach(DONE)),  # the same when it is all here
        ([FROM_STORE], Reattach(FROM_STORE)),  # nothing had to be sent
        ([SENT, SECOND_ROUND], Reattach(SENT)),  # create cleared while unresolved rows are away
        ([ABANDONED], Submit(2)),  # refused, or never carried out
        ([SENDING], Wait(SENDING, SENDING.until + GRACE_SECONDS)),  # another worker may be at it
        ([MEANT], Search(MEANT)),  # it died around the paid call
        ([OTHER_SENT], Replace(OTHER_SENT)),  # the content changed while its batch runs
        ([OTHER_DONE], Submit(2)),  # the content changed afterwards
        ([OTHER_SENDING], Wait(OTHER_SENDING, OTHER_SENDING.until + GRACE_SECONDS)),
        ([OTHER_MEANT], Search(OTHER_MEANT)),
        ([replace(OTHER_SENT, voided=True)], Submit(2)),
        ([replace(OTHER_SENT, created=OLD.created)], Submit(2)),  # nothing left of it to collect
        ([OTHER_DONE, replace(SENT, number=2)], Reattach(replace(SENT, number=2))),
        ([replace(OLD, collected=True)], Reattach(replace(OLD, collected=True))),
    ],
)
def test_what_is_on_record_decides(history: list[Attempt], decision: Decision) -> None:
    assert decide(history, shard_fingerprint="a", now=NOW) == decision


def test_results_that_are_past_29_days_and_were_never_fetched_are_abandoned() -> None:
    step = decide([OLD], shard_fingerprint="a", now=NOW)
    assert isinstance(step, Void)
    assert decide([replace(OLD, voided=True)], shard_fingerprint="a", now=NOW) == Submit(2)


def test_another_round_is_another_attempt() -> None:
    assert decide([DONE], shard_fingerprint="a", of_round=2, now=NOW) == Submit(2)
    assert decide([DONE, SECOND_ROUND], shard_fingerprint="a", of_round=2, now=NOW) == Reattach(SECOND_ROUND)


def test_a_hold_ends_when_nothing_can_be_downloaded_any_more() -> None:
    old = replace(MEANT, at=MEANT.at - RESULTS_SECONDS - 3600, until=MEANT.until - RESULTS_SECONDS - 3600)
    two = [like(old, ended=True), like(old, "msgbatch_y", ended=True)]
    assert isinstance(decide([old], shard_fingerprint="a", now=NOW, listed=two), Void)


@pytest.mark.parametrize(
    ("listed", "kind"),
    [
        ([], Void),
        ([like(MEANT)], Adopt),
        ([like(MEANT, ended=True), like(MEANT, "msgbatch_y", ended=True)], Hold),  # their results do not tell
        ([like(MEANT, ended=True), like(MEANT, "msgbatch_y")], Wait),  # its results will tell
        ([like(MEANT, requests=6)], Void),  # another size
        ([like(MEANT, created=MEANT.at - 3600)], Void),  # too early
        ([like(MEANT, created=MEANT.until + 3600)], Void),  # too late
        ([like(MEANT, requests=4), like(MEANT, "msgbatch_y")], Adopt),
        ([like(MEANT, disputed=True)], Wait),  # another attempt has adopted it, and may be wrong
        ([like(MEANT), like(MEANT, "msgbatch_y", disputed=True)], Wait),
    ],
)
def test_an_orphan_is_looked_for_by_its_size_and_time(listed: list[Listed], kind: type[Decision]) -> None:
    assert isinstance(decide([MEANT], shard_fingerprint="a", now=NOW, listed=listed), kind)


attempts = st.builds(
    Attempt,
    number=st.integers(1, 6),
    shard_fingerprint=st.sampled_from("ab"),
    round=st.integers(1, 2),
    requests=st.integers(1, 3),
    at=st.floats(NOW - 4e6, NOW),
    until=st.floats(NOW - 4e6, NOW + 500),
    submitted=st.booleans(),
    batch_id=st.sampled_from(["msgbatch_1", "msgbatch_2", None]),
    created=st.floats(NOW - 4e6, NOW),
    collected=st.booleans(),
    voided=st.booleans(),
)
batches = st.builds(
    Listed,
    batch_id=st.sampled_from(["msgbatch_7", "msgbatch_8"]),
    requests=st.integers(1, 3),
    created=st.floats(NOW - 4e6, NOW + 500),
)


@given(st.lists(attempts, max_size=5), st.none() | st.lists(batches, max_size=3), st.integers(1, 2))
def test_nothing_is_ever_submitted_while_the_content_may_be_on_its_way(
    history: list[Attempt], listed: list[Listed] | None, of_round: int
) -> None:
    step = decide(history, shard_fingerprint="a", of_round=of_round, now=NOW, listed=listed)
    if isinstance(step, Submit):
        live = [one for one in history if not one.voided]
        assert not [one for one in live if (one.shard_fingerprint, one.round) == ("a", of_round)]
        assert not [one for one in live if one.shard_fingerprint != "a" and one.orphan]
        assert step.number not in {one.number for one in history}
