"""The pieces a shard's answers come from: what it took from earlier runs, and the results of each round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.batch.answers import Judged, judge
from airflow_provider_claude.core.batch.attempt import Attempt, chain
from airflow_provider_claude.core.batch.outcomes import API_COUNTS, Outcome
from airflow_provider_claude.core.batch.requests import custom_id, id_start, index_of
from airflow_provider_claude.core.batch.rows import Sent
from airflow_provider_claude.core.batch.validate import Validator
from airflow_provider_claude.core.chunks import batched
from airflow_provider_claude.core.plan.prices import Usage
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.attempts import history
from airflow_provider_claude.stages.parquet import read_table
from airflow_provider_claude.stages.results import read_lines
from airflow_provider_claude.stages.reuse import read_taken
from airflow_provider_claude.store import ShardFolder, ShardSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from upath import UPath

#: Result lines that are judged and written together.
CHUNK_ROWS = 4_000


_UNASKED = "nobody has asked about this item yet"
_UNAFFORDABLE = Judged(
    "", Outcome.UNAFFORDABLE, Usage(), reason="the budget does not cover it; with a larger one it can be asked later"
)
_UNREADABLE = "the answer that was taken from an earlier run cannot be read"


@dataclass(kw_only=True)
class Piece:
    """Results of one origin. *places* are the places in the shard of the rows that were asked."""

    sent: Sent
    round: int
    places: NDArray[Any]
    hashes: pa.Array
    max_tokens: NDArray[Any] | None = None
    batch_ids: pa.Array | None = None

    def chunks(self, validate: Validator, strangers: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        """Each row with its judgement, many at a time; what belongs to no row is counted in *strangers*."""
        raise NotImplementedError

    def disagreements(self) -> list[str]:
        """Where the origin's own counts are not those of its results. Known after the last chunk."""
        return []

    def limits(self, rows: Iterable[int]) -> list[int | None]:
        return [None if self.max_tokens is None else int(self.max_tokens[row]) for row in rows]


@dataclass(kw_only=True)
class Taken(Piece):
    """Answers of earlier runs."""

    path: UPath

    def chunks(self, validate: Validator, strangers: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        row = 0
        for batch in read_taken(self.path, ["line"]):
            judged = [judge(line, validate) or _missing(_UNREADABLE) for line in batch["line"].to_pylist()]
            yield list(range(row, row + len(judged))), judged
            row += len(judged)


@dataclass(kw_only=True)
class Asked(Piece):
    """The results of one attempt. `seen` marks the rows that had a line."""

    shard: ShardFolder
    fingerprint: str

    def __post_init__(self) -> None:
        self._counts: Counter[Outcome] = Counter()

    def chunks(self, validate: Validator, strangers: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        if self.sent.lane == "store":
            return
        seen = bytearray(len(self.places))
        for lines in batched(read_lines(self.shard.results(self.sent.attempt)), CHUNK_ROWS):
            yield self._known(lines, seen, validate, strangers)
        for missing in batched((row for row, known in enumerate(seen) if not known), CHUNK_ROWS):
            names = (custom_id(self.fingerprint, row) for row in missing)
            yield missing, [_missing("the results hold no line about this request", name) for name in names]

    def _known(
        self, lines: list[bytes], seen: bytearray, validate: Validator, strangers: Counter[str]
    ) -> tuple[list[int], list[Judged]]:
        """The first result of each row, with its row; everything else is a stranger."""
        rows, known = [], []
        start, asked = id_start(self.fingerprint), len(seen)
        for line in lines:
            judged = judge(line, validate)
            row = index_of(judged.custom_id, start, asked) if judged else None
            if judged is None:
                strangers["unreadable"] += 1
            elif row is None:
                strangers["unknown"] += 1
            elif seen[row]:
                strangers["repeated"] += 1
            else:
                seen[row] = True
                rows.append(row)
                known.append(judged)
        self._counts.update([one.outcome for one in known])
        return rows, known

    def disagreements(self) -> list[str]:
        ended = self.shard.ended(self.sent.attempt)
        if ended is None:
            return []
        found: Counter[str] = Counter()
        for outcome, count in self._counts.items():
            found[API_COUNTS[outcome]] += count
        return [
            f"attempt {self.sent.attempt}: the API counted {ended.counts.get(name, 0):,} {name}, its results hold {found[name]:,}"
            for name in ("succeeded", "errored", "canceled", "expired")
            if ended.counts.get(name, 0) != found[name]
        ]


@dataclass(kw_only=True)
class Nowhere(Piece):
    """Rows that no attempt asks: theirs was let go, the answers they had are gone, or the budget does not cover them."""

    withheld: bool = False

    def chunks(self, validate: Validator, strangers: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        for rows in batched(range(len(self.places)), CHUNK_ROWS):
            yield rows, [_UNAFFORDABLE if self.withheld else _missing(_UNASKED)] * len(rows)


def pieces_of(shard: ShardFolder, spec: ShardSpec) -> list[Piece]:
    """All pieces of a shard whose results are here, in the order in which one replaces another."""
    found: list[Piece] = [*_taken(shard, spec, 1)]
    attempts = chain(history(shard), spec.fingerprint)
    for attempt in attempts:
        if attempt.collected or attempt.batch_id is None:
            found += _taken(shard, spec, attempt.round) if attempt.round > 1 else ()
            found.append(_asked(shard, attempt))
    covered = np.zeros(spec.rows, dtype=bool)
    for piece in found:
        covered[piece.places] = True
    rest = np.flatnonzero(~covered)
    if len(rest):
        nobody = Sent(lane="batch", batch_id=None, attempt=0)
        withheld = any((intent := shard.intent(one.number)) is not None and intent.withheld for one in attempts)
        piece = Nowhere(sent=nobody, round=0, places=rest, hashes=_no_hashes(len(rest)), withheld=withheld)
        found.insert(0, piece)
    return found


def _taken(shard: ShardFolder, spec: ShardSpec, of_round: int) -> Iterator[Taken]:
    path = shard.reused(spec.fingerprint, of_round)
    batches = list(read_taken(path, ["place", "request_hash", "max_tokens", "batch_id"]))
    if batches:
        table = pa.Table.from_batches(batches).combine_chunks()
        yield Taken(
            sent=Sent(lane="store", batch_id=None, attempt=0),
            round=of_round,
            places=table["place"].to_numpy(),
            hashes=table["request_hash"].chunk(0),
            max_tokens=table["max_tokens"].to_numpy(),
            batch_ids=table["batch_id"].chunk(0),
            path=path,
        )


def _asked(shard: ShardFolder, attempt: Attempt) -> Asked:
    number = attempt.number
    intent, submitted = shard.intent(number), shard.submitted(number)
    if intent is None or submitted is None:
        raise StateError(f"{shard}, attempt {number}: its records were removed while it was read.")
    table = read_table(shard.manifest(number), ["place", "request_hash", "max_tokens"]).combine_chunks()
    return Asked(
        sent=Sent(lane=submitted.lane, batch_id=submitted.batch_id, attempt=number),
        round=attempt.round,
        places=table["place"].to_numpy(),
        hashes=table["request_hash"].chunk(0) if len(table) else _no_hashes(0),
        max_tokens=table["max_tokens"].to_numpy(),
        shard=shard,
        fingerprint=intent.fingerprint,
    )


def _no_hashes(count: int) -> pa.Array:
    return pa.nulls(count, pa.binary(32))


def _missing(reason: str, name: str = "") -> Judged:
    return Judged(name, Outcome.MISSING, Usage(), reason=reason)
