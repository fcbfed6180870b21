"""Trace: all that is on record of one row, from the run folder alone.

Read are the ids of the run's rows, and of one shard its manifests, its results up to the row's line, and the row group of
its answer. Memory holds one shard's manifest and one row group, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from airflow_provider_claude.core.consistency.vote import Ballot
from airflow_provider_claude.core.report.summary import PUBLISHED
from airflow_provider_claude.core.row_trace import (
    DUPLICATE,
    QUARANTINED,
    AttemptTrace,
    Ending,
    Released,
    RowTrace,
    Verdict,
)
from airflow_provider_claude.core.tables import PROVENANCE_FIELDS, VOTES
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.stages.scan.release_rows import holding
from airflow_provider_claude.stages.trace.attempt_traces import Attempts
from airflow_provider_claude.stages.trace.row_places import Place, item_at, places_of
from airflow_provider_claude.store import PlanRecord, Record, RunFolder, ScanRecord, exists, read_record
from airflow_provider_claude.store.parquet_files import rows_with
from airflow_provider_claude.store.planned_shard import PlannedShard

_NOT_PLANNED = "The run was not planned after its last scan: nothing was asked yet."
_NOT_SENT = "Nothing was sent about it yet: no attempt of its shard asks it, and no earlier run has its answer."


class _Report(Record, frozen=True, kw_only=True):
    """report.json, as far as it says where the answers are."""

    created_at: str
    publication: str = ""
    published: str | None = None


def trace(run: RunFolder, name: str, *, requests: bool = False) -> Iterator[RowTrace]:
    """The rows of *run* whose id, or place in the source, is *name*; with *requests*, what was sent is made again, and compared.

    Raises StateError where the run is not scanned, or was written by another version of this package.
    """
    traced = _Traced(run, run.need_scan(), requests=requests)
    return (traced.row(place) for place in places_of(run, name))


class _Traced:
    """A run, of which rows are traced."""

    def __init__(self, run: RunFolder, scan: ScanRecord, *, requests: bool) -> None:
        self._run, self._scan, self._requests = run, scan, requests
        plan = run.plan()
        self._plan = plan if plan is not None and plan.scanned_at == scan.finished_at else None
        self._redacted = exists(run.file("redaction.json"))

    def row(self, place: Place) -> RowTrace:
        fields = place.fields
        common = {
            "run": str(self._run),
            "partition": self._plan.partition if self._plan else None,
            "zone": self._plan.zone if self._plan else "UTC",
            "source": self._scan.source,
            "source_ref": fields["source_ref"],
            "item_id": fields["item_id"],
            "became": place.became,
            "releases": self._releases(fields),
            "redacted": self._redacted,
        }
        if place.became == QUARANTINED:
            return RowTrace(**common, verdict=_aside(fields), not_asked=_why_aside(fields), ending=_set_aside(fields))
        original = _original(self._run, fields) if place.became == DUPLICATE else fields
        more = {"duplicate_of": fields["duplicate_of"], "near": fields["scan_near"]} if original is not fields else {}
        return RowTrace(**common, **more, verdict=_verdict(original), **self._asked(fields, original))

    def _asked(self, fields: dict[str, Any], original: dict[str, Any]) -> dict[str, Any]:
        """What was asked about the row, and how it ended; *original* is the row that was asked for it."""
        ordinal = original["ordinal"]
        if self._plan is None:
            return {"ordinal": ordinal, "not_asked": _NOT_PLANNED}
        shard = _shard_of(self._run, self._plan, ordinal)
        attempts = Attempts(shard, ordinal, original["item_id"], self._requests).traces()
        ending = _ending(shard, fields, self._plan)
        answered = ending is not None and ending.answer is not None
        return {
            "ordinal": ordinal,
            "shard": shard.number,
            "attempts": attempts,
            "measured": list(self._measured(original["item_id"])),
            "not_asked": "" if attempts else (ending.reason if ending else _NOT_SENT),
            "ending": ending,
            "cost_usd": _paid(attempts) if original is fields else Decimal(0),
            "published": self._published() if answered else None,
        }

    def _measured(self, item_id: str) -> Iterator[AttemptTrace]:
        """What the probes of the run have asked about the item: each has a run folder of its own, with some of the items."""
        for probe in self._run.probes():
            for row in trace(probe, item_id, requests=self._requests):
                yield from (msgspec.structs.replace(one, probe=probe.path.name) for one in row.attempts)

    def _releases(self, fields: dict[str, Any]) -> list[Released]:
        mine = (fields["item_id"], fields["source_ref"])
        return [
            Released(number=number, at=record.at, by=record.by, note=record.note)
            for number, record in holding(self._run).items()
            if any((row.item_id, row.source_ref) == mine for row in record.rows)
        ]

    def _published(self) -> str | None:
        """Where the answers of the current plan are published."""
        report = read_record(self._run.file("report.json"), _Report)
        if report is None or self._plan is None or epoch(report.created_at) < epoch(self._plan.created_at):
            return None
        return report.published if report.publication == PUBLISHED else None


def _shard_of(run: RunFolder, plan: PlanRecord, ordinal: int) -> PlannedShard:
    spec = next(spec for spec in plan.shards if spec.start <= ordinal < spec.stop)
    return PlannedShard(run.shard(spec.number), plan, spec)


def _paid(attempts: list[AttemptTrace]) -> Decimal:
    return sum((one.said.cost_usd for one in attempts if one.said is not None), Decimal(0))


def _original(run: RunFolder, fields: dict[str, Any]) -> dict[str, Any]:
    """The item that a duplicate repeats."""
    found = item_at(run, fields["duplicate_of"])
    return {**(found or {}), "item_id": fields["duplicate_of"], "ordinal": fields["ordinal"]}


def _verdict(item: dict[str, Any]) -> Verdict:
    return Verdict(
        flags=item.get("flags", []),
        score=item.get("scan_score"),
        suspect=item.get("scan_suspect", False),
        found=item.get("scan_found", False),
    )


def _aside(fields: dict[str, Any]) -> Verdict:
    return Verdict(
        flags=fields["flags"],
        score=fields["scan_score"],
        reason=fields["reason"],
        detail=fields["detail"],
        layer=fields["scan_layer"],
        excerpt=fields["scan_excerpt"],
    )


def _why_aside(fields: dict[str, Any]) -> str:
    return f"The scan set it aside, so there is no request: {fields['reason']}: {fields['detail']}"


def _set_aside(fields: dict[str, Any]) -> Ending:
    return Ending(outcome="quarantined", reason=fields["reason"])


def _ending(shard: PlannedShard, fields: dict[str, Any], plan: PlanRecord) -> Ending | None:
    """How the row ended; None while its shard is not loaded."""
    if shard.loaded() is None:
        return None
    answers = shard.run.part("answers", shard.number)
    answer = _mine(rows_with(answers, fields["item_id"], ["item_id"]), fields)
    if answer is not None:
        own, ours = plan.job.answer_schema.get("properties", {}), [field.name for field in PROVENANCE_FIELDS]
        return Ending(
            outcome="succeeded",
            answer={name: answer.get(name) for name in own},
            provenance={name: answer.get(name) for name in ours},
            vote=_vote(answer.get(VOTES.name)),
        )
    unresolved = shard.folder.file("unresolved.parquet")
    failed = _mine(rows_with(unresolved, fields["item_id"], ["item_id"]), fields)
    return None if failed is None else Ending(outcome=failed["outcome"], reason=failed["reason"])


def _vote(column: str | None) -> str:
    return "" if column is None else msgspec.json.decode(column, type=Ballot).sentence()


def _mine(found: Iterator[dict[str, Any]], fields: dict[str, Any]) -> dict[str, Any] | None:
    """Of the rows with one id, an item or its duplicate, as the row is."""
    return next((row for row in found if row["duplicate_of"] == fields.get("duplicate_of")), None)
