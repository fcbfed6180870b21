"""The result sources of a shard become its answers and unresolved rows, and the sums of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.arrays import number_array
from airflow_provider_claude.core.cost.prices import to_usd
from airflow_provider_claude.core.cost.usage_columns import Usages
from airflow_provider_claude.core.load.answer_rows import Origin, Rows, answer_rows, unresolved_rows
from airflow_provider_claude.core.load.answers import Judged
from airflow_provider_claude.core.load.prompt_leaks import CanaryError
from airflow_provider_claude.core.load.row_costs import row_costs
from airflow_provider_claude.core.load.validate import Validator
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.stages.load.attempted import ResultSource
from airflow_provider_claude.store import LoadedRecord, ShardSpec, TokenSums

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNFIT = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError)


@dataclass
class _Chunk:
    """Some rows of a source, with their judgements, what they used, and their costs in picodollars."""

    rows: NDArray[Any]
    judged: list[Judged]
    usage: Usages
    costs: NDArray[Any]

    def are(self, outcome: Outcome) -> NDArray[Any]:
        outcomes = [one.outcome for one in self.judged]
        found = outcomes.count(outcome)
        if found in {0, len(outcomes)}:
            return np.full(len(outcomes), found > 0)
        return np.array([one is outcome for one in outcomes])

    def only(self, chosen: NDArray[Any]) -> _Chunk:
        if chosen.all():
            return self
        judged = list(compress(self.judged, chosen.tolist()))
        return _Chunk(self.rows[chosen], judged, self.usage.only(chosen), self.costs[chosen])


@dataclass
class Loading:
    """The running state of one load: the last round of each index, and the sums."""

    origin: Origin
    validate: Validator
    spec: ShardSpec
    sources: Sequence[ResultSource]
    outcomes: Counter[str] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    count_mismatches: list[str] = field(default_factory=list)
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
        for number, source in enumerate(self.sources):
            self._last[source.indexes] = number

    def tables(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Answers and unresolved rows, one chunk at a time."""
        for number, source in enumerate(self.sources):
            self._tries[source.indexes] += source.round > 0
            if source.sent.attempt:
                self._asked_again[source.indexes[self._lost[source.indexes]]] = True
            for rows, judged in source.chunks(self.validate, self.unmatched):
                yield self._split(number, np.array(rows, dtype="<i8"), self.origin.cleaner.clean(judged))
            self.count_mismatches += source.count_mismatches()
            if (why := source.incomplete()) is not None:
                self.incomplete.append(f"attempt {source.sent.attempt}: {why}.")

    def _split(self, number: int, rows: NDArray[Any], judged: list[Judged]) -> tuple[pa.Table, pa.Table]:
        source = self.sources[number]
        chunk = self._spend(source, rows, judged)
        self.again += sum(chunk.costs[self._lost[source.indexes[rows]]].tolist())
        if source.incomplete() is not None:
            self._lost[source.indexes[rows[chunk.are(Outcome.MISSING)]]] = True
        invalid = chunk.are(Outcome.INVALID)
        if invalid.any():
            alone = np.fromiter((one.of == 1 for one in chunk.judged), "?", len(chunk.judged))
            self._invalid[source.indexes[rows[invalid & alone]]] += 1
        last = self._last[source.indexes[rows]] == number
        self.retried += sum(chunk.costs[~last].tolist())
        return self._tables(source, chunk.only(last))

    def _spend(self, source: ResultSource, rows: NDArray[Any], judged: list[Judged]) -> _Chunk:
        """What each row used and cost this run; counted whether or not a later round replaces it."""
        usage, costs = row_costs(judged, self.origin.price, lane=source.sent.lane, packed=source.packed)
        for name in ("input", "output", "cache_read", "cache_write"):
            self.tokens[name] += int(getattr(usage, name).sum())
        self.picodollars += sum(costs.tolist())  # of numpy's 64 bits a sum may be too many
        return _Chunk(rows, judged, usage, costs)

    def _tables(self, source: ResultSource, chunk: _Chunk) -> tuple[pa.Table, pa.Table]:
        good = chunk.are(Outcome.SUCCEEDED)
        try:
            answers = answer_rows(self.origin, source.sent, _answered(source, chunk.only(good)))
        except CanaryError as error:
            chunk.judged = [self._unleaking(source, chunk, index, error) for index in range(len(chunk.rows))]
            return self._tables(source, chunk)
        except _UNFIT:
            chunk.judged = [self._fitting(source, chunk, index) for index in range(len(chunk.rows))]
            good = chunk.are(Outcome.SUCCEEDED)
            answers = answer_rows(self.origin, source.sent, _answered(source, chunk.only(good)))
        unresolved = unresolved_rows(self.origin, self._failed(source, chunk.only(~good)))
        self.outcomes[str(Outcome.SUCCEEDED)] += len(answers)
        self.outcomes.update(unresolved["outcome"].to_pylist())
        self.reused += len(chunk.rows) if source.sent.lane == "store" else 0
        return answers, unresolved

    def _failed(self, source: ResultSource, bad: _Chunk) -> Rows:
        indexes = source.indexes[bad.rows]
        return Rows(
            indexes=indexes,
            judged=bad.judged,
            usage=bad.usage,
            costs=bad.costs,
            max_tokens=source.limits(bad.rows),
            tries=self._tries[indexes],
            invalid=self._invalid[indexes],
        )

    def _fitting(self, source: ResultSource, chunk: _Chunk, index: int) -> Judged:
        """The judgement at *index*, or an invalid one where its values do not fit their columns."""
        one = chunk.judged[index]
        if one.outcome is not Outcome.SUCCEEDED:
            return one
        alone = np.arange(len(chunk.rows)) == index
        try:
            answer_rows(self.origin, source.sent, _answered(source, chunk.only(alone)))
        except CanaryError as error:
            return self._unleaking(source, chunk, index, error)
        except _UNFIT as error:
            self._invalid[source.indexes[chunk.rows[index]]] += one.of == 1
            return _invalid(one, f"a value does not fit its column: {error}")
        return one

    def _unleaking(self, source: ResultSource, chunk: _Chunk, index: int, error: CanaryError) -> Judged:
        """The judgement at *index*, or an invalid one where its answer holds the canary."""
        one = chunk.judged[index]
        if one.answer is None or not self.origin.leaks(int(source.indexes[chunk.rows[index]]), one.answer):
            return one
        self._invalid[source.indexes[chunk.rows[index]]] += one.of == 1
        return _invalid(one, str(error))

    def record(self, now: str) -> LoadedRecord:
        return LoadedRecord(
            shard=self.spec.number,
            shard_fingerprint=self.spec.fingerprint,
            round=max((source.round for source in self.sources if source.sent.attempt), default=0),
            rows=self.outcomes.total(),
            outcomes=dict(+self.outcomes),
            unmatched=dict(+self.unmatched),
            count_mismatches=self.count_mismatches,
            reused=self.reused,
            tokens=TokenSums(**self.tokens),
            cost_usd=f"{to_usd(self.picodollars):f}",
            retried_usd=f"{to_usd(self.retried):f}",
            loaded_at=now,
            incomplete=self.incomplete,
            asked_again=int(self._asked_again.sum()),
            asked_again_usd=f"{to_usd(self.again):f}",
        )


def _answered(source: ResultSource, good: _Chunk) -> Rows:
    rows = number_array(good.rows, pa.int64())
    return Rows(
        indexes=source.indexes[good.rows],
        judged=good.judged,
        usage=good.usage,
        costs=good.costs,
        hashes=source.hashes.take(rows),
        batch_ids=None if source.batch_ids is None else source.batch_ids.take(rows),
    )


def _invalid(one: Judged, reason: str) -> Judged:
    text = msgspec.json.encode(one.answer).decode()
    return msgspec.structs.replace(one, outcome=Outcome.INVALID, answer=None, reason=reason[:500], text=text)
