"""A landing: the pieces of a shard become its answers and leftovers, and the sums of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.cost.prices import to_usd
from airflow_provider_claude.core.cost.usages import Usages, share
from airflow_provider_claude.core.load.answer_rows import Origin, Rows, answer_rows, is_billed, leftover_rows
from airflow_provider_claude.core.load.answers import Judged
from airflow_provider_claude.core.load.prompt_leaks import CanaryError
from airflow_provider_claude.core.load.validate import Validator
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.stages.load.attempted import Piece
from airflow_provider_claude.store import LandedRecord, ShardSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNFIT = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError)


@dataclass
class _Chunk:
    """Some rows of a piece, with their judgements, what they used, and their costs in picodollars."""

    rows: NDArray[Any]
    judged: list[Judged]
    usage: Usages
    costs: NDArray[Any]

    def are(self, outcome: Outcome) -> NDArray[Any]:
        return np.fromiter((one.outcome is outcome for one in self.judged), "?", len(self.judged))

    def only(self, chosen: NDArray[Any]) -> _Chunk:
        if chosen.all():
            return self
        judged = list(compress(self.judged, chosen.tolist()))
        return _Chunk(self.rows[chosen], judged, self.usage.only(chosen), self.costs[chosen])


@dataclass
class Landing:
    """The running state of one landing: what rounds have made of each place, and the sums."""

    origin: Origin
    validate: Validator
    spec: ShardSpec
    pieces: Sequence[Piece]
    outcomes: Counter[str] = field(default_factory=Counter)
    strangers: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    picodollars: int = 0
    retried: int = 0
    again: int = 0
    reused: int = 0

    def __post_init__(self) -> None:
        self._tries = np.zeros(self.spec.rows, dtype="i4")
        self._invalid = np.zeros(self.spec.rows, dtype="i4")
        self._last = np.zeros(self.spec.rows, dtype="i4")
        self._lost = np.zeros(self.spec.rows, dtype=bool)
        self._asked_again = np.zeros(self.spec.rows, dtype=bool)
        for number, piece in enumerate(self.pieces):
            self._last[piece.places] = number

    def tables(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Answers and leftovers, a chunk at a time."""
        for number, piece in enumerate(self.pieces):
            self._tries[piece.places] += piece.round > 0
            if piece.sent.attempt:
                self._asked_again[piece.places[self._lost[piece.places]]] = True
            for rows, judged in piece.chunks(self.validate, self.strangers):
                yield self._split(number, np.array(rows, dtype="<i8"), self.origin.cleaner.clean(judged))
            self.disagreements += piece.disagreements()
            if (why := piece.incomplete()) is not None:
                self.incomplete.append(f"attempt {piece.sent.attempt}: {why}.")

    def _split(self, number: int, rows: NDArray[Any], judged: list[Judged]) -> tuple[pa.Table, pa.Table]:
        piece = self.pieces[number]
        chunk = self._spend(piece, rows, judged)
        self.again += sum(chunk.costs[self._lost[piece.places[rows]]].tolist())
        if piece.incomplete() is not None:
            self._lost[piece.places[rows[chunk.are(Outcome.MISSING)]]] = True
        alone = np.fromiter((one.of == 1 for one in chunk.judged), "?", len(chunk.judged))
        self._invalid[piece.places[rows[chunk.are(Outcome.INVALID) & alone]]] += 1
        last = self._last[piece.places[rows]] == number
        self.retried += sum(chunk.costs[~last].tolist())
        return self._tables(piece, chunk.only(last))

    def _spend(self, piece: Piece, rows: NDArray[Any], judged: list[Judged]) -> _Chunk:
        """What each row used and cost this run; counted whether or not a later round replaces it."""
        if piece.sent.lane == "store":
            return _Chunk(rows, judged, Usages.none(len(rows)), np.zeros(len(rows), dtype="<i8"))
        usage = Usages.of([one.usage for one in judged])
        billed = np.fromiter(map(is_billed, judged), "?", len(judged))
        costs = usage.picodollars(self.origin.price, lane=piece.sent.lane) * billed
        if piece.packed:
            places = np.fromiter((one.place for one in judged), "<i8", len(judged))
            of = np.fromiter((one.of for one in judged), "<i8", len(judged))
            usage, costs = usage.shared(places, of), share(costs, places, of)
        for name in ("input", "output", "cache_read", "cache_write"):
            self.tokens[name] += int(getattr(usage, name).sum())
        self.picodollars += sum(costs.tolist())  # of numpy's 64 bits a sum may be too many
        return _Chunk(rows, judged, usage, costs)

    def _tables(self, piece: Piece, chunk: _Chunk) -> tuple[pa.Table, pa.Table]:
        good = chunk.are(Outcome.SUCCEEDED)
        try:
            answers = answer_rows(self.origin, piece.sent, _answered(piece, chunk.only(good)))
        except CanaryError as error:
            chunk.judged = [self._unleaking(piece, chunk, place, error) for place in range(len(chunk.rows))]
            return self._tables(piece, chunk)
        except _UNFIT:
            chunk.judged = [self._fitting(piece, chunk, place) for place in range(len(chunk.rows))]
            good = chunk.are(Outcome.SUCCEEDED)
            answers = answer_rows(self.origin, piece.sent, _answered(piece, chunk.only(good)))
        leftovers = leftover_rows(self.origin, self._failed(piece, chunk.only(~good)))
        self.outcomes[str(Outcome.SUCCEEDED)] += len(answers)
        self.outcomes.update(leftovers["outcome"].to_pylist())
        self.reused += len(chunk.rows) if piece.sent.lane == "store" else 0
        return answers, leftovers

    def _failed(self, piece: Piece, bad: _Chunk) -> Rows:
        places = piece.places[bad.rows]
        return Rows(
            places=places,
            judged=bad.judged,
            usage=bad.usage,
            costs=bad.costs,
            max_tokens=piece.limits(bad.rows),
            tries=self._tries[places],
            invalid=self._invalid[places],
        )

    def _fitting(self, piece: Piece, chunk: _Chunk, place: int) -> Judged:
        """The judgement at *place*, or that as invalid where its values have no place in their columns."""
        one = chunk.judged[place]
        if one.outcome is not Outcome.SUCCEEDED:
            return one
        alone = np.arange(len(chunk.rows)) == place
        try:
            answer_rows(self.origin, piece.sent, _answered(piece, chunk.only(alone)))
        except CanaryError as error:
            return self._unleaking(piece, chunk, place, error)
        except _UNFIT as error:
            self._invalid[piece.places[chunk.rows[place]]] += one.of == 1
            return _invalid(one, f"a value does not fit its column: {error}")
        return one

    def _unleaking(self, piece: Piece, chunk: _Chunk, place: int, error: CanaryError) -> Judged:
        """The judgement at *place*, or that as invalid where its answer holds the canary."""
        one = chunk.judged[place]
        if one.answer is None or not self.origin.leaks(int(piece.places[chunk.rows[place]]), one.answer):
            return one
        self._invalid[piece.places[chunk.rows[place]]] += one.of == 1
        return _invalid(one, str(error))

    def record(self, shard: int, now: str) -> LandedRecord:
        return LandedRecord(
            shard=shard,
            root=self.spec.fingerprint,
            round=max((piece.round for piece in self.pieces if piece.sent.attempt), default=0),
            rows=self.outcomes.total(),
            outcomes=dict(+self.outcomes),
            strangers=dict(+self.strangers),
            disagreements=self.disagreements,
            reused=self.reused,
            tokens=dict(self.tokens),
            cost_usd=f"{to_usd(self.picodollars):f}",
            retried_usd=f"{to_usd(self.retried):f}",
            landed_at=now,
            incomplete=self.incomplete,
            asked_again=int(self._asked_again.sum()),
            asked_again_usd=f"{to_usd(self.again):f}",
        )


def _answered(piece: Piece, good: _Chunk) -> Rows:
    rows = pa.array(good.rows)
    return Rows(
        places=piece.places[good.rows],
        judged=good.judged,
        usage=good.usage,
        costs=good.costs,
        hashes=piece.hashes.take(rows),
        batch_ids=None if piece.batch_ids is None else piece.batch_ids.take(rows),
    )


def _invalid(one: Judged, reason: str) -> Judged:
    text = msgspec.json.encode(one.answer).decode()
    return msgspec.structs.replace(one, outcome=Outcome.INVALID, answer=None, reason=reason[:500], text=text)
