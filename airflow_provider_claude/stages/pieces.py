"""The pieces a shard's answers come from: what it took from earlier runs, and the results of each round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.batch.answers import Judged, judge, read_head
from airflow_provider_claude.core.batch.attempt import Attempt, chain
from airflow_provider_claude.core.batch.outcomes import API_COUNTS, Outcome
from airflow_provider_claude.core.batch.packs import marks, read_elements, split
from airflow_provider_claude.core.batch.requests import custom_id, id_start, index_of
from airflow_provider_claude.core.batch.rows import Sent
from airflow_provider_claude.core.batch.validate import Validator
from airflow_provider_claude.core.chunks import batched
from airflow_provider_claude.core.plan.prices import Usage
from airflow_provider_claude.core.times import epoch
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


#: The same where a line holds many answers.
PACK_CHUNK = 200

_NO_LINE = "the results hold no line about this request"
_UNASKED = "nobody has asked about this item yet"
_UNAFFORDABLE = Judged(
    "", Outcome.UNAFFORDABLE, Usage(), reason="the budget does not cover it; with a larger one it can be asked later"
)
_UNREADABLE = "the answer that was taken from an earlier run cannot be read"


@dataclass(kw_only=True)
class Piece:
    """Results of one origin. *places* are the places in the shard of the rows that were asked. *packed*: several may share
    a request, and its usage.
    """

    sent: Sent
    round: int
    places: NDArray[Any]
    hashes: pa.Array
    max_tokens: NDArray[Any] | None = None
    batch_ids: pa.Array | None = None
    packed: bool = False

    def chunks(self, validate: Validator, strangers: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        """Each row with its judgement, many at a time; what belongs to no row is counted in *strangers*."""
        raise NotImplementedError

    def disagreements(self) -> list[str]:
        """Where the origin's own counts are not those of its results. Known after the last chunk."""
        return []

    def incomplete(self) -> str | None:
        """Why the results never came whole; None where they did."""
        return None

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
        looks = self.shard.looks(self.sent.attempt)
        self._looks = looks if looks is not None and looks.final else None

    def incomplete(self) -> str | None:
        if self._looks is None:
            return None
        minutes = max(round((epoch(self._looks.at) - epoch(self._looks.since)) / 60), 1)
        return (
            f"the results of batch {self._looks.batch_id} never came whole: {self._looks.why} "
            f"({self._looks.looks} looks in {minutes} min)"
        )

    def chunks(self, validate: Validator, strangers: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        if self.sent.lane == "store":
            return
        seen = bytearray(len(self.places))
        for lines in batched(read_lines(self.shard.results(self.sent.attempt)), CHUNK_ROWS):
            yield self._known(lines, seen, validate, strangers)
        for missing in batched((row for row, known in enumerate(seen) if not known), CHUNK_ROWS):
            names = (custom_id(self.fingerprint, row) for row in missing)
            yield missing, [_missing(self.incomplete() or _NO_LINE, name) for name in names]

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
class AskedInPacks(Asked):
    """The results of one attempt whose items share requests. *requests* is the request of each row."""

    requests: NDArray[Any]

    def __post_init__(self) -> None:
        super().__post_init__()
        self._bounds = np.flatnonzero(np.diff(self.requests, prepend=-1, append=-1)).tolist()

    def chunks(self, validate: Validator, strangers: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        """Each row with its judgement, which has the usage of its whole request."""
        asked = len(self._bounds) - 1
        seen, start = bytearray(max(asked, 0)), id_start(self.fingerprint)
        for lines in batched(read_lines(self.shard.results(self.sent.attempt)), PACK_CHUNK):
            rows: list[int] = []
            known: list[Judged] = []
            for line in lines:
                name, _ = read_head(line)
                request = index_of(name, start, asked)
                if request is not None and not seen[request]:
                    judged = self._judge(line, request, validate, strangers)
                    seen[request] = bool(judged)
                    rows += self._rows(request) if judged else ()
                    known += judged
                else:
                    strangers["unknown" if name and request is None else "repeated" if name else "unreadable"] += 1
            yield rows, known
        for missing in batched((request for request, one in enumerate(seen) if not one), PACK_CHUNK):
            yield self._missing(missing)

    def _rows(self, request: int) -> range:
        return range(self._bounds[request], self._bounds[request + 1])

    def _judge(self, line: bytes, request: int, validate: Validator, strangers: Counter[str]) -> list[Judged]:
        """What *line* says of each item of *request*; nothing where it is no result."""
        count = len(self._rows(request))
        whole = judge(line, validate if count == 1 else read_elements)
        if whole is None:
            strangers["unreadable"] += 1
            return []
        self._counts[whole.outcome] += 1
        if count == 1:
            return [whole]
        parts = split(whole, marks(self.fingerprint, request, count), validate)
        strangers["foreign"] += parts.foreign
        return parts.judged

    def _missing(self, requests: list[int]) -> tuple[list[int], list[Judged]]:
        rows: list[int] = []
        judged: list[Judged] = []
        for request in requests:
            mine = self._rows(request)
            one = _missing(self.incomplete() or _NO_LINE, custom_id(self.fingerprint, request))
            rows += mine
            judged += [msgspec.structs.replace(one, place=place, of=len(mine)) for place in range(len(mine))]
        return rows, judged


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
    packed = intent.pack > 1 and submitted.lane != "store"
    columns = ["place", "request_hash", "max_tokens", *(["pack_number"] if packed else [])]
    table = read_table(shard.manifest(number), columns).combine_chunks()
    return (AskedInPacks if packed else Asked)(
        sent=Sent(lane=submitted.lane, batch_id=submitted.batch_id, attempt=number),
        round=attempt.round,
        places=table["place"].to_numpy(),
        hashes=table["request_hash"].chunk(0) if len(table) else _no_hashes(0),
        max_tokens=table["max_tokens"].to_numpy(),
        shard=shard,
        fingerprint=intent.fingerprint,
        **({"requests": table["pack_number"].to_numpy(), "packed": True} if packed else {}),
    )


def _no_hashes(count: int) -> pa.Array:
    return pa.nulls(count, pa.binary(32))


def _missing(reason: str, name: str = "") -> Judged:
    return Judged(name, Outcome.MISSING, Usage(), reason=reason)
