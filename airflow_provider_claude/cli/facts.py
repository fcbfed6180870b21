"""The facts of one run, read from its files without Airflow, the API or any Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.cost.estimate import per_thousand
from airflow_provider_claude.core.cost.run_costs import Paid
from airflow_provider_claude.core.report.summary import NOT_ASKED, PUBLISHED, PUBLISHING
from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store import (
    LoadedRecord,
    PlanRecord,
    Record,
    RunFolder,
    ScanRecord,
    ShardFolder,
    is_local,
)
from airflow_provider_claude.store.attempts import history
from airflow_provider_claude.store.shard_records import records_of_shards
from airflow_provider_claude.store.snapshot import Snapshot, record_cache

#: Runs that are read at once: on an object store each record is a round trip.
_READERS = 8


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger of a report, as far as it is shown here."""

    inputs: int
    answered: int
    quarantined: dict[str, int]
    failed: dict[str, int]


class ReportRecord(Record, frozen=True, kw_only=True):
    """report.json, as far as it is shown here. It is green where there are no *problems*; *warnings* still need a look."""

    created_at: str
    problems: list[str]
    ledger: Counts
    costs: Paid
    publication: str = NOT_ASKED
    published: str | None = None
    published_rows: int | None = None
    warnings: Sequence[str] = ()
    consistency: Measured | None = None

    @property
    def agreement(self) -> float | None:
        """The share of rows that got the same answer twice, in the field where it is least; None where it is not known."""
        weakest = self.consistency.weakest if self.consistency else None
        return None if weakest is None else weakest.agreement.value

    @property
    def state(self) -> str:
        if self.problems:
            return "reported red"
        return "publishing" if self.publication == PUBLISHING else "reported green"


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """One run. *plan* and *report* are None where they are of an earlier scan or plan of this folder."""

    run: RunFolder
    scan: ScanRecord
    plan: PlanRecord | None
    report: ReportRecord | None
    loaded: dict[int, LoadedRecord]
    attempts: dict[int, list[Attempt]]
    probes: list[RunFacts]

    @property
    def loaded_planned(self) -> int:
        """How many of the planned shards have been loaded."""
        specs = self.plan.shards if self.plan else []
        return sum(
            spec.number in self.loaded and self.loaded[spec.number].shard_fingerprint == spec.fingerprint
            for spec in specs
        )

    @property
    def in_flight(self) -> list[tuple[ShardFolder, Attempt]]:
        """The attempts whose batch is with the API, or whose results are not downloaded yet."""
        return self.sent(lambda attempt: attempt.in_flight)

    @property
    def orphans(self) -> list[tuple[ShardFolder, Attempt]]:
        """The attempts that may have been paid for, and have no batch id. A trial does not count: it is not a batch."""
        return self.sent(lambda attempt: attempt.orphan and attempt.until > attempt.at)

    def sent(self, wanted: Callable[[Attempt], bool]) -> list[tuple[ShardFolder, Attempt]]:
        """The *wanted* attempts of its shards, and of those of its probes."""
        own = [(self.run.shard(n), a) for n, attempts in self.attempts.items() for a in attempts if wanted(a)]
        return [*own, *(one for probe in self.probes for one in probe.sent(wanted))]

    @property
    def state(self) -> str:
        if self.plan is None:
            return "scanned"
        if self.plan.held:
            return "held"
        if self.report is not None:
            return self.report.state
        if self.in_flight:
            return "waiting"
        return "loaded" if self.loaded_planned == len(self.plan.shards) else "planned"

    @property
    def usd_per_thousand(self) -> Decimal | None:
        """What 1,000 answered rows have cost. None where none is answered, and of a held run, which has asked a sample."""
        if self.report is None or self.cost is None or self.state == "held":
            return None
        return per_thousand(self.cost, self.report.ledger.answered)

    def margin(self, now: str | None = None) -> float | None:
        """Seconds between its end and its deadline, negative where it was late. Its end is its last loading, or *now* while
        shards are not loaded. None without a deadline, or where its end is not known.
        """
        if self.plan is None or self.plan.due is None:
            return None
        loaded = [epoch(record.loaded_at) for record in self.loaded.values()]
        if self.plan.shards and self.loaded_planned == len(self.plan.shards):
            return self.plan.due - max(loaded)
        return None if now is None else self.plan.due - epoch(now)

    @property
    def is_published(self) -> bool:
        """Whether its answers are published, or need not be."""
        planned = self.plan is not None and self.plan.destination is not None
        publication = self.report.publication if self.report else ""
        return publication == PUBLISHED or (publication == NOT_ASKED and not planned)

    @property
    def cost(self) -> Decimal | None:
        """USD: by the report, else by the shards that have been loaded so far; None where there is neither."""
        if self.report is not None:
            return self.report.costs.actual
        return sum((Decimal(record.cost_usd) for record in self.loaded.values()), Decimal(0)) if self.loaded else None


def look(run: RunFolder) -> RunFacts:
    """The facts of *run*. Raises StateError where it has no scan, or a record cannot be read."""
    snapshot = Snapshot(run.path, record_cache())
    seen = RunFolder(run.path, snapshot)
    scan, plan, report = seen.need_scan(), seen.plan(), seen.reader.read(seen.file("report.json"), ReportRecord)
    if plan is not None and plan.scanned_at != scan.finished_at:
        plan = None
    if report is not None and (plan is None or epoch(report.created_at) < epoch(plan.created_at)):
        report = None
    if not is_local(run.path):
        snapshot.read_ahead(records_of_shards(snapshot))
    shards = seen.shards()
    return RunFacts(
        run=run,
        scan=scan,
        plan=plan,
        report=report,
        loaded={shard.number: record for shard in shards if (record := shard.loaded()) is not None},
        attempts={shard.number: history(shard) for shard in shards},
        probes=[look(run.probe(probe.path.name)) for probe in seen.probes()],
    )


def look_at_all(runs: Sequence[RunFolder], out: Screen) -> list[tuple[RunFolder, RunFacts | StateError]]:
    """The facts of each run, or why they cannot be read: one broken run hides none of the others. *out* shows the progress."""
    found: list[tuple[RunFolder, RunFacts | StateError]] = []
    with out.watch("runs read", len(runs)) as seen, ThreadPoolExecutor(_READERS) as pool:
        for one in zip(runs, pool.map(look_or_why_not, runs), strict=True):
            found.append(one)
            seen(1)
    return found


def look_or_why_not(run: RunFolder) -> RunFacts | StateError:
    """The facts of *run*, or why they cannot be read."""
    try:
        return look(run)
    except StateError as e:
        return e
