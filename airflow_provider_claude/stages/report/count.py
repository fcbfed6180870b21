"""What the files of a run hold, counted column by column and batch by batch: memory does not grow with the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.report.answer_table import AnswerTally, total_usd
from airflow_provider_claude.core.report.examples import Examples
from airflow_provider_claude.core.report.incomplete import never_whole
from airflow_provider_claude.core.report.ledger import Ledger, ShardCount
from airflow_provider_claude.core.report.tally import Tally
from airflow_provider_claude.core.report.thresholds import by_authors
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store import PlanRecord, RunFolder, ScanRecord, ShardSpec, exists, list_names

if TYPE_CHECKING:
    from upath import UPath


_BATCH_ROWS = 32_768


#: What is read of quarantine/.
_ASIDE = ["item_id", "reason", "detail", "scan_layer", "scan_excerpt", "flags", "lost_rows"]


#: The `lost_rows` of what is a row itself.
_NONE = array([0], pa.int64())

#: Small records are read by this many threads at once: on an object store each is a round trip.
_READERS = 8


class Counts:
    """What the files of one run hold. Built once, part by part; never more than a batch of rows at a time."""

    def __init__(self, run: RunFolder, scan: ScanRecord, plan: PlanRecord) -> None:
        self.run = run
        self.flags, self.reasons, self.by_authors = Tally(), Tally(), Tally()
        self.aside, self.failures = Examples(), Examples()
        self.answers = AnswerTally(scan.carry)
        self.failed_usd = Decimal(0)
        self.retried_usd = Decimal(0)
        self.reused = 0
        self.count_mismatches: list[str] = []
        self.incomplete: list[str] = []
        self.asked_again, self.asked_again_usd = 0, Decimal(0)
        self.unmatched: Counter[str] = Counter()
        self.lost = self.uncounted = 0
        self.items = self._count_items()
        self._count_quarantine()
        self.by_shard = self._count_duplicates(plan.shards)
        self.shards = self._count_shards(plan)

    def never_whole(self) -> list[str]:
        """The attempts whose results never came whole, and what it cost to ask again; one sentence each."""
        return never_whole(self.incomplete, self.asked_again, self.asked_again_usd)

    def ledger(self, inputs: int) -> Ledger:
        return Ledger.of(
            inputs=inputs,
            items=self.items,
            duplicates=self.by_shard.total(),
            quarantined=self.reasons.counts,
            by_authors=self.by_authors.counts,
            shards=self.shards,
            lost=self.lost,
            uncounted=self.uncounted,
        )

    def _count_items(self) -> int:
        rows = 0
        for part in self.run.parts("items"):
            for batch in _batches(part, ["flags"]):
                rows += batch.num_rows
                self.flags.add(pc.list_flatten(batch["flags"]))
        return rows

    def _count_quarantine(self) -> None:
        for part in self.run.parts("quarantine"):
            for batch in _batches(part, _ASIDE):
                lost = batch["lost_rows"]
                self.lost += pc.sum(lost).as_py() or 0
                self.uncounted += lost.null_count
                single = batch.filter(pc.is_in(lost, _NONE))
                self.reasons.add(single["reason"])
                self.by_authors.add(_of_authors(single))
                self.flags.add(pc.list_flatten(batch["flags"]))
                self.aside.add(batch, reason="reason", detail="detail", text=["scan_excerpt"])

    def _count_duplicates(self, shards: Sequence[ShardSpec]) -> Counter[int]:
        """Duplicates by the shard their original is in; -1 where it is in none."""
        found: Counter[int] = Counter()
        specs = sorted(shards, key=lambda spec: spec.start)
        starts, stops = np.array([s.start for s in specs], int), np.array([s.stop for s in specs], int)
        for part in self.run.parts("duplicates"):
            for batch in _batches(part, ["ordinal"]):
                ordinals = np.from_dlpack(batch["ordinal"])
                indexes = np.searchsorted(starts, ordinals, side="right") - 1
                inside = (indexes >= 0) & (ordinals < stops[indexes]) if specs else np.zeros(len(ordinals), bool)
                found[-1] += int((~inside).sum())
                for index, count in zip(*np.unique(indexes[inside], return_counts=True), strict=True):
                    found[specs[index].number] += int(count)
        return found

    def _count_shards(self, plan: PlanRecord) -> list[ShardCount]:
        """All shards that are in the plan or have files."""
        planned = {spec.number: spec.rows for spec in plan.shards}
        fingerprints = {spec.number: spec.fingerprint for spec in plan.shards}
        parts = {_number(part): part for part in self.run.parts("answers")}
        folders = {int(name) for name in list_names(self.run.file("shards")) if name.isdecimal()}
        folders -= {number for number in folders - planned.keys() if not self._is_loaded(number)}
        numbers = sorted(planned.keys() | parts.keys() | folders)
        with ThreadPoolExecutor(_READERS) as pool:
            loaded = list(pool.map(lambda number: self.run.shard(number).loaded(), numbers))
        for record in filter(None, loaded):
            self.unmatched.update(record.unmatched)
            self.retried_usd += Decimal(record.retried_usd)
            self.reused += record.reused
            self.count_mismatches += [f"Shard {record.shard}, {one}" for one in record.count_mismatches]
            self.incomplete += [f"Shard {record.shard}, {one}" for one in record.incomplete]
            self.asked_again += record.asked_again
            self.asked_again_usd += Decimal(record.asked_again_usd)
        return [
            ShardCount(
                shard=number,
                items=planned.get(number, 0),
                duplicates=self.by_shard[number],
                answered=self._count_answers(parts[number]) if number in parts else 0,
                failed=self._count_unresolved(number) if number in folders else {},
                loaded=None
                if record is None or record.shard_fingerprint != fingerprints.get(number)
                else record.outcomes,
            )
            for number, record in zip(numbers, loaded, strict=True)
        ]

    def _is_loaded(self, number: int) -> bool:
        """Whether a shard left rows. A shard of an earlier plan that this plan does not have left none."""
        shard = self.run.shard(number)
        return exists(shard.file("loaded.json")) or exists(shard.file("unresolved.parquet"))

    def _count_answers(self, part: UPath) -> int:
        before = self.answers.rows
        for batch in _batches(part, self.answers.needed):
            self.answers.add(batch)
        return self.answers.rows - before

    def _count_unresolved(self, number: int) -> dict[str, int]:
        path = self.run.shard(number).file("unresolved.parquet")
        outcomes = Tally()
        if not exists(path):
            return {}
        for batch in _batches(path):
            outcomes.add(batch["outcome"])
            self.failures.add(batch, reason="outcome", detail="reason", text=["answer"])
            self.failed_usd += total_usd(batch["cost_usd"])
        return dict(outcomes.counts)


def _of_authors(batch: pa.RecordBatch) -> pa.Array:
    """The reasons of the rows of *batch* that were set aside for what their authors wrote."""
    pairs = zip(batch["reason"].to_pylist(), batch["scan_layer"].to_pylist(), strict=True)
    return array([reason for reason, layer in pairs if by_authors(reason, layer)], pa.string())


def _number(part: UPath) -> int:
    return int(part.stem.removeprefix("part-"))


def _batches(
    path: UPath, columns: list[str] | Callable[[pa.Schema], list[str]] | None = None
) -> Iterator[pa.RecordBatch]:
    """The record batches of the Parquet file *path*: all columns, those named, or a selection from its schema."""
    with path.fs.open(path.path, "rb") as stream:
        try:
            file = pq.ParquetFile(stream)
        except pa.ArrowInvalid as e:
            raise StateError(f"{path} is not a readable Parquet file ({e}); clear the task that wrote it.") from e
        chosen = columns(file.schema_arrow) if callable(columns) else columns
        yield from file.iter_batches(_BATCH_ROWS, columns=chosen)
