"""A shard as its run has planned it: what the stages work on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.submit.attempt import Attempt, chain
from airflow_provider_claude.store import AccountFolder, LoadedRecord, PlanRecord, RunFolder, ShardFolder, ShardSpec
from airflow_provider_claude.store.attempts import history
from airflow_provider_claude.store.items import read_items
from airflow_provider_claude.store.work_of import work_of


@dataclass(frozen=True)
class PlannedShard:
    """The *folder* of a shard, its *spec*, and the *plan* that it is of."""

    folder: ShardFolder
    plan: PlanRecord
    spec: ShardSpec

    @classmethod
    def of(cls, folder: ShardFolder) -> PlannedShard:
        """The shard of *folder*. Raises StateError where its run is not planned, or the plan does not have it."""
        plan = folder.run.need_plan()
        return cls(folder, plan, plan.shard(folder.number))

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def run(self) -> RunFolder:
        return self.folder.run

    @property
    def number(self) -> int:
        """Its number among the shards of the run; 0 is the trial."""
        return self.spec.number

    @property
    def fingerprint(self) -> str:
        """The fingerprint of what it asks, see ShardSpec."""
        return self.spec.fingerprint

    @property
    def work(self) -> AccountFolder:
        """The work folder of its run."""
        return work_of(self.run, self.plan)

    @property
    def packing(self) -> Packing | None:
        """How its items share requests; None where each has one of its own."""
        packing = self.plan.packing
        return None if packing is None or self.spec.pack == 1 else replace(packing, items=self.spec.pack)

    def rounds(self) -> list[Attempt]:
        """The attempts that count, the latest of each round, in the order of the rounds."""
        return chain(history(self.folder), self.fingerprint)

    def loaded(self) -> LoadedRecord | None:
        """How its rows ended; None where nothing is loaded of what it asks now."""
        record = self.folder.loaded()
        return record if record is not None and record.shard_fingerprint == self.fingerprint else None

    def attempts(self) -> list[Attempt]:
        """All attempts for what it asks now, oldest first."""
        return [attempt for attempt in history(self.folder) if attempt.shard_fingerprint == self.fingerprint]


def planned_shards(run: RunFolder, plan: PlanRecord) -> list[PlannedShard]:
    """The shards of *plan*, in order."""
    return [PlannedShard(run.shard(spec.number), plan, spec) for spec in plan.shards]


def items_of(shard: PlannedShard, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """*columns* of the items of *shard*, in order; see `read_items`."""
    return read_items(shard.run, shard.run.need_scan(), shard.spec.start, shard.spec.stop, columns)
