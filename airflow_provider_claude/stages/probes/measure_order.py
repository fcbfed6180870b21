"""Measures what the order of the options does: a run's answers, and those of its probe to the same items with the options in
reverse, are compared.
"""

from __future__ import annotations

import pyarrow as pa

from airflow_provider_claude.core.consistency.asked_again import AskedAgain, asked_again
from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.consistency.option_order import fields_with_options
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.extras import OF_REPORT, not_installed
from airflow_provider_claude.stages.probes.read_answers import answers_in, probe_named
from airflow_provider_claude.store import PlanRecord, RunFolder

#: What the name of the probe begins with that asks with the options in reverse.
ORDER = "order"


def measure_order(run: RunFolder, plan: PlanRecord) -> Measured | None:
    """What the probe of *plan* has shown, or why nothing is known; None where it was not to be asked. A probe that cannot be read
    is named there: it never fails its run.
    """
    probe = probe_named(run, plan, ORDER)
    if probe is None:
        why = plan.left_out.get(ORDER)
        return None if why is None else Measured(why_not=why)
    if absent := not_installed("consistency", OF_REPORT):
        return Measured(why_not=absent)
    try:
        return Measured(again=_measured(run, plan, probe))
    except (StateError, pa.ArrowException) as error:
        return Measured(why_not=f"the probe {probe.path.name} could not be read: {error}")


def _measured(run: RunFolder, plan: PlanRecord, probe: RunFolder) -> AskedAgain:
    kinds, names = comparable(plan.job.answer_schema), fields_with_options(plan.job.answer_schema)
    fields = {name: kinds[name] for name in names if name in kinds}
    second = answers_in(probe.parts("answers"), list(fields))
    first = answers_in(run.parts("answers"), list(fields), list(second))
    return asked_again(fields, first, second, asked=probe.need_scan().items)
