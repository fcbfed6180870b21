"""The probe of a plan that asks a sample of its rows with the options of the schema in reverse."""

from __future__ import annotations

from airflow_provider_claude.core.consistency.option_order import fields_with_options, with_options_reversed
from airflow_provider_claude.core.cost.estimate import usd
from airflow_provider_claude.extras import not_installed
from airflow_provider_claude.stages.plan.probe_room import (
    Planned,
    added,
    explained,
    left_out,
    no_room,
    seed_of,
    why_not,
)
from airflow_provider_claude.stages.plan.start import Start
from airflow_provider_claude.stages.probes.measure_order import ORDER
from airflow_provider_claude.stages.probes.other_job import asked_of, sample, with_job
from airflow_provider_claude.stages.probes.write_probe import Weighed


def with_order(start: Start, planned: Planned) -> Planned:
    """*planned* with the probe, where the settings ask for it and there is room; else with the reason why not."""
    wanted, record = start.settings.consistency, planned.record
    if wanted is None or not wanted.order_probe or not record.shards:
        return planned
    why = _without_options(planned) or why_not(start, record)
    weighed = None if why else _weighed(start, planned, wanted.change_rows)
    why = why or (no_room(start, planned, weighed) if weighed else "")
    if weighed is None or why:
        said = f"No row is asked with the options in another order: {why}."
        return explained(left_out(planned, ORDER, why), [said])
    said = (
        f"{weighed.rows:,} rows are asked with the options of the schema in reverse, to measure what their order does: about "
        f"{usd(weighed.usd)} more by batch."
    )
    return explained(added(start, planned, weighed, ORDER), [said])


def _without_options(planned: Planned) -> str:
    if absent := not_installed("consistency"):
        return absent
    return "" if fields_with_options(planned.record.job.answer_schema) else "the output has no field with options"


def _weighed(start: Start, planned: Planned, rows: int) -> Weighed:
    record = planned.record
    plan = with_job(record, with_options_reversed(record.job), record.price)
    ordinals = sample(start.scan.items, rows, f"{seed_of(start, record)} {ORDER}")
    return asked_of(start.run, plan, ordinals, planned.tokens)
