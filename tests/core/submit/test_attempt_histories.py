"""Workers that crash, stall and race over one shard, in any order: its content is never paid for twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from airflow_provider_claude.core.submit.attempt import (
    GRACE_SECONDS,
    Adopt,
    Attempt,
    Listed,
    Search,
    Submit,
    Void,
    decide,
)

SEND_SECONDS = 60.0


@dataclass
class World:
    """What is on disk, and what the API has. `seen_from` is when its list shows a batch."""

    now: float = 1_000.0
    records: dict[int, Attempt] = field(default_factory=dict)
    batches: dict[str, Listed] = field(default_factory=dict)
    seen_from: dict[str, float] = field(default_factory=dict)
    ours: set[str] = field(default_factory=set)
    claims: dict[str, int] = field(default_factory=dict)

    def create(self, delay: float, *, ours: bool) -> str:
        name = f"msgbatch_{len(self.batches)}"
        self.batches[name] = Listed(batch_id=name, requests=5, created=self.now)
        self.seen_from[name] = self.now + delay
        if ours:
            self.ours.add(name)
        return name

    def listed(self, number: int) -> list[Listed]:
        return [
            batch
            for name, batch in self.batches.items()
            if self.seen_from[name] <= self.now and self.claims.get(name, number) == number
        ]


def worker(world: World, delay: float) -> Iterator[None]:
    """One try of the create task. It may be stopped for ever, or for a while, wherever it yields."""
    listed = None
    while True:
        step = decide(list(world.records.values()), shard_fingerprint="a", now=world.now, listed=listed)
        yield
        match step:
            case Search(attempt):
                listed = world.listed(attempt.number)
            case Void(attempt):
                world.records[attempt.number] = replace(world.records[attempt.number], voided=True)
                listed = None
            case Adopt(attempt, batch_id):
                if world.claims.setdefault(batch_id, attempt.number) == attempt.number:
                    yield
                    submitted(world, attempt.number, batch_id)
                listed = None
            case Submit(number):
                yield from send(world, number, delay)
                return
            case _:
                return


def send(world: World, number: int, delay: float) -> Iterator[None]:
    if number in world.records:  # the intent is written by one worker only
        return
    until = world.now + SEND_SECONDS
    world.records[number] = Attempt(
        number=number, shard_fingerprint="a", round=1, requests=5, at=world.now, until=until
    )
    yield
    if world.now > until:  # a body that took too long is not sent to its end
        return
    batch_id = world.create(delay, ours=True)
    yield
    submitted(world, number, batch_id)
    yield
    world.claims.setdefault(batch_id, number)


def submitted(world: World, number: int, batch_id: str) -> None:
    if not world.records[number].submitted:
        world.records[number] = replace(
            world.records[number], submitted=True, batch_id=batch_id, created=world.batches[batch_id].created
        )


class Shard(RuleBasedStateMachine):
    """Events in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.workers: dict[int, Iterator[None]] = {}

    @rule(which=st.integers(0, 2), steps=st.integers(1, 9), delay=st.floats(0, GRACE_SECONDS))
    def a_worker_starts_or_goes_on(self, which: int, steps: int, delay: float) -> None:
        running = self.workers.setdefault(which, worker(self.world, delay))
        for _ in range(steps):
            if next(running, self) is self:
                del self.workers[which]
                break

    @rule(which=st.integers(0, 2))
    def a_worker_is_killed(self, which: int) -> None:
        self.workers.pop(which, None)

    @rule(seconds=st.sampled_from([1.0, 30.0, 61.0, 130.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule()
    def somebody_else_sends_as_many(self) -> None:
        if len(self.world.batches) - len(self.world.ours) < 2:
            self.world.create(0.0, ours=False)

    @rule()
    def results_show_whose_the_batch_is(self) -> None:
        for number, attempt in self.world.records.items():
            if attempt.batch_id is not None and attempt.batch_id not in self.world.ours:
                self.world.records[number] = replace(attempt, voided=True)

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        assert len(self.world.ours) <= 1


TestShard = Shard.TestCase
TestShard.settings = settings(max_examples=500, stateful_step_count=30, deadline=None)
