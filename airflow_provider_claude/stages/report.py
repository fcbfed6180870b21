"""Close the run: count its rows in its own files, write the report, and publish the answers if it is green.

Nothing is counted by a counter: row numbers come from the Parquet files, column by column and batch by batch,
so that memory does not grow with the run. The counters of landed.json are compared with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_claude.core.batch.attempt import Attempt, chain
from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.plan.prices import Price
from airflow_provider_claude.core.publish.destination import Destination
from airflow_provider_claude.core.report.answers import AnswerTally, total_usd
from airflow_provider_claude.core.report.costs import planned_cost
from airflow_provider_claude.core.report.examples import Examples
from airflow_provider_claude.core.report.incomplete import never_whole
from airflow_provider_claude.core.report.page import render
from airflow_provider_claude.core.report.reconcile import Ledger, ShardCount, nonzero, raise_if_any
from airflow_provider_claude.core.report.summary import NOT_ASKED, PUBLISHING, WITHHELD, Summary, asked
from airflow_provider_claude.core.report.tally import Tally
from airflow_provider_claude.core.report.thresholds import Thresholds, by_authors
from airflow_provider_claude.core.report.timeline import ShardSpan
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.attempts import history
from airflow_provider_claude.stages.create import work_of
from airflow_provider_claude.stages.publishing import publish_answers
from airflow_provider_claude.stages.refused import refusal_told
from airflow_provider_claude.stages.release import acts
from airflow_provider_claude.stages.remember import remember, remember_tokens
from airflow_provider_claude.stages.spending import keep_on_record, spent_beside
from airflow_provider_claude.store import PlanRecord, RunFolder, ScanRecord, ShardSpec, exists, list_names, write_bytes

if TYPE_CHECKING:
    from upath import UPath

_BATCH_ROWS = 32_768

#: What is read of quarantine/.
_ASIDE = ["item_id", "reason", "detail", "scan_layer", "scan_excerpt", "flags", "lost_rows"]

#: Small records are read by so many threads at once: on an object store each is a round trip.
_READERS = 8


@lean_arrow()
def report(
    run: RunFolder,
    *,
    output: UPath | None,
    clock: Callable[[], str],
    destination: Destination | None = None,
    thresholds: Thresholds | None = None,
    warnings: Sequence[str] = (),
) -> Summary:
    """Write report.json and report.html of *run*, and publish its answers under *output* if it is green.

    :param output: where the answers go, as one partition if the run has one. None publishes nothing.
    :param clock: the time now, ISO 8601 in UTC.
    :param destination: in whose name, if the plan does not say: what the plan says counts.
    :param thresholds: how much may fail in a green run; `Thresholds()` where it is None.
    :param warnings: what else the report has to say.
    :raises StateError: the run was not scanned or planned, or its files cannot be what they are said to be.
    :raises LedgerError: the rows do not add up, or too many failed. The report is written, nothing is published.
    :raises DestinationError: the partition may not be replaced. The report is written, and says so.
    :raises StoreError: the answers could not be written. The report says so.
    """
    scan, plan = run.need_scan(), run.need_plan()
    summary = _summarise(run, scan, plan, thresholds or Thresholds(), clock())
    summary = msgspec.structs.replace(summary, warnings=[*summary.warnings, *warnings])
    _write(run, summary := msgspec.structs.replace(summary, publication=_beginning(summary, output)))
    remember(run, plan)
    remember_tokens(run, plan)
    if summary.problems:
        raise_if_any([*summary.problems, f"The report is {run.file('report.html')}; nothing was published."])
    if output is None:
        return summary
    destination = plan.destination or destination or Destination(output=str(output))
    return publish_answers(run, summary, output, destination, write=partial(_write, run), clock=clock)


def _beginning(summary: Summary, output: UPath | None) -> str:
    """How far the publication is before it has begun."""
    if output is None:
        return NOT_ASKED
    return WITHHELD if summary.problems else PUBLISHING


def _write(run: RunFolder, summary: Summary) -> None:
    write_bytes(run.file("report.json"), msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n")
    write_bytes(run.file("report.html"), render(summary).encode())


class _Counts:
    """What the files of one run hold. Built once, part by part; never more than a batch of rows at a time."""

    def __init__(self, run: RunFolder, scan: ScanRecord, plan: PlanRecord) -> None:
        self.run = run
        self.flags, self.reasons, self.by_authors = Tally(), Tally(), Tally()
        self.aside, self.failures = Examples(), Examples()
        price = msgspec.convert(plan.price, Price, strict=False) if plan.job.get("cache") else None
        self.answers = AnswerTally(scan.carry, price)
        self.failed_usd = Decimal(0)
        self.retried_usd = Decimal(0)
        self.reused = 0
        self.disagreements: list[str] = []
        self.incomplete: list[str] = []
        self.asked_again, self.asked_again_usd = 0, Decimal(0)
        self.strangers: Counter[str] = Counter()
        self.lost = self.uncounted = 0
        self.items = self._count_items()
        self._count_quarantine()
        self.twins = self._count_duplicates(plan.shards)
        self.shards = self._count_shards(plan)

    def never_whole(self) -> list[str]:
        """Whose results never came whole, and what it cost to ask again; a sentence each."""
        return never_whole(self.incomplete, self.asked_again, self.asked_again_usd)

    def ledger(self, inputs: int) -> Ledger:
        return Ledger.of(
            inputs=inputs,
            items=self.items,
            duplicates=self.twins.total(),
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
                single = batch.filter(pc.fill_null(pc.equal(lost, 0), fill_value=False))
                self.reasons.add(single["reason"])
                self.by_authors.add(_of_authors(single))
                self.flags.add(pc.list_flatten(batch["flags"]))
                self.aside.add(batch, reason="reason", detail="detail", text=["scan_excerpt"])

    def _count_duplicates(self, shards: Sequence[ShardSpec]) -> Counter[int]:
        """Duplicates by the shard their twin is in; -1 for twins in none."""
        found: Counter[int] = Counter()
        specs = sorted(shards, key=lambda spec: spec.start)
        starts, stops = np.array([s.start for s in specs], int), np.array([s.stop for s in specs], int)
        for part in self.run.parts("duplicates"):
            for batch in _batches(part, ["ordinal"]):
                ordinals = batch["ordinal"].to_numpy()
                places = np.searchsorted(starts, ordinals, side="right") - 1
                inside = (places >= 0) & (ordinals < stops[places]) if specs else np.zeros(len(ordinals), bool)
                found[-1] += int((~inside).sum())
                for place, count in zip(*np.unique(places[inside], return_counts=True), strict=True):
                    found[specs[place].shard] += int(count)
        return found

    def _count_shards(self, plan: PlanRecord) -> list[ShardCount]:
        """All shards that are in the plan or have files."""
        planned = {spec.shard: spec.rows for spec in plan.shards}
        roots = {spec.shard: spec.fingerprint for spec in plan.shards}
        parts = {_number(part): part for part in self.run.parts("answers")}
        folders = {int(name) for name in list_names(self.run.file("shards")) if name.isdecimal()}
        folders -= {number for number in folders - planned.keys() if not self._has_landed(number)}
        numbers = sorted(planned.keys() | parts.keys() | folders)
        with ThreadPoolExecutor(_READERS) as pool:
            landed = list(pool.map(lambda number: self.run.shard(number).landed(), numbers))
        for record in filter(None, landed):
            self.strangers.update(record.strangers)
            self.retried_usd += Decimal(record.retried_usd)
            self.reused += record.reused
            self.disagreements += [f"Shard {record.shard}, {one}" for one in record.disagreements]
            self.incomplete += [f"Shard {record.shard}, {one}" for one in record.incomplete]
            self.asked_again += record.asked_again
            self.asked_again_usd += Decimal(record.asked_again_usd)
        return [
            ShardCount(
                shard=number,
                items=planned.get(number, 0),
                duplicates=self.twins[number],
                answered=self._count_answers(parts[number]) if number in parts else 0,
                failed=self._count_leftovers(number) if number in folders else {},
                landed=None if record is None or record.root != roots.get(number) else record.outcomes,
            )
            for number, record in zip(numbers, landed, strict=True)
        ]

    def _has_landed(self, number: int) -> bool:
        """Whether a shard left rows. One that an earlier plan paid for, and this one does not have, left none."""
        shard = self.run.shard(number)
        return exists(shard.file("landed.json")) or exists(shard.file("leftovers.parquet"))

    def _count_answers(self, part: UPath) -> int:
        before = self.answers.rows
        for batch in _batches(part, self.answers.needed):
            self.answers.add(batch)
        return self.answers.rows - before

    def _count_leftovers(self, number: int) -> dict[str, int]:
        path = self.run.shard(number).file("leftovers.parquet")
        outcomes = Tally()
        if not exists(path):
            return {}
        for batch in _batches(path):
            outcomes.add(batch["outcome"])
            self.failures.add(batch, reason="outcome", detail="reason", text=["answer"])
            self.failed_usd += total_usd(batch["cost_usd"])
        return dict(outcomes.counts)


def _summarise(run: RunFolder, scan: ScanRecord, plan: PlanRecord, thresholds: Thresholds, now: str) -> Summary:
    counts = _Counts(run, scan, plan)
    ledger = counts.ledger(scan.rows)
    with ThreadPoolExecutor(_READERS) as pool:
        past = dict(pool.map(lambda spec: (spec.shard, history(run.shard(spec.shard))), plan.shards))
        spans = list(pool.map(lambda spec: _span(run, spec, past[spec.shard]), plan.shards))
    paid = keep_on_record(run, work_of(run, plan), open_=False, now=now, since=plan.created_at)
    lane = "batch" if any(spec.lane == "batch" for spec in plan.shards) else "sync"
    return Summary(
        source=scan.source,
        format=scan.format,
        partition=plan.partition,
        created_at=now,
        deadline=plan.deadline,
        zone=plan.zone,
        problems=[*ledger.problems(), *thresholds.breaches(ledger)],
        warnings=[*thresholds.warnings(ledger), *plan.warnings, *refusal_told(run), *counts.never_whole()],
        ledger=ledger,
        costs=counts.answers.costs(
            failed=counts.failed_usd,
            retried=counts.retried_usd,
            estimated=planned_cost(plan.estimate, lane),
            spent=spent_beside(paid, plan, past),
        ),
        shards=spans,
        answers=counts.answers.columns(),
        quarantine_examples=counts.aside.found,
        failure_examples=counts.failures.found,
        flags=dict(counts.flags.counts.most_common()),
        echoes=dict(counts.answers.echoes.counts.most_common()),
        unreadable=scan.unreadable,
        notes=scan.origin.notes(),
        releases=acts(run),
        strangers=nonzero(counts.strangers),
        disagreements=counts.disagreements,
        reused=counts.reused,
        asked=asked(plan.job, prompt_hash=plan.prompt_hash, schema_hash=plan.schema_hash),
        explanation=plan.explanation,
    )


def _span(run: RunFolder, spec: ShardSpec, past: Sequence[Attempt]) -> ShardSpan:
    """The time line of a shard with the attempts *past*: from its first batch to the end of its last."""
    folder = run.shard(spec.shard)
    attempts = chain(past, spec.fingerprint)
    submitted = folder.submitted(attempts[0].number) if attempts else None
    ended = folder.ended(attempts[-1].number) if attempts else None
    landed = folder.landed()
    return ShardSpan(
        shard=spec.shard,
        rows=spec.rows,
        lane=_lanes(attempts) or spec.lane,
        attempts=len(past),
        created_at=submitted.created_at if submitted else None,
        ended_at=ended.ended_at if ended else None,
        landed_at=landed.landed_at if landed else None,
    )


def _lanes(attempts: Sequence[Attempt]) -> str:
    """The lanes a shard was asked in, in order: `batch`, `batch + sync`; `store` where nothing had to be asked."""
    lanes = list(dict.fromkeys(attempt.lane for attempt in attempts))
    return " + ".join(lane for lane in lanes if lane != "store" or lanes == ["store"])


def _of_authors(batch: pa.RecordBatch) -> pa.Array:
    """The reasons of the rows of *batch* that were set aside for what their authors wrote."""
    pairs = zip(batch["reason"].to_pylist(), batch["scan_layer"].to_pylist(), strict=True)
    return pa.array([reason for reason, layer in pairs if by_authors(reason, layer)], pa.string())


def _number(part: UPath) -> int:
    return int(part.stem.removeprefix("part-"))


def _batches(
    path: UPath, columns: list[str] | Callable[[pa.Schema], list[str]] | None = None
) -> Iterator[pa.RecordBatch]:
    """The record batches of the Parquet file *path*: all columns, those named, or those chosen from its schema."""
    with path.fs.open(path.path, "rb") as stream:
        try:
            file = pq.ParquetFile(stream)
        except pa.ArrowInvalid as e:
            raise StateError(f"{path} is not a readable Parquet file ({e}); clear the task that wrote it.") from e
        chosen = columns(file.schema_arrow) if callable(columns) else columns
        yield from file.iter_batches(_BATCH_ROWS, columns=chosen)
