"""Batches that never end, in a night with a deadline: what is found, ended or left at the cutoff; also with kills on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from airflow_provider_claude.core.deadline.at_cutoff import Step, StuckBatches, at_cutoff
from airflow_provider_claude.core.deadline.cutoff import WaitOn
from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import PendingError, UnknownFateError
from airflow_provider_claude.stages.deadline.abandon import abandon, abandoned_record_of, is_proven, leave
from airflow_provider_claude.stages.deadline.record_at_risk import first_at_risk
from airflow_provider_claude.stages.deadline.shard_cutoff import RunDeadline
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.settle.run import Waiting
from airflow_provider_claude.stages.submit.collect_late import collect_late_of
from airflow_provider_claude.store import RunFolder, ShardFolder
from tests.chaos.bench import Bench
from tests.chaos.courses import Course, Fault
from tests.chaos.kills import some
from tests.chaos.night import IN_FLIGHT, SHARD_ROWS, Night, Place
from tests.chaos.objects import Objects
from tests.chaos.processes import in_child
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries

KIND = "batch hangs"

#: Seconds until the answers are due; until a cancel has to work; and until every batch has expired.
DUE, LEAD, EXPIRED = 6 * 3600.0, 60.0, 25 * 3600.0

#: Looks at one batch: the first ones a minute and more apart, and all as its cutoff wants; then hours apart.
_LOOKS, _PATIENT = 40, 20

#: Tries of a step that has to wait.
_TRIES = 12

#: Kills a course, on the local disk and on the object store: at the cutoff, and after it.
_KILLS = {("wait",): (2, 2), ("settle", "late"): (2, 1)}

_LIMITS = AccountLimits(requests=6_000, input_tokens=10**7, output_tokens=10**7)
_HANG = Fault("batch_hangs")
_LOST = Fault("error_504_after_accept", "create")
_DEAF = Fault("cancel_has_no_effect", times=None)

T = TypeVar("T")


@dataclass(frozen=True)
class Waits:
    """A *night* whose steps are tried again when they have to wait, and whose batches are waited for until their cutoff."""

    night: Night

    def whole(self) -> None:
        """All of it; a day later, when all batches have ended, the report is made once more."""
        night = self.night
        night.scan()
        self._again(night.plan)
        batches = [(shard, self._again(partial(night.create, shard))) for shard in night.open()]
        for shard, batch_id in batches:
            self._shard(shard, batch_id)
        night.report()
        night.sleep(EXPIRED)
        night.mark("late")
        collect_late_of(night.run, night.gateway, night.clock)
        night.report()

    def _shard(self, shard: ShardFolder, batch_id: str) -> None:
        self._wait(shard, batch_id)
        self._again(partial(self.night.load, shard))
        while isinstance(step := self._again(partial(self.night.settle, shard)), Waiting):
            self._wait(shard, step.batch_id)

    def _again(self, step: Callable[[], T]) -> T:
        """As Airflow does: later."""
        for _ in range(_TRIES):
            try:
                return step()
            except (PendingError, UnknownFateError) as error:
                self.night.sleep((error.retry_after or 0.0) + 5.0)
        return step()

    def _wait(self, shard: ShardFolder, batch_id: str) -> None:
        """As the trigger does."""
        self.night.mark(f"wait {shard.number}")
        cancelled = False
        for look in range(_LOOKS if batch_id else 0):
            if self.night.gateway.batch(batch_id).status == "ended":
                return
            step, seconds = self._cutoff(shard, batch_id)
            if step is Step.LEAVE:
                return
            if step is Step.CANCEL and not cancelled:
                self.night.gateway.cancel_batch(batch_id)
                cancelled = True
            pause = 60.0 * 4 ** min(look, 5)
            self.night.sleep(min(seconds, pause) if look < _PATIENT else pause)
        if batch_id:
            raise TimeoutError(f"batch {batch_id} does not end")

    def _cutoff(self, shard: ShardFolder, batch_id: str) -> tuple[Step, float]:
        """What was done about the batch, and the seconds until that has to be looked at again.

        It does as triggers.watch_cutoff, which imports Airflow.
        """
        promise, record, now = RunDeadline.of(shard.run), abandoned_record_of(shard, batch_id), self.night.clock()
        if promise is None:
            return Step.WAIT, math.inf
        switch = promise.step(shard.number, now=epoch(now))
        if record is None and isinstance(switch, WaitOn):
            return Step.WAIT, max(switch.until - epoch(now), 0.1)
        since = 0.0 if record is None else epoch(now) - epoch(record.at)
        step = at_cutoff(proven=is_proven(shard, batch_id), since=since, lead=promise.lead, choice=promise.stuck)
        if step is Step.LEAVE:
            leave(shard, batch_id, now=now)
        else:
            abandon(shard, batch_id, now=now, waits=step is Step.WARN)
        first_at_risk(shard.run, now=epoch(now))
        return step, 30.0 if step is Step.CANCEL else math.inf


def _course(name: str, stuck: StuckBatches, *faults: Fault, doubled: int = 0) -> Course:
    lanes = LaneSettings(limits=_LIMITS, margin=600.0, lead=LEAD, stuck=stuck)

    def work(night: Night) -> None:
        Waits(replace(night, due=DUE, lanes=lanes)).whole()

    return Course(name=name, work=work, faults=faults, doubled=doubled, lost=2 * IN_FLIGHT)


_COURSES = (
    _course("answer, cancelled", "answer", _HANG._replace(times=2)),
    _course("answer, cancel without effect", "answer", _HANG, _DEAF, doubled=SHARD_ROWS),
    _course("answer, create reply lost", "answer", _LOST, _HANG, doubled=SHARD_ROWS),
    _course("wait, cancel without effect", "wait", _HANG, _DEAF),
    _course("wait, create reply lost", "wait", _LOST, _HANG),
)


def hanging(bench: Bench) -> Iterator[Case]:
    """Each of these nights undisturbed, and killed at some points from the first wait on."""
    for number, course in enumerate(_COURSES[:1] if bench.short else _COURSES):
        for seed in bench.some_seeds:
            yield partial(_undisturbed, bench, course.on_objects() if (number + seed) % 2 else course, seed)
        for stages, most in list(_KILLS.items())[:1] if bench.short else _KILLS.items():
            yield from some(bench, KIND, course, (1, 0) if bench.short else most, stages)


def _undisturbed(bench: Bench, course: Course, seed: int) -> Result:
    """The alert is raised; and where the rows are to be answered in time, they are."""
    expected = bench.course(course)
    place = bench.machine.case(seed, course=course)
    due = time.time() + DUE
    tries = Tries(bench.machine, place)
    outcome = tries.note(bench.machine.start(place).join())
    wrong = [] if outcome.done else [f"it ended with {outcome.error}"]
    wrong += (
        in_child(partial(_promise, place, due if course.name.startswith("answer") else math.inf)) if not wrong else []
    )
    return bench.close(KIND, f"{course.name}; {len(expected.points)} points", seed, tries, wrong)


def _promise(place: Place, due: float) -> list[str]:
    Objects.folder = place.objects
    run = RunFolder(place.run)
    late = [shard.number for shard in run.shards() if (one := shard.loaded()) and epoch(one.loaded_at) > due]
    return [*([] if run.at_risk() else ["no alert was raised"]), *([f"shards {late} came too late"] if late else [])]
