"""How a run is planned, and what planning needs of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_claude.core.account import Account
from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.packing.auto_packing import AutoPacking
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.core.publish.destination import Destination
from airflow_provider_claude.core.requests.reuse_age import REUSE_DAYS
from airflow_provider_claude.core.submit.attempt import GRACE_SECONDS
from airflow_provider_claude.core.sync.priority import Priority
from airflow_provider_claude.sinks.sql.table import SqlTable
from airflow_provider_claude.stages.plan import ask_model, trial
from airflow_provider_claude.stages.plan import count_tokens as tokens_of
from airflow_provider_claude.stages.plan.choose_lane import (
    LaneSettings,
)
from airflow_provider_claude.stages.submit import find_orphans
from airflow_provider_claude.store import (
    BudgetRecord,
)

if TYPE_CHECKING:
    from upath import UPath


class PlanApi(trial.Api, find_orphans.Api, tokens_of.Api, ask_model.Api, Protocol):
    """What planning needs of the gateway."""

    def account(self) -> Account: ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to plan. *deadline* and *partition* are only recorded; times are shown in *zone*, the DAG's. *prices* override
    the shipped ones. *budget* is what may be spent, and by which scope; None for no limit. *pack*: how items share
    requests, None for one item a request; *auto_pack*: the plan decides that, and this is how packs are tried.
    *consistency*: what is asked to measure how consistent the answers are, None for nothing. *priority*: how urgent items
    are, None if all are equal. *output* is where the report will publish, and *destination* the owner of the partition; None
    for nowhere. *named_work*: whether a person set *work*, or it is only the folder above the run folder.
    *unsafe_store*: see `check_work_store`.

    *work* is the folder whose runs share their answers (None: only this run's own), *reuse_days* how old an answer may
    be to be reused; 0 asks everything again. *grace*: see `create`.
    """

    limits: Limits = field(default_factory=Limits)
    trial: bool = True
    prices: Mapping[str, Any] | None = None
    deadline: str | None = None
    zone: str = "UTC"
    partition: str | None = None
    work: UPath | None = None
    reuse_days: float = REUSE_DAYS
    grace: float = GRACE_SECONDS
    lanes: LaneSettings = field(default_factory=LaneSettings)
    budget: BudgetRecord | None = None
    pack: Packing | None = None
    auto_pack: AutoPacking | None = None
    consistency: Consistency | None = None
    priority: Priority | None = None
    output: UPath | SqlTable | None = None
    destination: Destination | None = None
    named_work: bool = True
    unsafe_store: bool = False


def partition_column(settings: Settings) -> str | None:
    return settings.destination.column if settings.destination and settings.partition else None
