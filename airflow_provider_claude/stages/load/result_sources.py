"""The sources of a shard's answers: reused answers of earlier runs, and the results of each round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.arrays import numbers_of
from airflow_provider_claude.core.chunks import batched
from airflow_provider_claude.core.cost.prices import Usage
from airflow_provider_claude.core.load.answer_rows import Sent
from airflow_provider_claude.core.load.answers import Judged, judge
from airflow_provider_claude.core.load.validate import Validator
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.cost.spent import Bill
from airflow_provider_claude.stages.load.attempted import CHUNK_ROWS, Attempted, AttemptedInPacks, ResultSource, missing
from airflow_provider_claude.stages.requests.reuse import read_reused
from airflow_provider_claude.store import ShardFolder
from airflow_provider_claude.store.parquet_files import read_table
from airflow_provider_claude.store.planned_shard import PlannedShard

if TYPE_CHECKING:
    from upath import UPath

_UNREQUESTED = "this item has not been asked yet"
_UNAFFORDABLE = Judged(
    "", Outcome.UNAFFORDABLE, Usage(), reason="the budget does not cover it; with a larger one it can be asked later"
)
_UNREADABLE = "the reused answer of an earlier run cannot be read"


@dataclass(kw_only=True)
class Reused(ResultSource):
    """Answers of earlier runs."""

    path: UPath

    def chunks(self, validate: Validator, unmatched: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        row = 0
        for batch in read_reused(self.path, ["line"]):
            judged = [judge(line, validate) or missing(_UNREADABLE) for line in batch["line"].to_pylist()]
            yield list(range(row, row + len(judged))), judged
            row += len(judged)


@dataclass(kw_only=True)
class Unrequested(ResultSource):
    """Rows without an attempt: theirs was abandoned, their reused answers are gone, or the budget does not cover them."""

    withheld: bool = False

    def chunks(self, validate: Validator, unmatched: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        for rows in batched(range(len(self.indexes)), CHUNK_ROWS):
            yield rows, [_UNAFFORDABLE if self.withheld else missing(_UNREQUESTED)] * len(rows)


def result_sources_of(shard: PlannedShard) -> list[ResultSource]:
    """All sources of a shard whose results are downloaded, in the order in which one replaces another."""
    found: list[ResultSource] = [*_reused(shard, 1)]
    attempts = shard.rounds()
    for attempt in attempts:
        if attempt.collected or attempt.batch_id is None:
            found += _reused(shard, attempt.round) if attempt.round > 1 else ()
            found.append(_attempted(shard.folder, attempt))
    covered = np.zeros(shard.spec.rows, dtype=bool)
    for source in found:
        covered[source.indexes] = True
    rest = np.flatnonzero(~covered)
    if len(rest):
        unsent = Sent(lane="batch", batch_id=None, attempt=0)
        withheld = any((intent := shard.folder.intent(one.number)) is not None and intent.withheld for one in attempts)
        source = Unrequested(sent=unsent, round=0, indexes=rest, hashes=_no_hashes(len(rest)), withheld=withheld)
        found.insert(0, source)
    return found


def _reused(shard: PlannedShard, of_round: int) -> Iterator[Reused]:
    path = shard.folder.reused(shard.fingerprint, of_round)
    batches = list(read_reused(path, ["index", "request_hash", "max_tokens", "batch_id"]))
    if batches:
        table = pa.Table.from_batches(batches).combine_chunks()
        yield Reused(
            sent=Sent(lane="store", batch_id=None, attempt=0),
            round=of_round,
            indexes=numbers_of(table["index"]),
            hashes=table["request_hash"].chunk(0),
            max_tokens=numbers_of(table["max_tokens"]),
            batch_ids=table["batch_id"].chunk(0),
            path=path,
        )


def _attempted(shard: ShardFolder, attempt: Attempt) -> Attempted:
    number = attempt.number
    intent, submitted = shard.intent(number), shard.submitted(number)
    if intent is None or submitted is None:
        raise StateError(f"{shard}, attempt {number}: its records were removed while it was read.")
    packed = intent.pack > 1 and submitted.lane != "store"
    columns = ["index", "request_hash", "max_tokens", *(["pack_number"] if packed else [])]
    table = read_table(shard.manifest(number), columns).combine_chunks()
    more: dict[str, Any] = {"requests": numbers_of(table["pack_number"]), "packed": True} if packed else {}
    return (AttemptedInPacks if packed else Attempted)(
        sent=Sent(lane=submitted.lane, batch_id=submitted.batch_id, attempt=number),
        round=attempt.round,
        indexes=numbers_of(table["index"]),
        hashes=table["request_hash"].chunk(0) if len(table) else _no_hashes(0),
        max_tokens=numbers_of(table["max_tokens"]),
        shard=shard,
        fingerprint=intent.fingerprint,
        bill=Bill(shard, intent),
        **more,
    )


def _no_hashes(count: int) -> pa.Array:
    return pa.nulls(count, pa.binary(32))
