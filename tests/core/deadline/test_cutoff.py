"""Nights in virtual time: shards that end or do not, one sync lane, and `switch` asked at the moments it asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.deadline.cutoff import (
    LOOK_SECONDS,
    Abandon,
    ShardBacklog,
    Switch,
    WaitOn,
    has_moved,
    last_moment,
    makes_it,
    slot,
    switch,
)
from airflow_provider_claude.core.plan.lane_choice import Night, choose

NEVER = math.inf
ROUNDING = 1e-6


@dataclass(frozen=True)
class Shard:
    """The lane needs *seconds* for it; its batch ends by itself at *end*, a cancel takes *cancel* seconds."""

    seconds: float
    end: float = NEVER
    cancel: float = 0.0


@dataclass
class World:
    """A night from 0 on. The lane answers, in the order it is given them, what cancelled batches have left: all of it."""

    shards: Sequence[Shard]
    safe_deadline: float
    lead: float
    #: What the lane has to do first, from 0 on.
    free: float = 0.0
    #: When each shard asks again.
    looks: dict[int, float] = field(default_factory=dict)
    abandoned: dict[int, float] = field(default_factory=dict)
    ended: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    #: Most of the lane's work that was let go and not answered when another shard was let go.
    stock: float = 0.0

    def play(self) -> World:
        self.looks = dict.fromkeys(range(len(self.shards)), 0.0)
        while (now := self.next_moment()) < NEVER:
            for shard in [shard for shard in self.looks if self.end(shard) <= now]:
                self.ended[shard] = now
                del self.looks[shard]
            for shard in [shard for shard in self.due() if self.ready(shard) <= now]:
                self.free = self.answered[shard] = max(self.free, now) + self.shards[shard].seconds
            for shard in [shard for shard, at in self.looks.items() if at <= now]:
                self.look(shard, now)
        return self

    def next_moment(self) -> float:
        return min([*self.looks.values(), *map(self.end, self.looks), *map(self.ready, self.due())], default=NEVER)

    def look(self, shard: int, now: float) -> None:
        queue = self.queue(now)
        match switch(shard, queue, now=now, safe_deadline=self.safe_deadline, lead=self.lead):
            case WaitOn(until=until):
                assert until > now
                self.looks[shard] = until
            case Abandon():
                del self.looks[shard]
                self.abandoned[shard] = now
                self.stock = max(self.stock, sum(one.seconds for one in queue if one.abandoned))

    def queue(self, now: float) -> list[ShardBacklog]:
        return [
            ShardBacklog(number=-1, seconds=max(self.free - now, 0.0), abandoned=True),
            *(ShardBacklog(number=shard, seconds=self.shards[shard].seconds) for shard in self.looks),
            *(
                ShardBacklog(
                    number=shard,
                    seconds=self.shards[shard].seconds,
                    abandoned=True,
                    cancelling=now - self.abandoned[shard],
                )
                for shard in self.due()
            ),
        ]

    def due(self) -> list[int]:
        """Those whose cancel is not through."""
        return [shard for shard in self.abandoned if shard not in self.answered]

    def end(self, shard: int) -> float:
        return self.shards[shard].end

    def ready(self, shard: int) -> float:
        return self.abandoned[shard] + self.shards[shard].cancel


LEAD = 120.0
ENDS = st.one_of(st.just(NEVER), st.integers(0, 20_000).map(float))


def shards(*, cancel: float, least: int = 0, most: int = 12) -> st.SearchStrategy[list[Shard]]:
    return st.lists(
        st.builds(Shard, st.integers(1, 2000).map(float), ENDS, st.integers(0, int(cancel)).map(float)),
        min_size=least,
        max_size=most,
    )


def needed(some: Sequence[Shard]) -> float:
    return sum(shard.seconds for shard in some)


class TestANight:
    @given(shards(cancel=LEAD), st.integers(0, 5000))
    def test_the_cutoffs_of_any_plan_are_feasible(self, some: list[Shard], spare: int) -> None:
        safe_deadline = needed(some) + LEAD + spare
        world = World(some, safe_deadline, LEAD).play()
        assert all(at <= safe_deadline for at in world.answered.values())
        assert all(at <= safe_deadline for at in world.ended.values())
        assert len(world.answered) + len(world.ended) == len(some)

    @given(shards(cancel=LEAD), st.integers(-10_000, 5000))
    def test_a_shard_that_ends_before_it_is_abandoned_is_never_paid_twice(self, some: list[Shard], spare: int) -> None:
        world = World(some, needed(some) + LEAD + spare, LEAD).play()
        assert not world.ended.keys() & world.answered.keys()
        assert all(some[shard].end >= at for shard, at in world.abandoned.items())

    @given(shards(cancel=LEAD), st.integers(-10_000, 5000))
    def test_the_lane_is_never_asked_for_another_shard_while_it_has_work_for_two_cancels(
        self, some: list[Shard], spare: int
    ) -> None:
        assert World(some, needed(some) + LEAD + spare, LEAD).play().stock <= 2 * LEAD + ROUNDING

    @given(shards(cancel=LEAD, least=1), st.integers(0, 5000))
    def test_no_shard_is_abandoned_while_the_lane_could_still_wait(self, some: list[Shard], spare: int) -> None:
        safe_deadline = needed(some) + LEAD + spare
        world = World(some, safe_deadline, LEAD).play()
        for shard, at in world.abandoned.items():
            behind = [one for other, one in enumerate(some) if other >= shard and world.ended.get(other, NEVER) > at]
            assert at >= safe_deadline - LEAD - needed(behind)

    @given(shards(cancel=2 * LEAD), st.integers(0, 5000))
    def test_slow_cancels_make_it_late_by_one_lead_and_not_by_their_sum(self, some: list[Shard], spare: int) -> None:
        safe_deadline = needed(some) + LEAD + spare
        world = World(some, safe_deadline, LEAD).play()
        assert all(at <= safe_deadline + LEAD for at in world.answered.values())

    @given(shards(cancel=LEAD, least=1), st.integers(0, 11), st.integers(0, 5000))
    def test_a_cancel_that_does_not_end_holds_up_its_own_shard_only(
        self, some: list[Shard], hung: int, spare: int
    ) -> None:
        hung %= len(some)
        safe_deadline = needed(some) + LEAD + spare
        some[hung] = Shard(some[hung].seconds, cancel=NEVER)
        world = World(some, safe_deadline, LEAD).play()
        assert all(at <= safe_deadline for at in world.answered.values())
        assert world.answered.keys() | world.ended.keys() | {hung} == set(range(len(some)))

    @given(shards(cancel=LEAD, least=1), st.integers(0, 10_000), st.integers(60, 9000), st.integers(60, 20_000))
    def test_what_the_lane_makes_alone_is_made_whatever_the_plan_chooses_and_the_batches_do(
        self, some: list[Shard], spare: int, median: int, late: int
    ) -> None:
        total, safe_deadline = needed(some), needed(some) + spare
        choice = choose(
            Night(
                rows=1_000_000,
                sync_seconds=total,
                now=0.0,
                safe_deadline=safe_deadline,
                median_seconds=median,
                late_seconds=max(median, late),
                lead=LEAD,
                cost={},
            ),
            clock=str,
        )
        at_once = total * choice.sync_rows / 1_000_000
        rest = [Shard(one.seconds * (1 - at_once / total), one.end, one.cancel) for one in some]
        world = World(rest if choice.lane != "sync" else [], safe_deadline, LEAD, free=at_once).play()
        assert max([world.free, *world.ended.values()]) <= safe_deadline + ROUNDING

    @pytest.mark.parametrize("cancel", [20.0, LEAD, 2 * LEAD])
    def test_a_lane_that_cannot_make_all_is_never_idle(self, cancel: float) -> None:
        some = [Shard(600.0, cancel=cancel)] * 20
        assert World(some, 3000.0, LEAD).play().free == cancel + needed(some)

    def test_a_lane_that_cannot_make_all_takes_one_shard_after_the_other(self) -> None:
        world = World([Shard(600.0, cancel=LEAD)] * 4, 1000.0, LEAD).play()
        assert [world.abandoned[shard] for shard in range(4)] == pytest.approx([0, 480, 1080, 1680], abs=LOOK_SECONDS)

    def test_a_hundred_stuck_shards_are_abandoned_one_after_the_other_just_in_time(self) -> None:
        world = World([Shard(100.0, cancel=LEAD)] * 100, 32_400.0, LEAD).play()
        assert list(world.abandoned.values()) == [32_400.0 - LEAD - 100.0 * (100 - shard) for shard in range(100)]
        assert world.free == 32_400.0


QUEUE = tuple(ShardBacklog(number=shard, seconds=100.0) for shard in range(3))


class TestSwitch:
    def decide(self, shard: int, queue: Sequence[ShardBacklog], now: float) -> Switch:
        return switch(shard, queue, now=now, safe_deadline=1000.0, lead=50.0)

    @pytest.mark.parametrize(("shard", "until"), [(0, 650.0), (1, 750.0), (2, 850.0)])
    def test_a_shard_is_waited_for_until_the_lane_has_to_begin_with_it_less_the_lead(
        self, shard: int, until: float
    ) -> None:
        assert self.decide(shard, QUEUE, 0.0) == WaitOn(until=until)
        assert self.decide(shard, QUEUE[shard:], until) == Abandon()

    def test_shards_in_front_are_abandoned_first(self) -> None:
        assert [self.decide(shard, QUEUE, 910.0) for shard in range(3)] == [Abandon(), Abandon(), WaitOn(until=970.0)]

    def test_a_shard_that_has_ended_is_time_for_all_before_it(self) -> None:
        assert self.decide(0, QUEUE[:2], 650.0) == WaitOn(until=750.0)

    def test_the_last_shard_has_as_long_as_its_own_rows_take(self) -> None:
        assert self.decide(2, QUEUE[2:], 650.0) == WaitOn(until=850.0)

    def test_a_shard_behind_others_in_a_full_lane_is_looked_at_again_in_a_minute(self) -> None:
        full = [ShardBacklog(number=shard, seconds=500.0) for shard in range(4)]
        assert self.decide(0, full, 0.0) == Abandon()
        assert self.decide(3, full, 0.0) == WaitOn(until=450.0)
        assert self.decide(3, full, 460.0) == WaitOn(until=460.0 + LOOK_SECONDS)

    def test_a_cancel_that_takes_longer_than_twice_the_lead_is_in_no_ones_way(self) -> None:
        late = ShardBacklog(number=1, seconds=100.0)
        for seconds, decision in ((100.0, WaitOn(until=920.0)), (101.0, Abandon())):
            gone = ShardBacklog(number=0, seconds=120.0, abandoned=True, cancelling=seconds)
            assert self.decide(1, [gone, late], 900.0) == decision

    def test_a_slot_is_the_later_of_when_the_lane_is_free_and_when_it_has_to_begin(self) -> None:
        assert last_moment(1, QUEUE, safe_deadline=1000.0) == 800.0
        assert slot(1, QUEUE, now=0.0, safe_deadline=1000.0, lead=50.0) == 800.0
        assert slot(1, QUEUE, now=900.0, safe_deadline=1000.0, lead=50.0) == 950.0

    @pytest.mark.parametrize(("now", "makes"), [(700.0, True), (701.0, False)])
    def test_the_lane_makes_it_while_there_is_time_for_all_that_is_open(self, now: float, makes: bool) -> None:
        assert makes_it(QUEUE, now=now, safe_deadline=1000.0) is makes

    @pytest.mark.parametrize(
        ("then", "now", "moved"),
        [
            ([10.0, 5.0], [10.0, 5.0], False),
            ([10.0, 5.0], [10.0, 4.0], True),
            ([10.0, 5.0], [10.0], True),
            ([10.0], [10.0, 5.0], True),
            ([], [], False),
        ],
    )
    def test_the_lane_moves_while_it_answers_or_gets_more_to_answer(
        self, then: list[float], now: list[float], *, moved: bool
    ) -> None:
        waiting = ShardBacklog(number=9, seconds=7.0)
        before, queue = (
            [ShardBacklog(number=n, seconds=s, abandoned=True) for n, s in enumerate(one)] for one in (then, now)
        )
        assert has_moved([*before, waiting], [*queue, waiting]) is moved


def test_the_lane_has_moved_when_the_last_half_second_of_a_shard_is_done() -> None:
    assert has_moved([ShardBacklog(number=1, seconds=0.5, abandoned=True)], [])
