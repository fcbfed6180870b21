"""Asks the rows whose first two answers differ a third time, one by one, before the answers are published.

A probe of its own, asked by the sync lane: its intent is on record before it is paid for, within the budget, whole or not at
all. The same rows have the same folder, and rows with a third answer are not asked again, so a vote is paid for once. No vote
keeps answers from being published: where there is no time, no money or no answer, the first answer stays, and the report says
why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Timer

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.plan.cache_plan import NO_CACHE
from airflow_provider_claude.core.probes.asking import Asking
from airflow_provider_claude.core.task_ref import NO_TASK, TaskRef
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import ClaudeError, PendingError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages.probes.count_votes import VOTE, vote_probes, votes_of
from airflow_provider_claude.stages.probes.measure_again import AGAIN
from airflow_provider_claude.stages.probes.read_answers import probe_named
from airflow_provider_claude.stages.probes.write_probe import Draft, Weighed
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.settle.run import Api, Settling
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.stages.sync.run import SyncAttempt
from airflow_provider_claude.store import RunFolder, VoteRecord, write_record
from airflow_provider_claude.store.items import read_items
from airflow_provider_claude.store.parquet_files import read_schema, read_table
from airflow_provider_claude.store.planned_shard import PlannedShard

#: A vote takes so many seconds at most: answers wait for it to be published.
MOST_SECONDS = 600.0

#: Beside what its requests need, a vote needs time to begin and to be counted.
_SPARE_SECONDS = 30.0


class VoteAsking:
    """The third answers of *run*, asked on the lanes of *lane_factory*; answers are checked by *job*."""

    def __init__(
        self,
        run: RunFolder,
        job: ClaudeJob,
        api: Api,
        lane_factory: LaneFactory,
        clock: Callable[[], str],
        task: TaskRef = NO_TASK,
    ) -> None:
        self._run, self._job, self._api, self._lane_factory = run, job, api, lane_factory
        self._clock, self._task, self._plan = clock, task, run.need_plan()

    def ask(self) -> VoteRecord:
        """Ask what is open, and note in vote.json why there is no third answer to some. Raises no error of the API."""
        plan = self._plan
        try:
            why_not = "" if plan.held else self._ask()
        except (ClaudeError, pa.ArrowException) as error:
            why_not = str(error)
        record = VoteRecord(planned_at=plan.created_at, at=self._clock(), why_not=why_not)
        write_record(self._run.file("vote.json"), record)
        return record

    def _ask(self) -> str:
        """Ask what is open; why something still is."""
        if probe_named(self._run, self._plan, AGAIN) is None:
            return ""
        for probe in vote_probes(self._run):
            self._revive(probe)
        votes = votes_of(self._run, self._plan)
        if votes is None or not votes.open:
            return ""
        seconds = self._seconds(len(votes.open))
        if seconds <= 0:
            return "the deadline leaves no time to ask them a third time"
        probe = self._draft(_items(self._run, votes.open)).write(VOTE, self._due())
        shard = PlannedShard.of(probe.shard(1))
        with self._stopped_after(seconds):
            self._begin(shard)
            self._answer(shard)
        return self._left(shard)

    def _revive(self, probe: RunFolder) -> None:
        """Load *probe* again, which an earlier plan had, where it asks what this plan asks: its answers are paid for."""
        if probe.plan() is not None:
            return
        items = read_table(probe.part("items", 0))
        if items.column_names != read_schema(self._run.part("items", 0)).names:
            return  # the job had other columns
        weighed = self._draft(items)
        if weighed.folder(VOTE) == probe.path.name:
            shard = PlannedShard.of(weighed.write(VOTE, self._due()).shard(1))
            if shard.rounds():
                self._answer(shard)

    def _draft(self, items: pa.Table) -> Weighed:
        return Draft(
            run=self._run,
            plan=self._plan,
            items=items,
            askings=[Asking(order=items["ordinal"].to_pylist())],
            packing=None,
            tokens=self._plan.lanes.tokens,
            cache=NO_CACHE,
        ).weighed()

    def _begin(self, shard: PlannedShard) -> None:
        """Begin to ask *shard*, unless that was begun. Where an attempt has brought no answer at all, begin another one."""
        if any(one.open for one in shard.attempts()):
            return
        rounds, folder = shard.rounds(), shard.folder
        whole = range(shard.spec.start, shard.spec.stop)
        selection = (
            AttemptSelection(round=rounds[-1].round + 1, only=frozenset(whole)) if rounds else AttemptSelection()
        )
        self._attempt(shard, max(folder.attempts(folder.names()), default=0) + 1).begin(shard, selection)

    def _answer(self, shard: PlannedShard) -> None:
        """Ask what was begun of *shard* in the sync lane, and load its answers."""
        try:
            self._settling(shard).go_on()
        except PendingError:  # its time is over, or the task is to end: what is answered counts
            for one in shard.attempts():
                if one.open:
                    self._attempt(shard, one.number).close()
            self._settling(shard).go_on()

    def _attempt(self, shard: PlannedShard, number: int) -> SyncAttempt:
        return SyncAttempt(shard=shard.folder, number=number, clock=self._clock)

    def _settling(self, shard: PlannedShard) -> Settling:
        return Settling(
            shard=shard.folder,
            job=self._job,
            api=self._api,
            clock=self._clock,
            task=self._task,
            rounds=0,
            lane_factory=self._lane_factory,
        )

    def _due(self) -> float | None:
        return self._plan.lanes.due

    def _seconds(self, rows: int) -> float:
        """How long the vote about *rows* rows may take; 0 or less where there is no time for it."""
        due = self._due()
        if due is None:
            return MOST_SECONDS
        left = due - epoch(self._clock())
        return min(left, MOST_SECONDS) if left > rows * self._plan.lanes.row_seconds + _SPARE_SECONDS else 0.0

    @contextmanager
    def _stopped_after(self, seconds: float) -> Iterator[None]:
        """Within the block the lane sends nothing more after *seconds*."""
        timer = Timer(seconds, self._lane_factory.stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _left(self, shard: PlannedShard) -> str:
        """Why some rows of *shard* have no answer; empty where all have one, or the model gave none that is valid."""
        loaded = shard.loaded()
        outcomes = loaded.outcomes if loaded else {}
        if outcomes.get("unaffordable"):
            return "the budget may not cover a third answer"
        return "the time for the vote was over before they were answered" if outcomes.get("missing") else ""


def ask_votes(
    run: RunFolder,
    job: ClaudeJob,
    api: Api,
    lane_factory: LaneFactory,
    *,
    clock: Callable[[], str],
    task: TaskRef = NO_TASK,
) -> VoteRecord:
    """Ask the rows of *run* whose first two answers differ a third time, where its plan asks for a vote."""
    return VoteAsking(run, job, api, lane_factory, clock, task).ask()


def _items(run: RunFolder, wanted: Sequence[str]) -> pa.Table:
    """The items of *run* with the ids *wanted*."""
    scan, ids = run.need_scan(), array(wanted, pa.string())
    columns = read_schema(run.part("items", 0)).names
    batches = read_items(run, scan, 0, scan.items, columns)
    return pa.Table.from_batches(one.filter(pc.is_in(one["item_id"], ids)) for one in batches).combine_chunks()
