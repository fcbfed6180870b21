from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.deadline.at_risk import Open
from airflow_provider_claude.core.view.outlook import Outlook, outlook

HOUR = 3600.0


def shard(number: int, seconds: float, *, abandoned: bool = False, waits: bool = False) -> Open:
    return Open(shard=number, rows=int(seconds), seconds=seconds, cost=Decimal(1), abandoned=abandoned, waits=waits)


def of(*work: Open, now: float = 0.0, lead: float = 600.0, due: float = 8 * HOUR, margin: float = 900.0) -> Outlook:
    return outlook(work, now=now, lead=lead, due=due, safe_deadline=due - margin)


def clock(moment: float) -> str:
    return f"{moment // HOUR:02.0f}:{moment % HOUR // 60:02.0f}"


def test_batches_are_waited_for_as_long_as_the_lane_can_still_finish() -> None:
    found = of(shard(1, HOUR), shard(2, HOUR))
    assert found.is_safe
    assert found.sentence(clock) == "If no other batch ends, all rows are answered by 07:45: 08:00 is safe."


def test_what_the_sync_lane_has_already_is_done_when_it_is_done() -> None:
    assert of(shard(1, HOUR, abandoned=True)).done_by == HOUR


def test_more_than_the_lane_makes_is_not_safe_and_says_how_much_it_makes() -> None:
    found = of(shard(1, 4 * HOUR), now=5 * HOUR)
    assert not found.is_safe
    assert "about 10,200 of 14,400 open rows are answered by 08:00, and the last by 09:10" in found.sentence(clock)


def test_a_batch_that_is_waited_for_past_its_cutoff_is_never_called_safe() -> None:
    found = of(shard(3, 60.0, abandoned=True, waits=True))
    assert not found.is_safe
    assert "the batch of shard 3, which cannot be ended: 08:00 is not safe" in found.sentence(clock)


def test_where_the_run_waits_for_batches_that_cannot_be_ended_safe_means_if_they_can() -> None:
    work = [shard(1, HOUR)]
    found = outlook(work, now=0.0, lead=600.0, due=8 * HOUR, safe_deadline=8 * HOUR - 900, choice="wait")
    assert found.sentence(clock).startswith(
        "If no other batch ends by itself, and each ends once it is cancelled, all rows"
    )
    lane = outlook([shard(1, HOUR, abandoned=True)], now=0.0, lead=0.0, due=HOUR, safe_deadline=HOUR, choice="wait")
    assert lane.sentence(clock).startswith("If no other batch ends, all rows")


@given(st.lists(st.tuples(st.floats(1, 9 * HOUR), st.booleans()), max_size=20), st.floats(0, 9 * HOUR))
def test_safe_means_that_the_lane_can_do_all_open_rows_before_the_deadline(
    work: list[tuple[float, bool]], now: float
) -> None:
    found = of(*(shard(n, seconds, abandoned=abandoned) for n, (seconds, abandoned) in enumerate(work)), now=now)
    if found.is_safe:
        lead = 600.0 if any(not abandoned for _, abandoned in work) else 0.0
        assert now + lead + sum(seconds for seconds, _ in work) <= found.due
        assert found.makeable == found.open_rows
