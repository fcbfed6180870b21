"""Measures what a change of the job did to a sample: the answers of the accepted job and of the new one are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.consistency.asked_again import asked_again
from airflow_provider_claude.core.consistency.comparable import Answers, Comparable, comparable
from airflow_provider_claude.core.cost.estimate import per_thousand
from airflow_provider_claude.core.cost.prices import to_usd
from airflow_provider_claude.core.cost.usage_columns import Usages
from airflow_provider_claude.core.report.certification import Certification, Side
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.extras import OF_REPORT, not_installed
from airflow_provider_claude.stages.probes.read_answers import answers_in, probe_named
from airflow_provider_claude.store import ChangeRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.parquet_files import read_table

#: What the names of the probes of a change begin with: that of the accepted job, and that of the new one, where it is held.
BEFORE, AFTER = "before", "after"

_INPUT = ("claude_input_tokens", "claude_cache_read_tokens", "claude_cache_creation_tokens")
_OUTPUT = "claude_output_tokens"


def measure_change(run: RunFolder, plan: PlanRecord) -> Certification | None:
    """What the change of *plan* did to the sample; None where its job is the accepted one. A probe that cannot be read is named
    there: it never fails its run.
    """
    change = plan.change
    if change is None:
        return None
    if absent := not_installed("consistency", OF_REPORT):
        return _certification(change, why_not=absent)
    try:
        return _measured(run, plan, change)
    except (StateError, pa.ArrowException) as error:
        return _certification(change, why_not=f"they could not be read: {error}")


def _measured(run: RunFolder, plan: PlanRecord, change: ChangeRecord) -> Certification:
    before = probe_named(run, plan, BEFORE)
    if before is None:
        return _certification(change, why_not=change.why_not or "it has no probe")
    accepted = before.need_plan()
    fields = _in_both(accepted, plan)
    first = answers_in(before.parts("answers"), _columns(fields))
    after = probe_named(run, plan, AFTER)
    second = answers_in((after or run).parts("answers"), _columns(fields), None if after else _items(before))
    if not first.keys() & second.keys():
        return _certification(change, why_not="no row of the sample has an answer of both jobs")
    both = sorted(first.keys() & second.keys())
    return _certification(
        change,
        fields=asked_again(fields, first, second, asked=change.rows).fields,
        only_before=len(first.keys() - second.keys()),
        only_after=len(second.keys() - first.keys()),
        before=_side(accepted, first, both),
        after=_side(plan, second, both),
    )


def _certification(change: ChangeRecord, **more: Any) -> Certification:
    return Certification(
        parts=change.parts,
        accepted_at=change.accepted_at,
        accepted_by=change.accepted_by,
        held=change.held,
        asked=change.rows,
        **more,
    )


def _in_both(accepted: PlanRecord, plan: PlanRecord) -> dict[str, Comparable]:
    """The fields that the outputs of both jobs have, of one kind."""
    before, after = comparable(accepted.job.answer_schema), comparable(plan.job.answer_schema)
    return {name: one for name, one in after.items() if name in before and before[name].numbers == one.numbers}


def _columns(fields: Mapping[str, Comparable]) -> list[str]:
    return [*fields, *_INPUT, _OUTPUT]


def _items(probe: RunFolder) -> list[str]:
    """The ids of the items of *probe*."""
    ids: list[str] = [
        one for part in probe.parts("items") for one in read_table(part, ["item_id"])["item_id"].to_pylist()
    ]
    return ids


def _side(plan: PlanRecord, answers: Answers, items: Sequence[str]) -> Side | None:
    """What the job of *plan* used for *items*, those apart whose answers were there already."""
    rows = [answers[item] for item in items if answers[item][_OUTPUT]]
    if not rows:
        return None
    prompt, output = (
        np.array([sum(row[name] for name in names) for row in rows], "<i8") for names in (_INPUT, [_OUTPUT])
    )
    none = np.zeros(len(rows), "<i8")
    costs = Usages(prompt, output, none, none, none).picodollars(plan.price, lane="batch")
    return Side(
        model=plan.job.model,
        input_tokens=float(prompt.mean()),
        output_tokens=float(output.mean()),
        usd_per_thousand=f"{per_thousand(to_usd(int(costs.sum())), len(rows)) or 0:f}",
    )
