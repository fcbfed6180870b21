"""Load: the results of a shard become typed answers with their provenance, and unresolved rows with their reasons.

Loading twice equals loading once: the files have the shard's number, are replaced whole, and come from the same
raw results. Resident are the shard's keys and one chunk of rows. Where an item was asked in several rounds, the last
one counts; what the others cost is kept.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import scalar
from airflow_provider_claude.core.consistency.returned_model import other_models
from airflow_provider_claude.core.load.answer_columns import answer_type
from airflow_provider_claude.core.load.answer_rows import Origin
from airflow_provider_claude.core.load.calibrated import Calibrated
from airflow_provider_claude.core.load.clean_answers import Cleaner
from airflow_provider_claude.core.load.prompt_leaks import PromptLeaks
from airflow_provider_claude.core.load.validate import Validator, validator_for, validator_of
from airflow_provider_claude.core.memory import many_rows
from airflow_provider_claude.core.progress import Seen, unseen
from airflow_provider_claude.core.scan.shape_limits import CONFIDENTIAL_WORD
from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.core.tables import UNRESOLVED_FIELDS, as_carried, source_name
from airflow_provider_claude.core.task_ref import NO_TASK, TaskRef
from airflow_provider_claude.errors import IncompleteError, PendingError, StateError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages.cost.budget import Budget
from airflow_provider_claude.stages.deadline.shard_cutoff import too_late
from airflow_provider_claude.stages.fetch import collect, download
from airflow_provider_claude.stages.load.merge_rounds import Loading
from airflow_provider_claude.stages.load.result_sources import result_sources_of
from airflow_provider_claude.store import (
    LoadedRecord,
    PlanRecord,
    ShardFolder,
    remove,
    write_record,
)
from airflow_provider_claude.store.attempts import history
from airflow_provider_claude.store.items import read_carried, read_duplicates
from airflow_provider_claude.store.parquet_files import parquet_writer
from airflow_provider_claude.store.planned_shard import PlannedShard, items_of

_log = logging.getLogger(__name__)

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


class Api(download.Api, Protocol):
    """What a load needs of the gateway."""


@many_rows()
def load(
    shard: ShardFolder,
    job: ClaudeJob,
    api: Api,
    *,
    task: TaskRef = NO_TASK,
    clock: Callable[[], str],
    seen: Seen = unseen,
) -> LoadedRecord:
    """Download the shard's results if necessary, check every row, and write its answers and unresolved rows.

    *seen* is given the number of rows that were written, many at a time.

    Raises StateError where the shard was not submitted or the job is not the planned one, PendingError where its batch
    has not ended, IncompleteError where its results are not whole yet, ApiUnavailableError where the API does not answer.
    """
    planned = PlannedShard.of(shard)
    api = api.of(planned.plan.account)
    validate = _validator(planned, job)
    _collect(planned, api, clock)
    remove(shard.file("loaded.json"))
    loading = Loading(
        origin=_origin(planned, task, clock()),
        validate=validate,
        spec=planned.spec,
        sources=result_sources_of(planned),
    )
    answers, models = shard.run.part("answers", shard.number), Counter[str]()
    with (
        parquet_writer(answers, loading.origin.answer_schema, distinct=_DISTINCT) as write_answers,
        parquet_writer(
            shard.file("unresolved.parquet"), pa.schema(UNRESOLVED_FIELDS), distinct=_DISTINCT
        ) as write_unresolved,
    ):
        for good, bad in loading.tables():
            if len(good):
                write_answers.write_table(good)
                models.update(_counts(good["claude_model"]))
            if len(bad):
                write_unresolved.write_table(bad)
            seen(len(good) + len(bad))
    record = loading.record(clock())
    _settle_budget(planned)
    write_record(shard.file("loaded.json"), record)
    _warn_of_models(planned, models)
    return record


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    return {one["values"]: one["counts"] for one in column.value_counts().to_pylist() if one["values"] is not None}


def _warn_of_models(shard: PlannedShard, answered: Counter[str]) -> None:
    """Say at once where another model than the one that the run asks has *answered*, by model, and how many rows."""
    if shard.run.is_probe:
        return
    plan = shard.plan
    for sentence in other_models(answered, asked=plan.job.model, stands_for=plan.model_id):
        _log.warning("Shard %d: %s", shard.number, sentence)


def _validator(shard: PlannedShard, job: ClaudeJob) -> Validator:
    """What checks the answers of *shard*: the output of *job*, or the schema of another job that a probe asks."""
    schema = shard.plan.job.answer_schema
    if job.schema == schema:
        return validator_for(job)
    if shard.run.is_probe:
        return validator_of(schema)
    raise StateError(
        f"The job's output is not the one that {shard.run.file('plan.json')} was made with. Its answers cannot be "
        "checked against another schema; clear the plan task to ask again, or restore the output."
    )


def _settle_budget(planned: PlannedShard) -> None:
    """Record in the budget, if there is one, what the loaded attempts have cost, or may have cost."""
    shard, work = planned.folder, planned.work
    budget = Budget.of(work, planned.plan)
    if budget is not None:
        past = history(shard)
        loaded = [attempt.number for attempt in planned.rounds() if not attempt.in_flight]
        paid = [one for one in map(shard.paid, loaded) if one is not None]
        usd = sum((one.at_most for one in paid), Decimal(0))
        budget.spent(work.name_of(shard), [*loaded, *_refused(shard, past)], f"{usd:f}")


def _refused(shard: ShardFolder, past: Sequence[Attempt]) -> list[int]:
    """The attempts that the API certainly did not carry out."""
    records = [(attempt.number, shard.voided(attempt.number)) for attempt in past if attempt.voided]
    return [number for number, record in records if record is not None and not record.paid]


def _collect(planned: PlannedShard, api: Api, clock: Callable[[], str]) -> None:
    """Download the first batch, which must have ended, and those of later rounds that have ended."""
    shard, work, attempts = planned.folder, planned.work, planned.rounds()
    abandoned = any(attempt.voided for attempt in planned.attempts())
    if not attempts and not abandoned:
        raise StateError(
            f"Shard {shard.number} has not been submitted as it is planned now; run its create task first."
        )
    for attempt in attempts:
        record = shard.submitted(attempt.number)
        try:
            if record is not None and record.lane != "store":
                collect.collect(shard, record, api, work, clock(), late=partial(too_late, shard, clock))
        except IncompleteError:
            raise
        except PendingError:
            if attempt.round == 1:
                raise


def first_in_flight(shard: ShardFolder) -> str | None:
    """The first batch of *shard*, as it is planned now, whose results are not downloaded; None where there is none."""
    return next((one.batch_id for one in PlannedShard.of(shard).rounds() if one.in_flight), None)


def _origin(shard: PlannedShard, task: TaskRef, now: str) -> Origin:
    """The rows have the ids and carried columns they have now: their requests may have been sent under other names."""
    plan, spec = shard.plan, shard.spec
    carry = read_carried(shard.run, shard.run.need_scan())
    names = ["ordinal", "item_id", "input_hash", "flags", *(one.name for one in carry)]
    items = pa.Table.from_batches(items_of(shard, names))
    return Origin(
        items=_renamed(items.drop_columns("flags")).combine_chunks(),
        quoting=_quoting(items["flags"].combine_chunks()),
        calibrated=calibrated_of(plan),
        votes=plan.has_votes,
        duplicates=_renamed(read_duplicates(shard.run, spec.start, spec.stop, carry)),
        carry=tuple(as_carried(carry)),
        answer_type=answer_type(plan.job.answer_schema),
        price=plan.price,
        prompt_leaks=PromptLeaks(plan.job),
        cleaner=Cleaner(plan.job.answer_schema),
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


def calibrated_of(plan: PlanRecord) -> Calibrated | None:
    """The column of the calibrated confidence, where *plan* names the field. The plan of a probe names none."""
    wanted = plan.consistency
    if wanted is None or wanted.calibrated_column is None or wanted.confidence_field is None:
        return None
    return Calibrated(wanted.calibrated_column, wanted.confidence_field, plan.curve)


def _quoting(flags: pa.Array) -> frozenset[int]:
    """The indexes of released items whose texts hold the confidential word, by their *flags*."""
    holds = pc.equal(pc.list_flatten(flags), scalar(CONFIDENTIAL_WORD, pa.string()))
    return frozenset(pc.list_parent_indices(flags).filter(holds).to_pylist())


def _renamed(table: pa.Table) -> pa.Table:
    """*table* with the names of the source for what is carried."""
    return table.rename_columns([source_name(name) for name in table.column_names])
