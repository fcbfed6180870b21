"""Measures how consistent a run was: its answers, and those that its probe got to the same items, are compared."""

from __future__ import annotations

import pyarrow as pa

from airflow_provider_claude.core.consistency.asked_again import AskedAgain, asked_again
from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.extras import missing
from airflow_provider_claude.stages.probes.read_answers import answers_in
from airflow_provider_claude.store import PlanRecord, RunFolder
from airflow_provider_claude.store.planned_shard import planned_shards

#: What the name of the probe begins with that asks rows a second time.
AGAIN = "again"


def measure_again(run: RunFolder, plan: PlanRecord) -> Measured | None:
    """What the probe of *plan* has shown, or why nothing is known; None where it was to be asked nothing.

    A probe that cannot be read is named there: it never fails its run.
    """
    probes = [run.probe(name) for name in plan.probes if name.startswith(f"{AGAIN}-")]
    if not probes:
        why = plan.left_out.get(AGAIN)
        return None if why is None else Measured(why_not=why)
    if absent := missing("consistency"):
        return Measured(why_not=f"{', '.join(absent)} is not installed on the worker that wrote the report")
    try:
        return Measured(again=_measured(run, plan, probes[0]))
    except (StateError, pa.ArrowException) as error:
        return Measured(why_not=f"the probe {probes[0].path.name} could not be read: {error}")


def _measured(run: RunFolder, plan: PlanRecord, probe: RunFolder) -> AskedAgain:
    fields = comparable(plan.job.answer_schema)
    [shard] = planned_shards(probe, probe.need_plan())
    second = answers_in([probe.part("answers", shard.number)], list(fields))
    first = answers_in(run.parts("answers"), list(fields), list(second))
    return asked_again(fields, first, second, asked=shard.spec.rows)
