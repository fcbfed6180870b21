"""The probes of a plan: written after its own shards are known, so that they never change them."""

from __future__ import annotations

from airflow_provider_claude.stages.cost.spent import keep_on_record
from airflow_provider_claude.stages.plan.end_earlier_plan import retire
from airflow_provider_claude.stages.plan.plan_settings import PlanApi
from airflow_provider_claude.stages.plan.probe_again import with_again, with_golden_alone
from airflow_provider_claude.stages.plan.probe_change import with_change
from airflow_provider_claude.stages.plan.probe_order import with_order
from airflow_provider_claude.stages.plan.probe_packs import with_packs
from airflow_provider_claude.stages.plan.probe_room import Planned
from airflow_provider_claude.stages.plan.start import Start
from airflow_provider_claude.stages.submit.recover import AttemptRecovery
from airflow_provider_claude.store import PlanRecord, RunFolder


def with_probes(start: Start, own: Planned, api: PlanApi) -> PlanRecord:
    """The record of *own* with its probes, which are written. Batches of probes that it does not have are cancelled."""
    planned = with_change(start, own, api)
    if planned.record.held:
        planned = with_golden_alone(start, planned)
    else:
        planned = with_packs(start, with_order(start, with_again(start, planned)))
    record = planned.record
    for probe in start.run.probes():
        if probe.path.name in record.probes:
            keep_on_record(probe, start.work, open_=True, now=start.clock())
        else:
            _end(probe, start, api)
    return record


class _Now:
    """The cutoff of a probe that is not wanted any more: it has come."""

    def left(self) -> float:
        return 0.0

    def answers(self) -> bool:
        return True


def _end(probe: RunFolder, start: Start, api: PlanApi) -> None:
    """Cancel what is in flight of *probe*, without waiting for its end: the report counts its cost."""
    retire(probe, {}, lambda shard: AttemptRecovery(shard, start.work, api, start.clock, start.settings.grace, _Now()))
