"""The answers that the new job gave to a sample while its change was held: the run takes them once it is accepted."""

from __future__ import annotations

from airflow_provider_claude.stages.probes.measure_change import AFTER
from airflow_provider_claude.stages.probes.read_answers import probe_named
from airflow_provider_claude.store import PlanRecord, RunFolder, exists
from airflow_provider_claude.store.planned_shard import PlannedShard, planned_shards
from airflow_provider_claude.store.work_of import work_of


def keep_answers(run: RunFolder, plan: PlanRecord) -> int:
    """List the raw results of the new job's probe in the work folder, where the next plan finds them; how many requests they
    answer. None are listed where the plan reuses no answer, nor those of packs: an answer from a pack was given beside others.
    """
    probe = probe_named(run, plan, AFTER)
    return 0 if probe is None or not plan.reuse_days else sum(map(_listed, planned_shards(probe, probe.need_plan())))


def _listed(shard: PlannedShard) -> int:
    listed, work = 0, work_of(shard.run, shard.plan)
    for number in (attempt.number for attempt in shard.rounds()):
        intent, submitted = shard.folder.intent(number), shard.folder.submitted(number)
        if intent and submitted and intent.pack == 1 and exists(shard.folder.results(number)):
            work.collect(intent.job, shard.folder, number, intent.fingerprint, submitted.created_at)
            listed += intent.requests
    return listed
