"""The probe of a plan that asks a sample of its rows a second time."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from airflow_provider_claude.core.cost.estimate import usd, with_cache
from airflow_provider_claude.extras import missing
from airflow_provider_claude.stages.plan.choose_cache import warm
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
from airflow_provider_claude.stages.probes.measure_again import AGAIN
from airflow_provider_claude.stages.probes.plan_again import again_probe
from airflow_provider_claude.stages.probes.write_probe import Weighed


def with_again(start: Start, planned: Planned) -> Planned:
    """*planned* with the probe, where the settings ask for it and there is room; else with the reason why not."""
    wanted, record = start.settings.consistency, planned.record
    rows = wanted.rows(start.scan.items) if wanted and record.shards else 0
    if not rows:
        return planned
    gated = wanted is not None and wanted.min_agreement is not None
    why = _without_extra() or why_not(start, record, also_reused=gated)
    weighed = None if why else _weighed(start, planned, rows)
    why = why or (no_room(start, planned, weighed) if weighed else "")
    if weighed is None or why:
        return _without(planned, why, gated=gated)
    return explained(added(start, planned, weighed, AGAIN), [_asked(weighed)])


def _without(planned: Planned, why: str, *, gated: bool) -> Planned:
    sentence = f"No row is asked a second time in this run: {why}."
    if gated:
        sentence += " The report will hold the answers back, as min_agreement cannot be judged."
        record = planned.record
        planned = planned._replace(record=msgspec.structs.replace(record, warnings=[*record.warnings, sentence]))
    return explained(left_out(planned, AGAIN, why), [sentence])


def _without_extra() -> str:
    absent = ", ".join(missing("consistency"))
    install = "install 'airflow-provider-claude[consistency]' to have it measured"
    return f"{absent} is not installed on this worker ({install})" if absent else ""


def _weighed(start: Start, planned: Planned, rows: int) -> Weighed:
    """The probe with its cost by the cache that the run has."""
    record = planned.record
    weighed = again_probe(start.run, record, rows, planned.tokens, f"{seed_of(start, record)} {AGAIN}")
    return replace(weighed, sums=[with_cache(one, record.price, warm(record.cache)) for one in weighed.sums])


def _asked(weighed: Weighed) -> str:
    return (
        f"{weighed.rows:,} rows are asked a second time, to measure how consistent the answers are: about "
        f"{usd(weighed.usd)} more by batch. None of these answers is published."
    )
