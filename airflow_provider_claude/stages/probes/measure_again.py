"""Measures how consistent a run was: its answers and those of its probe to the same items, and to golden rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from airflow_provider_claude.core.consistency.asked_again import AskedAgain, asked_again
from airflow_provider_claude.core.consistency.calibration import Stated, stated
from airflow_provider_claude.core.consistency.comparable import Answers, Comparable, comparable, label, valid
from airflow_provider_claude.core.consistency.golden import Golden, Right, golden, right
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.report.tally import ColumnSummary
from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.extras import OF_REPORT, not_installed
from airflow_provider_claude.stages.probes.golden_rows import PREFIX, GoldenRows, golden_rows
from airflow_provider_claude.stages.probes.read_answers import answers_in, answers_of, probe_named
from airflow_provider_claude.store import LoadedRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.parquet_files import read_table
from airflow_provider_claude.store.planned_shard import planned_shards

#: What the name of the probe begins with that asks rows a second time.
AGAIN = "again"


#: The rows of a run by label, by field.
Night = Mapping[str, Mapping[str, int]]


class Baseline(NamedTuple):
    """Which golden rows the run *name* got *right*, by their keys."""

    name: str
    right: Right


class Found(NamedTuple):
    """What was *measured*, which golden rows were *right*, by their keys, and how *sure* the model was of them (None without
    golden rows, or where no field says it).
    """

    measured: Measured
    right: Right
    sure: Stated | None = None


def measure_again(
    run: RunFolder, plan: PlanRecord, before: Baseline | None = None, answers: Sequence[ColumnSummary] = ()
) -> Found | None:
    """What the probe of *plan* has shown, or why nothing is known; None where it was to be asked nothing. *answers*: the
    columns of all answers.

    A probe that cannot be read is named there: it never fails its run.
    """
    probe = probe_named(run, plan, AGAIN)
    if probe is None:
        why = plan.left_out.get(AGAIN)
        return None if why is None else _nothing(why)
    if absent := not_installed("consistency", OF_REPORT):
        return _nothing(absent)
    try:
        return _measured(run, plan, probe, before, _night(answers))
    except (ClaudeError, pa.ArrowException) as error:
        return _nothing(f"the probe {probe.path.name} could not be read: {error}")


def _nothing(why: str) -> Found:
    return Found(Measured(why_not=why), {})


def _night(answers: Sequence[ColumnSummary]) -> Night:
    """The rows of all *answers* by label, by field."""
    return {one.name: {**one.values, label(None): one.nulls} for one in answers if one.values}


def _measured(run: RunFolder, plan: PlanRecord, probe: RunFolder, before: Baseline | None, night: Night) -> Found:
    fields = comparable(plan.job.answer_schema)
    [shard] = planned_shards(probe, probe.need_plan())
    asked: list[str] = read_table(probe.part("items", 0), ["item_id"])["item_id"].to_pylist()
    answers = answers_of(shard, list(fields))
    names = [name for name in asked if name.startswith(PREFIX)]
    again = _again(run, fields, answers, len(asked) - len(names), night) if len(asked) > len(names) else None
    unanswered = _unanswered(shard.loaded(), len(asked))
    if not names:
        return Found(Measured(again=again, unanswered=unanswered), {})
    rows = golden_rows(run, fields)
    measured, of_golden = _golden(rows, names, fields, answers, before)
    sure = _sure(plan, fields, valid({name: answers[name] for name in names if name in answers}), rows)
    return Found(Measured(again=again, golden=measured, unanswered=unanswered), of_golden, sure)


def _unanswered(loaded: LoadedRecord | None, asked: int) -> dict[str, int]:
    """How the rows ended that got no valid answer, of *asked* rows of a shard that is *loaded*, or was not."""
    outcomes = {str(Outcome.MISSING): asked} if loaded is None else loaded.outcomes
    return {name: count for name, count in outcomes.items() if count and name != str(Outcome.SUCCEEDED)}


def _sure(plan: PlanRecord, fields: Mapping[str, Comparable], answers: Answers, rows: GoldenRows) -> Stated | None:
    """How sure the model was of its *answers* to golden rows, in the field that the plan names."""
    field = plan.consistency.confidence_field if plan.consistency else None
    if field is None:
        return None
    found = Stated()
    found.add(stated(field, fields, answers, rows.known))
    return found


def _again(run: RunFolder, fields: Mapping[str, Comparable], answers: Answers, asked: int, night: Night) -> AskedAgain:
    second = {name: row for name, row in answers.items() if not name.startswith(PREFIX)}
    first = answers_in(run.parts("answers"), list(fields), list(second))
    return asked_again(fields, first, second, asked=asked, night=night)


def _golden(
    rows: GoldenRows,
    names: Sequence[str],
    fields: Mapping[str, Comparable],
    answers: Answers,
    before: Baseline | None,
) -> tuple[Golden, Right]:
    """What the golden rows called *names* have shown, and which of them were right."""
    known = {rows.keys[name]: rows.known[name] for name in names}
    found = {rows.keys[name]: answers[name] for name in names if name in answers}
    past = (before.right, before.name) if before else (None, None)
    return golden(fields, known, found, before=past[0], baseline=past[1]), right(fields, known, found)
