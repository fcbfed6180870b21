"""Load: the results of a shard become typed answers with their provenance, and leftovers with their reasons.

Loading twice equals loading once: the files have the shard's number, are replaced whole, and come from the same
raw results. Resident are the shard's keys and one chunk of rows. Where an item was asked in several rounds, the last
one counts; what the others cost is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress
from typing import Protocol

import msgspec
import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.batch.answers import Judged
from airflow_provider_claude.core.batch.attempt import chain
from airflow_provider_claude.core.batch.columns import answer_type
from airflow_provider_claude.core.batch.outcomes import Outcome
from airflow_provider_claude.core.batch.rows import Origin, Rows, answer_rows, is_billed, leftover_rows
from airflow_provider_claude.core.batch.validate import Validator, validator_for
from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.plan.prices import Price, to_usd
from airflow_provider_claude.core.tables import LEFTOVER_FIELDS
from airflow_provider_claude.core.task import NO_TASK, TaskRef
from airflow_provider_claude.errors import PendingError, StateError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages import results
from airflow_provider_claude.stages.attempts import history
from airflow_provider_claude.stages.create import shard_spec, work_of
from airflow_provider_claude.stages.items import read_duplicates, read_items
from airflow_provider_claude.stages.parquet import parquet_writer
from airflow_provider_claude.stages.pieces import Piece, pieces_of
from airflow_provider_claude.store import (
    LandedRecord,
    PlanRecord,
    ShardFolder,
    ShardSpec,
    remove,
    write_record,
)

#: Columns with as many values as rows.
_DISTINCT = frozenset(
    {
        "item_id",
        "custom_id",
        "claude_custom_id",
        "claude_message_id",
        "claude_input_hash",
        "claude_request_hash",
    }
)

_UNFIT = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError)


class Api(results.Api, Protocol):
    """What landing needs of the gateway."""


@lean_arrow()
def load(
    shard: ShardFolder, job: ClaudeJob, api: Api, *, task: TaskRef = NO_TASK, clock: Callable[[], str]
) -> LandedRecord:
    """Download the shard's results if need be, judge every row, and write its answers and leftovers.

    Raises StateError where the shard was not submitted or the job is not the planned one, PendingError where its batch
    has not ended, ApiUnavailableError where its results are not there yet or keep breaking off.
    """
    plan = shard.run.need_plan()
    spec = shard_spec(plan, shard.shard)
    if job.schema != plan.job["answer_schema"]:
        raise StateError(
            f"The job's output is not the one that {shard.run.file('plan.json')} was made with. Its answers cannot be "
            "checked against another schema; clear the plan task to ask again, or restore the output."
        )
    _collect(shard, spec, plan, api, clock)
    remove(shard.file("landed.json"))
    landing = _Landing(
        origin=_origin(shard, plan, spec, task, clock()),
        validate=validator_for(job),
        spec=spec,
        pieces=pieces_of(shard, spec),
    )
    answers = shard.run.part("answers", shard.shard)
    with (
        parquet_writer(answers, landing.origin.answer_schema, distinct=_DISTINCT) as write_answers,
        parquet_writer(
            shard.file("leftovers.parquet"), pa.schema(LEFTOVER_FIELDS), distinct=_DISTINCT
        ) as write_leftovers,
    ):
        for good, bad in landing.tables():
            write_answers.write_table(good)
            write_leftovers.write_table(bad)
    record = landing.record(shard.shard, clock())
    write_record(shard.file("landed.json"), record)
    return record


def _collect(shard: ShardFolder, spec: ShardSpec, plan: PlanRecord, api: Api, clock: Callable[[], str]) -> None:
    """Fetch what has ended: the first batch, or there is nothing to land, and those of later rounds if they can be."""
    past, work = history(shard), work_of(shard, plan)
    attempts = chain(past, spec.fingerprint)
    let_go = any(attempt.released for attempt in past if attempt.root == spec.fingerprint)
    if not attempts and not let_go:
        raise StateError(f"Shard {shard.shard} has not been submitted as it is planned now; run its create task first.")
    for attempt in attempts:
        record = shard.submitted(attempt.number)
        try:
            if record is not None and record.lane != "store":
                results.collect(shard, record, api, work, clock())
        except PendingError:
            if attempt.round == 1:
                raise


def _origin(shard: ShardFolder, plan: PlanRecord, spec: ShardSpec, task: TaskRef, now: str) -> Origin:
    """The rows have the ids and carried columns they have now: their requests may have been sent under other names."""
    scan = shard.run.need_scan()
    carry = tuple(scan.carry)
    names = ["ordinal", "item_id", "input_hash", *carry]
    return Origin(
        items=pa.Table.from_batches(read_items(shard.run, scan, spec.start, spec.stop, names)).combine_chunks(),
        duplicates=read_duplicates(shard.run, spec.start, spec.stop, carry),
        carry=carry,
        answer_type=answer_type(plan.job["answer_schema"]),
        price=msgspec.convert(plan.price, Price, strict=False),
        constants={
            "claude_prompt_hash": plan.prompt_hash,
            "claude_schema_hash": plan.schema_hash,
            "claude_dag_id": task.dag_id,
            "claude_run_id": task.run_id,
            "claude_task_id": task.task_id,
            "claude_map_index": task.map_index,
            "claude_loaded_at": datetime.fromisoformat(now),
        },
    )


@dataclass
class _Chunk:
    """Some rows of a piece, with their judgements and costs in picodollars."""

    rows: list[int]
    judged: list[Judged]
    costs: list[int]

    def only(self, chosen: list[bool]) -> _Chunk:
        if all(chosen):
            return self
        rows, judged, costs = compress(self.rows, chosen), compress(self.judged, chosen), compress(self.costs, chosen)
        return _Chunk(list(rows), list(judged), list(costs))


@dataclass
class _Landing:
    """The running state of one landing: what rounds have made of each place, and the sums."""

    origin: Origin
    validate: Validator
    spec: ShardSpec
    pieces: Sequence[Piece]
    outcomes: Counter[str] = field(default_factory=Counter)
    strangers: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)
    picodollars: int = 0
    retried: int = 0
    reused: int = 0

    def __post_init__(self) -> None:
        self._tries = np.zeros(self.spec.rows, dtype="i4")
        self._invalid = np.zeros(self.spec.rows, dtype="i4")
        self._last = np.zeros(self.spec.rows, dtype="i4")
        for number, piece in enumerate(self.pieces):
            self._last[piece.places] = number

    def tables(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Answers and leftovers, a chunk at a time."""
        for number, piece in enumerate(self.pieces):
            self._tries[piece.places] += piece.round > 0 or piece.sent.lane == "store"
            for places, judged in piece.chunks(self.validate, self.strangers):
                yield self._split(number, places, judged)
            self.disagreements += piece.disagreements()

    def _split(self, number: int, rows: list[int], judged: list[Judged]) -> tuple[pa.Table, pa.Table]:
        piece = self.pieces[number]
        chunk = _Chunk(rows, judged, self._spend(piece, judged))
        invalid = list(compress(rows, [one.outcome is Outcome.INVALID for one in judged]))
        self._invalid[piece.places[invalid]] += 1
        last = (self._last[piece.places[rows]] == number).tolist()
        if not all(last):
            self.retried += sum(compress(chunk.costs, [not one for one in last]))
            chunk = chunk.only(last)
        return self._tables(piece, chunk)

    def _spend(self, piece: Piece, judged: list[Judged]) -> list[int]:
        """What each row cost this run, in picodollars; counted whether or not a later round replaces it."""
        if piece.sent.lane == "store":
            return [0] * len(judged)
        price = {}
        for usage, rows in Counter([one.usage for one in judged]).items():
            price[usage] = self.origin.price.picodollars(usage, lane=piece.sent.lane)
            self.tokens["input"] += usage.input * rows
            self.tokens["output"] += usage.output * rows
            self.tokens["cache_read"] += usage.cache_read * rows
            self.tokens["cache_write"] += (usage.cache_write_5m + usage.cache_write_1h) * rows
        costs = [price[one.usage] if is_billed(one) else 0 for one in judged]
        self.picodollars += sum(costs)
        return costs

    def _tables(self, piece: Piece, chunk: _Chunk) -> tuple[pa.Table, pa.Table]:
        try:
            answers = answer_rows(self.origin, piece.sent, self._answered(piece, chunk))
        except _UNFIT:
            chunk.judged = [self._fitting(piece, chunk, place) for place in range(len(chunk.rows))]
            answers = answer_rows(self.origin, piece.sent, self._answered(piece, chunk))
        leftovers = leftover_rows(self.origin, self._failed(piece, chunk))
        self.outcomes[str(Outcome.SUCCEEDED)] += len(answers)
        self.outcomes.update(leftovers["outcome"].to_pylist())
        self.reused += len(chunk.rows) if piece.sent.lane == "store" else 0
        return answers, leftovers

    def _answered(self, piece: Piece, chunk: _Chunk) -> Rows:
        good = chunk.only([one.outcome is Outcome.SUCCEEDED for one in chunk.judged])
        rows = pa.array(good.rows, pa.int64())
        return Rows(
            places=piece.places[good.rows],
            judged=good.judged,
            costs=good.costs,
            hashes=piece.hashes.take(rows),
            batch_ids=None if piece.batch_ids is None else piece.batch_ids.take(rows),
        )

    def _failed(self, piece: Piece, chunk: _Chunk) -> Rows:
        bad = chunk.only([one.outcome is not Outcome.SUCCEEDED for one in chunk.judged])
        places = piece.places[bad.rows]
        return Rows(
            places=places,
            judged=bad.judged,
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
        alone = _Chunk([chunk.rows[place]], [one], [chunk.costs[place]])
        try:
            answer_rows(self.origin, piece.sent, self._answered(piece, alone))
        except _UNFIT as error:
            self._invalid[piece.places[chunk.rows[place]]] += 1
            return _invalid(one, f"a value does not fit its column: {error}")
        return one

    def record(self, shard: int, now: str) -> LandedRecord:
        return LandedRecord(
            shard=shard,
            root=self.spec.fingerprint,
            round=max((piece.round for piece in self.pieces), default=0),
            rows=self.outcomes.total(),
            outcomes=dict(+self.outcomes),
            strangers=dict(+self.strangers),
            disagreements=self.disagreements,
            reused=self.reused,
            tokens=dict(self.tokens),
            cost_usd=f"{to_usd(self.picodollars):f}",
            retried_usd=f"{to_usd(self.retried):f}",
            landed_at=now,
        )


def _invalid(one: Judged, reason: str) -> Judged:
    return Judged(
        one.custom_id,
        Outcome.INVALID,
        one.usage,
        one.message_id,
        one.model,
        one.stop_reason,
        None,
        reason[:500],
        msgspec.json.encode(one.answer).decode(),
    )
