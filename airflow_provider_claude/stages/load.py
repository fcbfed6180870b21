"""Load: the results of a shard become typed answers with their provenance, and leftovers with their reasons.

Loading twice equals loading once: the files have the shard's number, are replaced whole, and come from the same
raw results. Resident are the shard's manifest and one chunk of rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress, islice
from typing import Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_claude.core.batch.answers import Judged, judge
from airflow_provider_claude.core.batch.columns import answer_type
from airflow_provider_claude.core.batch.outcomes import Outcome
from airflow_provider_claude.core.batch.requests import index_of
from airflow_provider_claude.core.batch.rows import Origin, answer_rows, leftover_rows
from airflow_provider_claude.core.batch.validate import Validator, validator_for
from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.plan.prices import Price, Usage, to_usd
from airflow_provider_claude.core.tables import LEFTOVER_FIELDS
from airflow_provider_claude.core.task import NO_TASK, TaskRef
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages.create import shard_spec
from airflow_provider_claude.stages.items import read_duplicates, read_items
from airflow_provider_claude.stages.results import Api, fetch, read_lines
from airflow_provider_claude.store import (
    LandedRecord,
    PlanRecord,
    ShardFolder,
    ShardSpec,
    SubmittedRecord,
    atomic_output,
    remove,
    write_record,
)

#: Result lines that are judged and written together.
CHUNK_ROWS = 4_000

_T = TypeVar("_T")

#: Columns with as many values as rows, for which a dictionary would only cost.
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


@lean_arrow()
def load(
    shard: ShardFolder, job: ClaudeJob, api: Api, *, task: TaskRef = NO_TASK, clock: Callable[[], str]
) -> LandedRecord:
    """Download the shard's results if need be, judge every row, and write its answers and leftovers.

    Raises StateError where the shard was not submitted or the job is not the planned one, ApiUnavailableError where
    its results are not there yet or broke off.
    """
    plan = shard.run.need_plan()
    spec = shard_spec(plan, shard.shard)
    if job.schema != plan.job["answer_schema"]:
        raise StateError(
            f"The job's output is not the one that {shard.run.file('plan.json')} was made with. Its answers cannot be "
            "checked against another schema; clear the plan task to ask again, or restore the output."
        )
    submitted = shard.submission(spec.fingerprint)
    if submitted is None:
        raise StateError(f"Shard {shard.shard} has not been submitted as it is planned now; run its create task first.")
    results = fetch(shard, submitted, api)
    remove(shard.file("landed.json"))
    landing = _Landing(
        origin=_origin(shard, plan, spec, submitted, task, clock()), validate=validator_for(job), spec=spec
    )
    answers = shard.run.part("answers", shard.shard)
    with (
        _writer(answers, landing.origin.answer_schema) as write_answers,
        _writer(shard.file("leftovers.parquet"), pa.schema(LEFTOVER_FIELDS)) as write_leftovers,
    ):
        for good, bad in landing.tables(read_lines(results)):
            write_answers(good)
            write_leftovers(bad)
    record = landing.record(shard.shard, submitted.attempt, clock())
    write_record(shard.file("landed.json"), record)
    return record


def _origin(
    shard: ShardFolder, plan: PlanRecord, spec: ShardSpec, submitted: SubmittedRecord, task: TaskRef, now: str
) -> Origin:
    carry = tuple(shard.run.need_scan().carry)
    return Origin(
        manifest=_manifest(shard, spec, submitted),
        duplicates=read_duplicates(shard.run, spec.start, spec.stop, carry),
        carry=carry,
        answer_type=answer_type(plan.job["answer_schema"]),
        price=msgspec.convert(plan.price, Price, strict=False),
        lane=submitted.lane,
        constants={
            "claude_batch_id": submitted.batch_id,
            "claude_attempt": submitted.attempt,
            "claude_prompt_hash": plan.prompt_hash,
            "claude_schema_hash": plan.schema_hash,
            "claude_dag_id": task.dag_id,
            "claude_run_id": task.run_id,
            "claude_task_id": task.task_id,
            "claude_map_index": task.map_index,
            "claude_loaded_at": datetime.fromisoformat(now),
        },
    )


def _manifest(shard: ShardFolder, spec: ShardSpec, submitted: SubmittedRecord) -> pa.Table:
    """What was asked, with the ids and carried columns that its rows have now.

    The same requests may have been sent for an earlier scan, whose rows had the same texts under other names.
    """
    path = shard.file(f"{submitted.attempt}.manifest.parquet")
    with path.fs.open(path.path, "rb") as stream, pq.ParquetFile(stream, pre_buffer=False) as part:
        sent = part.read(columns=["custom_id", "request_hash"], use_threads=False)
    scan = shard.run.need_scan()
    names = ["ordinal", "item_id", "input_hash", *scan.carry]
    rows = pa.Table.from_batches(read_items(shard.run, scan, spec.start, spec.stop, names)).combine_chunks()
    return rows.append_column("custom_id", sent["custom_id"]).append_column("request_hash", sent["request_hash"])


@dataclass
class _Landing:
    """The running state of one landing: which rows were seen, and the sums."""

    origin: Origin
    validate: Validator
    spec: ShardSpec
    seen: bytearray = field(init=False)
    outcomes: Counter[str] = field(default_factory=Counter)
    strangers: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    picodollars: int = 0

    def __post_init__(self) -> None:
        self.seen = bytearray(self.spec.rows)

    def tables(self, lines: Iterable[bytes]) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Answers and leftovers, a chunk at a time; last, the rows that no line was about."""
        for chunk in _chunks(lines):
            yield self._split(*self._known(chunk))
        for places in _chunks(index for index, seen in enumerate(self.seen) if not seen):
            yield self._split(places, [_missing(self.origin, index) for index in places])

    def _known(self, lines: list[bytes]) -> tuple[list[int], list[Judged]]:
        """The first result of each row of this shard, with its place; everything else is counted as a stranger."""
        places, known = [], []
        for line in lines:
            judged = judge(line, self.validate)
            index = index_of(judged.custom_id, self.spec.fingerprint, self.spec.rows) if judged else None
            if judged is None:
                self.strangers["unreadable"] += 1
            elif index is None:
                self.strangers["unknown"] += 1
            elif self.seen[index]:
                self.strangers["repeated"] += 1
            else:
                self.seen[index] = True
                places.append(index)
                known.append(judged)
        return places, known

    def _split(self, places: list[int], judged: list[Judged]) -> tuple[pa.Table, pa.Table]:
        try:
            answers = answer_rows(self.origin, *_only(places, judged, valid=True))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
            judged = [self._fitting(index, one) for index, one in zip(places, judged, strict=True)]
            answers = answer_rows(self.origin, *_only(places, judged, valid=True))
        leftovers = leftover_rows(self.origin, *_only(places, judged, valid=False))
        self._count(judged, answers, leftovers)
        return answers, leftovers

    def _fitting(self, index: int, one: Judged) -> Judged:
        """*one*, or its judgement as invalid where its values have no place in their columns."""
        if one.outcome is not Outcome.SUCCEEDED:
            return one
        try:
            answer_rows(self.origin, [index], [one])
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError) as error:
            return _invalid(one, f"a value does not fit its column: {error}")
        return one

    def _count(self, judged: list[Judged], answers: pa.Table, leftovers: pa.Table) -> None:
        self.outcomes[str(Outcome.SUCCEEDED)] += len(answers)
        self.outcomes.update(leftovers["outcome"].to_pylist())
        usage = [one.usage for one in judged]
        self.tokens["input"] += sum(one.input for one in usage)
        self.tokens["output"] += sum(one.output for one in usage)
        self.tokens["cache_read"] += sum(one.cache_read for one in usage)
        self.tokens["cache_write"] += sum(one.cache_write_5m + one.cache_write_1h for one in usage)
        self.picodollars += _picodollars(answers["claude_cost_usd"]) + _picodollars(leftovers["cost_usd"])

    def record(self, shard: int, attempt: int, now: str) -> LandedRecord:
        return LandedRecord(
            shard=shard,
            attempt=attempt,
            rows=self.outcomes.total(),
            outcomes=dict(+self.outcomes),
            strangers=dict(self.strangers),
            tokens=dict(self.tokens),
            cost_usd=f"{to_usd(self.picodollars):f}",
            landed_at=now,
        )


def _picodollars(usd: pa.ChunkedArray) -> int:
    """The sum of a column of costs; those of duplicates are zero."""
    total = pc.sum(usd).as_py()
    return 0 if total is None else int(total.scaleb(12))


def _missing(origin: Origin, index: int) -> Judged:
    custom_id = origin.manifest["custom_id"][index].as_py()
    return Judged(custom_id, Outcome.MISSING, Usage(), reason="the results hold no line about this request")


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


def _only(places: list[int], judged: list[Judged], *, valid: bool) -> tuple[list[int], list[Judged]]:
    """Those of *judged* that are valid answers, or those that are not, with their places."""
    chosen = [(one.outcome is Outcome.SUCCEEDED) is valid for one in judged]
    return list(compress(places, chosen)), list(compress(judged, chosen))


def _chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    values = iter(values)
    while chunk := list(islice(values, CHUNK_ROWS)):
        yield chunk


@contextmanager
def _writer(path: Any, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    dictionary = [name for name in schema.names if name not in _DISTINCT]
    with (
        atomic_output(path) as stream,
        pq.ParquetWriter(stream, schema, compression="zstd", use_dictionary=dictionary) as writer,
    ):
        yield writer.write_table
