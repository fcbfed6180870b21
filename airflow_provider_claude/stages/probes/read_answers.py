"""The answers of a probe, and those of its run to the same items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.consistency.comparable import Answers, NoAnswer
from airflow_provider_claude.core.consistency.vote import Ballot
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.tables import VOTES
from airflow_provider_claude.store import PlanRecord, RunFolder, exists
from airflow_provider_claude.store.parquet_files import read_batches, read_schema, read_table
from airflow_provider_claude.store.planned_shard import PlannedShard

if TYPE_CHECKING:
    from upath import UPath

_ROWS = 32_768

#: How a row ends that the model was asked, and to which it gave no valid answer.
_BY_THE_MODEL = frozenset({Outcome.REFUSED, Outcome.TRUNCATED, Outcome.INVALID})


def probe_named(run: RunFolder, plan: PlanRecord, name: str) -> RunFolder | None:
    """The probe of *plan* whose name begins with *name*; None where it has none."""
    return next((run.probe(one) for one in plan.probes if one.startswith(f"{name}-")), None)


def answers_in(parts: Sequence[UPath], fields: Sequence[str], only: Sequence[str] | None = None) -> Answers:
    """The first answers in *parts* by item, *fields* of them: those of *only*, or all. Where a vote has put another one in its
    place, what can be compared of the first is read from the vote.
    """
    wanted = None if only is None else array(only, pa.string())
    return {row.pop("item_id"): _first(row) for batch in _batches(parts, fields, wanted) for row in batch.to_pylist()}


def _first(row: dict[str, Any]) -> dict[str, Any]:
    """*row* with what the model answered first, without the column of votes."""
    votes = row.pop(VOTES.name, None)
    if votes is None:
        return row
    known = msgspec.json.decode(votes, type=Ballot).answers[0]
    return {name: known.get(name, value) for name, value in row.items()}


def answers_of(shard: PlannedShard, fields: Sequence[str]) -> Answers:
    """The answers to the items of *shard*; NoAnswer in all *fields* of those that the model was asked and did not answer validly.
    Those that it was not asked, or whose answer did not come, are in none.
    """
    answers = answers_in([shard.run.part("answers", shard.number)], fields)
    unresolved = shard.folder.file("unresolved.parquet")
    rows = read_table(unresolved, ["item_id", "outcome"]).to_pylist() if exists(unresolved) else []
    failed = {row["item_id"]: NoAnswer(row["outcome"]) for row in rows if row["outcome"] in _BY_THE_MODEL}
    return {**answers, **{item: dict.fromkeys(fields, why) for item, why in failed.items()}}


def _batches(parts: Sequence[UPath], fields: Sequence[str], wanted: pa.Array | None) -> Iterator[pa.RecordBatch]:
    for part in parts:
        if exists(part):
            votes = [VOTES.name] if VOTES.name in read_schema(part).names else []
            for batch in read_batches(part, _ROWS, ["item_id", *fields, *votes]):
                yield batch if wanted is None else batch.filter(pc.is_in(batch["item_id"], wanted))
