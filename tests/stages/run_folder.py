"""Small real run folders, written through the store, whose numbers a test can choose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from airflow_provider_claude.core.cost.estimate import LaneCost, PlannedCost
from airflow_provider_claude.core.cost.prices import price_of
from airflow_provider_claude.core.tables import (
    ANSWER_KEY_FIELDS,
    DUPLICATE_FIELDS,
    ITEM_FIELDS,
    PROVENANCE_FIELDS,
    QUARANTINE_FIELDS,
    UNRESOLVED_FIELDS,
    with_columns,
)
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.store import (
    LAYOUT,
    UNDECIDED,
    EndedRecord,
    IntentRecord,
    LoadedRecord,
    PlanRecord,
    RunFolder,
    ScanRecord,
    ShardSpec,
    SubmittedRecord,
    TokenSums,
    atomic_output,
    write_record,
)

#: Reasons that the layer `source` gives; all others are those of a signature.
_PRICE = price_of("claude-haiku-5-5")
SOURCE_REASONS = frozenset({"empty", "broken_row", "missing_id"})
MIDNIGHT = dt.datetime(2026, 11, 22, 0, 10, tzinfo=dt.UTC)
OWN_FIELDS = (
    pa.field("sentiment", pa.string()),
    pa.field("urgent", pa.bool_()),
    pa.field("score", pa.int64()),
    pa.field("summary", pa.string()),
)
ANSWER_SCHEMA = pa.schema([*ANSWER_KEY_FIELDS, pa.field("subject", pa.string()), *OWN_FIELDS, *PROVENANCE_FIELDS])
ITEM_SCHEMA = with_columns(ITEM_FIELDS, ["subject", "body"])
QUARANTINE_SCHEMA = with_columns(QUARANTINE_FIELDS, ["subject", "body"])
JOB = ClaudeJob(
    prompt="{subject}{body}",
    output={
        "type": "object",
        "properties": {
            "sentiment": {"enum": ["positive", "neutral", "negative"]},
            "urgent": {"type": "boolean"},
            "score": {"type": "integer"},
            "summary": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    },
).spec(b"")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One shard: how many of its items are answered, and how many ended otherwise, by outcome.

    `repeats` duplicates have their originals among its items; each is answered with its original.
    """

    answered: int
    failed: Mapping[str, int] = field(default_factory=dict)
    repeats: int = 0
    lane: str = "batch"
    minutes: int = 50

    @property
    def items(self) -> int:
        return self.answered + sum(self.failed.values())


@dataclass(frozen=True, kw_only=True)
class Night:
    """A whole run, and the hostile or plain texts that go into it."""

    shards: Sequence[Shard] = ()
    quarantined: Mapping[str, int] = field(default_factory=dict)
    sentiments: Sequence[str] = ("positive", "neutral", "negative", "positive")
    texts: Sequence[str] = ("Where is my order?",)
    ids: str = "mail"
    deadline: str | None = "2026-11-22T09:00:00+01:00"
    partition: str | None = "2026-11-22"
    explanation: Sequence[str] = ("Batch lane: half price, and the deadline is far.",)
    plan: Mapping[str, Any] = field(default_factory=dict)


def build(path: UPath, night: Night) -> RunFolder:
    """Write *night* as a run folder at *path*."""
    run = RunFolder(path)
    items = sum(shard.items for shard in night.shards)
    repeats = sum(shard.repeats for shard in night.shards)
    aside = sum(night.quarantined.values())
    specs = _specs(night)
    write_record(
        run.file("scan.json"),
        ScanRecord(
            layout=LAYOUT,
            source="s3://mail/inbox.parquet",
            format="parquet",
            columns=["subject", "body"],
            carry=["subject"],
            rows=items + repeats + aside,
            items=items,
            quarantined=aside,
            duplicates=repeats,
            by_reason=dict(night.quarantined),
            flagged={},
            part_rows=1000,
            started_at=at(0),
            finished_at=at(1),
        ),
    )
    write_record(
        run.file("plan.json"),
        PlanRecord(
            **{
                "job": JOB,
                "prompt_hash": "a" * 64,
                "schema_hash": "b" * 64,
                "price": _PRICE,
                "shards": specs,
                "estimate": PlannedCost(lanes={"batch": LaneCost(cost_usd="1.50"), "sync": LaneCost(cost_usd="3.00")}),
                "deadline": night.deadline,
                "partition": night.partition,
                "explanation": list(night.explanation),
                "scanned_at": at(1),
                "created_at": at(1),
                "work": 0,
                "reuse_days": 29.0,
                "lanes": UNDECIDED,
                **night.plan,
            }
        ),
    )
    if items:
        write_items(run.part("items", 0), night, items)
    if aside:
        _write_quarantine(run.part("quarantine", 0), night)
    for spec, shard in zip(specs, night.shards, strict=True):
        if shard.repeats:
            _write_duplicates(run.part("duplicates", spec.number), night, spec, shard)
        write_shard(run, night, spec, shard)
    return run


def at(minutes: float) -> str:
    return (MIDNIGHT + dt.timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def write_table(path: UPath, schema: pa.Schema, columns: Mapping[str, Sequence[Any]], rows: int) -> None:
    """A Parquet file at *path*; columns that are not given are null, empty or zero."""
    arrays = [pa.array(list(columns[f.name]) if f.name in columns else [_blank(f)] * rows, f.type) for f in schema]
    with atomic_output(path) as stream:
        pq.write_table(pa.table(arrays, schema=schema), stream)


def write_items(path: UPath, night: Night, rows: int) -> None:
    columns = {
        "ordinal": range(rows),
        "item_id": [f"{night.ids}-{i}" for i in range(rows)],
        "flags": [["long"] if i % 10 == 0 else [] for i in range(rows)],
    }
    write_table(path, ITEM_SCHEMA, columns, rows)


def write_shard(run: RunFolder, night: Night, spec: ShardSpec, shard: Shard) -> None:
    """All files of one shard, as its load and settle leave them."""
    write_answers(run.part("answers", spec.number), night, spec, shard)
    write_unresolved(run.shard(spec.number).file("unresolved.parquet"), night, shard)
    _write_records(run, spec, shard)


def write_answers(path: UPath, night: Night, spec: ShardSpec, shard: Shard) -> None:
    rows = shard.answered + shard.repeats
    ids = [f"{night.ids}-{spec.start + i}" for i in range(shard.answered)]
    columns = {
        "item_id": ids + [f"{night.ids}-again-{i}" for i in range(shard.repeats)],
        "duplicate_of": [None] * shard.answered + [ids[i % len(ids)] for i in range(shard.repeats)],
        "sentiment": islice(cycle(night.sentiments), rows),
        "urgent": [i % 5 == 0 for i in range(rows)],
        "score": [i % 7 for i in range(rows)],
        "summary": [f"summary {i}" for i in range(rows)],
        "claude_lane": [shard.lane] * rows,
        "claude_model": ["claude-haiku-5-5"] * rows,
        "claude_input_tokens": [100] * shard.answered + [0] * shard.repeats,
        "claude_output_tokens": [10] * shard.answered + [0] * shard.repeats,
        "claude_cost_usd": [Decimal("0.001")] * shard.answered + [Decimal(0)] * shard.repeats,
    }
    write_table(path, ANSWER_SCHEMA, columns, rows)


def write_unresolved(path: UPath, night: Night, shard: Shard) -> None:
    outcomes = [outcome for outcome, n in shard.failed.items() for _ in range(n)]
    columns = {
        "item_id": [f"{night.ids}-left-{i}" for i in range(len(outcomes))],
        "outcome": outcomes,
        "reason": [f"{outcome}: {night.texts[0]}" for outcome in outcomes],
        "answer": islice(cycle(night.texts), len(outcomes)),
        "cost_usd": [Decimal("0.0005")] * len(outcomes),
    }
    write_table(path, pa.schema(UNRESOLVED_FIELDS), columns, len(outcomes))


def _specs(night: Night) -> list[ShardSpec]:
    specs, start = [], 0
    for number, shard in enumerate(night.shards):
        stop = start + shard.items
        specs.append(ShardSpec(number=number, start=start, stop=stop, bytes=1, fingerprint="f", lane=shard.lane))
        start = stop
    return specs


def _write_quarantine(path: UPath, night: Night) -> None:
    reasons = [reason for reason, n in night.quarantined.items() for _ in range(n)]
    columns = {
        "item_id": [f"{night.ids}-aside-{i}" for i in range(len(reasons))],
        "reason": reasons,
        "scan_layer": ["source" if reason in SOURCE_REASONS else "signatures" for reason in reasons],
        "detail": [f"It was set aside: {reason}." for reason in reasons],
        "flags": [["hidden text"] for _ in reasons],
        "lost_rows": [0] * len(reasons),
        "body": ["Hello, what follows is long"] * len(reasons),
        "scan_excerpt": islice(cycle(night.texts), len(reasons)),
    }
    write_table(path, QUARANTINE_SCHEMA, columns, len(reasons))


def _write_duplicates(path: UPath, night: Night, spec: ShardSpec, shard: Shard) -> None:
    originals = [spec.start + i % shard.items for i in range(shard.repeats)]
    columns = {
        "ordinal": originals,
        "item_id": [f"{night.ids}-again-{i}" for i in range(shard.repeats)],
        "duplicate_of": [f"{night.ids}-{original}" for original in originals],
    }
    write_table(path, pa.schema(DUPLICATE_FIELDS), columns, shard.repeats)


def _write_records(run: RunFolder, spec: ShardSpec, shard: Shard) -> None:
    folder, start = run.shard(spec.number), 2 + spec.number * 0.7
    intent = IntentRecord(
        attempt=1,
        job="j",
        shard_fingerprint=spec.fingerprint,
        round=1,
        fingerprint=spec.fingerprint,
        requests=spec.rows,
        bytes=1,
        at=at(start),
        until=at(start),
        model="claude-haiku-5-5",
        price=_PRICE,
        most_usd="0",
        most_each_usd="0",
    )
    write_record(folder.file("1.intent.json"), intent)
    write_record(
        folder.file("1.submitted.json"),
        SubmittedRecord(attempt=1, batch_id=f"msgbatch_{spec.number}", lane=shard.lane, created_at=at(start)),
    )
    write_record(
        folder.file("1.ended.json"),
        EndedRecord(attempt=1, batch_id=None, counts={}, created_at=at(start), ended_at=at(start + shard.minutes)),
    )
    write_record(
        folder.file("loaded.json"),
        LoadedRecord(
            shard=spec.number,
            shard_fingerprint=spec.fingerprint,
            round=1,
            rows=shard.items + shard.repeats,
            outcomes={"succeeded": shard.answered + shard.repeats, **shard.failed},
            unmatched={},
            count_mismatches=[],
            reused=0,
            tokens=TokenSums(),
            cost_usd="0",
            retried_usd="0",
            loaded_at=at(start + shard.minutes + 4),
        ),
    )


def _blank(column: pa.Field) -> Any:
    if column.nullable:
        return None
    if pa.types.is_list(column.type):
        return []
    if pa.types.is_timestamp(column.type):
        return MIDNIGHT
    if pa.types.is_boolean(column.type):
        return False
    return "" if pa.types.is_string(column.type) else 0
