"""The plan's choice of lanes, from the account's limits and the measurements of earlier runs, with sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pendulum

from airflow_provider_claude.core.cost.estimate import Estimate, usd
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.deadline.at_cutoff import StuckBatches
from airflow_provider_claude.core.plan.lane_choice import MARGIN_SECONDS, RESERVE, Choice, Night, choose
from airflow_provider_claude.core.plan.lane_words import check_lanes
from airflow_provider_claude.core.plan.past_durations import BatchTimes, Measured, cancel_seconds
from airflow_provider_claude.core.submit.queue_room import check_fits, wave_sentences, waves
from airflow_provider_claude.core.sync.account_limits import AccountLimits, account_limits
from airflow_provider_claude.core.times import clock_in, epoch, moment_in, parse_time
from airflow_provider_claude.errors import BatchesRefusedError, HopelessError
from airflow_provider_claude.store import AccountFolder, LanesRecord

#: Seconds from the end of a batch until its unresolved rows are sent: the starts of two tasks, and a load.
LOAD_SECONDS = 120.0

#: How many earlier runs are used.
_RUNS = 30


@dataclass(frozen=True, kw_only=True)
class LaneSettings:
    """What the user wants of the lanes.

    *lane*: `auto`, or the lane to use in any case. *lead*: seconds from abandoning a batch until its rest can be sent;
    None uses what earlier cancels took. *hopeless*: `warn` or `fail`, where no lane can make the deadline.
    *refused_batches*: `fail`, or `sync` for the sync lane at full price, where the API refuses batches.
    *why*: why the lane is what it is, None where a person has set it. *stuck*: what to do about a batch that cannot be
    ended at its cutoff, see core.deadline.at_cutoff.
    """

    limits: AccountLimits = field(default_factory=account_limits)
    reserve: float = RESERVE
    margin: float = MARGIN_SECONDS
    lane: str = "auto"
    lead: float | None = None
    hopeless: str = "warn"
    refused_batches: str = "fail"
    why: str | None = None
    stuck: StuckBatches = "answer"

    def __post_init__(self) -> None:
        check_lanes(
            lane=self.lane,
            hopeless=self.hopeless,
            refused_batches=self.refused_batches,
            reserve=self.reserve,
            margin=self.margin,
            lead=self.lead,
        )


@dataclass(frozen=True)
class PlanCutoff:
    """How long a plan may wait for batches of an earlier plan: until *last* (epoch seconds), None without a deadline."""

    last: float | None
    stuck: StuckBatches
    clock: Callable[[], str]

    def left(self) -> float:
        return math.inf if self.last is None else max(self.last - epoch(self.clock()), 0.0)

    def answers(self) -> bool:
        return self.last is not None and self.stuck == "answer"


def plan_cutoff(
    sums: Estimate, settings: LaneSettings, *, work: AccountFolder, due: float | None, clock: Callable[[], str]
) -> PlanCutoff:
    """Until the last moment at which the sync lane can answer all of *sums*; for ever without a deadline to keep, *due*."""
    if due is None or settings.lane == "batch" or due <= epoch(clock()):
        return PlanCutoff(None, settings.stuck, clock)
    lead = _measured(work)[1] if settings.lead is None else settings.lead
    return PlanCutoff(due - settings.margin - lead - _sync_seconds(sums, settings), settings.stuck, clock)


@dataclass(frozen=True, kw_only=True)
class Lanes:
    """The choice, what later tasks need of it, and its sentences. *sync_seconds*: what the sync lane takes for all rows."""

    choice: Choice
    record: LanesRecord
    sync_seconds: float
    sentences: Sequence[str]


def plan_lanes(
    sums: Estimate,
    tokens: TokenModel,
    settings: LaneSettings,
    *,
    work: AccountFolder,
    due: float | None,
    now: str,
    shards: Sequence[int],
    alone: Estimate | None = None,
    zone: str = "UTC",
) -> Lanes:
    """Choose. Raises HopelessError where no lane can make the deadline, and that is to fail, and JobError for a shard that
    the account's batch queue never takes.

    *due*: the deadline in epoch seconds, None where there is none. *shards*: how many requests each has. Times in its
    sentences are in *zone*. *alone*: the estimate for one item a request, where *sums* has more: what is left of packs is
    asked alone.
    """
    times, measured = _measured(work)
    lead = measured if settings.lead is None else settings.lead
    at, hour = epoch(now), parse_time(now).hour
    seconds = _sync_seconds(sums, settings)
    left = _sync_seconds(alone or sums, settings)
    missed = due is not None and due <= at
    check_fits(shards, settings.limits.queued)
    largest = max([1, *shards])
    usual, late = times.median_seconds(largest, hour), times.late_seconds(largest, hour)
    earlier = usual * (waves(shards, settings.limits.queued) - 1)
    night = Night(
        rows=sums.items,
        sync_seconds=seconds,
        now=at,
        safe_deadline=None if due is None or missed else due - settings.margin,
        median_seconds=earlier + usual,
        late_seconds=earlier + late,
        lead=lead,
        cost=sums.cost,
    )
    clock = clock_in(zone)
    choice = choose(night, clock=clock)
    if choice.hopeless and settings.hopeless == "fail":
        raise HopelessError(
            f"{choice.reason} Nothing is sent. Move the deadline, ask fewer rows, or plan with hopeless='warn'."
        )
    rows = {"auto": choice.sync_rows, "batch": 0, "sync": night.rows}[settings.lane]
    safe_deadline = None if settings.lane == "batch" else night.safe_deadline
    reason = choice.reason if settings.lane == "auto" else settings.why or f"The lane is set: {settings.lane}."
    if due is not None and missed:
        reason = f"The deadline, {moment_in(due, zone)}, has passed: the run takes the time it needs. {reason}"
    record = LanesRecord(
        lane="sync" if settings.lane == "sync" or 0 < rows == night.rows else "mixed" if rows else "batch",
        reason=reason,
        sync_rows=rows,
        row_seconds=left / sums.items if sums.items else 0.0,
        safe_deadline=None if safe_deadline is None else _iso(safe_deadline),
        lead_seconds=lead,
        late_seconds=late,
        limits=settings.limits,
        reserve=settings.reserve,
        input_per_byte=tokens.input_per_byte,
        tool_tokens=tokens.tool_tokens,
        output_tokens=tokens.output,
        refused_batches=settings.refused_batches,
        stuck=settings.stuck,
    )
    queue = wave_sentences(shards, settings.limits.queued)
    sentences = [reason, _side_by_side(choice, clock), *_if_refused(settings, night), *queue] if night.rows else []
    return Lanes(choice=choice, record=record, sync_seconds=seconds, sentences=sentences)


def _if_refused(settings: LaneSettings, night: Night) -> list[str]:
    if settings.lane == "sync" or settings.refused_batches != "sync":
        return []
    return [
        f"If the API refuses batches, all rows go to the sync lane: {usd(night.cost['sync'])} (refused_batches='sync')."
    ]


def without_batches(settings: LaneSettings, model: str, sums: Estimate) -> LaneSettings:
    """*settings* for a *model* that batches cannot use. Raises BatchesRefusedError where they do not allow the sync lane."""
    price = f"{usd(sums.cost['sync'])} instead of {usd(sums.cost['batch'])}"
    if settings.refused_batches != "sync":
        raise BatchesRefusedError(
            f"The Models API says that {model} takes no batches; nothing was sent. By the sync lane these rows cost about "
            f"{price}: write refused_batches='sync' (of Plan, or of ClaudePlanOperator), or another model."
        )
    return replace(
        settings, lane="sync", why=f"{model} takes no batches: all rows go to the sync lane, for about {price}."
    )


def _sync_seconds(sums: Estimate, settings: LaneSettings) -> float:
    """How long the sync lane takes for all of it."""
    return settings.limits.seconds(
        requests=sums.requests,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        share=1 - settings.reserve,
    )


def _measured(work: AccountFolder) -> tuple[BatchTimes, float]:
    """How long batches take, and the seconds from abandoning one until its rest can be sent."""
    runs = work.histories(_RUNS)
    batches = [Measured(requests=b.requests, hour=b.hour, minutes=b.minutes) for run in runs for b in run.batches]
    cancels = [seconds for run in runs for seconds in run.cancels]
    return BatchTimes(batches), cancel_seconds(cancels) + LOAD_SECONDS


def _side_by_side(choice: Choice, clock: Callable[[float], str]) -> str:
    usual, late = map(clock, choice.batch_ends)
    return (
        f"By batch: {usd(choice.cost['batch'])}, usually done by {usual}, late by {late}. "
        f"By the sync lane: {usd(choice.cost['sync'])}, done by {clock(choice.sync_ends)}."
    )


def _iso(seconds: float) -> str:
    return pendulum.from_timestamp(seconds).isoformat()
