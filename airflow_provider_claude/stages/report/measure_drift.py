"""How the answers of a run are distributed beside those of earlier runs of its group, and its record for later runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from airflow_provider_claude.core.consistency.drift import MOST_NIGHTS, Drift, drift
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.times import parse_time
from airflow_provider_claude.extras import missing
from airflow_provider_claude.stages.probes.earlier_runs import is_other
from airflow_provider_claude.store import LabelsRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.work_of import group_of, work_of

#: Runs that are looked at, to find enough of the same part of the week, each day once.
_RUNS = 90

_SATURDAY = 5

#: What is compared beside the labels, named as no field of an output can be.
OUTCOME, LENGTH = "claude_outcome", "claude_output_tokens"


def other_runs(run: RunFolder, plan: PlanRecord) -> list[LabelsRecord]:
    """How the answers of the last accepted runs of the group of *run* are distributed, newest first, without its own day."""
    found = work_of(run, plan).labels(group_of(run, plan), _RUNS)
    return [one for one in found if is_other(one, plan)]


def drifts(others: Sequence[LabelsRecord], plan: PlanRecord, summary: Summary) -> list[Drift]:
    """The drift of each column of labels, of how rows ended, and of how long answers are, in *summary* against *others* on the
    same part of the week. Empty where there are too few of them, or the extra `consistency` is not installed.
    """
    if missing("consistency"):
        return []
    earlier = _comparable(others, plan)
    found = (
        drift(name, labels, [one.fields.get(name, {}) for one in earlier], more=name in (OUTCOME, LENGTH))
        for name, labels in _labels(summary).items()
    )
    return [one for one in found if one is not None]


def changes(others: Sequence[LabelsRecord], plan: PlanRecord) -> list[str]:
    """What is asked otherwise than in the newest of *others*, a sentence each."""
    if not others:
        return []
    before = others[0]
    pairs = {
        "model": (before.model, plan.job.model),
        "prompt": (before.prompt_hash, plan.prompt_hash),
        "schema": (before.schema_hash, plan.schema_hash),
    }
    which = f"the run of {before.partition}" if before.partition else "the run before"
    return [f"The {what} is not that of {which}." for what, (old, new) in pairs.items() if old != new]


def record_labels(run: RunFolder, plan: PlanRecord, summary: Summary) -> None:
    """Keep how the answers of *run*, which is accepted, are distributed: others would widen the limit of later runs."""
    labels = _labels(summary)
    if not labels or not plan.shards:
        return
    work = work_of(run, plan)
    record = LabelsRecord(
        shard=work.name_of(run.shard(plan.shards[0].number)),
        at=plan.created_at,
        partition=plan.partition,
        weekend=_weekend(plan),
        model=plan.job.model,
        prompt_hash=plan.prompt_hash,
        schema_hash=plan.schema_hash,
        fields=labels,
    )
    work.record_labels(group_of(run, plan), record)


def _comparable(others: Sequence[LabelsRecord], plan: PlanRecord) -> list[LabelsRecord]:
    """The last of *others* on the same part of the week, oldest first; of each partition the newest."""
    newest: dict[str, LabelsRecord] = {}
    for one in others:
        if one.weekend == _weekend(plan):
            newest.setdefault(one.partition or one.at, one)
    return list(newest.values())[:MOST_NIGHTS][::-1]


def _labels(summary: Summary) -> dict[str, dict[str, int]]:
    """The rows by label of each column that has labels; and by how the model has ended them, and by the length of the answer."""
    ledger = summary.ledger
    if not ledger.answered:
        return {}
    outcomes = {str(one): ledger.failed.get(one, 0) for one in (Outcome.REFUSED, Outcome.INVALID, Outcome.TRUNCATED)}
    labels = {one.name: one.values for one in summary.answers if one.values}
    return {**labels, OUTCOME: {"answered": ledger.answered, **outcomes}, LENGTH: summary.lengths}


def _weekend(plan: PlanRecord) -> bool:
    """Whether the day of the run, by its partition or else by when it was planned, is a Saturday or Sunday."""
    try:
        return date.fromisoformat(plan.partition or "").weekday() >= _SATURDAY
    except ValueError:
        return parse_time(plan.created_at).weekday() >= _SATURDAY
