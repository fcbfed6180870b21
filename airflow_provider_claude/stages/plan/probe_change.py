"""The probes of a changed job: where it is not the accepted one, both are asked about the same sample of the run's items.

The answers of the new job are the run's own, so that only the accepted one is asked beside the run. Where the change is held,
both are asked, and nothing else is.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.consistency.job_changes import differing, job_changes
from airflow_provider_claude.core.cost.estimate import usd
from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.times import shown_in
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.extras import not_installed
from airflow_provider_claude.stages.plan.ask_model import ask_about, price_for
from airflow_provider_claude.stages.plan.count_tokens import known_tokens
from airflow_provider_claude.stages.plan.plan_settings import PlanApi
from airflow_provider_claude.stages.plan.probe_room import Planned, added, explained, no_room, why_no_batch
from airflow_provider_claude.stages.plan.start import Start
from airflow_provider_claude.stages.probes.accepted_job import accepted_job
from airflow_provider_claude.stages.probes.measure_change import AFTER, BEFORE
from airflow_provider_claude.stages.probes.other_job import asked_of, sample, with_job
from airflow_provider_claude.stages.probes.write_probe import Weighed
from airflow_provider_claude.store import AcceptedRecord, ChangeRecord


def with_change(start: Start, planned: Planned, api: PlanApi) -> Planned:
    """*planned* with the probes of its change, or held, as the settings ask; as it is where its job is the accepted one, or none
    is yet.
    """
    wanted, record = start.settings.consistency, planned.record
    accepted = accepted_job(start.run, record) if wanted and record.shards else None
    if wanted is None or accepted is None:
        return planned
    parts = job_changes(accepted.job, record.job)
    if not parts:
        return explained(planned, _said(start, accepted))
    change = ChangeRecord(
        parts=parts, accepted_at=accepted.at, accepted_by=accepted.by, held=wanted.on_change == "hold"
    )
    changed = planned._replace(record=msgspec.structs.replace(record, change=change))
    probing = _Probing(start=start, planned=changed, accepted=accepted, change=change)
    try:
        probes = probing.probes(api, wanted.change_rows)
    except JobError as why:
        return probing.without(str(why))
    return probing.with_them(probes)


def change_note(start: Start) -> list[str]:
    """What a dry run says of a changed job: which parts differ, and that the sample is not in the estimate."""
    wanted = start.settings.consistency
    accepted = accepted_job(start.run, start.draft) if wanted else None
    parts = job_changes(accepted.job, start.draft.job) if accepted else []
    if not wanted or not parts:
        return []
    rows = f"{min(wanted.change_rows, start.scan.items):,} rows"
    what = (
        f"The run would be held: both jobs would be asked about {rows}, and nothing else"
        if wanted.on_change == "hold"
        else f"The run would ask the accepted job about {rows} as well"
    )
    return [f"{differing(parts)} from the accepted job. {what}: not counted here."]


def _said(start: Start, accepted: AcceptedRecord) -> list[str]:
    """What was known of the change when it was accepted with this run."""
    if not accepted.said or accepted.run != start.work.run_name(start.run):
        return []
    at = shown_in(accepted.at, start.settings.zone)
    return [
        f"The job of this run was accepted on {at} by {accepted.by}. What was known of the change then:",
        *accepted.said,
    ]


@dataclass(frozen=True, kw_only=True)
class _Probing:
    """The probes of the *change* between the *accepted* job and that of what is *planned*."""

    start: Start
    planned: Planned
    accepted: AcceptedRecord
    change: ChangeRecord

    def probes(self, api: PlanApi, rows: int) -> dict[str, Weighed]:
        """The probes by what their names begin with. Raises JobError where they cannot be asked; the message says why."""
        start, record, tokens, job = self.start, self.planned.record, self.planned.tokens, self.accepted.job
        _raise_for(self._why_not())
        seed = f"{job.job_hash} {record.job_hash} {start.work.run_name(start.run)}"
        ordinals = sample(start.scan.items, rows, seed)
        before = with_job(record, job, self._price(api))
        found = {BEFORE: asked_of(start.run, before, ordinals, known_tokens(start.work, job.job_hash) or tokens)}
        if self.change.held:
            found[AFTER] = asked_of(start.run, record, ordinals, tokens)
        _raise_for(no_room(self.start, self.planned, *found.values()))
        return found

    def _why_not(self) -> str:
        start, record, job = self.start, self.planned.record, self.accepted.job
        if absent := not_installed("consistency"):
            return absent
        if unread := [name for name in job.columns if name not in start.scan.columns]:
            return f"its prompt needs {', '.join(unread)}, which the scan does not read any more"
        if not comparable(job.answer_schema).keys() & comparable(record.job.answer_schema).keys():
            return "the outputs of both jobs have no label, boolean or number in common"
        return why_no_batch(start, record)

    def _price(self, api: PlanApi) -> Price:
        """The price of the accepted job. Raises JobError where its model cannot be asked any more."""
        job, start = self.accepted.job, self.start
        if job.model != self.planned.record.job.model:
            ready = ask_about(job.model, api, now=start.clock(), zone=start.settings.zone)
            if not ready.takes_batches:
                raise JobError(f"its model {job.model} takes no batches")
        geo = job.params.get("inference_geo")
        return price_for(job.model, start.settings.prices, api, on=start.clock(), geo=geo)

    def with_them(self, probes: dict[str, Weighed]) -> Planned:
        """The plan with *probes*, which are written. Where the change is held, nothing waits for them: they have no cutoff."""
        planned, rows = self.planned, probes[BEFORE].rows
        for name, probe in probes.items():
            planned = added(self.start, planned, probe, name)
        cost = sum((probe.usd for probe in probes.values()), Decimal(0))
        says = (
            f"Both jobs are asked about the same {rows:,} rows, and nothing else is: about {usd(cost)} by batch."
            if self.change.held
            else f"The accepted job is asked about {rows:,} of the rows as well: about {usd(cost)} more by batch."
        )
        record = msgspec.structs.replace(planned.record, change=msgspec.structs.replace(self.change, rows=rows))
        return explained(planned._replace(record=record), [self._differs(), says])

    def without(self, why: str) -> Planned:
        """The plan without probes: *why* it has none is on record."""
        change = msgspec.structs.replace(self.change, why_not=why)
        planned = self.planned._replace(record=msgspec.structs.replace(self.planned.record, change=change))
        return explained(planned, [self._differs(), f"The accepted job is not asked: {why}."])

    def _differs(self) -> str:
        at = shown_in(self.change.accepted_at, self.start.settings.zone)
        held = " The run is held: its rows are asked when the change is accepted." if self.change.held else ""
        return f"{differing(self.change.parts)} from the job accepted on {at} by {self.change.accepted_by}.{held}"


def _raise_for(why: str) -> None:
    """Raise JobError where there is a reason *why*."""
    if why:
        raise JobError(why)
